//! What several routes show: the ledger's types as the API writes them.

use respond::ledger::Record;
use respond::{Actor, Time};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Who did something.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ActorView {
    /// `system`, `person`, `token` or `local`.
    kind: &'static str,
    /// The name.
    name: String,
}

impl From<Actor> for ActorView {
    fn from(actor: Actor) -> Self {
        let kind = match &actor {
            Actor::System(_) => "system",
            Actor::Person(_) => "person",
            Actor::Token(_) => "token",
            Actor::Local(_) => "local",
        };
        Self {
            kind,
            name: actor_name(&actor),
        }
    }
}

/// An actor's name alone.
pub(crate) fn actor_name(actor: &Actor) -> String {
    match actor {
        Actor::System(name) | Actor::Person(name) | Actor::Token(name) | Actor::Local(name) => name.clone(),
    }
}

/// A record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RecordView {
    /// Its number: 1 for the first, without gaps.
    pub(crate) sequence: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// Who did it.
    actor: ActorView,
    /// What: `alert.noticed`, `action.started`.
    kind: String,
    /// What it is about: `incident/7`, `volume/disk`.
    subject: String,
    /// The facts.
    #[schema(value_type = Object)]
    body: Value,
}

impl From<Record> for RecordView {
    fn from(record: Record) -> Self {
        Self {
            sequence: record.sequence.0,
            time: record.time,
            actor: record.actor.into(),
            kind: record.kind,
            subject: record.subject,
            body: record.body,
        }
    }
}
