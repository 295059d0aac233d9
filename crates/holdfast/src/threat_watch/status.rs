//! What is read, and what is lost of it: counted while the daemon runs, told in its log, and written down for `holdfast threat status`.
//!
//! `<data>/threat/status.json` begins anew with each start, is replaced as a whole, and is for its owner only: samples of lines are in it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use logs::listen::Dropped;
use logs::{Counts, Tally};
use serde::{Deserialize, Serialize};
use threat::event::{Event, Origin};
use threat::input::Unreadable;

use super::inputs::Inputs;
use super::memory::FOLDER;
use crate::config::ThreatSettings;
use crate::failure::{Failure, FailureCode};

/// The file in the folder of what is known.
const FILE: &str = "status.json";
/// The format's version.
const VERSION: u32 = 1;
/// Sources that are told apart; addresses of senders are easily forged. What comes after is counted together.
const SOURCES_MAX: usize = 1024;
const OTHERS: &str = "other sources";
/// How often it is written down while something comes in, and how often the log may be told.
const WRITE_EVERY: Duration = Duration::from_secs(2);
const SAY_EVERY: Duration = Duration::from_secs(10);
/// After so long what hasn't doubled is said again, too.
const SAY_AGAIN: Duration = Duration::from_secs(3600);
/// Reasons that the log names.
const REASONS_SAID: usize = 3;

/// What is read and what is lost, as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    version: u32,
    /// When the daemon began to read.
    pub since: String,
    /// When this was written.
    pub written: String,
    /// By source.
    pub sources: BTreeMap<String, SourceStatus>,
    /// What listeners didn't take, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Pieces that are no records.
    pub unreadable: Vec<Reason>,
    /// Records that nothing could be made of.
    pub not_understood: Vec<Reason>,
    /// Files that can't be read or followed.
    pub problems: Vec<Reason>,
}

/// A source of records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SourceStatus {
    /// How many records came from it.
    pub records: u64,
    /// Of how many nothing could be made.
    pub not_understood: u64,
    /// When the last one came in.
    pub last_record: String,
    /// What the last event that was understood has as its time.
    pub last_event: Option<String>,
    /// How long that was before it came in.
    pub behind_seconds: Option<i64>,
}

/// Why, how often, and some samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reason {
    /// Why, as a fragment.
    pub reason: String,
    /// How often, and samples.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Reads what was written down; none if no logs were read yet.
///
/// # Errors
/// When it can't be read.
pub fn read(data: &Path) -> Result<Option<Status>, Failure> {
    let path = data.join(FOLDER).join(FILE);
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| Failure::io(format!("read `{}`", path.display()), &error))?,
    };
    let status: Option<Status> = serde_json::from_slice(&bytes).ok();
    let known = status.filter(|status| status.version == VERSION);
    known.map(Some).ok_or_else(|| {
        Failure::new(
            FailureCode::Damage,
            format!("`{}` isn't what this version of the daemon writes", path.display()),
        )
        .hint("the daemon writes it anew with each start")
    })
}

/// What is counted while logs are read.
pub(super) struct Counting {
    since: Timestamp,
    sources: BTreeMap<String, SourceStatus>,
    unreadable: Counts,
    not_understood: Counts,
    changed: bool,
    written: Option<Instant>,
    /// Losses that were written down.
    losses: u64,
    said: BTreeMap<&'static str, Said>,
    looked: Option<Instant>,
    /// By the way on which it came.
    pub(super) inputs: Inputs,
}

/// What the log was told of one kind of loss.
struct Said {
    total: u64,
    at: Instant,
}

impl Counting {
    pub(super) fn new(settings: &ThreatSettings) -> Self {
        Self {
            since: Timestamp::now(),
            sources: BTreeMap::new(),
            unreadable: Counts::default(),
            not_understood: Counts::default(),
            changed: true,
            written: None,
            losses: 0,
            said: BTreeMap::new(),
            looked: None,
            inputs: Inputs::new(settings),
        }
    }

