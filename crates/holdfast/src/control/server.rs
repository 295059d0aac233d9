//! The daemon's side of the control socket.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use respond::Actor;
use rustix::net::RecvFlags;

use super::line::{LINE_BYTES_MAX, LineReader, send};
use super::protocol::{Answer, Envelope, Looked, Progress, Request, VERSION};
use super::report::Response;
use crate::failure::{Failure, FailureCode};
use crate::past::LocalPast;
use crate::past::server::{LOOKS_MAX, Look};
use crate::user;

/// Commands that are served at the same time.
const COMMANDS_MAX: usize = 32;
/// A command that neither sends nor takes anything for so long is cut off.
const IDLE: Duration = Duration::from_secs(30);
/// Progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What carries requests out: the engine, or a stand-in in tests.
pub trait Execute: Send + Sync + 'static {
    /// Carries a request out on somebody's behalf.
    fn execute(
        &self,
        actor: &Actor,
        request: Request,
        file: Option<File>,
        progress: &mut dyn Progress,
    ) -> Result<Response, Failure>;

    /// The past of a volume, for a connection that looks into it.
    fn past(&self, name: &str) -> Result<LocalPast, Failure>;
}

/// What answers connections that speak HTTP.
pub trait Hypertext: Send + Sync {
    /// Takes a connection over, at whose other end is `who`.
    ///
    /// # Errors
    /// When it can't be taken over.
    fn adopt(&self, stream: UnixStream, who: Actor) -> io::Result<()>;
}

/// Accepts commands until it is dropped.
pub struct ControlServer {
    path: PathBuf,
    stopping: Arc<AtomicBool>,
    running: Arc<AtomicUsize>,
}

impl ControlServer {
    /// Listens at `path` and serves from threads of its own; connections that speak HTTP are given to `hypertext`. The caller holds
    /// the lock on the data folder, so a socket that is there already is left over from a daemon that was killed.
    pub fn start(
        path: &Path,
        engine: Arc<dyn Execute>,
        hypertext: Option<Weak<dyn Hypertext>>,
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::io(format!("make the control socket `{}`", path.display()), &error);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        // The data folder is its owner's alone, so nobody else reaches the socket before its mode is set.
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let server = Self {
            path: path.to_owned(),
            stopping: Arc::new(AtomicBool::new(false)),
            running: Arc::new(AtomicUsize::new(0)),
        };
        let served = Served {
            engine,
            stopping: Arc::clone(&server.stopping),
            running: Arc::clone(&server.running),
            looking: Looking::default(),
            hypertext,
        };
        std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&listener, &served))
            .map_err(failed)?;
        Ok(server)
    }

    /// Takes no more commands and waits for those that run; long ones break off at their next progress.
    pub fn stop(self, patience: Duration) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(UnixStream::connect(&self.path));
        let end = Instant::now() + patience;
        while self.running.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl std::fmt::Debug for ControlServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlServer")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Nothing can be done where it fails; the next daemon replaces the socket.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Counts a command as running as long as it lives.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Connections that look into the past, of one control socket.
type Looking = Arc<AtomicUsize>;

/// What every connection needs.
#[derive(Clone)]
struct Served {
    engine: Arc<dyn Execute>,
    stopping: Arc<AtomicBool>,
    running: Arc<AtomicUsize>,
    looking: Looking,
    hypertext: Option<Weak<dyn Hypertext>>,
}

