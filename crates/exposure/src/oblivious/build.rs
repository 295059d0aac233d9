//! Making an index: two walks over everybody. The first counts, to find the prefix that hides; the second evaluates, on all cores, and
//! writes. People come in the order of their identities, so one bucket at a time is in memory, and one batch of people.

use std::collections::HashMap;
use std::path::Path;
use std::thread;

use super::answer::{AskedBreach, BREACHES_MAX};
use super::entry::seal_entries;
use super::hiding::{Hiding, Histogram, prefix_of};
use super::index::{Header, IndexWriter, Salt};
use super::protocol::{Seed, ServerKey};
use super::seeds::{SeedReader, SeedWriter};
use crate::Error;
use crate::accounts::{Accounts, BreachId};
use crate::address::Identity;

/// People who are evaluated together.
const BATCH: usize = 8192;

/// Everybody whom the breach monitor knows.
pub trait People {
    /// Calls `visit` for each identity in ascending order, with the ids of the breaches it is in. Erased people are left out.
    ///
    /// # Errors
    /// When the tables can't be read.
    fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error>;
}

impl People for Accounts {
    fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
        self.identities(visit).map(drop)
    }
}

/// What an index is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The breaches that may be told without proof of who asks, by their ids: none that are sensitive or retired. People who are in
    /// no other breach are left out, and hide nobody.
    pub breaches: &'a [(BreachId, AskedBreach)],
    /// The fewest identities of a bucket.
    pub hidden_among: u64,
    /// What the state was that it is built from: a later build finds out by it whether anything changed.
    pub source: &'a str,
    /// Whether to make a new key.
    pub new_key: bool,
    /// Threads that evaluate.
    pub threads: usize,
    /// The time, in seconds since 1970.
    pub now_s: u64,
}

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    /// People in the index.
    pub identities: u64,
    /// Bytes of all entries.
    pub bytes: u64,
    /// People who had to be evaluated; the others' seeds were known.
    pub evaluated: u64,
    /// The prefix that hides; `None` if there are too few people for one.
    pub hiding: Option<Hiding>,
}

/// The files of an index that is being written.
pub(super) struct Files<'a> {
    pub(super) index: &'a Path,
    pub(super) seeds: &'a Path,
    pub(super) known_seeds: Option<&'a Path>,
}

/// Writes index and seeds. `progress` gets how many people are done, of how many.
pub(super) fn build(
    plan: &Plan<'_>,
    people: &dyn People,
    key: &ServerKey,
    salt: Salt,
    files: &Files<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Built, Error> {
    let places = places(plan.breaches)?;
    let mut histogram = Histogram::new();
    let mut identities = 0;
    people.each(&mut |identity, breaches| {
        if breaches.iter().any(|breach| places.contains_key(breach)) {
            histogram.add(identity);
            identities += 1;
        }
    })?;
    let hiding = histogram.hiding(plan.hidden_among);
    let bits = hiding.map_or(0, |hiding| hiding.bits);
    let mut maker = Maker {
        key,
        salt,
        bits,
        threads: plan.threads.clamp(1, 64),
        known: files
            .known_seeds
            .map_or_else(SeedReader::nothing, |path| SeedReader::open(path, &key.public())),
        index: IndexWriter::create(files.index, bits)?,
        seeds: SeedWriter::create(files.seeds)?,
        batch: Vec::with_capacity(BATCH),
        bucket: Bucket::default(),
        fewest: u32::MAX,
        done: 0,
        evaluated: 0,
    };
    maker.walk(people, &places, &mut |done| progress(done, identities))?;
    let (done, evaluated) = (maker.done, maker.evaluated);
    let fewest = if done == 0 { 0 } else { maker.fewest };
    if hiding.is_some_and(|hiding| u64::from(fewest) < plan.hidden_among || hiding.identities != done) {
        return Err(Error::PeopleChanged);
    }
    let header = Header {
        salt,
        public_key: key.public(),
        identities: done,
        entries: 0,
        hidden_among: plan.hidden_among,
        built_s: plan.now_s,
        fewest,
        bits,
        table_crc: 0,
    };
    maker.seeds.finish(&key.public())?;
    let bytes = maker.index.finish(header)?;
    Ok(Built {
        identities: done,
        bytes,
        evaluated,
        hiding,
    })
}

/// Where each breach stands in the list.
fn places(breaches: &[(BreachId, AskedBreach)]) -> Result<HashMap<BreachId, u16>, Error> {
    if breaches.len() > BREACHES_MAX {
        return Err(Error::TooMany {
            what: "breaches",
            found: breaches.len() as u64,
            most: BREACHES_MAX as u64,
        });
    }
    Ok(breaches
        .iter()
        .zip(0..=u16::MAX)
        .map(|((id, _), place)| (*id, place))
        .collect())
}

/// Somebody on the way into the index.
struct Person {
    identity: Identity,
    places: Vec<u16>,
    seed: Option<Seed>,
}

/// The bucket that is being filled.
#[derive(Default)]
struct Bucket {
    entries: Vec<u8>,
    people: u32,
}

struct Maker<'a> {
    key: &'a ServerKey,
    salt: Salt,
    bits: u32,
    threads: usize,
    known: SeedReader,
    index: IndexWriter,
    seeds: SeedWriter,
    batch: Vec<Person>,
    bucket: Bucket,
    fewest: u32,
    done: u64,
    evaluated: u64,
}

