//! Figures of this process and of durations, as JSON.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::Failure;

/// Times a step.
pub(crate) fn timed<T>(step: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = step();
    (result, started.elapsed())
}

/// The most memory that this process has had resident, in MiB; 0 where `/proc` doesn't tell.
pub(crate) fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// Seconds for which cores were busy with this process so far, also with threads that ended. In steps of 10 ms.
pub(crate) fn process_seconds() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name stands in brackets and may have spaces: fields are counted from behind it (proc(5): utime and stime).
    let (_, fields) = text.rsplit_once(')').ok_or("/proc/self/stat has another form")?;
    let ticks = |field: Option<&str>| field.unwrap_or_default().parse::<f64>();
    let mut fields = fields.split_whitespace().skip(11);
    Ok((ticks(fields.next())? + ticks(fields.next())?) / 100.0)
}

/// A JSON object, written field by field.
#[derive(Default)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn number(mut self, name: &str, value: u64) -> Self {
        self.field(name, &value.to_string());
        self
    }

    pub(crate) fn ratio(mut self, name: &str, value: u64, base: u64) -> Self {
        let thousandths = value.saturating_mul(1000).checked_div(base).unwrap_or(0);
        self.field(name, &format!("{}.{:03}", thousandths / 1000, thousandths % 1000));
        self
    }

    /// Median and worst of some durations, in milliseconds.
    pub(crate) fn durations(mut self, name: &str, mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        let median = durations.get(durations.len() / 2).copied().unwrap_or_default();
        let worst = durations.last().copied().unwrap_or_default();
        self.field(&format!("{name}_ms_median"), &milliseconds(median));
        self.field(&format!("{name}_ms_worst"), &milliseconds(worst));
        self
    }

    pub(crate) fn finish(self) -> String {
        format!("{{{}}}", self.0)
    }

    fn field(&mut self, name: &str, value: &str) {
        let comma = if self.0.is_empty() { "" } else { ", " };
        // Writing to a string can't fail.
        let _ = write!(self.0, "{comma}\"{name}\": {value}");
    }
}

fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}
