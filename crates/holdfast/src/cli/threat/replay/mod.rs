//! `holdfast threat replay`: logs of the past through the whole chain, dry.

mod chain;
mod words;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use logs::open::Limits;
use logs::replay::{Outcome, replay};
use respond::Time;
use respond::policy::{self, Replayed};
use threat::detection::Detection;

use crate::cli::arguments::Common;
use crate::cli::noted::time_if;
use crate::cli::output::{self, print};
use crate::cli::policy::{policies, volumes};
use crate::cli::progress::Shown;
use crate::config::Config;
use crate::control::Progress;
use crate::desk;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::place::Place;
use crate::reach::Interruptible;
use crate::threat_watch::{load_rules, read_entities};
use chain::Chain;

const HELP: &str = "\
Logs are read as by `holdfast threat scan`, and their events are taken in the order of their
times. What rules, behaviour and stories would have told goes to the policies in force; what
these would have done is listed with the time at which it would have been. Nothing is done, no
daemon is needed, and what the daemon knows isn't used: people, machines and habits are learnt
from these logs alone.

Rules, people, machines and policies are those of the configuration, if there is one. Volumes
are those of the data folder, of [volumes] and of [threat.machines].

--speed 100x plays a day in a quarter of an hour; by default it goes as fast as it can.

Examples:
  holdfast threat replay /var/log/remote
  holdfast threat replay evidence.zip --from 2026-11-20 --to 2026-11-24 --json
  holdfast threat replay evidence --rules sigma/rules --speed 100x";

/// How often a pause looks whether it was broken off.
const PAUSE: Duration = Duration::from_millis(50);

/// `holdfast threat replay`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Replay {
    /// Files and folders with logs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How fast: `max`, or a multiple of real time like `100x`
    #[arg(long, value_name = "SPEED", default_value = "max", value_parser = speed)]
    speed: Speed,
    /// Only events at this time or later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Only events at this time or earlier
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// More rules than those of the configuration; can be given several times
    #[arg(long, value_name = "FOLDER")]
    rules: Vec<PathBuf>,
}

/// How many times as fast as it happened; none for as fast as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Speed(Option<u32>);

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed(None));
    }
    let number = text.strip_suffix('x').and_then(|number| number.parse().ok());
    let number = number.filter(|number| *number > 0);
    number
        .map(|number| Speed(Some(number)))
        .ok_or_else(|| format!("`{text}` is no speed; write it like `100x` or `max`"))
}

pub(super) fn run(common: &Common, place: &Place, task: &Replay) -> Result<u8, Failure> {
    let config = place.config()?;
    let policies = policies(place, &[])?;
    let (from, to) = (time_if(task.from.as_ref())?, time_if(task.to.as_ref())?);
    let mut settings = config.threat.clone();
    settings.rules.extend(task.rules.iter().cloned());
    let mut detection = Detection::new(load_rules(&settings)?);
    if let Some(entities) = &settings.entities {
        let text = read_entities(entities)?;
        let listed = detection.directory_mut().load_csv(&text, Timestamp::now().as_second());
        listed.map_err(|error| Failure::new(FailureCode::Config, format!("[threat] entities: {error}")))?;
    }
    let mut chain = Chain::new(detection, settings.machines.clone(), all_volumes(place, &config))?;
    let mut shown = Shown::new("replaying", common.json);
    let mut pace = Pace::new(task.speed, from, to);
    let outcome = play(task, &mut chain, &mut pace, &mut shown)?;
    if let (0, Some(problem)) = (outcome.events, outcome.problems.first()) {
        return Err(Failure::not_found(format!(
            "`{}` can't be read: {}",
            problem.name, problem.reason
        )));
    }
    let alerts = chain.alerts.drain(..).map(Ok);
    let actions = policy::replay(&policies, alerts, &TimeZone::system()).map_err(|error| desk::failed(&error))?;
    let replayed = Played::new(&chain, &outcome, &pace, actions);
    if common.json {
        output::json(&replayed);
    } else {
        print(words::text(&replayed, &outcome).as_bytes());
    }
    Ok(if outcome.problem_count > 0 {
        FailureCode::Damage.exit_code()
    } else {
        EXIT_OK
    })
}

/// Plays the logs, until the end or a signal.
fn play(task: &Replay, chain: &mut Chain, pace: &mut Pace, shown: &mut Shown) -> Result<Outcome, Failure> {
    let mut failure = None;
    let mut progress = Interruptible::watch(shown)?;
    let outcome = replay(&task.paths, &Limits::default(), &mut |event, at| {
        let goes_on = progress.update(at.bytes_done, at.bytes) == ControlFlow::Continue(());
        if !pace.wait_for(event.time, &|| progress.is_interrupted()) {
            return goes_on;
        }
        if let Err(failed) = chain.take(&event) {
            failure = Some(failed);
        }
        goes_on && failure.is_none()
    });
    shown.end();
    failure.map_or(Ok(outcome), Err)
}

