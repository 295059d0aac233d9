//! `holdfast files history`: the versions of one file through time.
//!
//! A moment is cheap to look at, but there are millions of them. A few, spread over the time in which something was written, are looked at
//! first; between two that show different states of the file, ever closer ones are, until the change is known to the second. Writes into a
//! file's own blocks, which change nothing else about it, are found in the log.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use answers::Past;
use files::{Flow, Metadata, NodeId, NodeKind};
use serde::Serialize;
use volume::{Change, Moment, Sequence, Timestamp};

use super::changed::{events, on_disk, restores};
use super::content::hash;
use super::failures::reason;
use super::opened::OpenedDisk;
use super::row::MetadataObject;
use crate::control::{MomentReport, Time};
use crate::failure::{Failure, FailureCode};
use crate::past::{VolumePast, failure_of};
use crate::when::When;

/// Pauses in the writing that are known of.
const PAUSES_MAX: usize = 1 << 14;
/// A pause is at least this long at first.
const PAUSE_NANOS: u64 = 1_000_000_000;
/// Of the looks, this share is spread evenly at first.
const FIRST_SHARE: usize = 8;
/// Two moments this close are as good as one, unless there are looks to spare.
const CLOSE_NANOS: u128 = 1_000_000_000;
/// Of the looks, this share may be spent on moments that are close.
const CLOSE_SHARE: usize = 4;
/// Writes into a file's blocks that close to a change of its metadata belong to it: file systems write both within such a time.
const TOGETHER_NANOS: u64 = 10_000_000_000;
/// Writes into a file's blocks that follow each other this closely are one change.
const BURST_NANOS: u64 = 2_000_000_000;
/// Changes in place that are told.
const BURSTS_MAX: usize = 1000;
/// Pieces of a file that are watched for writes; a file in more is watched in its first ones.
const PIECES_MAX: usize = 1 << 12;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The path.
    pub path: Vec<u8>,
    /// The area, if it was named.
    pub area: Option<String>,
    /// From when on; from the oldest moment if `None`.
    pub since: Option<When>,
    /// Up to when.
    pub until: When,
    /// Whether versions are hashed.
    pub hash: bool,
    /// Moments that are looked at, at most.
    pub looks: usize,
}

/// How a version came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was there at the first moment looked at.
    There,
    /// Nothing was there before.
    Created,
    /// Its times, its size or its place changed.
    Changed,
    /// Another file has its name.
    Replaced,
    /// Its own blocks were written to, and nothing else changed.
    InPlace,
    /// The whole disk was returned to another moment.
    DiskRestored,
    /// It was gone.
    Gone,
    /// The file system can't be read from here on.
    Unreadable,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// How it came to be.
    pub how: How,
    /// A moment that shows it, the first one known.
    pub moment: MomentReport,
    /// The last moment known that doesn't show it.
    pub after: Option<MomentReport>,
    /// What is known of it.
    #[serde(flatten)]
    pub metadata: Option<MetadataObject>,
    /// Its size, for people.
    #[serde(skip)]
    pub size_bytes: Option<u64>,
    /// Its BLAKE3 hash, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Why it can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The versions of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Versions {
    /// Oldest first.
    pub versions: Vec<Version>,
    /// Moments that were looked at.
    pub looks: usize,
    /// Whether every change between different states is known to the second.
    pub is_exact: bool,
}

/// The file as one moment shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    what: What,
    /// Where it lies on the disk: first byte and length, in the order of the file.
    places: Vec<(u64, u64)>,
    /// The same, in the order of the disk.
    sorted: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Nothing,
    There(NodeId, Box<Metadata>),
    Unreadable(String),
}

/// A moment that was looked at.
#[derive(Clone, Debug)]
struct Look {
    time: Timestamp,
    state: State,
}

/// Writes into a file's blocks that follow each other.
#[derive(Clone, Copy, Debug)]
struct Burst {
    first: (Sequence, Timestamp),
    last: (Sequence, Timestamp),
    is_restore: bool,
}

