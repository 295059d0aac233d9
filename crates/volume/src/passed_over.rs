//! What `repair` had to leave out: batches of the log that can't be read, told by the gaps in the sequence of those that
//! can.

use crate::time::Sequence;
use crate::volume::MomentInfo;

/// Batches in a row that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostBatches {
    /// How many.
    pub batches: u64,
    /// The last moment before them.
    pub after: MomentInfo,
    /// The first moment behind them, which lacks what they wrote; `None` if they were the newest.
    pub before: Option<MomentInfo>,
}

/// Collects the gaps while the log is walked from its start to its end.
#[derive(Debug)]
pub(crate) struct Gaps {
    known: MomentInfo,
    lost: Vec<LostBatches>,
}

impl Gaps {
    /// Everything up to `known` is there.
    pub(crate) fn behind(known: MomentInfo) -> Self {
        Self {
            known,
            lost: Vec::new(),
        }
    }

    /// The next batches that can be read: those from `first` to `last`.
    pub(crate) fn push(&mut self, first: MomentInfo, last: MomentInfo) {
        self.add(first.sequence, Some(first));
        self.known = self.known.max(last);
    }

    /// All gaps of a log that reached at least to `durable`.
    pub(crate) fn end(mut self, durable: Sequence) -> Vec<LostBatches> {
        self.add(durable.next(), None);
        self.lost
    }

    fn add(&mut self, next: Sequence, before: Option<MomentInfo>) {
        let batches = next.0.saturating_sub(self.known.sequence.next().0);
        if batches > 0 {
            self.lost.push(LostBatches {
                batches,
                after: self.known,
                before,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn at(number: u64) -> MomentInfo {
        MomentInfo {
            sequence: Sequence(number),
            time: Timestamp::from_unix_seconds(number),
        }
    }

    #[test]
    fn gaps_are_counted_between_what_can_be_read_and_at_the_end() {
        let mut gaps = Gaps::behind(at(3));
        gaps.push(at(2), at(5));
        gaps.push(at(6), at(6));
        gaps.push(at(9), at(10));
        let lost = |batches, after, before: Option<u64>| LostBatches {
            batches,
            after: at(after),
            before: before.map(at),
        };
        assert_eq!(gaps.end(Sequence(12)), [lost(2, 6, Some(9)), lost(2, 10, None)]);
        let mut whole = Gaps::behind(at(0));
        whole.push(at(1), at(4));
        assert_eq!(whole.end(Sequence(2)), []);
    }
}
