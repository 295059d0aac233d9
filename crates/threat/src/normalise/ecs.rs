//! Elastic Common Schema: what auditbeat, filebeat and Elastic's agent write of Linux and of network devices.
//!
//! The document's own fields stay; those that Sigma's rules for Linux name are added. A line that the agent has only carried is read as that
//! line. Documents of Windows are Windows'.

use serde_json::Value;

use super::text::{Draft, account, address, at, first_at, logsource, machine, number_at, some, text_at};
use super::{Context, NotUnderstood};
use crate::event::{Activity, Event, Logsource, Outcome, Place};
use crate::input::{Body, Record};

/// Sigma's names for fields of the schema.
const NAMES: &[(&str, &str)] = &[
    ("CommandLine", "process.command_line"),
    ("Image", "process.executable"),
    ("CurrentDirectory", "process.working_directory"),
    ("ParentImage", "process.parent.executable"),
    ("ParentCommandLine", "process.parent.command_line"),
    ("User", "user.name"),
    ("TargetFilename", "file.path"),
    ("DestinationIp", "destination.ip"),
    ("DestinationHostname", "destination.domain"),
    ("SourceIp", "source.ip"),
];

/// What `event.action` tells, where the category doesn't.
const ACTIONS: &[(&str, Activity)] = &[
    ("added-user-account", Activity::AccountCreation),
    ("deleted-user-account", Activity::AccountDeletion),
    ("user_added", Activity::AccountCreation),
    ("user_removed", Activity::AccountDeletion),
    ("password_changed", Activity::PasswordReset),
    ("changed-password", Activity::PasswordReset),
    ("added-group-account", Activity::GroupChange),
    ("loaded-kernel-module", Activity::Persistence),
    ("changed-audit-configuration", Activity::DefenceChange),
    ("started-service", Activity::ServiceStart),
    ("ssh_login", Activity::SignIn),
    ("user_login", Activity::SignIn),
    ("logged-in", Activity::SignIn),
];

/// Whether a document is of this schema and not of Windows.
pub(crate) fn is(document: &Value) -> bool {
    let has = |path| at(document, path).is_some();
    has("@timestamp")
        && (has("ecs.version") || has("agent.type") || has("event.dataset") || has("data_stream.dataset"))
        && !has("winlog")
        && text_at(document, "host.os.type") != "windows"
}

pub(crate) fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let Ok(time) = text_at(&document, "@timestamp").parse() else {
        return Err(NotUnderstood {
            reason: "`@timestamp` is no time".to_owned(),
        });
    };
    if let Some(event) = carried(&document, &context) {
        return Ok(event);
    }
    let mut draft = Draft::default();
    for (name, path) in NAMES {
        draft.put(name, text_at(&document, path));
    }
    if let Some(port) = number_at(&document, "destination.port") {
        draft.put("DestinationPort", &port.to_string());
        draft.put("Initiated", "true");
    }
    if draft.field("CommandLine").is_empty()
        && let Some(arguments) = at(&document, "process.args").and_then(Value::as_array)
    {
        let line: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
        draft.put("CommandLine", &line.join(" "));
    }
    facts(&mut draft, &document);
    let source = source(&document, draft.facts.activity);
    draft.keep(document);
    Ok(draft.event(time, source, &context))
}

/// What filebeat found in a file and didn't read further.
fn carried(document: &Value, context: &Context) -> Option<Event> {
    if at(document, "event.category").is_some() || at(document, "event.action").is_some() {
        return None;
    }
    let line = first_at(document, &["event.original", "message"]);
    if line.is_empty() {
        return None;
    }
    let record = Record {
        body: Body::Line(line.to_owned()),
        origin: context.origin.clone(),
    };
    let mut event = super::normalise(record, context.received).ok()?;
    if event.facts.machine.is_empty() {
        event.facts.machine = machine(text_at(document, "host.name"));
    }
    Some(event)
}

/// What was done, by the event's action, else by its category and type.
fn activity(document: &Value) -> Activity {
    let says = |path: &str, word: &str| match at(document, path) {
        Some(Value::String(text)) => text == word,
        Some(Value::Array(list)) => list.iter().any(|item| item == word),
        _ => false,
    };
    let (category, kind) = (|word| says("event.category", word), |word| says("event.type", word));
    let action = text_at(document, "event.action");
    if let Some((_, activity)) = ACTIONS.iter().find(|(known, _)| *known == action) {
        *activity
    } else if category("authentication")
        && (kind("start") || kind("info") || !text_at(document, "event.outcome").is_empty())
        && !kind("end")
    {
        Activity::SignIn
    } else if category("process")
        && (kind("start") || action == "executed" || action == "process_started" || action == "exec")
    {
        Activity::Process
    } else if category("file") && (kind("creation") || kind("change")) {
        Activity::FileWrite
    } else if category("file") && kind("deletion") {
        Activity::FileDeletion
    } else if category("network") && !text_at(document, "dns.question.name").is_empty() {
        Activity::NameLookup
    } else if category("network") {
        Activity::Connection
    } else if category("iam") && kind("user") && kind("creation") {
        Activity::AccountCreation
    } else if category("intrusion_detection") || says("event.kind", "alert") {
        Activity::Warning
    } else if category("malware") {
        Activity::MalwareFound
    } else {
        Activity::Other
    }
}

