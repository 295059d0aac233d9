//! Signals: the demo ends early in good order, and in any case takes its scratch folder with it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::failure::Failure;

/// Whether the demo is to end, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    signal: Arc<AtomicI32>,
    nobody_looks: Arc<AtomicBool>,
}

/// The thread that waits for signals; ends when dropped.
pub(super) struct Watch {
    handle: Handle,
}

impl Stop {
    /// Watches for signals. After the first the demo is expected to end by itself; the second removes `folder` and ends
    /// the process at once with a last word to the terminal, whatever it is waiting for.
    pub(super) fn watch(&self, folder: &Path, farewell: &'static str) -> Result<Watch, Failure> {
        let failed = |error: std::io::Error| Failure::io("watch for signals", &error);
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]).map_err(failed)?;
        let handle = signals.handle();
        let (stop, folder) = (self.clone(), folder.to_owned());
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    if stop.signal.swap(signal, Ordering::Relaxed) != 0 {
                        let _ = std::fs::remove_dir_all(&folder);
                        let _ = std::io::Write::write_all(&mut std::io::stdout(), farewell.as_bytes());
                        std::process::exit(128 + signal);
                    }
                }
            })
            .map_err(failed)?;
        Ok(Watch { handle })
    }

    /// The output is gone: nobody reads on.
    pub(super) fn nobody_looks(&self) {
        self.nobody_looks.store(true, Ordering::Relaxed);
    }

    /// Fails once the demo is to end.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.exit_code().is_some() {
            return Err(Failure::refused("the demo was interrupted"));
        }
        Ok(())
    }

    /// The exit code of a demo that was told to end.
    pub(super) fn exit_code(&self) -> Option<u8> {
        let code = match self.signal.load(Ordering::Relaxed) {
            0 if self.nobody_looks.load(Ordering::Relaxed) => 128 + 13,
            0 => return None,
            signal => 128 + signal,
        };
        u8::try_from(code).ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.handle.close();
    }
}
