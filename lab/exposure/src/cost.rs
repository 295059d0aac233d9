//! What something cost: time, processor time, memory, reads.

use std::time::Instant;

use serde_json::json;

/// A measurement that has begun.
pub(crate) struct Cost {
    started: Instant,
    processor: f64,
    reads: u64,
}

impl Cost {
    pub(crate) fn begin() -> Self {
        Self {
            started: Instant::now(),
            processor: processor_seconds(),
            reads: reads(),
        }
    }

    /// Seconds of the clock.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Seconds of processor time of this process.
    pub(crate) fn processor(&self) -> f64 {
        processor_seconds() - self.processor
    }

    /// Calls that read.
    pub(crate) fn reads(&self) -> u64 {
        reads() - self.reads
    }

    pub(crate) fn end(&self) -> serde_json::Value {
        json!({ "seconds": self.seconds(), "processor_seconds": self.processor(), "peak_bytes": peak_bytes() })
    }
}

/// The number behind a name in a file of `/proc`, 0 if it isn't there.
fn number(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Most memory that the process ever had, in bytes.
fn peak_bytes() -> u64 {
    number("/proc/self/status", "VmHWM:") * 1024
}

fn reads() -> u64 {
    number("/proc/self/io", "syscr:")
}

/// Bytes that this process had read from devices.
pub(crate) fn device_bytes() -> u64 {
    number("/proc/self/io", "read_bytes:")
}

/// Processor time of the process, in seconds, from fields 14 and 15 of its `stat`, which count hundredths.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(11)
        .take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}
