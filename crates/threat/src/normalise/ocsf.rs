//! The Open Cybersecurity Schema Framework, 1.x: events of any product that were brought into its classes.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{Draft, account, address, at, first_at, logsource, machine, number_at, some, text_at};
use super::{Context, NotUnderstood};
use crate::event::{Activity, Event, Handle, HandleKind, Logsource, Outcome};

/// Classes that are understood further than their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    File,
    Process,
    Finding,
    AccountChange,
    Authentication,
    Network,
    Dns,
    Other,
}

impl Class {
    const fn of(number: i64) -> Self {
        match number {
            1001 => Self::File,
            1007 => Self::Process,
            2001 | 2004 => Self::Finding,
            3001 => Self::AccountChange,
            3002 => Self::Authentication,
            4001 => Self::Network,
            4003 => Self::Dns,
            _ => Self::Other,
        }
    }
}

/// Whether a document is of this schema.
pub(crate) fn is(document: &Value) -> bool {
    document.get("class_uid").is_some_and(Value::is_number)
        && (document.get("metadata").is_some() || document.get("activity_id").is_some())
}

pub(crate) fn read(document: Value, context: Context) -> Result<Event, NotUnderstood> {
    let Some(time) = time(&document) else {
        return Err(NotUnderstood {
            reason: "`time` is no time".to_owned(),
        });
    };
    let class = Class::of(number_at(&document, "class_uid").unwrap_or_default());
    let mut draft = Draft::default();
    common(&mut draft, &document);
    tell(&mut draft, class, &document);
    let source = source(class, &document, draft.facts.activity);
    draft.keep(document);
    Ok(draft.event(time, source, &context))
}

