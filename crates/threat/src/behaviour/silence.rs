//! A machine whose log falls silent while those of others go on.
//!
//! Says nothing of a machine before it has sent fifty records on three days; nothing if most of the machines with that kind of log are
//! silent too, which is the collector's fault and said as such; and nothing while records come out of order, as they do when old logs are read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, counted};
use crate::alert::Level;
use crate::entity::{Directory, EntityId};
use crate::event::Event;
use crate::recent::Recent;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const BEATS_MAX: usize = 50_000;
const KNOWN_DAYS: u32 = 3;
const KNOWN_EVENTS: u64 = 50;
/// How many times the longest pause so far, and how long at least.
const PAUSES: i64 = 3;
const LEAST_SECONDS: i64 = HOUR;
/// How far back a record may be without being out of order. One in so many such records of this day and the last forbid to judge: whoever can write a few
/// late ones silences nothing by them.
const DISORDER_SECONDS: i64 = HOUR;
const DISORDER_ONE_IN: u64 = 20;
const FORGOTTEN: i64 = 30 * DAY;

/// When each machine was last heard of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Silences {
    beats: Recent<(String, EntityId), Beat>,
    newest: i64,
    #[serde(default)]
    order: Order,
    checked: i64,
}

/// How many records come late, of this day and the one before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Order {
    day: i64,
    now: Records,
    before: Records,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Records {
    all: u64,
    late: u64,
}

impl Order {
    fn see(&mut self, is_late: bool, newest: i64) {
        let day = newest.div_euclid(DAY);
        if day > self.day {
            self.before = if day == self.day + 1 {
                self.now
            } else {
                Records::default()
            };
            (self.day, self.now) = (day, Records::default());
        }
        self.now.all += 1;
        self.now.late += u64::from(is_late);
    }

    const fn is_lost(&self) -> bool {
        let (all, late) = (self.now.all + self.before.all, self.now.late + self.before.late);
        late.saturating_mul(DISORDER_ONE_IN) > all
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Beat {
    last: i64,
    day: i64,
    days: u32,
    events: u64,
    longest_pause: i64,
    told: bool,
}

/// How many machines with one kind of log are known, and how many of them are silent.
#[derive(Clone, Copy, Default)]
struct Machines {
    known: usize,
    silent: usize,
}

/// A machine that is silent.
pub(super) struct Silent {
    pub(super) machine: EntityId,
    pub(super) finding: Finding,
}

impl Silences {
    pub(super) fn new() -> Self {
        Self {
            beats: Recent::new(BEATS_MAX),
            newest: i64::MIN,
            order: Order::default(),
            checked: i64::MIN,
        }
    }

    /// `middle` is the middle one of the last few times, which no single record can move.
    pub(super) fn see(&mut self, event: &Event, machine: EntityId, now: i64, middle: i64) {
        let is_late = now < self.newest.saturating_sub(DISORDER_SECONDS);
        self.newest = self.newest.max(middle);
        self.order.see(is_late, self.newest);
        let day = now.div_euclid(DAY);
        let beat = self.beats.see(&(source(event), machine), now, || Beat {
            last: now,
            day: i64::MIN,
            days: 0,
            events: 0,
            longest_pause: 0,
            told: false,
        });
        if !beat.told {
            beat.longest_pause = beat.longest_pause.max(now - beat.last);
        }
        beat.told = false;
        beat.last = beat.last.max(now.min(middle + HOUR));
        beat.events += 1;
        beat.days += u32::from(day > beat.day);
        beat.day = beat.day.max(day);
    }

    /// Whether it's time to look again: every ten minutes of the events' time.
    pub(super) fn is_due(&self, now: i64) -> bool {
        now >= self.checked.saturating_add(600)
    }

    /// Machines that are silent by now.
    pub(super) fn check(&mut self, now: i64, directory: &Directory) -> Vec<Silent> {
        self.checked = now;
        if self.order.is_lost() {
            return Vec::new();
        }
        let mut all: BTreeMap<&str, Machines> = BTreeMap::new();
        let mut silent: Vec<(&str, EntityId)> = Vec::new();
        for ((source, machine), _, beat) in self.beats.iter().filter(|(_, _, beat)| beat.is_known()) {
            let is_silent = beat.is_silent(now);
            let machines = all.entry(source).or_default();
            machines.known += 1;
            machines.silent += usize::from(is_silent);
            if is_silent && !beat.told {
                silent.push((source, *machine));
            }
        }
        let silent: Vec<(String, EntityId, Machines)> = silent
            .into_iter()
            .filter_map(|(source, machine)| Some((source.to_owned(), machine, *all.get(source)?)))
            .collect();
        silent
            .into_iter()
            .filter_map(|(source, machine, all)| self.tell(source, machine, all, now, directory))
            .collect()
    }

    pub(super) fn merged(&mut self, lost: EntityId, kept: EntityId) {
        let keys: Vec<_> = self
            .beats
            .iter()
            .filter(|((_, machine), _, _)| *machine == lost)
            .map(|(key, _, _)| key.clone())
            .collect();
        for key in keys {
            if let Some(beat) = self.beats.remove(&key) {
                self.beats.see(&(key.0, kept), beat.last, || beat.clone());
            }
        }
    }

    pub(super) fn expire(&mut self, now: i64) {
        self.beats.expire(now - FORGOTTEN);
    }

    fn tell(
        &mut self,
        source: String,
        machine: EntityId,
        machines: Machines,
        now: i64,
        directory: &Directory,
    ) -> Option<Silent> {
        let (all, lost) = (machines.known, machines.silent);
        let key = (source, machine);
        let beat = self.beats.peek_mut(&key)?;
        let source = &key.0;
        beat.told = true;
        let name = directory.name(machine);
        let (quiet, pause) = (duration(now - beat.last), duration(beat.longest_pause));
        let most = all > 2 && lost * 2 > all;
        let (level, others) = if most {
            (
                Level::Informational,
                format!("{lost} of {all} machines with this log are silent: look at the collector first"),
            )
        } else {
            (
                Level::Medium,
                format!("{} with this log go on", counted(all - lost, "machine", "machines")),
            )
        };
        Some(Silent {
            machine,
            finding: Finding {
                model: "silence",
                part: None,
                title: "A machine's log fell silent",
                level,
                attack: &["defense-evasion", "t1562.001"],
                words: format!(
                    "nothing came from {name} ({source}) for {quiet}, whose longest pause in {} days was {pause}; {others}",
                    beat.days
                ),
                count: 1,
            },
        })
    }
}

impl Beat {
    const fn is_known(&self) -> bool {
        self.days >= KNOWN_DAYS && self.events >= KNOWN_EVENTS
    }

    fn is_silent(&self, now: i64) -> bool {
        now - self.last > (self.longest_pause * PAUSES).max(LEAST_SECONDS)
    }
}

fn source(event: &Event) -> String {
    match event.logsource.service.or(event.logsource.category) {
        Some(service) => format!("{} {service}", event.logsource.product),
        None => event.logsource.product.to_owned(),
    }
}

fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / HOUR),
        _ => format!("{} days", seconds / DAY),
    }
}
