//! Rounds of delivery: everything that is due is sent, what isn't taken is put off, and the next round comes.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use exposure::accounts::Accounts;
use exposure::ledger::{Channel, Ledger};
use exposure::watch::{self, LinkSecret};
use jiff::civil::Time;
use jiff::{ToSpan, ZonedDateTime};

use super::letters::{Drafted, Drafting};
use super::posts::{load_target, send_posts};
use super::{failed, feeds, link_secret, now, open_ledger};
use crate::config::{ExposureSettings, MailSettings};
use crate::failure::{Failure, FailureCode};
use crate::log::{Level, Log};
use crate::mail::{Mailer, NotSent};

const NO_SERVER: &str = "mails wait, and there is no mail server: set [exposure.mail] and `public_url`";
/// The file whose lock whoever delivers holds: two at once would send everything twice.
const LOCK_NAME: &str = "delivery.lock";
/// Messages that are looked at before the ledger is asked for more.
pub(super) const BATCH: u32 = 200;
/// A message that was tried so often is given up: about four days, by the pauses below.
const ATTEMPTS_MAX: u32 = 24;
/// The pause behind the first failure of a message, in seconds; it doubles with every further one up to the longest.
const PAUSE_FIRST: i64 = 60;
const PAUSE_MOST: i64 = 6 * 3600;
/// A watch that nobody confirmed is forgotten after two weeks, and its link with it.
const UNCONFIRMED_SECONDS: i64 = 14 * 86_400;
/// How often a server looks for what is due.
const ROUND_EVERY: Duration = Duration::from_secs(5);
/// How long it waits when the mail server or the webhook is down, the first time and at most.
const DOWN_FIRST: Duration = Duration::from_secs(15);
const DOWN_MOST: Duration = Duration::from_secs(600);

/// How long a mail that is on its way is waited for at the end.
const STOPPING: Duration = Duration::from_secs(10);

/// The name of the thread that delivers.
const DELIVERY_NAME: &str = "exposure delivery";

/// When the digest goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At the time of day in the configuration.
    Daily,
    /// Now.
    Now,
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Mails that the server took.
    pub mails: u64,
    /// Messages that the webhook took.
    pub webhook: u64,
    /// Calls about prefixes that were taken.
    pub callbacks: u64,
    /// Messages that will be tried again.
    pub later: u64,
    /// Messages that were refused for good, or tried too often.
    pub refused: u64,
    /// Messages about what is gone.
    pub moot: u64,
    /// Why nothing more could be sent, if that is so.
    pub problems: Vec<String>,
}

/// Sends everything that is due, once. `folder` is that of the breach monitor.
///
/// # Errors
/// When somebody else is delivering, a setting can't be used, or the ledger fails. That a server is down is no error, but told in
/// [`Delivered::problems`].
pub fn deliver(settings: &ExposureSettings, folder: &Path, schedule: Schedule) -> Result<Delivered, Failure> {
    let mut ledger = open_ledger(folder)?;
    let Some(_lock) = lock(folder)? else {
        return Err(Failure::refused("somebody else is delivering for this data folder")
            .hint("`holdfast exposure serve` delivers by itself"));
    };
    round(settings, folder, &mut ledger, schedule, &|| false)
}

/// Threads that deliver and read the feeds, until this is dropped.
#[derive(Debug)]
pub struct Running {
    /// For each thread, what ends it.
    threads: Vec<(JoinHandle<()>, Sender<()>)>,
}

impl Running {
    /// Begins.
    ///
    /// # Errors
    /// When a setting can't be used, or a thread can't be started.
    pub fn start(settings: &ExposureSettings, folder: &Path, log: &Arc<Log>) -> Result<Self, Failure> {
        // What can't work is told now, and not to a log later.
        settings.mail.as_ref().map(load_mailer).transpose()?;
        load_target(Channel::Webhook, settings)?;
        load_target(Channel::Callback, settings)?;
        let mut threads = vec![thread(DELIVERY_NAME, settings, folder, log, run)?];
        if !settings.feeds.sources.is_empty() {
            // A feed whose server is slow holds up no notice.
            threads.push(thread("exposure feeds", settings, folder, log, read_feeds)?);
        }
        Ok(Self { threads })
    }
}

fn thread(
    name: &str,
    settings: &ExposureSettings,
    folder: &Path,
    log: &Arc<Log>,
    work: fn(&ExposureSettings, &Path, &Log, &Receiver<()>),
) -> Result<(JoinHandle<()>, Sender<()>), Failure> {
    let (stop, stopped) = channel();
    let (settings, folder, log) = (settings.clone(), folder.to_owned(), Arc::clone(log));
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || work(&settings, &folder, &log, &stopped))
        .map_err(|error| Failure::io("start the thread that delivers notices", &error))?;
    Ok((thread, stop))
}