fn facts(draft: &mut Draft, document: &Value) {
    let activity = activity(document);
    let action = text_at(document, "event.action");
    let outcome = match text_at(document, "event.outcome") {
        "success" => Outcome::Success,
        "failure" => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    draft.did(activity, outcome);
    draft.facts.actor = account(text_at(document, "user.name"));
    draft.facts.target = account(first_at(document, &["user.target.name", "group.name"]));
    draft.facts.machine = machine(first_at(document, &["host.hostname", "host.name", "observer.name"]));
    draft.facts.address = address(text_at(document, "source.ip"));
    draft.facts.device = some(text_at(document, "user_agent.original"));
    draft.facts.place = Place {
        country: some(text_at(document, "source.geo.country_iso_code")),
        city: some(text_at(document, "source.geo.city_name")),
        network: some(text_at(document, "source.as.organization.name")),
        ..Place::default()
    };
    draft.facts.object = match activity {
        Activity::Process => some(draft.field("CommandLine")).or_else(|| some(draft.field("Image"))),
        Activity::FileWrite | Activity::FileDeletion => some(draft.field("TargetFilename")),
        Activity::NameLookup => some(text_at(document, "dns.question.name")),
        Activity::Warning => some(text_at(document, "rule.name")).or_else(|| some(text_at(document, "message"))),
        Activity::Connection => some(&format!(
            "{}:{}",
            draft.field("DestinationIp"),
            draft.field("DestinationPort")
        ))
        .filter(|object| object != ":"),
        _ => some(action),
    };
}

fn source(document: &Value, activity: Activity) -> Logsource {
    let module = text_at(document, "event.module");
    let service = match module {
        "auditd" => Some("auditd"),
        "system" => Some("auth"),
        _ => None,
    };
    let category = match activity {
        Activity::Process => Some("process_creation"),
        Activity::FileWrite => Some("file_event"),
        Activity::FileDeletion => Some("file_delete"),
        Activity::Connection => Some("network_connection"),
        Activity::NameLookup => Some("dns"),
        _ => None,
    };
    let on_linux = matches!(text_at(document, "host.os.type"), "linux" | "")
        && (service.is_some() || text_at(document, "agent.type") == "auditbeat");
    let is_linux =
        on_linux || text_at(document, "host.os.type") == "linux" || text_at(document, "host.os.family") == "debian";
    if is_linux {
        logsource("linux", service, category)
    } else {
        logsource("ecs", None, category)
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{document, source, told};

    // Documents in the form of the schema's and the beats' documentation.
    #[test]
    fn a_process_of_auditbeat_has_the_names_that_rules_use() {
        let event = document(
            r#"{"@timestamp":"2026-03-01T10:00:00.000Z","ecs":{"version":"8.0.0"},"agent":{"type":"auditbeat"},"host":{"name":"web01","os":{"type":"linux"}},
            "event":{"module":"auditd","category":["process"],"type":["start"],"action":"executed","outcome":"success"},
            "process":{"executable":"/usr/bin/curl","args":["curl","-o","/tmp/x","http://198.51.100.1/x"],"working_directory":"/root","parent":{"executable":"/bin/bash"}},"user":{"name":"root"}}"#,
        );
        assert_eq!(source(&event), "linux/auditd/process_creation");
        assert_eq!(
            told(&event),
            "Process Success by=root to= on=web01 from= with=curl -o /tmp/x http://198.51.100.1/x"
        );
        assert_eq!(event.fields["ParentImage"], "/bin/bash");
        assert_eq!(event.fields["process"]["executable"], "/usr/bin/curl");
    }

    #[test]
    fn a_sign_in_has_its_address_and_place() {
        let event = document(
            r#"{"@timestamp":"2026-03-01T10:00:00.000Z","ecs":{"version":"8.0.0"},"agent":{"type":"filebeat"},"host":{"hostname":"web01","os":{"type":"linux"}},
            "event":{"module":"system","category":["authentication"],"type":["info"],"action":"ssh_login","outcome":"failure"},
            "source":{"ip":"198.51.100.7","geo":{"country_iso_code":"NL"}},"user":{"name":"anna"}}"#,
        );
        assert_eq!(
            told(&event),
            "SignIn Failure by=anna to= on=web01 from=198.51.100.7 with=ssh_login"
        );
        assert_eq!(event.facts.place.country.as_deref(), Some("NL"));
    }

    #[test]
    fn a_line_that_filebeat_carried_is_read_as_that_line() {
        let event = document(
            r#"{"@timestamp":"2026-03-01T10:00:01.000Z","agent":{"type":"filebeat"},"host":{"name":"web01"},"log":{"file":{"path":"/var/log/auth.log"}},
            "message":"Mar  1 10:00:00 web01 sshd[12]: Accepted publickey for anna from 198.51.100.7 port 5022 ssh2: ED25519 SHA256:x"}"#,
        );
        assert_eq!(source(&event), "linux/sshd/-");
        assert_eq!(event.time.to_string(), "2026-03-01T10:00:00Z");
    }
}