/// Milliseconds since 1970; some producers write seconds, and some RFC 3339 beside it.
fn time(document: &Value) -> Option<Timestamp> {
    if let Ok(time) = text_at(document, "time_dt").parse() {
        return Some(time);
    }
    let number = number_at(document, "time")?;
    // Seconds of after 5000 are milliseconds of 1973.
    if number < 100_000_000_000 {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

fn common(draft: &mut Draft, document: &Value) {
    let facts = &mut draft.facts;
    facts.outcome = match number_at(document, "status_id") {
        Some(1) => Outcome::Success,
        Some(2) => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    facts.actor = person(document, "actor.user");
    facts.machine = machine(first_at(
        document,
        &[
            "device.hostname",
            "device.name",
            "dst_endpoint.hostname",
            "device.ip",
            "dst_endpoint.ip",
        ],
    ));
    facts.address = address(text_at(document, "src_endpoint.ip"));
    facts.place.country = some(text_at(document, "src_endpoint.location.country"));
    facts.place.city = some(text_at(document, "src_endpoint.location.city"));
    facts.device = some(text_at(document, "http_request.user_agent"));
}

/// All names that a person object has.
fn person(document: &Value, path: &str) -> Vec<Handle> {
    let field = |name: &str| text_at(document, &format!("{path}.{name}")).to_owned();
    let mut handles: Vec<Handle> = Handle::new(HandleKind::Mail, &field("email_addr"))
        .into_iter()
        .collect();
    let uid = field("uid");
    if uid.starts_with("S-1-") {
        handles.extend(Handle::new(HandleKind::Sid, &uid));
    }
    let (name, domain) = (field("name"), field("domain"));
    if name.contains(' ') {
        handles.extend(Handle::new(HandleKind::DisplayName, &name));
    } else if !domain.is_empty() && !name.contains(['\\', '@']) {
        handles.extend(Handle::new(HandleKind::Sam, &format!("{domain}\\{name}")));
    } else {
        handles.extend(account(&name));
    }
    handles
}

fn tell(draft: &mut Draft, class: Class, document: &Value) {
    let activity = number_at(document, "activity_id").unwrap_or_default();
    let outcome = draft.facts.outcome;
    match class {
        Class::Authentication => {
            let person = person(document, "user");
            if !person.is_empty() {
                draft.facts.actor = person;
            }
            let done = if activity == 1 {
                Activity::SignIn
            } else {
                Activity::Other
            };
            draft.did(done, outcome).with(first_at(
                document,
                &["service.name", "dst_endpoint.svc_name", "logon_type"],
            ));
        }
        Class::AccountChange => account_changed(draft, activity, document),
        Class::Process => process(draft, activity, document),
        Class::File => {
            let path = first_at(document, &["file.path", "file.name"]).to_owned();
            draft.put("TargetFilename", &path);
            draft.put("Image", text_at(document, "actor.process.file.path"));
            let done = match activity {
                1 | 3 | 5 => Activity::FileWrite,
                2 => Activity::FileRead,
                4 => Activity::FileDeletion,
                _ => Activity::Other,
            };
            draft.did(done, outcome).with(&path);
        }
        Class::Network => {
            let (host, port) = (
                first_at(document, &["dst_endpoint.ip", "dst_endpoint.hostname"]).to_owned(),
                number_at(document, "dst_endpoint.port"),
            );
            let port = port.map(|port| port.to_string()).unwrap_or_default();
            for (name, value) in [
                ("DestinationIp", host.as_str()),
                ("DestinationPort", &port),
                ("dst_ip", &host),
                ("dst_port", &port),
            ] {
                draft.put(name, value);
            }
            draft.put("DestinationHostname", text_at(document, "dst_endpoint.hostname"));
            draft.put("src_ip", text_at(document, "src_endpoint.ip"));
            draft.did(Activity::Connection, outcome).with(&format!("{host}:{port}"));
        }
        Class::Dns => {
            let name = text_at(document, "query.hostname");
            draft.put("query", name);
            draft.did(Activity::NameLookup, outcome).with(name);
        }
        Class::Finding => {
            let title = first_at(document, &["finding_info.title", "finding.title", "message"]).to_owned();
            draft.did(Activity::Warning, outcome).with(&title);
        }
        Class::Other => {}
    }
}

fn account_changed(draft: &mut Draft, activity: i64, document: &Value) {
    let done = match activity {
        1 => Activity::AccountCreation,
        2 | 5 | 9 => Activity::AccountState,
        3 => Activity::PasswordChange,
        4 => Activity::PasswordReset,
        6 => Activity::AccountDeletion,
        7 | 8 => Activity::RoleGrant,
        10 => Activity::FactorEnrolment,
        11 => Activity::FactorReset,
        _ => Activity::AccountChange,
    };
    draft.facts.target = person(document, "user");
    let outcome = draft.facts.outcome;
    draft
        .did(done, outcome)
        .with(first_at(document, &["policy.name", "user_result.name"]));
}

fn process(draft: &mut Draft, activity: i64, document: &Value) {
    for (name, path) in [
        ("CommandLine", "process.cmd_line"),
        ("Image", "process.file.path"),
        ("CurrentDirectory", "process.working_directory"),
        ("ParentImage", "process.parent_process.file.path"),
        ("ParentCommandLine", "process.parent_process.cmd_line"),
        ("User", "process.user.name"),
    ] {
        draft.put(name, text_at(document, path));
    }
    if draft.field("ParentImage").is_empty() {
        draft.put("ParentImage", text_at(document, "actor.process.file.path"));
        draft.put("ParentCommandLine", text_at(document, "actor.process.cmd_line"));
    }
    if draft.facts.actor.is_empty() {
        draft.facts.actor = person(document, "process.user");
    }
    let line = some(draft.field("CommandLine"))
        .or_else(|| some(draft.field("Image")))
        .unwrap_or_default();
    let done = if activity == 1 {
        Activity::Process
    } else {
        Activity::Other
    };
    draft.did(done, draft.facts.outcome).with(&line);
}

fn source(class: Class, document: &Value, activity: Activity) -> Logsource {
    let system = first_at(document, &["device.os.type", "device.os.name"]).to_lowercase();
    let product = if system.starts_with("windows") {
        "windows"
    } else if system.starts_with("mac") {
        "macos"
    } else if system.starts_with("linux") {
        "linux"
    } else {
        "ocsf"
    };
    let category = match class {
        Class::Process if activity == Activity::Process => Some("process_creation"),
        Class::File if activity == Activity::FileWrite => Some("file_event"),
        Class::File if activity == Activity::FileDeletion => Some("file_delete"),
        // Of a machine's own agent; what a gateway saw has no process.
        Class::Network if at(document, "actor.process").is_some() => Some("network_connection"),
        Class::Network => Some("firewall"),
        Class::Dns => Some("dns"),
        _ => None,
    };
    logsource(product, None, category)
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{document, names, source, told};

    // Documents by the schema's definition of the classes.
    #[test]
    fn classes_tell_who_did_what() {
        let cases = [
            (
                r#"{"class_uid":3002,"activity_id":1,"status_id":2,"time":1723564700000,"metadata":{"version":"1.1.0"},"user":{"name":"John Doe","email_addr":"john@acme.example","uid":"00u"},
                "src_endpoint":{"ip":"198.51.100.7","location":{"country":"NL"}},"service":{"name":"portal"}}"#,
                "ocsf/-/-",
                "SignIn Failure by=john@acme.example,john doe to= on= from=198.51.100.7 with=portal",
            ),
            (
                r#"{"class_uid":3001,"activity_id":4,"status_id":1,"time":1723564700000,"metadata":{},"actor":{"user":{"name":"admin","domain":"ACME"}},"user":{"name":"anna","domain":"ACME","uid":"S-1-5-21-1-2-3-1104"}}"#,
                "ocsf/-/-",
                r"PasswordReset Success by=acme\admin to=s-1-5-21-1-2-3-1104,acme\anna on= from= with=",
            ),
            (
                r#"{"class_uid":1007,"activity_id":1,"status_id":1,"time":1723564700000,"metadata":{},"device":{"hostname":"ws1","os":{"type":"Windows"}},
                "process":{"cmd_line":"vssadmin delete shadows","file":{"path":"C:\\Windows\\System32\\vssadmin.exe"},"user":{"name":"anna"}},"actor":{"process":{"file":{"path":"C:\\Windows\\explorer.exe"}}}}"#,
                "windows/-/process_creation",
                "Process Success by=anna to= on=ws1 from= with=vssadmin delete shadows",
            ),
            (
                r#"{"class_uid":4001,"activity_id":1,"time":1723564700000,"metadata":{},"src_endpoint":{"ip":"10.0.0.1"},"dst_endpoint":{"ip":"198.51.100.9","port":443}}"#,
                "ocsf/-/firewall",
                "Connection Unknown by= to= on=198.51.100.9 from=10.0.0.1 with=198.51.100.9:443",
            ),
            (
                r#"{"class_uid":2004,"activity_id":1,"time":1723564700000,"metadata":{},"device":{"hostname":"ws1"},"finding_info":{"title":"Ransomware behaviour"}}"#,
                "ocsf/-/-",
                "Warning Unknown by= to= on=ws1 from= with=Ransomware behaviour",
            ),
        ];
        for (text, expected, facts) in cases {
            let event = document(text);
            assert_eq!(source(&event), expected);
            assert_eq!(told(&event), facts);
            assert_eq!(event.time.to_string(), "2024-08-13T15:58:20Z");
        }
    }

    #[test]
    fn times_in_seconds_are_taken_as_seconds() {
        let event =
            document(r#"{"class_uid":3002,"activity_id":1,"time":1723564700,"metadata":{},"user":{"name":"anna"}}"#);
        assert_eq!(event.time.to_string(), "2024-08-13T15:58:20Z");
        assert_eq!(names(&event.facts.actor), ["anna"]);
    }
}