impl Maker<'_> {
    /// Takes everybody in, and closes the last bucket.
    fn walk(
        &mut self,
        people: &dyn People,
        places: &HashMap<BreachId, u16>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let mut failed = None;
        people.each(&mut |identity, breaches| {
            let places: Vec<u16> = breaches
                .iter()
                .filter_map(|breach| places.get(breach))
                .copied()
                .collect();
            if places.is_empty() || failed.is_some() {
                return;
            }
            let seed = self.known.seed(identity);
            self.evaluated += u64::from(seed.is_none());
            self.batch.push(Person { identity, places, seed });
            if self.batch.len() == BATCH {
                failed = self.flush().err();
                progress(self.done);
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.flush()?;
        progress(self.done);
        while self.index.next_bucket() < 1 << self.bits {
            self.close_bucket()?;
        }
        Ok(())
    }

    /// Evaluates and seals the batch on all cores, then writes it in order.
    fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let share = batch.len().div_ceil(self.threads);
        let (key, salt) = (self.key, self.salt);
        let sealed: Vec<Vec<Sealed>> = thread::scope(|scope| {
            let workers: Vec<_> = batch
                .chunks(share)
                .map(|people| scope.spawn(move || seal(people, key, &salt)))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<_, _>>()
        })?;
        for sealed in sealed.iter().flatten() {
            let bucket = prefix_of(sealed.identity, self.bits);
            while self.index.next_bucket() < bucket {
                self.close_bucket()?;
            }
            self.bucket.entries.extend_from_slice(&sealed.entries);
            self.bucket.people += 1;
            self.seeds.push(sealed.identity, &sealed.seed)?;
            self.done += 1;
        }
        Ok(())
    }

    fn close_bucket(&mut self) -> Result<(), Error> {
        self.index.push(&mut self.bucket.entries)?;
        self.fewest = self.fewest.min(self.bucket.people);
        self.bucket.entries.clear();
        self.bucket.people = 0;
        Ok(())
    }
}

/// A person's part of index and seeds.
struct Sealed {
    identity: Identity,
    seed: Seed,
    entries: Vec<u8>,
}

fn seal(people: &[Person], key: &ServerKey, salt: &Salt) -> Result<Vec<Sealed>, Error> {
    people
        .iter()
        .map(|person| {
            let seed = match person.seed {
                Some(seed) => seed,
                None => key.seed(person.identity)?,
            };
            let mut entries = Vec::new();
            seal_entries(&seed, salt, &person.places, &mut entries)?;
            Ok(Sealed {
                identity: person.identity,
                seed,
                entries,
            })
        })
        .collect()
}
