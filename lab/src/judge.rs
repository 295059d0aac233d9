//! What a sentinel makes of a trace: when it bookmarked and fenced, how much had been changed by then, and what it took for
//! an attack that was none.

use std::io::Read;

use sentinel::{Assessment, Level, Micros, Model, Sentinel};
use serde_json::{Value, json};

use crate::trace::{ATTACK_BEGINS, ATTACK_ENDS, Event, Record, TraceError, TraceReader, replay};

const BLOCKS_PER_MIB: f64 = 256.0;
const MICROS_PER_SECOND: f64 = 1e6;

/// What became of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// What the trace says of itself.
    pub description: Value,
    /// Blocks read.
    pub read: u64,
    /// Blocks written.
    pub written: u64,
    /// Stored blocks that were zeroed or trimmed.
    pub cleared: u64,
    /// From the first record to the last, in microseconds.
    pub duration: Micros,
    /// Bookmarks while there was no attack. Until suspicion has been gone, it is one.
    pub false_bookmarks: u32,
    /// Fences while there was no attack. Each is taken for released at once: suspicion begins anew.
    pub false_fences: u32,
    /// The attack, if there is one in the trace.
    pub attack: Option<Attack>,
    /// The highest suspicion outside of the attack, in 1/1024 of a logit.
    pub suspicion_most: i32,
}

/// What became of an attack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attack {
    /// When it began.
    pub began: Micros,
    /// Blocks changed in it altogether, by whomever.
    pub changed: u64,
    /// The first assessment that called for a bookmark.
    pub bookmarked: Option<Reached>,
    /// The first assessment that called for a fence. Nothing is shown to the sentinel after it.
    pub fenced: Option<Reached>,
}

/// A level that was reached during an attack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Since the attack began, in microseconds.
    pub after: Micros,
    /// Blocks changed since then: written, or stored ones cleared.
    pub changed: u64,
    /// How long before the attack the onset lies, in microseconds: below zero, if it lies within the attack, which means
    /// that some damage would be left by a return to it.
    pub onset_lead: i64,
    /// Blocks changed between onset and attack: ordinary work that a return would take back too.
    pub ordinary: u64,
    /// Blocks changed between attack and onset: damage that a return would leave.
    pub damage_left: u64,
}

/// The state of a judgement.
#[derive(Default)]
struct Judge {
    verdict: Verdict,
    /// When how many blocks had been changed since the trace began.
    changes: Vec<(Micros, u64)>,
    changed: u64,
    /// Blocks changed when the attack began.
    changed_before_attack: u64,
    is_attacked: bool,
    is_bookmarked: bool,
    first: Option<Micros>,
}

/// Shows a trace to a sentinel that has seen nothing, and tells what came of it. A trace that is cut off is an error.
pub fn judge<R: Read, B: AsRef<[u8]>>(reader: &mut TraceReader<R>, model: &Model<B>) -> Result<Verdict, TraceError> {
    let mut judge = Judge::default();
    judge.verdict.description = reader.header().description.clone();
    let mut sentinel = Box::new(Sentinel::new());
    replay(reader, &mut sentinel, model, |record, assessment, sentinel| {
        judge.note(record);
        if let Some(assessment) = assessment {
            judge.assessed(record.time, assessment, sentinel);
        }
    })?;
    Ok(judge.verdict)
}

impl Judge {
    fn note(&mut self, record: &Record) {
        let verdict = &mut self.verdict;
        let first = *self.first.get_or_insert(record.time);
        verdict.duration = record.time - first;
        let changed = match &record.event {
            Event::Read { count, .. } => {
                verdict.read += u64::from(*count);
                0
            }
            Event::Write { blocks, .. } => {
                verdict.written += blocks.len() as u64;
                blocks.len() as u64
            }
            Event::Zero { stored, .. } | Event::Trim { stored, .. } => {
                verdict.cleared = verdict.cleared.saturating_add(*stored);
                *stored
            }
            Event::Flush => 0,
            Event::Mark(text) => {
                self.marked(record.time, text);
                0
            }
        };
        if changed > 0 {
            self.changed = self.changed.saturating_add(changed);
            self.changes.push((record.time, self.changed));
        }
        if self.is_attacked
            && let Some(attack) = &mut self.verdict.attack
        {
            attack.changed += changed;
        }
    }

    fn marked(&mut self, time: Micros, text: &str) {
        match text {
            ATTACK_BEGINS => {
                self.is_attacked = true;
                if self.verdict.attack.is_none() {
                    self.changed_before_attack = self.changed;
                }
                self.verdict.attack.get_or_insert(Attack {
                    began: time,
                    ..Attack::default()
                });
            }
            ATTACK_ENDS => self.is_attacked = false,
            _ => {}
        }
    }