    fn source(&mut self, name: &str) -> &mut SourceStatus {
        let name = if self.sources.len() < SOURCES_MAX || self.sources.contains_key(name) {
            name
        } else {
            OTHERS
        };
        self.sources.entry(name.to_owned()).or_default()
    }

    /// Counts a record that came in.
    pub(super) fn record(&mut self, origin: &Origin, received: Timestamp) {
        self.changed = true;
        self.inputs.record(&origin.source, received);
        let source = self.source(&origin.source);
        source.records += 1;
        source.last_record = seconds(received);
    }

    /// Notes what was made of a record.
    pub(super) fn event(&mut self, event: &Event, received: Timestamp) {
        let behind = received.as_second().saturating_sub(event.time.as_second());
        self.inputs.event(&event.origin.source, behind);
        let source = self.source(&event.origin.source);
        source.last_event = Some(seconds(event.time));
        source.behind_seconds = Some(behind);
    }

    /// Counts a record that nothing could be made of.
    pub(super) fn not_understood(&mut self, origin: &Origin, reason: &str, sample: &str) {
        self.inputs.not_understood(&origin.source);
        self.source(&origin.source).not_understood += 1;
        self.not_understood.add(origin, reason, sample);
    }

    /// Counts what is no record.
    pub(super) fn unreadable(&mut self, piece: &Unreadable) {
        self.changed = true;
        self.inputs.unreadable_file();
        self.unreadable.unreadable(piece);
    }

    /// Whether it is time to write it down; the log is told less often.
    pub(super) fn is_due(&self) -> bool {
        self.written.is_none_or(|written| written.elapsed() >= WRITE_EVERY)
    }

    /// What is no record, of logs and of senders.
    fn all_unreadable(&self, dropped: &Dropped) -> Counts {
        let mut all = self.unreadable.clone();
        all.merge(dropped.unreadable.clone());
        all
    }

    /// Writes it down, if that is due or `now`. It is told to nobody if that fails: what can't be written to the data folder is said by others.
    pub(super) fn write(&mut self, data: &Path, now: bool, dropped: &Dropped, problems: &Counts) {
        if !now && !self.is_due() {
            return;
        }
        self.written = Some(Instant::now());
        let losses = dropped.by_reason.values().sum::<u64>() + problems.total();
        if std::mem::take(&mut self.changed) || losses != self.losses || now {
            self.losses = losses;
            let _ = replace(data, &self.status(dropped, problems));
        }
    }

    fn status(&self, dropped: &Dropped, problems: &Counts) -> Status {
        let unreadable = self.all_unreadable(dropped);
        Status {
            version: VERSION,
            since: seconds(self.since),
            written: seconds(Timestamp::now()),
            sources: self.sources.clone(),
            dropped: dropped
                .by_reason
                .iter()
                .map(|(reason, count)| ((*reason).to_owned(), *count))
                .collect(),
            unreadable: reasons(&unreadable),
            not_understood: reasons(&self.not_understood),
            problems: reasons(problems),
        }
    }

    /// What the log is to be told, now and then: it names reasons, and no line of any log.
    pub(super) fn news(&mut self, dropped: &Dropped, problems: &Counts) -> Vec<String> {
        if self.looked.is_some_and(|looked| looked.elapsed() < SAY_EVERY) {
            return Vec::new();
        }
        self.looked = Some(Instant::now());
        let unreadable = self.all_unreadable(dropped);
        let by_reason: Vec<(&str, u64)> = dropped.by_reason.iter().map(|(why, count)| (*why, *count)).collect();
        let kinds = [
            ("was sent and isn't taken", by_reason),
            ("can't be read as records", counted(&unreadable)),
            ("isn't understood", counted(&self.not_understood)),
            ("can't be followed", counted(problems)),
        ];
        let mut news = Vec::new();
        for (kind, mut by_reason) in kinds {
            let total: u64 = by_reason.iter().map(|(_, count)| count).sum();
            let before = self.said.get(kind);
            let is_new = match before {
                None => total > 0,
                Some(said) => total >= said.total * 2 || total > said.total && said.at.elapsed() >= SAY_AGAIN,
            };
            if !is_new {
                continue;
            }
            by_reason.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let named: Vec<String> = by_reason
                .iter()
                .take(REASONS_SAID)
                .map(|(reason, count)| format!("{count} times: {reason}"))
                .collect();
            let more = if by_reason.len() > REASONS_SAID {
                "; and more"
            } else {
                ""
            };
            news.push(format!(
                "of logs, {total} in all {kind}: {}{more}. `holdfast threat status` has samples",
                named.join("; ")
            ));
            let at = Instant::now();
            self.said.insert(kind, Said { total, at });
        }
        news
    }
}

