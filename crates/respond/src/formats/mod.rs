//! Alerts and incidents as other programs want them: OCSF, ECS and CEF. Written only, never read.

pub mod cef;
pub mod ecs;
pub mod ocsf;

use crate::alert::{Alert, Layer};

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The program's version.
    pub version: String,
    /// The machine's name.
    pub host: String,
}

/// What was done about what an alert tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Nothing: it was noticed.
    Noticed,
    /// Encryption was recognised, and goes on.
    Allowed,
    /// Encryption was recognised, and its writes are refused.
    Refused,
    /// Encryption was recognised, and its writes go to a fork.
    Diverted,
    /// A fence was put up by a person or a policy: nothing was recognised on this disk.
    FencedByHand,
    /// A fence was taken down.
    Released,
    /// A disk was returned to a moment before.
    Restored,
}

impl Deed {
    /// By what an alert says.
    pub(crate) fn of(alert: &Alert) -> Self {
        let noticed = &alert.noticed;
        if noticed.layer != Layer::Guard {
            return Self::Noticed;
        }
        let fork = noticed.facts.get("fork").is_some_and(|fork| !fork.is_null());
        match noticed.kind.as_str() {
            "would-fence" => Self::Allowed,
            "still-fenced" if fork => Self::Diverted,
            "diverted" => Self::Diverted,
            "fenced" | "still-fenced" => Self::Refused,
            "fenced-by-hand" => Self::FencedByHand,
            "released" => Self::Released,
            "rolled-back" => Self::Restored,
            _ => Self::Noticed,
        }
    }

    /// Whether encryption was recognised.
    pub(crate) const fn is_encryption(self) -> bool {
        matches!(self, Self::Allowed | Self::Refused | Self::Diverted)
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! An alert and an incident with everything in them.

    use serde_json::json;

    use super::Origin;
    use crate::action::{Action, ActionId, ActionKind, ActionState};
    use crate::alert::{Alert, AlertId, Layer, NewAlert, Severity};
    use crate::incident::{Incident, IncidentId, IncidentState, ScorePart};
    use crate::people::Actor;
    use crate::time::Time;

    pub(crate) fn origin() -> Origin {
        Origin {
            version: "0.1.0".to_owned(),
            host: "store".to_owned(),
        }
    }

    pub(crate) fn alert() -> Alert {
        let facts = json!({ "fence": "refuse", "reasons": ["blocks turned random"] });
        Alert {
            id: AlertId(7),
            noticed: NewAlert {
                time: Time::from_unix_millis(1_795_687_200_000),
                layer: Layer::Guard,
                kind: "fenced".to_owned(),
                severity: Severity::Critical,
                volume: Some("disk".to_owned()),
                host: Some("web".to_owned()),
                identity: Some("ann".to_owned()),
                title: "Encryption recognised | stopped".to_owned(),
                text: "writes are refused=yes\nlook at `C:\\data`".to_owned(),
                facts: facts.as_object().cloned().unwrap_or_default(),
            },
            last: Time::from_unix_millis(1_795_687_260_000),
            count: 3,
            incident: Some(IncidentId(2)),
            part_of: None,
            parts: crate::alert::Parts::default(),
        }
    }

    pub(crate) fn action() -> Action {
        Action {
            id: ActionId(5),
            kind: ActionKind::Fence {
                volume: "disk".to_owned(),
                how: "divert".to_owned(),
            },
            by: Actor::System("policy night-shift".to_owned()),
            because: "at night nobody looks".to_owned(),
            alert: Some(AlertId(7)),
            incident: Some(IncidentId(2)),
            request: None,
            planned: alert().noticed.time,
            started: Some(alert().noticed.time),
            ended: Some(alert().last),
            state: ActionState::Done {
                outcome: "`disk` is fenced".to_owned(),
            },
        }
    }

    pub(crate) fn incident() -> Incident {
        let noticed = alert().noticed;
        Incident {
            id: IncidentId(2),
            title: "Encryption recognised: `disk`".to_owned(),
            state: IncidentState::Open,
            severity: Severity::Critical,
            score: 63,
            score_parts: vec![ScorePart {
                points: 63,
                because: "its worst alert is critical".to_owned(),
            }],
            began: noticed.time,
            updated: alert().last,
            closed: None,
            volumes: vec!["disk".to_owned()],
            hosts: vec!["web".to_owned()],
            identities: vec!["ann".to_owned()],
            alerts: 1,
            assigned: None,
        }
    }
}
