//! Some thousand seeds of every class of faults. The program of this crate runs millions.

use std::time::{Duration, Instant};

use simulation::options::Class;
use simulation::runner::{Plan, run};

/// Seeds of each class: as many as fit into the time, at least and at most.
const SEEDS: std::ops::Range<u64> = 100..2000;
const TIME: Duration = Duration::from_secs(12);

fn seeds_of(class: Class) {
    let started = Instant::now();
    for seed in 0..SEEDS.end {
        if seed >= SEEDS.start && started.elapsed() > TIME {
            return;
        }
        let plan = Plan {
            seed,
            class: Some(class),
            ..Plan::default()
        };
        if let Err(failure) = run(&plan, &mut |_, _, _| {}) {
            panic!(
                "seed {seed}, operation {:?}: {}\n{}",
                failure.operation,
                failure.message,
                failure.replay()
            );
        }
    }
}

#[test]
fn without_faults_every_moment_is_as_it_was() {
    seeds_of(Class::Calm);
}

#[test]
fn power_cuts_and_kills_lose_nothing_that_was_promised() {
    seeds_of(Class::Power);
}

#[test]
fn failed_writes_and_syncs_lose_nothing_that_was_promised() {
    seeds_of(Class::Failing);
}

#[test]
fn a_full_disk_keeps_history_and_goes_on_reading() {
    seeds_of(Class::Full);
}

#[test]
fn rot_and_misdirected_writes_never_give_wrong_bytes() {
    seeds_of(Class::Rot);
}

#[test]
fn a_lying_disk_never_gives_wrong_bytes() {
    seeds_of(Class::Lying);
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in 0..40 {
        let plan = Plan {
            seed,
            ..Plan::default()
        };
        let fingerprint = || {
            run(&plan, &mut |_, _, _| {})
                .map(|report| report.fingerprint)
                .map_err(|f| f.message)
        };
        assert_eq!(fingerprint(), fingerprint(), "seed {seed}");
    }
}
