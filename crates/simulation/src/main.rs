//! Runs simulations by the million: `simulation --seeds 0..1000000 --threads 2 --faults all`.

#![expect(clippy::print_stdout, reason = "the program's output")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use simulation::disk::SimDisk;
use simulation::options::Class;
use simulation::runner::{Failure, Plan, Report, run, shrink};

const USAGE: &str = "\
usage: simulation [--seeds A..B|N] [--faults all|calm|power|failing|full|rot|lying] [--threads N] [--seconds N]
       simulation --replay SEED [--faults CLASS] [--shrink] [--disk]

--seeds A..B   the seeds to run (default 0..1000); N for the first N
--faults       the class of faults (default all: each seed draws its own)
--threads N    threads (default 1)
--seconds N    stop after so many seconds
--failures N   stop after so many failures (default 1)
--replay SEED  run one seed and print its operations
--shrink       with --replay: leave out operations that the failure doesn't need
--disk         with --replay: print what reaches the disk, too";

struct Arguments {
    first: u64,
    end: u64,
    class: Option<Class>,
    threads: u64,
    limit: Option<Duration>,
    failures: u64,
    replay: Option<u64>,
    shrink: bool,
    disk: bool,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    // A failure is printed with its seed; the panic's own message would come without it.
    std::panic::set_hook(Box::new(|_| {}));
    match arguments.replay {
        Some(seed) => replay(&arguments, seed),
        None => sweep(&arguments),
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        first: 0,
        end: 1000,
        class: None,
        threads: 1,
        limit: None,
        failures: 1,
        replay: None,
        shrink: false,
        disk: false,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--shrink" => arguments.shrink = true,
            "--disk" => arguments.disk = true,
            "--seeds" => {
                let range = words.next()?;
                let (first, end) = range.split_once("..").unwrap_or(("0", &range));
                (arguments.first, arguments.end) = (first.parse().ok()?, end.parse().ok()?);
            }
            "--faults" => {
                let name = words.next()?;
                arguments.class = if name == "all" {
                    None
                } else {
                    Some(Class::named(&name)?)
                };
            }
            "--threads" => arguments.threads = words.next()?.parse().ok()?,
            "--seconds" => arguments.limit = Some(Duration::from_secs(words.next()?.parse().ok()?)),
            "--failures" => arguments.failures = words.next()?.parse().ok()?,
            "--replay" => arguments.replay = Some(words.next()?.parse().ok()?),
            _ => return None,
        }
    }
    Some(arguments)
}

fn replay(arguments: &Arguments, seed: u64) -> ExitCode {
    let mut plan = Plan {
        seed,
        class: arguments.class,
        ..Plan::default()
    };
    if arguments.shrink
        && let Err(failure) = run(&plan, &mut |_, _, _| {})
    {
        let smaller = shrink(failure);
        plan = smaller.plan;
    }
    std::panic::set_hook(Box::new(|panic| {
        println!("{panic}\n{}", std::backtrace::Backtrace::force_capture())
    }));
    let mut disk = None;
    let outcome = run(&plan, &mut |number, operation, simulation| {
        print_trace(simulation.disk());
        if arguments.disk {
            simulation.disk().trace();
            disk = Some(simulation.disk().clone());
        }
        println!("{number:4} {operation:?}");
    });
    disk.iter().for_each(print_trace);
    match outcome {
        Ok(report) => {
            println!("nothing found: {report:?}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            print_failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn print_trace(disk: &SimDisk) {
    disk.take_trace().iter().for_each(|line| println!("        {line}"));
}

fn sweep(arguments: &Arguments) -> ExitCode {
    let next = AtomicU64::new(arguments.first);
    let failures = AtomicU64::new(0);
    let total: Mutex<Totals> = Mutex::default();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_late = arguments.limit.is_some_and(|limit| started.elapsed() > limit);
                    if seed >= arguments.end || is_late || failures.load(Ordering::Relaxed) >= arguments.failures {
                        return;
                    }
                    let plan = Plan {
                        seed,
                        class: arguments.class,
                        ..Plan::default()
                    };
                    match run(&plan, &mut |_, _, _| {}) {
                        Ok(report) => total.lock().expect("no thread panics with the lock").add(&report),
                        Err(failure) => {
                            failures.fetch_add(1, Ordering::Relaxed);
                            print_failure(&failure);
                        }
                    }
                }
            });
        }
    });
    let total = total.into_inner().expect("no thread panics with the lock");
    println!("{total} in {:.1} s", started.elapsed().as_secs_f64());
    match failures.into_inner() {
        0 => ExitCode::SUCCESS,
        found => {
            println!("{found} failures");
            ExitCode::FAILURE
        }
    }
}

fn print_failure(failure: &Failure) {
    let place = failure
        .operation
        .map_or("the end".to_owned(), |operation| format!("operation {operation}"));
    println!(
        "seed {} failed at {place}: {}\n  {}",
        failure.plan.seed,
        failure.message,
        failure.replay()
    );
    if !failure.plan.skipped.is_empty() {
        println!("  operations left out: {:?}", failure.plan.skipped);
    }
}

/// What all seeds went through together.
#[derive(Debug, Default)]
struct Totals {
    seeds: u64,
    reports: Vec<(&'static str, u64)>,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        let (counts, disk) = (&report.counts, &report.disk);
        let values = [
            ("operations", counts.operations),
            ("batches", counts.batches),
            ("recoveries", counts.recoveries),
            ("power cuts", disk.power_cuts),
            ("kills", disk.kills),
            ("batches lost in them", counts.lost_batches),
            ("views compared", counts.views),
            ("rollbacks", counts.rollbacks),
            ("restores in part", counts.restores),
            ("forks", counts.forks),
            ("deletions", counts.deletions),
            ("moments dropped", counts.dropped_moments),
            ("calls failed", counts.failed_calls),
            ("failed writes and syncs", disk.errors),
            ("failed reads", disk.read_errors),
            ("refusals for lack of space", counts.no_space),
            ("sectors rotten", disk.rotten),
            ("sectors misdirected or lost", disk.misdirected),
            ("lying syncs", disk.lies),
            ("damaged reads", counts.damaged_reads),
            ("damage found by verify", counts.damage_found),
            ("volumes lost to damage", counts.lost_volumes),
            ("repairs", counts.repairs),
        ];
        if self.reports.is_empty() {
            self.reports = values.to_vec();
            return;
        }
        for (total, value) in self.reports.iter_mut().zip(values) {
            total.1 += value.1;
        }
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} seeds found nothing", self.seeds)?;
        self.reports
            .iter()
            .try_for_each(|(name, value)| write!(f, ", {value} {name}"))
    }
}
