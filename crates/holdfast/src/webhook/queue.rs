//! The queue in front of the web server. Whoever has something to tell is never held up: messages that don't fit are
//! counted, and the thread that delivers tries again until a message is too old to be of use.
//!
//! Invariants: at most [`WAITING_MAX`] messages wait; they are delivered in order; the log is told of a failure once, when
//! it begins, and once when it ends.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::target::{NotTaken, Target};
use crate::failure::Failure;
use crate::log::{Level, Log};
use crate::span::format_span;

/// Messages that wait at most.
const WAITING_MAX: usize = 1024;
/// A message that couldn't be delivered for this long is given up.
const AGE_MAX: Duration = Duration::from_secs(3600);
/// The pause after a failure, which doubles with every further one.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(60);

/// Delivers messages, from a thread of its own, to the target that is set, if one is.
#[derive(Debug)]
pub struct Webhook {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    target: Option<Arc<Target>>,
    waiting: VecDeque<Message>,
    /// Messages given up since the last one that was delivered.
    lost: u64,
    /// Until when what waits may still be delivered, once the program ends.
    end: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Message {
    body: String,
    since: Instant,
}

impl Webhook {
    /// Starts the thread. There is no target yet.
    pub fn start(log: Arc<Log>) -> Result<Self, Failure> {
        let shared = Arc::<Shared>::default();
        let mut delivery = Delivery {
            shared: Arc::clone(&shared),
            log,
            pause: PAUSE_FIRST,
            is_failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("webhook".to_owned())
            .spawn(move || delivery.run())
            .map_err(|error| Failure::io("start the thread for the webhook", &error))?;
        Ok(Self { shared, thread })
    }

    /// Sets where messages go from now on, those that wait already included; nowhere if `None`.
    pub fn set_target(&self, target: Option<Target>) {
        let mut state = self.shared.locked();
        if target.is_none() {
            state.waiting.clear();
        }
        state.target = target.map(Arc::new);
        self.shared.changed.notify_all();
    }

    /// Has a message delivered. Never waits. The message is made only if it is wanted.
    pub fn send(&self, body: impl FnOnce() -> String) {
        let mut state = self.shared.locked();
        if state.target.is_none() {
            return;
        }
        // The first messages of a flood tell how it began, so it's the latest that go.
        if state.waiting.len() >= WAITING_MAX {
            state.lost += 1;
            return;
        }
        let (body, since) = (body(), Instant::now());
        state.waiting.push_back(Message { body, since });
        self.shared.changed.notify_all();
    }

    /// Delivers what waits, for as long as `patience`, and ends.
    pub fn stop(&self, patience: Duration) {
        let end = Instant::now() + patience;
        self.shared.locked().end = Some(end);
        self.shared.changed.notify_all();
        // The thread may be in the middle of a request; the process ends without it.
        while !self.thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that delivers.
struct Delivery {
    shared: Arc<Shared>,
    log: Arc<Log>,
    pause: Duration,
    is_failing: bool,
}

impl Delivery {
    fn run(&mut self) {
        while let Some((target, message)) = self.next() {
            match target.post(&message.body) {
                Ok(()) => self.delivered(&target),
                Err(NotTaken::Refused(why)) => {
                    self.tell_failure(&target, &format!("{why}; it is not sent again"));
                    self.shared.locked().lost += 1;
                }
                Err(NotTaken::Failed(why)) => {
                    self.tell_failure(
                        &target,
                        &format!("{why}; messages wait and are tried again for {}", format_span(AGE_MAX)),
                    );
                    self.put_back(message);
                    self.wait();
                }
            }
        }
    }

    /// The oldest message, once there is one and a target; `None` at the end.
    fn next(&self) -> Option<(Arc<Target>, Message)> {
        let mut state = self.shared.locked();
        loop {
            let ended = state.end.map(|end| Instant::now() >= end || state.waiting.is_empty());
            if ended == Some(true) {
                return None;
            }
            if let Some(target) = state.target.clone()
                && let Some(message) = state.waiting.pop_front()
            {
                return Some((target, message));
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put_back(&self, message: Message) {
        let mut state = self.shared.locked();
        if message.since.elapsed() < AGE_MAX {
            state.waiting.push_front(message);
        } else {
            state.lost += 1;
        }
    }

    /// Pauses, unless the program ends or there is another target.
    fn wait(&mut self) {
        let state = self.shared.locked();
        let before = state.target.as_ref().map(Arc::as_ptr);
        let goes_on = |state: &mut State| {
            state.end.is_none_or(|end| Instant::now() < end) && state.target.as_ref().map(Arc::as_ptr) == before
        };
        let pause = state.end.map_or(self.pause, |end| {
            self.pause.min(end.saturating_duration_since(Instant::now()))
        });
        drop(self.shared.changed.wait_timeout_while(state, pause, goes_on));
        self.pause = (self.pause * 2).min(PAUSE_MOST);
    }

    fn delivered(&mut self, target: &Target) {
        self.pause = PAUSE_FIRST;
        if !std::mem::take(&mut self.is_failing) {
            return;
        }
        let lost = std::mem::take(&mut self.shared.locked().lost);
        let lost = match lost {
            0 => "no message was lost".to_owned(),
            1 => "one message was lost; it is in this log".to_owned(),
            lost => format!("{lost} messages were lost; they are all in this log"),
        };
        self.log
            .info("webhook", format!("`{}` takes messages again; {lost}", target.url()));
    }

    fn tell_failure(&mut self, target: &Target, why: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            let message = format!(
                "`{}` didn't take a message: {why}; disks aren't held up by this; check the address and the server",
                target.url()
            );
            self.log.write(Level::Warning, "webhook", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WebhookSettings;
    use crate::log::Style;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};

    /// One request: its headers and its body.
    fn take(stream: &TcpStream, answer: &str) -> (String, String) {
        let mut reader = BufReader::new(stream);
        let mut headers = String::new();
        while !headers.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut headers).unwrap() > 0, "{headers}");
        }
        let length = headers.to_lowercase();
        let length = length
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let mut stream = stream;
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        (headers, String::from_utf8(body).unwrap())
    }

    fn start(url: String, secret_file: Option<std::path::PathBuf>) -> Webhook {
        let webhook = Webhook::start(Arc::new(Log::new(Style::Plain, false))).unwrap();
        let target = Target::load(&WebhookSettings { url, secret_file }, "[guard]").unwrap();
        webhook.set_target(Some(target));
        webhook
    }

    #[test]
    fn messages_arrive_in_order_signed_and_again_after_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "Jefe\n").unwrap();
        let webhook = start(url, Some(secret));
        webhook.send(|| "what do ya want for nothing?".to_owned());
        webhook.send(|| "two".to_owned());
        let answers = ["503 Busy", "200 OK", "204 No Content"];
        let taken = answers.map(|answer| take(&listener.accept().unwrap().0, answer));
        let bodies = taken.each_ref().map(|(_, body)| body.as_str());
        assert_eq!(
            bodies,
            ["what do ya want for nothing?", "what do ya want for nothing?", "two"]
        );
        let headers = taken[0].0.to_lowercase();
        assert!(headers.starts_with("post /hook http/1.1\r\n"), "{headers}");
        assert!(headers.contains("\r\ncontent-type: application/json\r\n"), "{headers}");
        let signature =
            "\r\nholdfast-signature: sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\r\n";
        assert!(headers.contains(signature), "{headers}");
        webhook.stop(Duration::from_secs(5));
    }

    #[test]
    fn what_is_refused_does_not_hold_up_what_follows() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = start(format!("http://{}", listener.local_addr().unwrap()), None);
        webhook.send(|| "one".to_owned());
        webhook.send(|| "two".to_owned());
        let taken = ["400 Bad", "200 OK"].map(|answer| take(&listener.accept().unwrap().0, answer).1);
        assert_eq!(taken, ["one", "two"]);
        webhook.stop(Duration::from_secs(5));
    }

    #[test]
    fn what_somebody_can_set_right_at_the_server_is_tried_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = start(format!("http://{}", listener.local_addr().unwrap()), None);
        webhook.send(|| "one".to_owned());
        webhook.send(|| "two".to_owned());
        let answers = ["404 Not Found", "403 Forbidden", "200 OK", "410 Gone"];
        let taken = answers.map(|answer| take(&listener.accept().unwrap().0, answer).1);
        assert_eq!(taken, ["one", "one", "one", "two"]);
        webhook.stop(Duration::from_secs(5));
        assert_eq!(webhook.shared.locked().lost, 1, "what is gone isn't asked again");
    }

    #[test]
    fn a_server_that_hangs_holds_nobody_up_and_the_queue_is_bounded() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let webhook = start(format!("http://{}", listener.local_addr().unwrap()), None);
        let began = Instant::now();
        for number in 0..2 * WAITING_MAX {
            webhook.send(|| number.to_string());
        }
        assert!(began.elapsed() < Duration::from_secs(5));
        let state = webhook.shared.locked();
        assert!(state.waiting.len() <= WAITING_MAX, "{}", state.waiting.len());
        assert!(state.lost >= WAITING_MAX as u64 - 1, "{}", state.lost);
        drop(state);
        webhook.stop(Duration::from_millis(50));
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn without_a_target_nothing_is_kept() {
        let webhook = Webhook::start(Arc::new(Log::new(Style::Plain, false))).unwrap();
        webhook.send(|| unreachable!("nobody wants it"));
        assert!(webhook.shared.locked().waiting.is_empty());
        webhook.stop(Duration::from_secs(5));
    }
}
