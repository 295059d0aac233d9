//! Sign-ins of all files, judged by where they come from in the order of their times.

use serde_json::Value;
use threat::alert::Alert;
use threat::behaviour::{Behaviour, Places};
use threat::entity::Directory;
use threat::event::{Activity, Event, Outcome};

/// Sign-ins that are kept until all files are read: later ones are left out.
const SIGN_INS_MAX: usize = 500_000;

/// Sign-ins of a search.
#[derive(Debug, Default)]
pub(super) struct SignIns {
    events: Vec<Event>,
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
        if is_of_interest(event) && self.events.len() < SIGN_INS_MAX {
            self.events.push(Event {
                fields: Value::Null,
                facts: event.facts.clone(),
                origin: event.origin.clone(),
                ..*event
            });
        }
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