    fn assessed(&mut self, now: Micros, assessment: &Assessment, sentinel: &mut Sentinel) {
        // What an attack wrote last reaches the disk after its end: all that follows it may be its work.
        if self.verdict.attack.is_some() {
            self.assessed_in_attack(now, assessment);
            return;
        }
        self.verdict.suspicion_most = self.verdict.suspicion_most.max(assessment.suspicion);
        if assessment.suspicion == 0 {
            self.is_bookmarked = false;
        }
        if assessment.level >= Level::Bookmark && !self.is_bookmarked {
            self.is_bookmarked = true;
            self.verdict.false_bookmarks += 1;
        }
        if assessment.level == Level::Fence {
            self.verdict.false_fences += 1;
            self.is_bookmarked = false;
            sentinel.rest(now);
        }
    }

    fn assessed_in_attack(&mut self, now: Micros, assessment: &Assessment) {
        let Some(attack) = &self.verdict.attack else { return };
        if attack.fenced.is_some() || assessment.level == Level::Calm {
            return;
        }
        let reached = self.reached(now, attack.began, assessment.onset);
        if let Some(attack) = &mut self.verdict.attack {
            attack.bookmarked.get_or_insert(reached);
            if assessment.level == Level::Fence {
                attack.fenced = Some(reached);
            }
        }
    }

    fn reached(&self, now: Micros, began: Micros, onset: Micros) -> Reached {
        let before = self.changed_before_attack;
        let before_onset = self.changed_before(onset);
        Reached {
            after: now.saturating_sub(began),
            changed: self.changed - before,
            onset_lead: began.cast_signed().saturating_sub(onset.cast_signed()),
            ordinary: before.saturating_sub(before_onset),
            damage_left: before_onset.saturating_sub(before),
        }
    }

    /// Blocks changed before a time.
    fn changed_before(&self, time: Micros) -> u64 {
        let earlier = self.changes.partition_point(|(changed, _)| *changed < time);
        let last = earlier.checked_sub(1).and_then(|index| self.changes.get(index));
        last.map_or(0, |(_, changed)| *changed)
    }
}

impl Verdict {
    /// As a JSON object: seconds and MiB.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "description": self.description,
            "read_blocks": self.read,
            "written_blocks": self.written,
            "cleared_blocks": self.cleared,
            "seconds": seconds(self.duration),
            "false_bookmarks": self.false_bookmarks,
            "false_fences": self.false_fences,
            "suspicion_most": self.suspicion_most,
            "attack": self.attack.as_ref().map(|attack| json!({
                "changed_mib": mib(attack.changed),
                "bookmarked": attack.bookmarked.map(Reached::to_json),
                "fenced": attack.fenced.map(Reached::to_json),
            })),
        })
    }

    /// In one line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let told = |reached: &Option<Reached>| match reached {
            Some(reached) => format!("{:.1} s, {:.1} MiB", seconds(reached.after), mib(reached.changed)),
            None => "never".to_owned(),
        };
        let mut line = format!(
            "{:.1} MiB written, {:.1} MiB read in {:.0} s; {} false bookmarks, {} false fences",
            mib(self.written),
            mib(self.read),
            seconds(self.duration),
            self.false_bookmarks,
            self.false_fences,
        );
        if let Some(attack) = &self.attack {
            line += &format!(
                "; attack: bookmarked after {}, fenced after {}",
                told(&attack.bookmarked),
                told(&attack.fenced)
            );
        }
        if let Some(fenced) = self.attack.as_ref().and_then(|attack| attack.fenced) {
            line += &match fenced.damage_left {
                0 => format!(
                    "; onset {:.1} s and {:.1} MiB before the attack",
                    fenced.onset_lead as f64 / MICROS_PER_SECOND,
                    mib(fenced.ordinary)
                ),
                left => format!("; ONSET TOO LATE, behind {:.2} MiB of damage", mib(left)),
            };
        }
        line
    }
}

impl Reached {
    fn to_json(self) -> Value {
        json!({
            "seconds": seconds(self.after),
            "mib": mib(self.changed),
            "onset_lead_seconds": self.onset_lead as f64 / MICROS_PER_SECOND,
            "onset_is_before_attack": self.damage_left == 0,
            "ordinary_mib": mib(self.ordinary),
            "damage_left_mib": mib(self.damage_left),
        })
    }
}

fn seconds(micros: Micros) -> f64 {
    micros as f64 / MICROS_PER_SECOND
}

