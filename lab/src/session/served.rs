//! The session's disk as NBD exports: the live disk under any name, and a moment of it, read-only, as `@SEQUENCE`.

use std::sync::Arc;
use std::time::Duration;

use nbd::{ExportInfo, ExportProvider, LateRequests, Limits, Listener, OpenError, OpenedExport, Server, Settings, Tls};
use volume::{Clock, Device, Moment, Sequence, Volume};

use super::clock::LabClock;
use super::recorder::{Recorder, Tape};
use super::xts::Xts;
use crate::Failure;

/// How long requests may take to finish at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is served.
pub(super) struct Exports {
    pub(super) volume: Arc<Volume>,
    /// Makes the live disk of a client.
    pub(super) attach: Box<dyn Fn() -> Arc<dyn Device> + Send + Sync>,
    pub(super) xts_seed: Option<u64>,
}

/// Attaches clients to the recorded disk.
pub(super) fn recorded(
    volume: &Arc<Volume>,
    clock: Arc<LabClock>,
    tape: Arc<Tape>,
) -> impl Fn() -> Arc<dyn Device> + Send + Sync + 'static {
    let volume = Arc::clone(volume);
    move || {
        let disk = volume.attach(Arc::clone(&clock) as Arc<dyn Clock>);
        Arc::new(Recorder::new(disk, Arc::clone(&tape)))
    }
}

impl Exports {
    fn encrypted(&self, device: Arc<dyn Device>) -> Arc<dyn Device> {
        match self.xts_seed {
            Some(seed) => Arc::new(Xts::new(device, seed)),
            None => device,
        }
    }
}

impl ExportProvider for Exports {
    fn list(&self) -> Vec<ExportInfo> {
        vec![ExportInfo {
            name: self.volume.name().to_owned(),
            description: "the live disk".to_owned(),
        }]
    }

    fn open(&self, name: &str) -> Result<OpenedExport, OpenError> {
        let Some(sequence) = name.strip_prefix('@') else {
            return Ok(OpenedExport {
                device: self.encrypted((self.attach)()),
                name: self.volume.name().to_owned(),
                description: "the live disk".to_owned(),
            });
        };
        let sequence = sequence.parse().map_err(|_| {
            OpenError::Invalid(format!(
                "`{name}` is no moment: expected `@` and the number of a moment"
            ))
        })?;
        let view = self.volume.view(&Moment::After(Sequence(sequence)));
        let view = view.map_err(|error| OpenError::Unknown(error.to_string()))?;
        Ok(OpenedExport {
            device: self.encrypted(Arc::new(view)),
            name: name.to_owned(),
            description: "a moment of the disk, read-only".to_owned(),
        })
    }
}

/// Serves at a unix socket.
pub(super) fn serve(exports: Arc<Exports>, socket: &std::path::Path) -> Result<Server, Failure> {
    let settings = Settings {
        limits: Limits::default(),
        tls: Tls::Off,
    };
    let server = Server::new(exports, Arc::new(()), settings)?;
    server.listen(Listener::unix(socket, 0o600)?)?;
    Ok(server)
}

/// Ends all connections, so that clients that still hold the disk find out.
pub(super) fn disconnect_all(server: &Server) -> usize {
    server
        .clients()
        .iter()
        .filter(|client| server.disconnect(client.id))
        .count()
}

pub(super) fn drain(server: &Server) {
    server.drain(PATIENCE, LateRequests::Refuse);
}