/// Finds the versions of a file.
pub fn versions(past: &VolumePast, question: &Question) -> Result<Versions, Failure> {
    let history = events(past, question.since.as_ref())?;
    let newest = past.open_when(&question.until)?.sequence;
    let oldest = match &question.since {
        Some(when) => past.open_when(when)?.sequence,
        None => Sequence(history.oldest.sequence),
    };
    let restored = restores(&history);
    let mut search = Search {
        past,
        question,
        looks: BTreeMap::new(),
        pauses: pauses(past, oldest, newest)?,
        is_exact: true,
    };
    search.spread(oldest, newest, &restored)?;
    search.close_in()?;
    if search.looks.values().all(|look| look.state.what == What::Nothing) {
        let path = super::text::printable(&question.path);
        return Err(Failure::not_found(format!(
            "`{path}` wasn't there at any of the {} moments looked at",
            search.looks.len()
        ))
        .hint("`holdfast files find VOLUME: --name NAME` finds where it is; `--looks` looks at more moments"));
    }
    let bursts = search.bursts(oldest, newest, &restored)?;
    let versions = search.tell(&bursts)?;
    Ok(Versions {
        versions,
        looks: search.looks.len(),
        is_exact: search.is_exact,
    })
}

/// The last batches before pauses in the writing: the moments at which a file system is most likely at rest.
fn pauses(past: &VolumePast, from: Sequence, to: Sequence) -> Result<Vec<Sequence>, Failure> {
    let mut pauses: Vec<(Sequence, u64)> = Vec::new();
    let mut shortest = PAUSE_NANOS;
    let mut last: Option<(Sequence, Timestamp)> = None;
    past.changes(from, to, &mut |change| {
        if let Some((sequence, time)) = last {
            let pause = change.time.since(time).as_nanos() as u64;
            if pause >= shortest {
                pauses.push((sequence, pause));
            }
        }
        last = Some((change.sequence, change.time));
        while pauses.len() > PAUSES_MAX {
            shortest *= 2;
            pauses.retain(|(_, pause)| *pause >= shortest);
        }
        ControlFlow::Continue(())
    })
    .map_err(failure_of)?;
    Ok(pauses.into_iter().map(|(sequence, _)| sequence).collect())
}

struct Search<'a> {
    past: &'a VolumePast,
    question: &'a Question,
    /// What was looked at.
    looks: BTreeMap<Sequence, Look>,
    /// Ascending.
    pauses: Vec<Sequence>,
    is_exact: bool,
}