fn accept(listener: &UnixListener, served: &Served) {
    for socket in listener.incoming() {
        if served.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(socket) = socket else {
            // Out of files, most likely: let others finish.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        let running = &served.running;
        running.fetch_add(1, Ordering::SeqCst);
        let guard = Running(Arc::clone(running));
        let refusal = admit(&socket, running.load(Ordering::SeqCst)).err();
        if let Some(failure) = refusal {
            // A command that doesn't listen loses nothing.
            let _ = send(&socket, &Answer::Failed(failure), None);
            continue;
        }
        let served = served.clone();
        // Without a thread the command's socket closes, which tells it.
        let _ = std::thread::Builder::new().name("command".to_owned()).spawn(move || {
            let _guard = guard;
            // A connection that fails concerns nobody but the command at its other end.
            let _ = served.answer(socket);
        });
    }
}

impl Served {
    /// Commands begin with `{`; whatever else comes first is HTTP, if that is answered.
    fn answer(&self, socket: UnixStream) -> io::Result<()> {
        let hypertext = self.hypertext.as_ref().and_then(Weak::upgrade);
        let mut first = [0];
        let peeked = rustix::net::recv(&socket, &mut first, RecvFlags::PEEK)?.0;
        match hypertext {
            Some(hypertext) if peeked > 0 && first != [b'{'] => hypertext.adopt(socket.try_clone()?, peer(&socket)?),
            _ => serve(&socket, self.engine.as_ref(), &self.stopping, &self.looking),
        }
    }
}

/// Who is at the other end.
fn peer(socket: &UnixStream) -> io::Result<Actor> {
    Ok(user::local(rustix::net::sockopt::socket_peercred(socket)?.uid))
}

/// Checks who is at the other end, whatever the permissions of the folder and the socket say.
fn admit(socket: &UnixStream, running: usize) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::io("prepare the connection", &error);
    socket.set_read_timeout(Some(IDLE)).map_err(failed)?;
    socket.set_write_timeout(Some(IDLE)).map_err(failed)?;
    let peer = rustix::net::sockopt::socket_peercred(socket).map_err(|error| failed(error.into()))?;
    if !(peer.uid.is_root() || peer.uid == rustix::process::geteuid()) {
        return Err(Failure::refused(
            "only the user that runs the daemon, and root, may talk to it",
        ));
    }
    if running > COMMANDS_MAX {
        return Err(Failure::refused(format!("`{COMMANDS_MAX}` commands are running already")).hint("try again later"));
    }
    Ok(())
}

fn serve(socket: &UnixStream, engine: &dyn Execute, stopping: &AtomicBool, looking: &Looking) -> io::Result<()> {
    let mut reader = LineReader::new(LINE_BYTES_MAX);
    let actor = peer(socket)?;
    while let Some(line) = reader.next(socket)? {
        let mut progress = Told {
            socket,
            stopping,
            last: Instant::now(),
        };
        let result = match parse(&line.text) {
            Ok(Request::Look { name, what }) => match look(engine, &name, what, looking) {
                Ok((look, _counted)) => {
                    let report = Response::Looking(look.report());
                    send(socket, &Answer::Done(Box::new(report)), None)?;
                    return look.serve(socket, stopping);
                }
                Err(failure) => Err(failure),
            },
            Ok(request) => engine.execute(&actor, request, line.file, &mut progress),
            Err(failure) => Err(failure),
        };
        let answer = match result {
            Ok(response) => Answer::Done(Box::new(response)),
            Err(failure) => Answer::Failed(failure),
        };
        send(socket, &answer, None)?;
    }
    Ok(())
}

/// Opens what is looked at, if not too many look already.
fn look(engine: &dyn Execute, name: &str, what: Looked, looking: &Looking) -> Result<(Look, Running), Failure> {
    let counted = Running(Arc::clone(looking));
    if looking.fetch_add(1, Ordering::SeqCst) >= LOOKS_MAX {
        return Err(
            Failure::refused(format!("`{LOOKS_MAX}` moments are being looked at already")).hint("try again later"),
        );
    }
    Ok((Look::open(engine.past(name)?, what)?, counted))
}

fn parse(line: &[u8]) -> Result<Request, Failure> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let unreadable = |error: serde_json::Error| Failure::usage(format!("the request isn't understood: {error}"));
    // The version first: requests of another version need not have the shape of this one's.
    let Version { version } = serde_json::from_slice(line).map_err(unreadable)?;
    if version != VERSION {
        return Err(Failure::new(
            FailureCode::Refused,
            format!("the daemon speaks version `{VERSION}` of the control protocol, the command version `{version}`"),
        )
        .hint("restart the daemon after an upgrade, and use the same `holdfast` for both"));
    }
    Ok(serde_json::from_slice::<Envelope>(line).map_err(unreadable)?.request)
}

