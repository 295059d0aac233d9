//! The past as a command sees it through a daemon, compared with the volume's own.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use answers::{Past, PastMoment};
use volume::{Attachment, Change, ChangeKind, Clock, Device, Hole, Moment, Sequence, Timestamp, WriteRequest};

use super::server::LOOKS_MAX;
use super::{DaemonPast, failure_of};
use crate::config::Config;
use crate::control::{ControlServer, Execute, SOCKET_NAME};
use crate::engine::Engine;
use crate::failure::FailureCode;
use crate::when::When;

const MIB: usize = 1 << 20;

/// A daemon's engine and control socket in this process.
struct Daemon {
    data: PathBuf,
    engine: Arc<Engine>,
    control: Option<ControlServer>,
    _folder: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_owned();
        std::fs::create_dir_all(data.join("volumes")).unwrap();
        let engine = Engine::open(&data, Config::default()).unwrap();
        engine.create("disk", 64 << 20).unwrap();
        let execute = Arc::clone(&engine) as Arc<dyn Execute>;
        let control = ControlServer::start(&data.join(SOCKET_NAME), execute, None).unwrap();
        Self {
            data,
            engine,
            control: Some(control),
            _folder: folder,
        }
    }

    fn past(&self) -> DaemonPast {
        DaemonPast::new(&self.data, "disk")
    }

    fn disk(&self) -> Attachment {
        let clock = Arc::clone(self.engine.clock()) as Arc<dyn Clock>;
        self.engine.volume("disk").unwrap().attach(clock)
    }

    /// Writes, and tells the moment after it.
    fn write(&self, offset: u64, data: &[u8]) -> Sequence {
        self.disk().write(&[WriteRequest { offset, data }]).unwrap();
        self.engine.volume("disk").unwrap().newest().sequence
    }
}

fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn read(moment: &PastMoment, offset: u64, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0xee; bytes];
    moment.disk.read_at(offset, &mut buffer).unwrap();
    buffer
}

#[test]
fn a_moment_reads_as_the_disk_was() {
    let daemon = Daemon::start();
    let (old, new) = (noise(9 * MIB + 4096, 1), noise(2 * MIB, 2));
    let first = daemon.write(4096, &old);
    daemon.write(4096, &new);
    let past = daemon.past();
    let before = past.open(&Moment::After(first)).unwrap();
    assert_eq!((before.sequence, before.disk.size_bytes()), (first, 64 << 20));
    // More ranges than are under way together, and not in whole blocks.
    assert_eq!(read(&before, 4100, 9 * MIB), old[4..9 * MIB + 4]);
    assert_eq!(read(&before, 32 << 20, 3 * MIB), vec![0; 3 * MIB], "never written");
    assert!(read(&before, 0, 0).is_empty());
    let now = past.open_when(&When::Now).unwrap();
    assert_eq!(read(&now, 4096, 2 * MIB), new);
    assert_eq!(past.open(&Moment::At(Timestamp::MAX)).unwrap().sequence, now.sequence);
    // The older moment is as it was, whatever was opened since.
    assert_eq!(read(&before, 4096, MIB), old[..MIB]);
}

#[test]
fn ranges_outside_the_disk_are_errors_and_the_next_read_works() {
    let daemon = Daemon::start();
    let moment = daemon.past().open_when(&When::Now).unwrap();
    let mut buffer = [0; 8192];
    assert!(moment.disk.read_at((64 << 20) - 4096, &mut buffer).is_err());
    assert!(moment.disk.read_at(u64::MAX, &mut buffer).is_err());
    assert!(moment.disk.read_at((64 << 20) - 8192, &mut buffer).is_ok());
}

#[test]
fn changes_arrive_as_the_volume_tells_them() {
    let daemon = Daemon::start();
    let start = daemon.engine.volume("disk").unwrap().newest().sequence;
    for block in 0..3000 {
        daemon.write(block * 8192, &noise(4096, block));
    }
    daemon.disk().zero(0, 65536, Hole::Refused).unwrap();
    daemon.disk().trim(65536, 65536).unwrap();
    let collect = |past: &dyn Past, from: Sequence, to: Sequence| {
        let mut all = Vec::<Change>::new();
        past.changes(from, to, &mut |change| {
            all.push(*change);
            ControlFlow::Continue(())
        })
        .unwrap();
        all
    };
    let newest = daemon.engine.volume("disk").unwrap().newest().sequence;
    let local = daemon.engine.past("disk").unwrap();
    let told = collect(&daemon.past(), start, newest);
    assert_eq!(told, collect(&local, start, newest));
    assert_eq!(told.len(), 3002);
    assert!(told.iter().any(|change| change.kind == ChangeKind::Trimmed));
    assert_eq!(collect(&daemon.past(), newest, newest), []);
    // A visitor may read, and may stop.
    let mut seen = 0;
    daemon
        .past()
        .changes(start, newest, &mut |_| {
            seen += 1;
            if seen == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(seen, 5);
}

#[test]
fn what_is_not_there_is_said_with_advice() {
    let daemon = Daemon::start();
    let nothing = DaemonPast::new(&daemon.data, "nothing");
    assert_eq!(nothing.open_when(&When::Now).unwrap_err().code, FailureCode::NotFound);
    let pin = daemon.past().open(&Moment::Pin("friday".to_owned()));
    let failure = failure_of(pin.unwrap_err());
    assert_eq!(failure.code, FailureCode::NotFound);
    assert!(failure.hint.unwrap().contains("holdfast volume show disk"));
}

#[test]
fn moments_looked_at_are_bounded_and_given_back() {
    let daemon = Daemon::start();
    let past = daemon.past();
    let open: Vec<_> = (0..LOOKS_MAX).map(|_| past.open_when(&When::Now).unwrap()).collect();
    let refused = past.open_when(&When::Now).unwrap_err();
    assert_eq!(refused.code, FailureCode::Refused);
    let volume = daemon.engine.volume("disk").unwrap();
    assert_eq!(volume.status().views, LOOKS_MAX);
    drop(open);
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while volume.status().views > 0 {
        assert!(std::time::Instant::now() < end, "moments stay open");
        std::thread::sleep(Duration::from_millis(5));
    }
    past.open_when(&When::Now).unwrap();
}

#[test]
fn a_daemon_that_stops_cuts_those_off_who_look() {
    let mut daemon = Daemon::start();
    let moment = daemon.past().open_when(&When::Now).unwrap();
    let before = std::time::Instant::now();
    daemon.control.take().unwrap().stop(Duration::from_secs(5));
    assert!(before.elapsed() < Duration::from_secs(3), "the daemon waited");
    let mut buffer = [0; 4096];
    let error = moment.disk.read_at(0, &mut buffer).unwrap_err();
    let failure = failure_of(error.reason.unwrap());
    assert!(
        failure.message.starts_with("the connection to the daemon was lost"),
        "{failure}"
    );
}
