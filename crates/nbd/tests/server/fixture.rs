//! A server with two exports, whose events are kept.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use nbd::{Event, ExportInfo, ExportProvider, Limits, OpenError, OpenedExport, Server, ServerEvents, Settings, Tls};

use crate::client::Client;
use crate::disk::TestDisk;

pub(crate) const SIZE: usize = 80 << 20;

/// A server, its disk `disk` (also the default), and another one, `past`, that can't be written.
pub(crate) struct Fixture {
    pub(crate) server: Arc<Server>,
    pub(crate) disk: Arc<TestDisk>,
    pub(crate) events: Arc<Events>,
}

/// Remembers events as text.
#[derive(Default)]
pub(crate) struct Events {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

struct Exports {
    disk: Arc<TestDisk>,
    past: Arc<TestDisk>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), Tls::Off)
    }

    pub(crate) fn with(limits: Limits, tls: Tls) -> Self {
        let disk = Arc::new(TestDisk::new(SIZE));
        let past = Arc::new(TestDisk::read_only(1 << 20));
        let events = Arc::new(Events::default());
        let exports = Arc::new(Exports {
            disk: Arc::clone(&disk),
            past,
        });
        let sink = Arc::clone(&events) as Arc<dyn ServerEvents>;
        let server = Arc::new(Server::new(exports, sink, Settings { limits, tls }).unwrap());
        Self { server, disk, events }
    }

    /// A connection on which nothing was said.
    pub(crate) fn connect(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        self.server.serve(theirs);
        ours
    }

    /// A client after the greeting.
    pub(crate) fn client(&self) -> Client {
        Client::greet(self.connect(), 3)
    }

    /// A client that uses `disk` with simple replies.
    pub(crate) fn simple(&self) -> Client {
        self.client().go("disk")
    }

    /// A client that uses `disk` with structured replies.
    pub(crate) fn structured(&self) -> Client {
        self.client().structured().go("disk")
    }

    /// A client that uses `disk` with extended headers.
    pub(crate) fn extended(&self) -> Client {
        self.client().with_extended_headers().go("disk")
    }
}

impl ExportProvider for Exports {
    fn list(&self) -> Vec<ExportInfo> {
        let export = |name: &str, description: &str| ExportInfo {
            name: name.to_owned(),
            description: description.to_owned(),
        };
        vec![export("disk", "a disk"), export("past", "")]
    }

    fn open(&self, name: &str) -> Result<OpenedExport, OpenError> {
        let (device, name, description) = match name {
            "" | "disk" => (Arc::clone(&self.disk), "disk", "a disk"),
            "past" => (Arc::clone(&self.past), "past", ""),
            "locked" => return Err(OpenError::Policy("the disk is locked".to_owned())),
            "b@d" => return Err(OpenError::Invalid("no moment is named `d`".to_owned())),
            _ => return Err(OpenError::Unknown(format!("no export is named `{name}`"))),
        };
        Ok(OpenedExport {
            device,
            name: name.to_owned(),
            description: description.to_owned(),
        })
    }
}

impl ServerEvents for Events {
    fn event(&self, event: &Event<'_>) {
        let line = match event {
            Event::Refused { reason, .. } => format!("refused: {reason:?}"),
            Event::Connected(client) => format!("connected: {} tls={}", client.export.as_ref().unwrap(), client.tls),
            Event::Disconnected { reason, .. } => format!("disconnected: {reason}"),
            Event::RequestFailed {
                request,
                error,
                suppressed,
                ..
            } => {
                format!("failed: {:?} {error} ({suppressed} more)", request.kind)
            }
            Event::RequestSlow { request, .. } => format!("slow: {:?}", request.kind),
            event => format!("{event:?}"),
        };
        self.lines.lock().unwrap().push(line);
        self.changed.notify_all();
    }
}

impl Events {
    /// Waits until an event contains `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        let lines = self.lines.lock().unwrap();
        let is_missing = |lines: &mut Vec<String>| !lines.iter().any(|line| line.contains(text));
        let (lines, timeout) = self
            .changed
            .wait_timeout_while(lines, Duration::from_secs(10), is_missing)
            .unwrap();
        assert!(!timeout.timed_out(), "no `{text}` among {lines:?}");
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains(text))
            .count()
    }
}
