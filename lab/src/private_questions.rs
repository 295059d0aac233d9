//! What private questions to the breach monitor cost: the index by people, a question by its steps on either side.

use std::path::Path;
use std::time::Duration;

use exposure::accounts::BreachId;
use exposure::address::Identity;
use exposure::oblivious::{
    AskedBreach, Asking, Built, Histogram, POINTS_MAX, Parameters, People, Plan, Store, open_entries, read_prefix,
};
use ring::rand::SystemRandom;
use serde_json::json;

use crate::Failure;
use crate::chance::Chance;
use crate::figures::{peak_memory_mib, process_seconds, timed};

/// Questions of which the median counts.
const QUESTIONS: usize = 500;
const BREACHES: u32 = 200;
const HIDDEN_AMONG: u64 = 400;

/// People who are in one to twenty breaches, 2.7 on average: as many as those of the public corpus.
struct Crowd {
    people: Vec<(Identity, Vec<BreachId>)>,
}

impl Crowd {
    fn new(count: u64) -> Self {
        let mut chance = Chance::new(count);
        let mut people: Vec<_> = (0..count)
            .map(|number| {
                let mut breaches = vec![BreachId(chance.below(u64::from(BREACHES)) as u32)];
                // Each further one with the same chance: 1 / (1 - 0.63) = 2.7.
                while breaches.len() < 20 && chance.below(100) < 63 {
                    breaches.push(BreachId(chance.below(u64::from(BREACHES)) as u32));
                }
                breaches.sort_unstable();
                breaches.dedup();
                (Identity::of(&address(number)), breaches)
            })
            .collect();
        people.sort_unstable();
        Self { people }
    }
}

impl People for Crowd {
    fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), exposure::Error> {
        self.people
            .iter()
            .for_each(|(identity, breaches)| visit(*identity, breaches));
        Ok(())
    }
}

fn address(number: u64) -> String {
    format!("person{number}@example.com")
}

pub(crate) fn measure(folder: &Path, people: u64) -> Result<String, Failure> {
    let crowd = Crowd::new(people);
    let store = Store::open(folder)?;
    let first = build(&store, &crowd)?;
    let again = build(&store, &crowd)?;
    let stored = crate::store::bytes_on_disk(&folder.join("private"))?;
    let figures = json!({
        "people": people,
        "prefix_bits_of_hidden_among": prefix_bits(&crowd),
        "built_first": first,
        "built_with_known_seeds": again,
        "bytes_on_disk_per_person": stored as f64 / people.max(1) as f64,
        "peak_memory_mib": peak_memory_mib(),
        "question": questions(&store, people)?,
    });
    Ok(figures.to_string())
}

/// One build: seconds, seconds of all cores, and what came of it.
fn build(store: &Store, crowd: &Crowd) -> Result<serde_json::Value, Failure> {
    let breaches: Vec<(BreachId, AskedBreach)> = (0..BREACHES)
        .map(|id| {
            let breach = AskedBreach {
                name: format!("Breach{id}"),
                title: format!("Breach {id}"),
                domain: format!("breach{id}.example"),
                breach_date: "2026-01-01".to_owned(),
                data_classes: vec!["Email addresses".to_owned()],
                is_verified: true,
            };
            (BreachId(id), breach)
        })
        .collect();
    let plan = Plan {
        breaches: &breaches,
        hidden_among: HIDDEN_AMONG,
        source: "",
        new_key: false,
        threads: std::thread::available_parallelism()?.into(),
        now_s: 0,
    };
    let busy = process_seconds()?;
    let (built, took): (Result<Built, _>, Duration) =
        timed(|| store.build(&plan, crowd, &SystemRandom::new(), &mut |_, _| {}));
    let (built, busy) = (built?, process_seconds()? - busy);
    let each = 1e6 / built.identities.max(1) as f64;
    Ok(json!({
        "evaluated": built.evaluated,
        "index_bytes_per_person": built.bytes as f64 / built.identities.max(1) as f64,
        "seconds_per_million": took.as_secs_f64() * each,
        "cpu_seconds_per_million": busy * each,
        "hiding": built.hiding.map(|hiding| json!({ "bits": hiding.bits, "fewest": hiding.fewest })),
    }))
}

/// The prefix for several sizes of the smallest group.
fn prefix_bits(crowd: &Crowd) -> serde_json::Value {
    [100, 400, 1000, 4000]
        .into_iter()
        .map(|hidden_among| {
            let mut histogram = Histogram::new();
            crowd.people.iter().for_each(|(identity, _)| histogram.add(*identity));
            let hiding = histogram.hiding(hidden_among);
            let shown = hiding.map(|hiding| json!({ "bits": hiding.bits, "fewest": hiding.fewest }));
            (hidden_among.to_string(), shown.unwrap_or_default())
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The steps of a question, in microseconds: medians.
fn questions(store: &Store, people: u64) -> Result<serde_json::Value, Failure> {
    let generation = store.current().ok_or("no index")?;
    let parameters = Parameters::of(&generation);
    let (key, salt) = (generation.key.public(), generation.index.header().salt);
    let random = SystemRandom::new();
    let mut chance = Chance::new(5);
    let mut times: [Vec<Duration>; 5] = Default::default();
    let mut bucket_bytes = 0;
    for _ in 0..QUESTIONS {
        let identity = Identity::of(&address(chance.below(people)));
        let (asking, blind) = timed(|| Asking::about(&[identity], &random));
        let (asking, point) = asking?;
        let (reply, evaluate) = timed(|| generation.key.evaluate(&point, &random));
        let reply = reply?;
        let (seeds, finish) = timed(|| asking.finish(&reply, &key));
        let prefix = read_prefix(parameters.bits, &parameters.prefix(identity)).ok_or("no prefix")?;
        let (entries, read) = timed(|| generation.index.bucket(prefix));
        let entries = entries?.ok_or("no bucket")?;
        bucket_bytes += entries.len();
        let seed = *seeds?.first().ok_or("no seed")?;
        let (places, open) = timed(|| open_entries(&entries, &seed, &salt));
        if places?.is_empty() {
            return Err("somebody of the crowd wasn't found".into());
        }
        for (all, time) in times.iter_mut().zip([blind, evaluate, finish, read, open]) {
            all.push(time);
        }
    }
    let [blind, evaluate, finish, read, open] = times.map(median_microseconds);
    let batch: Vec<Identity> = (0..POINTS_MAX as u64)
        .map(|number| Identity::of(&address(number)))
        .collect();
    let (_, points) = Asking::about(&batch, &random)?;
    let of_batch: Vec<Duration> = (0..QUESTIONS)
        .map(|_| timed(|| generation.key.evaluate(&points, &random)).1)
        .collect();
    Ok(json!({
        "client_blind_us": blind,
        "server_evaluate_and_prove_us": evaluate,
        "server_evaluate_and_prove_us_per_point_of_16": median_microseconds(of_batch) / POINTS_MAX as f64,
        "client_check_and_unblind_us": finish,
        "server_read_bucket_us": read,
        "client_open_us": open,
        "bucket_bytes_mean": bucket_bytes / QUESTIONS,
        "whole_bytes": parameters.bytes,
    }))
}

fn median_microseconds(mut durations: Vec<Duration>) -> f64 {
    durations.sort_unstable();
    durations
        .get(durations.len() / 2)
        .copied()
        .unwrap_or_default()
        .as_nanos() as f64
        / 1000.0
}
