//! Reading back what was read when.

use std::ops::ControlFlow;

use volume::{Error, Store, Timestamp};

use crate::reads::piece::{Piece, Reading, RecordKind};

/// Shows what clients read of a volume between two times, in the order in which it was written down: all spans that reach into
/// that time, usually of a second each.
///
/// The result tells from when on reads are known without a gap up to `to`; `None` if that can't be said of any time, because the
/// guard was off or nothing is kept that far back. What was read before a gap is shown all the same, as far as it is known. The last
/// seconds before a crash may be missing, and that is known when the volume is served again.
pub fn read_back(
    store: &Store,
    volume: &str,
    from: Timestamp,
    to: Timestamp,
    visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
) -> Result<Option<Timestamp>, Error> {
    let mut known = Known::default();
    let mut is_done = false;
    for (number, _) in store.side_pieces(volume)? {
        // One may be removed meanwhile: what follows it says that it is missing.
        let bytes = store.read_side_piece(volume, number)?.unwrap_or_default();
        let Some(mut piece) = Piece::parse(&bytes, number) else {
            known = Known::default();
            continue;
        };
        let header = piece.header();
        if header.begun > to {
            break;
        }
        known.go_on(number, header.follows, header.begun);
        for record in piece.by_ref() {
            let is_meant = record.until >= from && record.from <= to;
            match record.kind {
                RecordKind::Read if is_meant && !is_done => {
                    is_done = record.readings().try_for_each(|reading| visit(&reading)).is_break();
                }
                RecordKind::Off if record.from <= to => known.since = None,
                RecordKind::Read | RecordKind::Closed | RecordKind::Off => {}
            }
        }
        known.last = Some((number, piece.position()));
    }
    Ok(known.since)
}

/// Since when everything read is known.
#[derive(Default)]
struct Known {
    since: Option<Timestamp>,
    /// The piece before: its number, and up to where it is whole.
    last: Option<(u32, usize)>,
}

impl Known {
    /// Another piece begins.
    fn go_on(&mut self, number: u32, follows: u32, begun: Timestamp) {
        let is_whole = self.last.is_some_and(|(last, length)| {
            last.checked_add(1) == Some(number) && u32::try_from(length) == Ok(follows) && follows > 0
        });
        if !is_whole || self.since.is_none() {
            self.since = Some(begun);
        }
    }
}
