//! Runs: which clusters of the disk hold an attribute's value.
//!
//! Packed as a header byte (its low half: bytes of the length; its high half: bytes of the place), the length in clusters, and the
//! place as a signed difference to the run before; a place of no bytes is a hole; a header of 0 ends them.

/// Clusters that follow each other both in a value and on the disk, or a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// First cluster within the value.
    pub(super) first: u64,
    /// Clusters, never 0.
    pub(super) clusters: u64,
    /// First cluster on the disk; `None` for a hole.
    pub(super) place: Option<u64>,
}

impl Run {
    /// The cluster of the value that follows it.
    pub(super) const fn end(&self) -> u64 {
        self.first.saturating_add(self.clusters)
    }

    /// The part of it within a range of clusters of the value.
    pub(super) fn clip(&self, first: u64, end: u64) -> Option<Self> {
        let clipped = first.max(self.first);
        let end = end.min(self.end());
        (clipped < end).then(|| Self {
            first: clipped,
            clusters: end - clipped,
            place: self.place.map(|place| place + (clipped - self.first)),
        })
    }
}

/// What is wrong with packed runs.
pub(super) type Wrong = &'static str;

/// Unpacks the runs of a piece, which maps clusters `first` to `end` of a value: ascending, without gaps between them. The first error is the last.
pub(super) fn unpack(first: u64, end: u64, packed_runs: &[u8]) -> impl Iterator<Item = Result<Run, Wrong>> {
    let mut rest = packed_runs;
    let mut next = first;
    let mut place = 0_u64;
    std::iter::from_fn(move || {
        if next >= end {
            return None;
        }
        let run = take_run(&mut rest, next, &mut place).and_then(|run| {
            let is_inside = run.end() <= end;
            is_inside.then_some(run).ok_or("its runs are longer than it is")
        });
        next = run.map_or(end, |run| run.end());
        Some(run)
    })
}

fn take_run(rest: &mut &[u8], first: u64, place: &mut u64) -> Result<Run, Wrong> {
    let short = "its runs end before it does";
    let (&header, after) = rest.split_first().ok_or(short)?;
    if header == 0 {
        return Err(short);
    }
    let (length, after) = after.split_at_checked(usize::from(header & 0x0f)).ok_or(short)?;
    let (difference, after) = after.split_at_checked(usize::from(header >> 4)).ok_or(short)?;
    let clusters = signed(length).ok_or("a run's length has more than 8 bytes")?;
    let clusters = u64::try_from(clusters).map_err(|_| "a run's length is negative")?;
    if clusters == 0
        || first
            .checked_add(clusters)
            .is_none_or(|end| end > i64::MAX.unsigned_abs())
    {
        return Err("a run's length is impossible");
    }
    *rest = after;
    if difference.is_empty() {
        return Ok(Run {
            first,
            clusters,
            place: None,
        });
    }
    let difference = signed(difference).ok_or("a run's place has more than 8 bytes")?;
    *place = place
        .checked_add_signed(difference)
        .ok_or("a run lies before the disk")?;
    if place
        .checked_add(clusters)
        .is_none_or(|end| end > i64::MAX.unsigned_abs())
    {
        return Err("a run lies behind the disk");
    }
    Ok(Run {
        first,
        clusters,
        place: Some(*place),
    })
}

/// A little-endian number of up to 8 bytes in two's complement.
fn signed(bytes: &[u8]) -> Option<i64> {
    let last = bytes.last()?;
    let mut number = if last & 0x80 == 0 { [0; 8] } else { [0xff; 8] };
    number.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(first: u64, end: u64, packed_runs: &[u8]) -> Vec<Result<Run, Wrong>> {
        unpack(first, end, packed_runs).collect()
    }

    fn run(first: u64, clusters: u64, place: Option<u64>) -> Result<Run, Wrong> {
        Ok(Run { first, clusters, place })
    }

    #[test]
    fn runs_go_forth_and_back_and_leave_holes() {
        // 0x30 clusters at 0x20, a hole of 0x10, 0x80 clusters at 0x20 - 0x10 (two bytes, as 0x80 would be negative).
        let packed = [0x11, 0x30, 0x20, 0x01, 0x10, 0x12, 0x80, 0x00, 0xf0, 0x00];
        let expected = [
            run(5, 0x30, Some(0x20)),
            run(0x35, 0x10, None),
            run(0x45, 0x80, Some(0x10)),
        ];
        assert_eq!(runs(5, 0xc5, &packed), expected);
    }

    #[test]
    fn runs_that_contradict_their_attribute_are_refused() {
        assert_eq!(runs(0, 0, &[]), []);
        for packed in [
            &[][..],
            &[0],
            &[0x11, 0x30],
            &[0x10, 0x20],
            &[0x11, 0x00, 0x20],
            &[0x11, 0x80, 0x20],
            &[0x11, 0x10, 0xe0],
            &[0x11, 0x31, 0x20],
            &[0x19, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0x81, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            let found = runs(0, 0x30, packed);
            assert!(found.len() == 1 && found[0].is_err(), "{packed:x?} gives {found:?}");
        }
        assert_eq!(runs(0, 0x30, &[0x11, 0x10, 0x20, 0]).len(), 2, "an error ends the runs");
    }

    #[test]
    fn a_part_of_a_run_starts_further_on() {
        let whole = Run {
            first: 10,
            clusters: 5,
            place: Some(100),
        };
        assert_eq!(
            whole.clip(12, 20),
            Some(Run {
                first: 12,
                clusters: 3,
                place: Some(102)
            })
        );
        assert_eq!(whole.clip(15, 20), None);
    }
}
