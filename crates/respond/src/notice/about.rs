//! What people are told of.

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertId, Severity};
use crate::incident::{Incident, IncidentId, IncidentState};
use crate::time::Time;

/// What people are told of. Several with the same subject are one thing that goes on: they are told of the first at once and
/// of the others now and then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it is about, as records have it: `incident/7`, `alert/12`, `approval/3`.
    pub subject: String,
    /// The group that is told; the default group if none.
    pub group: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in a few words.
    pub title: String,
    /// What happened, what it means and what to do next.
    pub text: String,
    /// What is new, if this is something that was noticed.
    pub news: Option<String>,
    /// How often that was noticed so far.
    pub count: u64,
    /// What it concerns: volumes, hosts; never a person.
    pub concerns: Vec<String>,
    /// The newest alert.
    pub alert: Option<AlertId>,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// When it happened.
    pub time: Time,
    /// Whether there is nothing left to do about it.
    pub is_over: bool,
}

impl About {
    /// Something that was noticed, in the incident that it belongs to.
    #[must_use]
    pub fn alert(alert: &Alert, incident: Option<&Incident>) -> Self {
        let noticed = &alert.noticed;
        let concerns = [("volume", &noticed.volume), ("host", &noticed.host)];
        let concerns = concerns
            .iter()
            .filter_map(|(what, name)| name.as_ref().map(|name| format!("{what} {name}")));
        Self {
            subject: incident.map_or_else(
                || format!("alert/{}", alert.id),
                |incident| format!("incident/{}", incident.id),
            ),
            group: None,
            severity: noticed.severity,
            title: incident.map_or(&noticed.title, |incident| &incident.title).clone(),
            text: noticed.text.clone(),
            news: Some(noticed.title.clone()),
            count: alert.count,
            concerns: concerns.collect(),
            alert: Some(alert.id),
            incident: incident.map(|incident| incident.id),
            time: alert.last,
            is_over: false,
        }
    }

    /// An incident whose state changed.
    #[must_use]
    pub fn incident(incident: &Incident) -> Self {
        let volumes = incident.volumes.iter().map(|name| format!("volume {name}"));
        let hosts = incident.hosts.iter().map(|name| format!("host {name}"));
        let text = match incident.state {
            IncidentState::Open => "Nobody looks after it yet.",
            IncidentState::Acknowledged => "Somebody looks after it.",
            IncidentState::Recovered => "What was damaged is back.",
            IncidentState::Closed => "It is closed.",
            IncidentState::FalseAlarm => "It was a false alarm.",
        };
        Self {
            subject: format!("incident/{}", incident.id),
            group: None,
            severity: incident.severity,
            title: incident.title.clone(),
            text: text.to_owned(),
            news: None,
            count: 1,
            concerns: volumes.chain(hosts).collect(),
            alert: None,
            incident: Some(incident.id),
            time: incident.updated,
            is_over: !matches!(incident.state, IncidentState::Open | IncidentState::Acknowledged),
        }
    }

    /// Somebody asks for an approval. `subject` is the request's as records have it; `what` says what is to be done to what.
    pub(super) fn request(
        subject: &str,
        what: &str,
        because: &str,
        asked_by: &str,
        asked: Time,
        expires: &str,
    ) -> Self {
        let number = subject.rsplit('/').next().unwrap_or_default();
        Self {
            subject: subject.to_owned(),
            group: None,
            severity: Severity::High,
            title: format!("approval wanted: {what}"),
            text: format!(
                "{asked_by} asks for an approval: {what} ({because}). It isn't done without one, and the request expires at \
                 {expires}. `holdfast approvals show {number}`, then `holdfast approvals approve {number}` or `holdfast approvals \
                 refuse {number}`."
            ),
            news: None,
            count: 1,
            concerns: Vec::new(),
            alert: None,
            incident: None,
            time: asked,
            is_over: false,
        }
    }

    /// An action without an alert that people are to know of. `subject` is the action's as records have it.
    #[must_use]
    pub fn action(subject: String, severity: Severity, title: &str, text: &str, time: Time) -> Self {
        Self {
            subject,
            group: None,
            severity,
            title: title.to_owned(),
            text: text.to_owned(),
            news: None,
            count: 1,
            concerns: Vec::new(),
            alert: None,
            incident: None,
            time,
            is_over: false,
        }
    }

    /// The same for another group than the default one.
    #[must_use]
    pub fn for_group(self, group: Option<String>) -> Self {
        Self { group, ..self }
    }
}