impl Search<'_> {
    /// Looks at both ends, before and after restores, and at some moments in between.
    fn spread(&mut self, oldest: Sequence, newest: Sequence, restored: &[u64]) -> Result<(), Failure> {
        self.look(oldest)?;
        self.look(newest)?;
        let first = (self.question.looks / FIRST_SHARE).max(1);
        let is_inside = |sequence: &Sequence| *sequence > oldest && *sequence < newest;
        let around = restored.iter().rev().take(first / 2);
        for sequence in around
            .flat_map(|at| [Sequence(at.saturating_sub(1)), Sequence(*at)])
            .filter(is_inside)
        {
            self.look(sequence)?;
        }
        let step = (self.pauses.len() / first).max(1);
        let paused = self.pauses.iter().copied().step_by(step);
        // Where there were few pauses, work went on and on, or was soon done.
        let even = first.saturating_sub(self.pauses.len()) as u64;
        let stride = ((newest.0 - oldest.0.min(newest.0)) / (even + 1)).max(1);
        let spread = (1..=even).map(|number| Sequence(oldest.0.saturating_add(number.saturating_mul(stride))));
        let some: Vec<_> = paused.chain(spread).filter(is_inside).collect();
        for sequence in some {
            self.look(sequence)?;
        }
        Ok(())
    }

    /// Looks between moments that show different states, the widest gap first, until they are close.
    fn close_in(&mut self) -> Result<(), Failure> {
        while let Some((nanos, middle)) = self.widest() {
            let is_close = nanos <= CLOSE_NANOS;
            let share = if is_close { CLOSE_SHARE } else { 1 };
            if self.looks.len() >= self.question.looks / share {
                self.is_exact = is_close;
                return Ok(());
            }
            self.look(middle)?;
        }
        Ok(())
    }

    /// Of the gaps between different states the widest, in nanoseconds, and a moment in it.
    fn widest(&self) -> Option<(u128, Sequence)> {
        let gaps = self.looks.iter().zip(self.looks.iter().skip(1));
        let open = gaps.filter(|((_, before), (_, after))| before.state != after.state);
        let middles = open.filter_map(|((a, before), (b, after))| {
            let nanos = after.time.since(before.time).as_nanos();
            Some((nanos, self.middle(*a, *b)?))
        });
        middles.max_by_key(|(nanos, _)| *nanos)
    }

    /// A moment between two: at a pause if there is one; `None` if there is no other.
    fn middle(&self, a: Sequence, b: Sequence) -> Option<Sequence> {
        let first = self.pauses.partition_point(|pause| *pause <= a);
        let behind = self.pauses.partition_point(|pause| *pause < b);
        if first < behind {
            return self.pauses.get(first.midpoint(behind)).copied();
        }
        (b.0 - a.0 > 1).then(|| Sequence(a.0.midpoint(b.0)))
    }

    fn look(&mut self, sequence: Sequence) -> Result<(), Failure> {
        if self.looks.contains_key(&sequence) {
            return Ok(());
        }
        let moment = self.past.open(&Moment::After(sequence)).map_err(failure_of)?;
        let time = moment.time;
        let state = self.state(OpenedDisk::of(moment));
        self.looks.insert(sequence, Look { time, state });
        Ok(())
    }

    /// The file at a moment. A file system that can't be read is a state like any other.
    fn state(&self, disk: Result<OpenedDisk, Failure>) -> State {
        let without_place = |what| State {
            what,
            places: Vec::new(),
            sorted: Vec::new(),
        };
        let inside = disk.and_then(|disk| disk.enter(&self.question.path, self.question.area.as_deref()));
        let inside = match inside {
            Ok(inside) => inside,
            Err(failure) => return without_place(What::Unreadable(failure.message)),
        };
        let node = match inside.node() {
            Ok(node) => node,
            Err(failure) if failure.code == FailureCode::NotFound => return without_place(What::Nothing),
            Err(failure) => return without_place(What::Unreadable(failure.message)),
        };
        let mut metadata = match inside.fs.metadata(node) {
            Ok(metadata) => metadata,
            Err(error) => return without_place(What::Unreadable(reason(error))),
        };
        // Reading a file makes no version of it.
        metadata.accessed = None;
        let mut places = Vec::new();
        // As far as it can be told.
        let _ = inside.fs.extents(node, &mut |extent| {
            on_disk(&inside.area, &extent, &mut |start, length| places.push((start, length)));
            if places.len() < PIECES_MAX {
                Flow::Continue(())
            } else {
                Flow::Break(())
            }
        });
        let mut sorted = places.clone();
        sorted.sort_unstable();
        State {
            what: What::There(node, Box::new(metadata)),
            places,
            sorted,
        }
    }

    /// Writes into the blocks that the file had at that time, and restores that changed it.
    fn bursts(&self, from: Sequence, to: Sequence, restored: &[u64]) -> Result<Vec<Burst>, Failure> {
        let mut bursts: Vec<Burst> = Vec::new();
        self.past
            .changes(from, to, &mut |change| {
                let before = self.looks.range(..change.sequence).next_back();
                if before.is_some_and(|(_, look)| is_touched(&look.state, change)) {
                    add(&mut bursts, (change.sequence, change.time));
                }
                if bursts.len() < BURSTS_MAX {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })
            .map_err(failure_of)?;
        for at in restored {
            if let (Some(before), Some(after)) = (
                self.looks.get(&Sequence(at.saturating_sub(1))),
                self.looks.get(&Sequence(*at)),
            ) && before.state == after.state
                && self.digest(Sequence(at.saturating_sub(1)))? != self.digest(Sequence(*at))?
            {
                let at = (Sequence(*at), after.time);
                bursts.push(Burst {
                    first: at,
                    last: at,
                    is_restore: true,
                });
            }
        }
        bursts.sort_by_key(|burst| burst.first.0);
        Ok(bursts)
    }

    /// The hash of the file at a moment that was looked at; `None` if there is none, or it can't be read.
    fn digest(&self, sequence: Sequence) -> Result<Option<String>, Failure> {
        let moment = self.past.open(&Moment::After(sequence)).map_err(failure_of)?;
        let inside =
            OpenedDisk::of(moment).and_then(|disk| disk.enter(&self.question.path, self.question.area.as_deref()));
        let Ok(inside) = inside else { return Ok(None) };
        let Ok(node) = inside.node() else { return Ok(None) };
        let Ok(metadata) = inside.fs.metadata(node) else {
            return Ok(None);
        };
        if metadata.kind != NodeKind::File {
            return Ok(None);
        }
        let hashed = hash(inside.fs.as_ref(), node, metadata.size_bytes);
        Ok(hashed.ok().map(|hash| hash.to_hex().to_string()))
    }

    /// Puts together what was found.
    fn tell(&self, bursts: &[Burst]) -> Result<Vec<Version>, Failure> {
        let mut found: Vec<(Sequence, Version)> = Vec::new();
        let mut previous: Option<(&Sequence, &Look)> = None;
        for (sequence, look) in &self.looks {
            let how = match previous {
                None => Some(first(&look.state.what)),
                Some((_, before)) => difference(&before.state, &look.state),
            };
            if let Some(how) = how {
                found.push((*sequence, self.version(how, *sequence, look.time, previous)?));
            }
            previous = Some((sequence, look));
        }
        let edges: Vec<(u64, u64)> = found
            .iter()
            .map(|(_, version)| {
                let after = version.after.map_or(0, |after| after.time.0.as_unix_nanos());
                (after, version.moment.time.0.as_unix_nanos())
            })
            .collect();
        for burst in bursts {
            let (start, end) = (burst.first.1.as_unix_nanos(), burst.last.1.as_unix_nanos());
            // The writing that goes with a change of its metadata: told already.
            let belongs = edges.iter().any(|(after, at)| {
                end.saturating_add(TOGETHER_NANOS) >= *after && start <= at.saturating_add(BURST_NANOS)
            });
            if belongs && !burst.is_restore {
                continue;
            }
            let how = if burst.is_restore {
                How::DiskRestored
            } else {
                How::InPlace
            };
            let before = self.looks.range(..burst.first.0).next_back();
            let mut version = self.version(how, burst.last.0, burst.last.1, before)?;
            version.after = Some(moment(Sequence(burst.first.0.0.saturating_sub(1)), burst.first.1));
            found.push((burst.last.0, version));
        }
        found.sort_by_key(|(sequence, _)| *sequence);
        Ok(found.into_iter().map(|(_, version)| version).collect())
    }

    fn version(
        &self,
        how: How,
        sequence: Sequence,
        time: Timestamp,
        before: Option<(&Sequence, &Look)>,
    ) -> Result<Version, Failure> {
        let shown = self.looks.get(&sequence).or_else(|| before.map(|(_, look)| look));
        let (metadata, problem) = match shown.map(|look| &look.state.what) {
            Some(What::There(_, metadata)) => (Some(metadata), None),
            Some(What::Unreadable(why)) => (None, Some(why.clone())),
            _ => (None, None),
        };
        let is_hashed = self.question.hash && metadata.is_some();
        Ok(Version {
            how,
            moment: moment(sequence, time),
            after: before.map(|(sequence, look)| moment(*sequence, look.time)),
            metadata: metadata.map(|metadata| MetadataObject::new(metadata)),
            size_bytes: metadata.map(|metadata| metadata.size_bytes),
            hash: if is_hashed { self.digest(sequence)? } else { None },
            problem,
        })
    }
}

