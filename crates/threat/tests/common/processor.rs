//! What a test takes of a processor.

#![expect(clippy::unwrap_used, reason = "what can't be read fails the test")]

/// User and system time of this process, in seconds.
pub(crate) fn seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The times are fields 14 and 15, counted from before the name in brackets.
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}
