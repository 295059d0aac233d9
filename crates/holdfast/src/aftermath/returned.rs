//! Restores since an incident: the disk's present is then not what the attack left.

use volume::Timestamp;

use crate::control::EventReport;
use crate::when::local;

/// The disk was returned to another moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The last moment before.
    pub last: u64,
    /// When.
    pub time: Timestamp,
}

impl Returned {
    /// What an investigation that ends there says of it.
    #[must_use]
    pub fn limit(&self) -> String {
        format!(
            "the disk was returned to an earlier moment at {}: this tells what happened before that",
            local(self.time)
        )
    }
}

/// The restore since a moment that is in effect: the first that wasn't taken back. `--undo` leads to and fro between what was before a
/// restore and after it.
pub(super) fn since(events: &[EventReport], from: u64) -> Option<Returned> {
    let (mut now, mut before) = (None, None);
    for event in restores(events, from) {
        if event.undo {
            std::mem::swap(&mut now, &mut before);
        } else {
            before = now;
            now = now.or(Some(Returned {
                last: event.moment.sequence.saturating_sub(1),
                time: event.moment.time.0,
            }));
        }
    }
    now
}

/// What restores within a span mean for what can be told of it.
pub(super) fn inside(events: &[EventReport], from: u64, to: u64) -> Option<String> {
    let newest = restores(events, from)
        .filter(|event| event.moment.sequence <= to)
        .last()?;
    Some(format!(
        "the disk was returned to another moment at {}, within this span: the log doesn't tell what changed with that, so what happened \
         before may be missing here; give a moment before that as the end to see it",
        local(newest.moment.time.0)
    ))
}

fn restores(events: &[EventReport], from: u64) -> impl Iterator<Item = &EventReport> {
    let is_restore = move |event: &&EventReport| event.is_restore() && event.moment.sequence > from;
    events.iter().filter(is_restore)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{MomentReport, Time};

    fn event(sequence: u64, kind: &str, undo: bool) -> EventReport {
        EventReport {
            moment: MomentReport {
                time: Time(Timestamp::from_unix_seconds(sequence)),
                sequence,
            },
            kind: kind.to_owned(),
            text: String::new(),
            undo,
        }
    }

    #[test]
    fn a_restore_counts_until_it_is_taken_back() {
        let restore = |sequence| event(sequence, "restored", false);
        let in_part = |sequence| event(sequence, "restored-in-part", false);
        let undo = |sequence| event(sequence, "restored", true);
        let pinned = event(15, "pinned", false);
        for (events, last) in [
            (vec![], None),
            (vec![restore(5), pinned.clone()], None),
            (vec![pinned, restore(20)], Some(19)),
            (vec![in_part(20)], Some(19)),
            (vec![restore(20), undo(30)], None),
            (vec![restore(20), undo(30), undo(40)], Some(19)),
            (vec![restore(20), undo(30), restore(50)], Some(49)),
            (vec![restore(20), restore(30)], Some(19)),
            (vec![restore(20), restore(30), undo(40)], Some(19)),
        ] {
            assert_eq!(since(&events, 10).map(|returned| returned.last), last, "{events:?}");
        }
    }

    #[test]
    fn only_restores_within_a_span_limit_it() {
        let events = [event(10, "restored", false), event(20, "restored-in-part", false)];
        assert_eq!(inside(&events, 10, 19), None);
        assert_eq!(inside(&events, 20, 30), None);
        assert!(inside(&events, 9, 10).is_some());
        assert!(inside(&events, 15, 20).is_some());
    }
}