const fn first(what: &What) -> How {
    match what {
        What::There(..) => How::There,
        What::Nothing => How::Gone,
        What::Unreadable(_) => How::Unreadable,
    }
}

/// How a state differs from the one before; `None` if it doesn't.
fn difference(before: &State, after: &State) -> Option<How> {
    match (&before.what, &after.what) {
        _ if before == after => None,
        (What::Unreadable(_), What::Unreadable(_)) => None,
        (_, What::Nothing) => Some(How::Gone),
        (_, What::Unreadable(_)) => Some(How::Unreadable),
        (What::Nothing, What::There(..)) => Some(How::Created),
        (What::Unreadable(_), What::There(..)) => Some(How::Changed),
        (What::There(old, was), What::There(new, is)) if (old, was.generation) != (new, is.generation) => {
            Some(How::Replaced)
        }
        _ => Some(How::Changed),
    }
}

fn moment(sequence: Sequence, time: Timestamp) -> MomentReport {
    MomentReport {
        time: Time(time),
        sequence: sequence.0,
    }
}

/// Whether a change hit a part of the file.
fn is_touched(state: &State, change: &Change) -> bool {
    let block = volume::BLOCK_BYTES as u64;
    let start = change.first_block.saturating_mul(block);
    let end = start.saturating_add(change.blocks.saturating_mul(block));
    let behind = state.sorted.partition_point(|(from, _)| *from < end);
    // The pieces of one file don't overlap on a file system that makes sense: the last one before the end reaches furthest.
    let last = behind.checked_sub(1).and_then(|last| state.sorted.get(last));
    last.is_some_and(|(from, length)| from.saturating_add(*length) > start)
}

fn add(bursts: &mut Vec<Burst>, at: (Sequence, Timestamp)) {
    match bursts.last_mut() {
        Some(burst) if at.1.since(burst.last.1).as_nanos() <= u128::from(BURST_NANOS) => burst.last = at,
        _ => bursts.push(Burst {
            first: at,
            last: at,
            is_restore: false,
        }),
    }
}
