//! All results of a volume in one picture: how much an attack wrote before it was stopped, how fast everything was back.

use super::words::{day, escaped, milliseconds, size};
use crate::result::{DrillResult, Verdict};

/// The picture's measures.
const WIDTH: u64 = 920;
const HEIGHT: u64 = 190;
const LEFT: u64 = 70;
const RIGHT: u64 = 16;
const TOP: u64 = 16;
const BOTTOM: u64 = 34;
/// Results that are shown; the newest.
const RESULTS_MAX: usize = 90;
/// Fewer bars are as wide as if there were so many.
const BARS_LEAST: u64 = 14;
/// What the scale shows at least, in MiB.
const SCALE_LEAST: u64 = 8;
const MIB: u64 = 1 << 20;

/// The picture; nothing for a volume that was never tried.
pub(super) fn chart(results: &[DrillResult]) -> String {
    let shown = results
        .get(results.len().saturating_sub(RESULTS_MAX)..)
        .unwrap_or_default();
    if shown.len() < 2 {
        return String::new();
    }
    let most = shown
        .iter()
        .filter_map(written)
        .max()
        .unwrap_or(0)
        .div_ceil(MIB)
        .max(SCALE_LEAST);
    let scale = most.next_multiple_of(4);
    let plot = HEIGHT - TOP - BOTTOM;
    let mut svg = format!(
        "<figure>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"What attacks wrote before they were stopped, drill \
         by drill\">\n"
    );
    for line in 0..=4 {
        let y = TOP + plot - plot * line / 4;
        let label = scale * line / 4;
        svg += &format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/><text class=\"axis\" x=\"{}\" y=\"{}\" \
             text-anchor=\"end\">{label} MiB</text>\n",
            WIDTH - RIGHT,
            LEFT - 8,
            y + 4
        );
    }
    let room = WIDTH - LEFT - RIGHT;
    let step = room / (shown.len() as u64).max(BARS_LEAST);
    for (index, result) in shown.iter().enumerate() {
        svg += &bar(result, LEFT + step * index as u64, step, scale, plot);
    }
    svg += &ends(shown, step);
    svg + "</svg>\n<figcaption>What an attack wrote before it was stopped. <span class=\"key passed\"></span> passed <span \
           class=\"key failed\"></span> failed <span class=\"key inconclusive\"></span> without a result. A bar is a drill.\
           </figcaption>\n</figure>\n"
}

/// What was written until the attack was stopped, or came to its end.
fn written(result: &DrillResult) -> Option<u64> {
    let attack = result.attack.as_ref()?;
    Some(
        attack
            .fenced
            .map_or(attack.written_bytes, |noticed| noticed.written_bytes),
    )
}

fn bar(result: &DrillResult, x: u64, step: u64, scale: u64, plot: u64) -> String {
    let class = match result.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Inconclusive => "inconclusive",
    };
    let bytes = written(result).unwrap_or(0);
    let height = (bytes.saturating_mul(plot) / (scale * MIB).max(1)).clamp(3, plot);
    let y = TOP + plot - height;
    let width = (step * 3 / 4).max(1);
    let words = match &result.attack {
        Some(attack) => format!(
            "{}: {}, {}, back in {}",
            day(result.started),
            attack.case.name(),
            size(bytes),
            milliseconds(attack.restore.recovery_microseconds)
        ),
        None => format!("{}: nothing was attacked", day(result.started)),
    };
    format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\"><title>{}</title></rect>\n",
        escaped(&words)
    )
}

/// The days of the first and the last bar.
fn ends(shown: &[DrillResult], step: u64) -> String {
    let y = HEIGHT - BOTTOM + 18;
    let label = |result: Option<&DrillResult>, x: u64, anchor: &str| {
        result.map_or_else(String::new, |result| {
            let day = day(result.started);
            format!("<text class=\"axis\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{day}</text>\n")
        })
    };
    let first = label(shown.first(), LEFT, "start");
    let end = LEFT + step * shown.len() as u64;
    // Too near to each other, the two would be one.
    let is_apart = end > LEFT + 200;
    first
        + &if is_apart {
            label(shown.last(), end, "end")
        } else {
            String::new()
        }
}