fn mib(blocks: u64) -> f64 {
    blocks as f64 / BLOCKS_PER_MIB
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Header, TraceWriter};
    use sentinel::{Class, FEATURES, Former, Look, Written, feature_name};

    const SECOND: Micros = 1_000_000;
    const START: Micros = 1_000_000 * SECOND;

    /// The share of what was written in the last 2 s that looks random.
    const RANDOM: u16 = 5;
    const SCORE: i32 = 4000;

    /// A model that asks only for `RANDOM`; one assessment bookmarks, three fence.
    fn model() -> Model<Vec<u8>> {
        assert_eq!(feature_name(RANDOM.into()), Some(("random / written", "2 s")));
        let mut bytes = b"HFSM".to_vec();
        bytes.extend([1, FEATURES as u16].map(u16::to_le_bytes).concat());
        bytes.extend([1, 0, 0, SCORE, 3 * SCORE, 1, 0].map(i32::to_le_bytes).concat());
        for (feature, threshold, left, right) in [
            (RANDOM, 500_u16, 1, 2),
            (u16::MAX, 0, 0, -SCORE),
            (u16::MAX, 0, 0, SCORE),
        ] {
            bytes.extend([feature, threshold].map(u16::to_le_bytes).concat());
            bytes.extend([left, right].map(i32::to_le_bytes).concat());
        }
        Model::parse(bytes).unwrap()
    }

    struct Story(TraceWriter<Vec<u8>>, Micros);

    impl Story {
        fn new() -> Self {
            let header = Header {
                volume_bytes: 1 << 30,
                start: START,
                description: json!({"case": "story"}),
            };
            Self(TraceWriter::new(Vec::new(), &header).unwrap(), START)
        }

        fn tell(mut self, event: Event) -> Self {
            self.0.write(&Record { time: self.1, event }).unwrap();
            self
        }

        fn mark(self, text: &str) -> Self {
            self.tell(Event::Mark(text.to_owned()))
        }

        /// Half a MiB a second.
        fn write(mut self, seconds: u64, class: Class) -> Self {
            let look = Look { class, distinct: 160 };
            let former = Former {
                class: Class::Text,
                is_stored: true,
                age_seconds: Some(1000),
                ..Former::default()
            };
            for _ in 0..seconds {
                self.1 += SECOND;
                let blocks = vec![Written { look, former }; 128];
                self = self.tell(Event::Write { first: 5000, blocks });
            }
            self
        }

        fn wait(mut self, seconds: u64) -> Self {
            self.1 += seconds * SECOND;
            self
        }

        fn judged(self) -> Verdict {
            let bytes = self.0.finish().unwrap();
            judge(&mut TraceReader::new(bytes.as_slice()).unwrap(), &model()).unwrap()
        }
    }

    #[test]
    fn an_attack_is_measured_from_its_beginning() {
        let story = Story::new().write(100, Class::Text).mark(ATTACK_BEGINS);
        let verdict = story
            .write(20, Class::Random)
            .mark(ATTACK_ENDS)
            .write(5, Class::Text)
            .judged();
        let attack = verdict.attack.clone().unwrap();
        assert_eq!((verdict.false_bookmarks, verdict.false_fences), (0, 0));
        assert_eq!((verdict.written, attack.changed), (125 * 128, 20 * 128));
        let (bookmarked, fenced) = (attack.bookmarked.unwrap(), attack.fenced.unwrap());
        assert_eq!((bookmarked.after, bookmarked.changed), (2 * SECOND, 2 * 128));
        assert_eq!((fenced.after, fenced.changed), (4 * SECOND, 4 * 128));
        assert!(fenced.onset_lead > 0 && fenced.ordinary < 6 * 128, "{fenced:?}");
        assert_eq!(fenced.damage_left, 0);
        assert_eq!(verdict.to_json()["attack"]["fenced"]["mib"], json!(2.0));
        assert!(verdict.to_line().contains("fenced after 4.0 s, 2.0 MiB"));
    }

    #[test]
    fn alarms_without_an_attack_are_false_ones() {
        let story = Story::new().write(1, Class::Random).wait(10).write(60, Class::Text);
        let verdict = story.write(7, Class::Random).judged();
        // A bookmark that calmed down, and two times three assessments that fence; the first of the seven still sees the text.
        assert_eq!((verdict.false_bookmarks, verdict.false_fences), (3, 2));
        assert_eq!(verdict.attack, None);
    }

    #[test]
    fn an_attack_that_nobody_notices_is_told_so() {
        let verdict = Story::new().mark(ATTACK_BEGINS).write(20, Class::Text).judged();
        let attack = verdict.attack.clone().unwrap();
        assert_eq!((attack.bookmarked, attack.fenced), (None, None));
        assert!(verdict.to_line().contains("fenced after never"));
    }
}