/// A time without its fraction.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn counted(counts: &Counts) -> Vec<(&str, u64)> {
    let all = counts.by_count().into_iter();
    all.map(|(reason, tally)| (reason, tally.count)).collect()
}

fn reasons(counts: &Counts) -> Vec<Reason> {
    let all = counts.by_count().into_iter();
    all.map(|(reason, tally)| Reason {
        reason: reason.to_owned(),
        tally: tally.clone(),
    })
    .collect()
}

/// Replaces the file. It is about this moment: it need not survive a power cut.
fn replace(data: &Path, status: &Status) -> io::Result<()> {
    let folder = data.join(FOLDER);
    let partial = folder.join("status.json.partial");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    let mut output = io::BufWriter::new(file);
    serde_json::to_writer(&mut output, status)?;
    output.flush()?;
    std::fs::rename(&partial, folder.join(FILE))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn origin(source: &str) -> Origin {
        Origin {
            source: source.into(),
            record: 1,
        }
    }

    #[test]
    fn what_was_counted_is_read_back_and_is_for_its_owner_only() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join(FOLDER)).unwrap();
        assert!(read(data.path()).unwrap().is_none());
        let mut counting = Counting::new(&ThreatSettings::default());
        let received = "2026-03-01T10:00:00.5Z".parse().unwrap();
        counting.record(&origin("http fluent 10.0.0.7"), received);
        counting.not_understood(&origin("http fluent 10.0.0.7"), "of no source that is known", "a line");
        let mut dropped = Dropped::default();
        dropped.by_reason.insert("an empty message", 3);
        counting.write(data.path(), true, &dropped, &Counts::default());
        let status = read(data.path()).unwrap().unwrap();
        let source = &status.sources["http fluent 10.0.0.7"];
        assert_eq!((source.records, source.not_understood), (1, 1));
        assert_eq!(source.last_record, "2026-03-01T10:00:00Z");
        assert_eq!(status.dropped["an empty message"], 3);
        assert_eq!(status.not_understood[0].tally.samples[0].text, "a line");
        let path = data.path().join(FOLDER).join(FILE);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read(data.path()).unwrap_err().code, FailureCode::Damage);
    }

    #[test]
    fn the_log_is_told_what_is_new_and_no_line_of_a_log() {
        let mut counting = Counting::new(&ThreatSettings::default());
        let (dropped, none) = (Dropped::default(), Counts::default());
        assert!(counting.news(&dropped, &none).is_empty());
        counting.not_understood(&origin("a"), "of no source that is known", "secret");
        assert!(counting.news(&dropped, &none).is_empty(), "too soon");
        let later = |counting: &mut Counting| {
            counting.looked = None;
            counting.news(&dropped, &none)
        };
        let news = later(&mut counting);
        assert_eq!(news.len(), 1);
        assert!(
            news[0].contains("1 times: of no source that is known") && !news[0].contains("secret"),
            "{news:?}"
        );
        assert!(later(&mut counting).is_empty(), "nothing is new");
        counting.not_understood(&origin("a"), "of no source that is known", "secret");
        assert_eq!(later(&mut counting).len(), 1, "it has doubled");
    }

    #[test]
    fn senders_without_end_are_counted_together() {
        let mut counting = Counting::new(&ThreatSettings::default());
        for number in 0..SOURCES_MAX + 50 {
            counting.record(&origin(&format!("syslog udp {number}")), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(counting.sources.len(), SOURCES_MAX + 1);
        assert_eq!(counting.sources[OTHERS].records, 50);
    }
}