/// All disks that may be concerned.
fn all_volumes(place: &Place, config: &Config) -> Vec<String> {
    let mut all: BTreeSet<String> = volumes(place).into_iter().collect();
    all.extend(config.volumes_named().map(str::to_owned));
    all.extend(config.threat.machines.values().flatten().cloned());
    all.into_iter().collect()
}

/// Which events are meant, and when their turn is.
struct Pace {
    speed: Speed,
    from: Option<Time>,
    to: Option<Time>,
    /// The time of the first event, and when it was played.
    began: Option<(Timestamp, Instant)>,
    last: Option<Timestamp>,
    taken: u64,
}

impl Pace {
    const fn new(speed: Speed, from: Option<Time>, to: Option<Time>) -> Self {
        Self {
            speed,
            from,
            to,
            began: None,
            last: None,
            taken: 0,
        }
    }

    /// Waits until an event's turn. False: it isn't meant.
    fn wait_for(&mut self, time: Timestamp, is_over: &dyn Fn() -> bool) -> bool {
        let at = Time::from_unix_millis(time.as_millisecond());
        if self.from.is_some_and(|from| at < from) || self.to.is_some_and(|to| at > to) {
            return false;
        }
        let (first, began) = *self.began.get_or_insert_with(|| (time, Instant::now()));
        self.last = self.last.max(Some(time));
        self.taken += 1;
        if let Speed(Some(times)) = self.speed {
            let passed = Duration::try_from(time.duration_since(first)).unwrap_or_default() / times;
            while began.elapsed() < passed && !is_over() {
                std::thread::sleep(PAUSE.min(passed.saturating_sub(began.elapsed())));
            }
        }
        true
    }
}

/// What the replay shows.
#[derive(Debug, serde::Serialize)]
struct Played<'a> {
    files: usize,
    records: u64,
    /// Events of the time that was asked for.
    events: u64,
    /// Events that came after later ones.
    late: u64,
    first: Option<String>,
    last: Option<String>,
    told: &'a [chain::Line],
    actions: Vec<Replayed>,
    summary: Summary<'a>,
    not_understood: u64,
    problems: &'a [logs::open::Problem],
    was_given_up: bool,
}

/// The replay in short.
#[derive(Debug, serde::Serialize)]
struct Summary<'a> {
    /// What would have opened the first incident.
    first_incident: Option<&'a chain::Line>,
    /// What would have completed the first story that is told.
    first_story: Option<&'a chain::Line>,
    stories: usize,
    /// When each disk would have been pinned first.
    pinned: Vec<Pinned>,
    /// Lines that an administrator would have had to read.
    lines: u64,
    /// Findings that are added to those.
    added: usize,
    /// Messages to people.
    messages: usize,
}

/// When a disk would have been pinned first.
#[derive(Debug, serde::Serialize)]
struct Pinned {
    volume: String,
    time: Time,
    policy: String,
}

impl<'a> Played<'a> {
    fn new(chain: &'a Chain, outcome: &'a Outcome, pace: &Pace, actions: Vec<Replayed>) -> Self {
        let tallies = outcome.not_understood.by_count();
        let summary = Summary {
            first_incident: chain.told.iter().find(|line| line.incident.is_some()),
            first_story: chain.told.iter().find(|line| line.kind == "attack"),
            stories: chain.stories(),
            pinned: pinned(&actions),
            lines: chain.told.iter().filter(|line| !line.is_added).count() as u64 + chain.left_out,
            added: chain.told.iter().filter(|line| line.is_added).count(),
            messages: actions.iter().filter(|action| action.action.name() == "notify").count(),
        };
        Self {
            files: outcome.files,
            records: outcome.records,
            events: pace.taken,
            late: outcome.late,
            first: pace.began.map(|(first, _)| first.to_string()),
            last: pace.last.map(|last| last.to_string()),
            told: &chain.told,
            actions,
            summary,
            not_understood: tallies.iter().map(|(_, tally)| tally.count).sum(),
            problems: &outcome.problems,
            was_given_up: outcome.was_given_up,
        }
    }
}

fn pinned(actions: &[Replayed]) -> Vec<Pinned> {
    let mut pinned: Vec<Pinned> = Vec::new();
    for action in actions.iter().filter(|action| action.action.name() == "pin") {
        let Some(volume) = action.action.volume() else { continue };
        if pinned.iter().all(|known| known.volume != volume) {
            pinned.push(Pinned {
                volume: volume.to_owned(),
                time: action.time,
                policy: action.policy.clone(),
            });
        }
    }
    pinned
}
