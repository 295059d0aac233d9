//! Runs seeds, and makes a failure small.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::disk::Counts as DiskCounts;
use crate::operation::Operation;
use crate::options::{Class, Options};
use crate::random::Random;
use crate::simulation::{Counts, Simulation};

/// Runs that making a failure small may cost.
const SHRINK_RUNS: u64 = 2000;

/// Which run: everything else follows.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The class of faults; drawn from the seed if not given.
    pub class: Option<Class>,
    /// Operations to run at most.
    pub operations: Option<u64>,
    /// Operations to leave out.
    pub skipped: BTreeSet<u64>,
}

/// A run that found nothing.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// What the volumes went through.
    pub counts: Counts,
    /// What the disk went through.
    pub disk: DiskCounts,
    /// The same in every run of the same plan.
    pub fingerprint: u64,
}

/// A run that found something.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The run.
    pub plan: Plan,
    /// The operation at which it was found; none at the end.
    pub operation: Option<u64>,
    /// What was found.
    pub message: String,
}

impl Failure {
    /// What was found, without the numbers: two failures of one kind probably have one cause.
    fn kind(&self) -> String {
        self.message
            .chars()
            .filter(|char| char.is_alphabetic() || *char == ' ')
            .take(24)
            .collect()
    }

    /// The command that shows it again.
    #[must_use]
    pub fn replay(&self) -> String {
        let class = self
            .plan
            .class
            .map_or(String::new(), |class| format!(" --faults {}", class.name()));
        format!(
            "cargo run -p simulation --release -- --replay {}{class}",
            self.plan.seed
        )
    }
}

/// A listener that is told each operation before it is carried out.
pub type Listener<'a> = &'a mut dyn FnMut(u64, &Operation, &Simulation);

/// Runs one plan.
///
/// # Errors
/// What was found.
pub fn run(plan: &Plan, listener: Listener<'_>) -> Result<Report, Failure> {
    let mut at = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| run_unguarded(plan, &mut at, listener)));
    let message = match outcome {
        Ok(Ok(report)) => return Ok(report),
        Ok(Err(message)) => message,
        Err(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|message| (*message).to_owned()))
            .map_or_else(|| "panic".to_owned(), |message| format!("panic: {message}")),
    };
    Err(Failure {
        plan: plan.clone(),
        operation: at,
        message,
    })
}

fn run_unguarded(plan: &Plan, at: &mut Option<u64>, listener: Listener<'_>) -> Result<Report, String> {
    let mut random = Random::new(plan.seed);
    let drawn = Class::draw(&mut random);
    let options = Options::draw(plan.class.unwrap_or(drawn), &mut random);
    let operations = plan.operations.unwrap_or(u64::MAX).min(options.operations);
    let mut simulation = Simulation::start(options, random.next_u64())?;
    for number in 0..operations {
        *at = Some(number);
        let operation = simulation.draw();
        if plan.skipped.contains(&number) {
            continue;
        }
        listener(number, &operation, &simulation);
        simulation.disturb();
        simulation.execute(&operation)?;
    }
    *at = None;
    let fingerprint = simulation.disk().fingerprint();
    simulation.finish()?;
    Ok(Report {
        counts: simulation.counts(),
        disk: simulation.disk().counts(),
        fingerprint,
    })
}

/// Makes a failure small: leaves out operations, as long as something is still found.
#[must_use]
pub fn shrink(failure: Failure) -> Failure {
    let mut smallest = failure;
    let kind = smallest.kind();
    let mut runs = 0;
    let count = smallest.operation.map_or(250, |operation| operation + 1);
    smallest.plan.operations = Some(count);
    let mut chunk = count.div_ceil(2);
    while chunk > 0 && runs < SHRINK_RUNS {
        let mut start = 0;
        while start < smallest.plan.operations.unwrap_or(count) && runs < SHRINK_RUNS {
            let mut plan = smallest.plan.clone();
            plan.skipped.extend(start..start + chunk);
            if plan.skipped.len() > smallest.plan.skipped.len() {
                runs += 1;
                if let Err(found) = run(&plan, &mut |_, _, _| {})
                    && found.kind() == kind
                {
                    let operations = found.operation.map_or(plan.operations, |operation| Some(operation + 1));
                    smallest = found;
                    smallest.plan.operations = operations;
                }
            }
            start += chunk;
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    smallest
}
