//! What `[drill]` means: when drills are run, and what they may cost.

use std::time::Duration;

use drill::Case;
use jiff::civil::Time;

use super::file::DrillTable;
use crate::size::format_size;
use crate::span::format_span;

/// The least and the most that a drill's I/O may be limited to, in bytes a second.
const IO_BYTES: std::ops::RangeInclusive<u64> = (1 << 20)..=(1 << 40);
/// The shortest time after which a drill may be missed: some nights are long.
const OVERDUE_LEAST: Duration = Duration::from_secs(3600);

/// What all drills share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillSettings {
    /// The time of day, here, at which all volumes are tried; `None` if drills are only run by hand.
    pub at: Option<Time>,
    /// The attack that is tried each time; one after the other if `None`.
    pub case: Option<Case>,
    /// Bytes that a drill may read and write in a second.
    pub io_bytes: u64,
    /// How long after the last drill of a volume the next one is missed.
    pub overdue_after: Duration,
}

impl Default for DrillSettings {
    fn default() -> Self {
        Self {
            at: None,
            case: None,
            io_bytes: 32 << 20,
            overdue_after: Duration::from_secs(36 * 3600),
        }
    }
}

/// Checks `[drill]`.
pub(super) fn resolve(table: &DrillTable) -> Result<DrillSettings, String> {
    let ours = DrillSettings::default();
    let at = table
        .at
        .as_deref()
        .map(|text| time_of_day("[drill] at", text))
        .transpose()?;
    let case = match table.case.as_deref() {
        None | Some("rotate") => None,
        Some(name) => Some(name.parse().map_err(|_| {
            let names: Vec<&str> = Case::ALL.into_iter().map(Case::name).collect();
            format!("[drill] case: `{name}` is none of `rotate`, {}", names.join(", "))
        })?),
    };
    let io_bytes = table.io.map_or(ours.io_bytes, |size| size.0);
    if !IO_BYTES.contains(&io_bytes) {
        return Err(format!(
            "[drill] io: `{}` is not within {} to {}",
            format_size(io_bytes),
            format_size(*IO_BYTES.start()),
            format_size(*IO_BYTES.end())
        ));
    }
    let overdue_after = table.overdue_after.map_or(ours.overdue_after, |span| span.0);
    if overdue_after < OVERDUE_LEAST {
        return Err(format!(
            "[drill] overdue_after: `{}` is shorter than {}",
            format_span(overdue_after),
            format_span(OVERDUE_LEAST)
        ));
    }
    Ok(DrillSettings {
        at,
        case,
        io_bytes,
        overdue_after,
    })
}

/// The time of day that the setting `key` gives.
pub(super) fn time_of_day(key: &str, text: &str) -> Result<Time, String> {
    let wrong = || format!("{key}: `{text}` is no time of day; write it like `02:30`");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    if hour.len() != 2 || minute.len() != 2 {
        return Err(wrong());
    }
    let number = |part: &str| part.parse::<i8>().map_err(|_| wrong());
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<DrillSettings, String> {
        resolve(&DrillTable {
            at: Some(text.to_owned()),
            ..DrillTable::default()
        })
    }

    #[test]
    fn times_of_day_are_read_and_others_refused() {
        assert_eq!(at("02:30").unwrap().at, Some(jiff::civil::time(2, 30, 0, 0)));
        for text in ["2:30", "24:00", "02:60", "0230", "", "-1:30", "half two"] {
            let error = at(text).unwrap_err();
            assert!(error.ends_with("is no time of day; write it like `02:30`"), "{error}");
        }
    }

    #[test]
    fn a_case_is_named_or_rotates() {
        let case = |name: &str| {
            resolve(&DrillTable {
                case: Some(name.to_owned()),
                ..DrillTable::default()
            })
        };
        assert_eq!(case("rotate").unwrap().case, None);
        assert_eq!(case("slow").unwrap().case, Some(Case::Slow));
        assert!(
            case("fast")
                .unwrap_err()
                .contains("`fast` is none of `rotate`, in-place-whole")
        );
    }
}
