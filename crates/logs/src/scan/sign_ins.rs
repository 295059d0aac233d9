//! Sign-ins of all files, judged by where they come from in the order of their times.

use serde_json::Value;
use threat::alert::Alert;
use threat::behaviour::{Behaviour, Places};
use threat::entity::Directory;
use threat::event::{Activity, Event, Outcome};

use crate::open::Problem;

/// Sign-ins that are kept until all files are read: later ones are left out.
const SIGN_INS_MAX: usize = 500_000;

/// Sign-ins of a search.
#[derive(Debug, Default)]
pub(super) struct SignIns {
    events: Vec<Event>,
    /// Those for which there was no room.
    left_out: u64,
}

/// Whether an event is one from a place.
pub(super) fn is_of_interest(event: &Event) -> bool {
    let facts = &event.facts;
    let is_placed = facts.address.is_some() || facts.place.point.is_some();
    facts.activity == Activity::SignIn && facts.outcome == Outcome::Success && is_placed
}

impl SignIns {
    /// Keeps what is needed of an event, if it's a sign-in.
    pub(super) fn see(&mut self, event: &Event) {
        if !is_of_interest(event) {
            return;
        }
        if self.events.len() >= SIGN_INS_MAX {
            self.left_out += 1;
        } else {
            self.events.push(Event {
                fields: Value::Null,
                facts: event.facts.clone(),
                origin: event.origin.clone(),
                ..*event
            });
        }
    }

    /// What isn't judged, if there is such.
    pub(super) fn problem(&self) -> Option<Problem> {
        (self.left_out > 0).then(|| Problem {
            name: "sign-ins".to_owned(),
            reason: format!(
                "{} of them aren't compared with those before: more than {SIGN_INS_MAX} are in these logs; search fewer at once",
                self.left_out
            ),
        })
    }

    /// Judges them.
    pub(super) fn judge(mut self, places: &dyn Places, give: &mut dyn FnMut(Alert)) {
        // In the order of files where times are the same.
        self.events.sort_by_key(|event| event.time);
        let (mut directory, mut behaviour) = (Directory::new(), Behaviour::new());
        for event in &self.events {
            let parties = directory.learn(event);
            behaviour
                .take_sign_in(event, &parties, &directory, places)
                .into_iter()
                .for_each(&mut *give);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_ins_without_room_are_told() {
        assert!(SignIns::default().problem().is_none());
        let sign_ins = SignIns {
            left_out: 7,
            ..SignIns::default()
        };
        let problem = sign_ins.problem().unwrap();
        assert!(problem.reason.starts_with("7 of them"), "{}", problem.reason);
    }
}