impl Drop for Running {
    /// A mail that is on its way is waited for, so that it isn't sent again; but not a server that is silent.
    fn drop(&mut self) {
        let end = Instant::now() + STOPPING;
        for (thread, stop) in self.threads.drain(..).rev() {
            drop(stop);
            let is_delivery = thread.thread().name() == Some(DELIVERY_NAME);
            while is_delivery && !thread.is_finished() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Reads the feeds until `stop` loses its sender.
fn read_feeds(settings: &ExposureSettings, folder: &Path, log: &Log, stop: &Receiver<()>) {
    loop {
        feeds::read_all(settings, folder, log);
        if stop.recv_timeout(settings.feeds.every) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Delivers until `stop` loses its sender.
fn run(settings: &ExposureSettings, folder: &Path, log: &Log, stop: &Receiver<()>) {
    let mut down = DOWN_FIRST;
    let mut told = Vec::new();
    loop {
        let is_stopped = || stop.try_recv() != Err(TryRecvError::Empty);
        let problems = match turn(settings, folder, &is_stopped) {
            Ok(delivered) => {
                log_round(log, &delivered);
                delivered.problems
            }
            Err(failure) => vec![failure.with_hint()],
        };
        // A problem is told when it begins, and when it ends.
        for problem in problems.iter().filter(|problem| !told.contains(*problem)) {
            log.write(Level::Error, "exposure", problem);
        }
        if problems.is_empty() && !told.is_empty() {
            log.info("exposure", "notices are delivered again");
        }
        let pause = if problems.is_empty() { ROUND_EVERY } else { down };
        down = if problems.is_empty() {
            DOWN_FIRST
        } else {
            (down * 2).min(DOWN_MOST)
        };
        told = problems;
        if stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// A round of a server; somebody who delivers by hand at the moment is left alone.
fn turn(settings: &ExposureSettings, folder: &Path, is_stopped: &dyn Fn() -> bool) -> Result<Delivered, Failure> {
    let mut ledger = open_ledger(folder)?;
    match lock(folder)? {
        Some(_lock) => round(settings, folder, &mut ledger, Schedule::Daily, is_stopped),
        None => Ok(Delivered::default()),
    }
}

fn log_round(log: &Log, delivered: &Delivered) {
    if delivered.callbacks > 0 {
        log.info("exposure", format!("{} callbacks were taken", delivered.callbacks));
    }
    if delivered.mails + delivered.webhook > 0 {
        let (mails, messages) = (delivered.mails, delivered.webhook);
        log.info(
            "exposure",
            format!("{mails} mails and {messages} messages to the webhook were delivered"),
        );
    }
    if delivered.refused > 0 {
        let refused = delivered.refused;
        log.write(
            Level::Warning,
            "exposure",
            format!("{refused} notices were refused for good; `holdfast exposure watch deliver --json` counts them"),
        );
    }
}

fn round(
    settings: &ExposureSettings,
    folder: &Path,
    ledger: &mut Ledger,
    schedule: Schedule,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Delivered, Failure> {
    let problem = |error: exposure::Error| failed(&error);
    ledger
        .remove_unconfirmed(now().saturating_sub(UNCONFIRMED_SECONDS))
        .map_err(problem)?;
    if !ledger.untold_breaches().map_err(problem)?.is_empty() {
        let accounts = Accounts::open(folder).map_err(problem)?;
        watch::catch_up(ledger, &accounts, now()).map_err(problem)?;
    }
    let digest = match (schedule, &settings.mail) {
        (Schedule::Daily, Some(mail)) => last_digest(mail.digest_at, &ZonedDateTime::now()),
        _ => now(),
    };
    let mut delivered = Delivered::default();
    let channels = [(Channel::Mail, i64::MAX), (Channel::Digest, digest)];
    for (channel, made) in channels {
        // Most rounds have nothing to do, and open nothing.
        if !ledger
            .outgoing_due(channel, now(), made, 1)
            .map_err(problem)?
            .is_empty()
            && delivered.problems.is_empty()
        {
            let mut post = Post::open(settings, folder, ledger, made)?;
            match &mut post {
                Some(post) => send_mail(ledger, channel, post, is_stopped, &mut delivered)?,
                None => delivered.problems.push(NO_SERVER.to_owned()),
            }
        }
    }
    for channel in [Channel::Webhook, Channel::Callback] {
        send_posts(channel, settings, folder, ledger, &mut delivered)?;
    }
    Ok(delivered)
}

/// What mail needs.
struct Post<'a> {
    mailer: Mailer,
    accounts: Accounts,
    secret: LinkSecret,
    public_url: &'a str,
    /// Messages that were made later wait.
    made: i64,
}

impl<'a> Post<'a> {
    /// `None` if there is no mail server.
    fn open(
        settings: &'a ExposureSettings,
        folder: &Path,
        ledger: &mut Ledger,
        made: i64,
    ) -> Result<Option<Self>, Failure> {
        let (Some(mail), Some(public_url)) = (&settings.mail, &settings.public_url) else {
            return Ok(None);
        };
        Ok(Some(Self {
            mailer: load_mailer(mail)?,
            accounts: Accounts::open(folder).map_err(|error| failed(&error))?,
            secret: link_secret(ledger)?,
            public_url,
            made,
        }))
    }
}

fn load_mailer(settings: &MailSettings) -> Result<Mailer, Failure> {
    Mailer::load(settings, "[exposure.mail]")
}

/// Sends what is due on a channel until nothing is, or the server takes nothing.
fn send_mail(
    ledger: &mut Ledger,
    channel: Channel,
    post: &mut Post<'_>,
    is_stopped: &dyn Fn() -> bool,
    delivered: &mut Delivered,
) -> Result<(), Failure> {
    let problem = |error: exposure::Error| failed(&error);
    loop {
        let due = ledger.outgoing_due(channel, now(), post.made, BATCH).map_err(problem)?;
        if due.is_empty() || is_stopped() {
            post.mailer.quit();
            return Ok(());
        }
        let mut answered: Vec<i64> = Vec::new();
        for message in due {
            // A digest answered it already.
            if is_stopped() || answered.contains(&message.id) {
                continue;
            }
            let drafting = Drafting {
                ledger,
                accounts: &post.accounts,
                secret: &post.secret,
                public_url: post.public_url,
                digest: post.made,
            };
            match drafting.draft(&message).map_err(problem)? {
                Drafted::Moot(why) => {
                    ledger.give_up(&[message.id], now(), why).map_err(problem)?;
                    delivered.moot += 1;
                }
                Drafted::Letter(letter, ids) => {
                    let outcome = post.mailer.send(&letter);
                    if let Err(NotSent::Down(why)) = outcome {
                        let told = format!("the mail server takes nothing: {why}; mails wait and are tried again");
                        delivered.problems.push(told);
                        return Ok(());
                    }
                    settle_mail(ledger, &ids, message.attempts, outcome, delivered)?;
                    answered.extend(ids);
                }
            }
        }
    }
}

fn settle_mail(
    ledger: &mut Ledger,
    ids: &[i64],
    attempts: u32,
    outcome: Result<String, NotSent>,
    delivered: &mut Delivered,
) -> Result<(), Failure> {
    let result = match outcome {
        Ok(_) => {
            delivered.mails += 1;
            ledger.mark_sent(ids, now())
        }
        Err(NotSent::Refused(code)) => {
            delivered.refused += 1;
            ledger.give_up(ids, now(), &code)
        }
        Err(NotSent::Later(code) | NotSent::Down(code)) => put_off(ledger, ids, attempts, &code, delivered),
    };
    result.map_err(|error| failed(&error))
}

/// Tries again later, unless that was done often enough.
pub(super) fn put_off(
    ledger: &mut Ledger,
    ids: &[i64],
    attempts: u32,
    why: &str,
    delivered: &mut Delivered,
) -> Result<(), exposure::Error> {
    if attempts + 1 >= ATTEMPTS_MAX {
        delivered.refused += 1;
        return ledger.give_up(ids, now(), why);
    }
    delivered.later += 1;
    ledger.mark_failed(ids, now().saturating_add(pause(attempts)), why)
}

/// Seconds until a message is tried again that failed `attempts` times before.
fn pause(attempts: u32) -> i64 {
    PAUSE_FIRST.saturating_mul(1 << attempts.min(20)).min(PAUSE_MOST)
}

/// The last time, not after `now`, at which it was `at` here.
fn last_digest(at: Time, now: &ZonedDateTime) -> i64 {
    let today = now.date().to_datetime(at).to_zoned_datetime(now.time_zone().clone());
    let latest = match today {
        Ok(today) if today > *now => today.checked_sub(1.day()).unwrap_or(today),
        Ok(today) => today,
        Err(_) => now.clone(),
    };
    latest.timestamp().as_second()
}

/// The right to deliver, until it is dropped; `None` if somebody else has it.
fn lock(folder: &Path) -> Result<Option<File>, Failure> {
    let path = folder.join(LOCK_NAME);
    let failure = |error: &std::io::Error| Failure::io(format!("lock `{}`", path.display()), error);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| failure(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Failure::new(FailureCode::Failure, failure(&error).message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_today_or_yesterday() {
        let now: ZonedDateTime = "2026-11-26T07:59:59+01:00[Europe/Berlin]".parse().unwrap();
        let at = jiff::civil::time(8, 0, 0, 0);
        let second = |text: &str| text.parse::<ZonedDateTime>().unwrap().timestamp().as_second();
        assert_eq!(
            last_digest(at, &now),
            second("2026-11-25T08:00:00+01:00[Europe/Berlin]")
        );
        let now = now.checked_add(1.second()).unwrap();
        assert_eq!(
            last_digest(at, &now),
            second("2026-11-26T08:00:00+01:00[Europe/Berlin]")
        );
    }

    #[test]
    fn pauses_double_and_end_after_about_four_days() {
        assert_eq!(
            (pause(0), pause(1), pause(8), pause(9), pause(4_000_000_000)),
            (60, 120, 15_360, 21_600, 21_600)
        );
        let all: i64 = (0..ATTEMPTS_MAX - 1).map(pause).sum();
        assert!((3 * 86_400..5 * 86_400).contains(&all), "{all}");
    }

    #[test]
    fn one_delivers_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        assert!(held.is_some() && lock(folder.path()).unwrap().is_none());
        drop(held);
        assert!(lock(folder.path()).unwrap().is_some());
    }
}
