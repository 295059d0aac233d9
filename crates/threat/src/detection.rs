//! The whole chain: an event in, findings and changes of stories out, and what it knows saved and restored.

mod marking;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::behaviour::{Behaviour, NoPlaces, Places};
use crate::entity::Directory;
use crate::event::Event;
use crate::rules::Engine;
use crate::story::{Change, Stories, Story, StoryId, Taken};

pub use marking::{Dismissed, NotMarked};

/// Rules, who is who, what is usual, and stories at work.
///
/// The same events in the same order give the same stories.
#[derive(Debug)]
pub struct Detection {
    engine: Engine,
    directory: Directory,
    behaviour: Behaviour,
    stories: Stories,
    places: Arc<dyn Places>,
    found: Vec<Alert>,
}

/// What a [`Detection`] knows, to be kept over a restart: borrowed from it to be written, owned when it was read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Memory<'a> {
    #[serde(with = "as_text")]
    correlations: Vec<u8>,
    directory: Cow<'a, Directory>,
    behaviour: Cow<'a, Behaviour>,
    stories: Cow<'a, Stories>,
}

/// Bytes that are text, written as such: a list of numbers is four times as long. Lists, which were written before, are still read.
mod as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Numbers(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => bytes.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into_bytes(),
            Written::Numbers(bytes) => bytes,
        })
    }
}

/// Something that was found, and what it did to stories.
#[derive(Debug)]
pub struct Finding<'a> {
    /// What was found.
    pub alert: &'a Alert,
    /// What it did to a story, if it belongs to one.
    pub change: Option<Change>,
    /// Whether it's marked as no sign of an attack: then nobody is told of it.
    pub held_back: bool,
}

impl Detection {
    /// Knows nothing but its rules.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            directory: Directory::new(),
            behaviour: Behaviour::new(),
            stories: Stories::new(),
            places: Arc::new(NoPlaces),
            found: Vec::new(),
        }
    }

    /// Goes on from what an earlier one knew. What its correlations waited for is dropped where their rules have changed.
    #[must_use]
    pub fn with_memory(mut engine: Engine, memory: Memory<'_>) -> Self {
        // What can't be restored begins anew: correlations forget within their spans of time anyway.
        let _ = engine.restore(&memory.correlations);
        Self {
            engine,
            directory: memory.directory.into_owned(),
            behaviour: memory.behaviour.into_owned(),
            stories: memory.stories.into_owned(),
            places: Arc::new(NoPlaces),
            found: Vec::new(),
        }
    }

    /// What is known now.
    #[must_use]
    pub fn memory(&self) -> Memory<'_> {
        Memory {
            correlations: self.engine.snapshot(),
            directory: Cow::Borrowed(&self.directory),
            behaviour: Cow::Borrowed(&self.behaviour),
            stories: Cow::Borrowed(&self.stories),
        }
    }

    /// Takes an event, and gives what was found by it.
    pub fn take(&mut self, event: &Event, give: &mut dyn FnMut(Finding<'_>)) {
        let parties = self.directory.learn(event);
        let mut found = std::mem::take(&mut self.found);
        self.engine.evaluate(event, &mut found);
        found.extend(self.behaviour.take(event, &parties, &self.directory, &*self.places));
        for alert in found.drain(..) {
            self.note(&alert, give);
        }
        self.found = found;
    }

    /// Takes what somebody else found, such as a guard that recognised encryption on a machine's disk.
    pub fn note(&mut self, alert: &Alert, give: &mut dyn FnMut(Finding<'_>)) {
        let taken = self.stories.take(alert, &mut self.directory);
        give(Finding {
            alert,
            change: taken.change(),
            held_back: taken == Taken::HeldBack,
        });
    }

    /// Replaces the rules; what correlations wait for goes on where a rule is still there.
    pub fn set_rules(&mut self, mut engine: Engine) {
        engine.go_on_from(&self.engine);
        self.engine = engine;
    }

    /// Looks up from now on where addresses are.
    pub fn set_places(&mut self, places: Arc<dyn Places>) {
        self.places = places;
    }

    /// The rules.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Who is who.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Who is who, to be told.
    pub const fn directory_mut(&mut self) -> &mut Directory {
        &mut self.directory
    }

    /// The stories, the weightiest first.
    #[must_use]
    pub fn stories(&self) -> Vec<Story> {
        self.stories.incidents(&self.directory)
    }

    /// One story.
    #[must_use]
    pub fn story(&self, id: StoryId) -> Option<Story> {
        self.stories.incident(id, &self.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept(#[serde(with = "as_text")] Vec<u8>);

    #[test]
    fn what_correlations_wait_for_is_written_as_text_and_read_from_either() {
        let text = serde_json::to_string(&Kept(b"{\"a\":1}".to_vec())).unwrap();
        assert_eq!(text, "\"{\\\"a\\\":1}\"");
        for written in [text.as_str(), "[123,34,97,34,58,49,125]"] {
            let kept: Kept = serde_json::from_str(written).unwrap();
            assert_eq!(kept, Kept(b"{\"a\":1}".to_vec()));
        }
        let bytes = Kept(vec![0xff, 0]);
        let written = serde_json::to_string(&bytes).unwrap();
        assert_eq!(written, "[255,0]");
        assert_eq!(serde_json::from_str::<Kept>(&written).unwrap(), bytes);
    }
}