/// Tells a command how far its request is, and breaks it off when the command is gone or the daemon stops.
struct Told<'a> {
    socket: &'a UnixStream,
    stopping: &'a AtomicBool,
    last: Instant,
}

impl Progress for Told<'_> {
    fn update(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        if self.stopping.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        if self.last.elapsed() < PROGRESS_EVERY {
            return ControlFlow::Continue(());
        }
        self.last = Instant::now();
        match send(self.socket, &Answer::Progress { done, total }, None) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Client, SOCKET_NAME};
    use super::*;
    use std::io::{BufRead, BufReader, Write};

    /// Answers every deletion, after telling progress.
    struct Echo;

    impl Execute for Echo {
        fn execute(
            &self,
            _: &Actor,
            request: Request,
            _: Option<File>,
            progress: &mut dyn Progress,
        ) -> Result<Response, Failure> {
            let Request::Delete { name } = request else {
                return Err(Failure::not_found("only deletions"));
            };
            for done in 0..3 {
                std::thread::sleep(PROGRESS_EVERY);
                if progress.update(done, 3).is_break() {
                    return Err(Failure::new(FailureCode::Failure, "broken off"));
                }
            }
            Ok(Response::Deleted { deleted: name })
        }

        fn past(&self, _name: &str) -> Result<LocalPast, Failure> {
            Err(Failure::not_found("no past"))
        }
    }

    struct Count(u32);

    impl Progress for Count {
        fn update(&mut self, _: u64, _: u64) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }

    fn start(name: &str) -> (PathBuf, ControlServer) {
        let data = std::env::temp_dir().join(format!("holdfast-control-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&data).unwrap();
        let server = ControlServer::start(&data.join(SOCKET_NAME), Arc::new(Echo), None).unwrap();
        (data, server)
    }

    #[test]
    fn requests_are_answered_with_progress() {
        let (data, server) = start("progress");
        let mut client = Client::connect(&data).unwrap().unwrap();
        let mut count = Count(0);
        for name in ["a", "b"] {
            let response = client
                .execute(Request::Delete { name: name.to_owned() }, None, &mut count)
                .unwrap();
            assert_eq!(
                response,
                Response::Deleted {
                    deleted: name.to_owned()
                }
            );
        }
        assert_eq!(count.0, 6);
        assert_eq!(
            client.execute(Request::List, None, &mut count),
            Err(Failure::not_found("only deletions"))
        );
        drop(client);
        server.stop(Duration::from_secs(5));
        assert!(Client::connect(&data).unwrap().is_none());
    }

    #[test]
    fn other_versions_and_nonsense_are_refused() {
        let (data, server) = start("nonsense");
        for (line, expected) in [
            (
                r#"{"version":7,"request":{"dance":1}}"#,
                "the daemon speaks version `1` of the control protocol",
            ),
            (r#"{"version":1,"request":{"dance":1}}"#, "the request isn't understood"),
            ("hello", "the request isn't understood"),
        ] {
            let mut socket = UnixStream::connect(data.join(SOCKET_NAME)).unwrap();
            writeln!(socket, "{line}").unwrap();
            let mut answer = String::new();
            BufReader::new(&socket).read_line(&mut answer).unwrap();
            assert!(answer.contains(expected), "{answer}");
        }
        drop(server);
    }

    #[test]
    fn stopping_breaks_long_requests_off() {
        let (data, server) = start("stopping");
        let mut client = Client::connect(&data).unwrap().unwrap();
        let waiting =
            std::thread::spawn(move || client.execute(Request::Delete { name: "a".to_owned() }, None, &mut Count(0)));
        std::thread::sleep(PROGRESS_EVERY / 2);
        server.stop(Duration::from_secs(5));
        assert_eq!(
            waiting.join().unwrap(),
            Err(Failure::new(FailureCode::Failure, "broken off"))
        );
    }
}
