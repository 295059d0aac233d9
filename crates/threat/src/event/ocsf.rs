//! Events as the Open Cybersecurity Schema Framework has them, version 1.8.0: what other programs are given of logs, whatever they were.
//!
//! Each event becomes one of a class that its facts can fill. Where a class demands what the log doesn't tell (a process without a number, a file without
//! somebody who touched it), it is a base event (0): nothing is made up. The record's own fields go along under `unmapped`, in the names that Sigma's rules have.

use serde_json::{Map, Value, json};

use super::{Activity, Event, Facts, Handle, HandleKind, Outcome};

/// The schema's version.
const VERSION: &str = "1.8.0";

/// Classes, as `class_uid`.
const FILE: u32 = 1001;
const PROCESS: u32 = 1007;
const SCRIPT: u32 = 1009;
const ACCOUNT: u32 = 3001;
const AUTHENTICATION: u32 = 3002;
const ENTITY: u32 = 3004;
const ACCESS: u32 = 3005;
const GROUP: u32 = 3006;
const NETWORK: u32 = 4001;
const DNS: u32 = 4003;
const API: u32 = 6003;
const BASE: u32 = 0;
/// `activity_id` of what a class has no number for.
const OTHER: u32 = 99;
/// `severity_id` of what is only told: informational.
const INFORMATIONAL: u32 = 1;

/// An event as an object of OCSF. `program` is the version of the program that tells it.
#[must_use]
pub fn ocsf(event: &Event, program: &str) -> Value {
    let (class, activity) = class(event.facts.activity);
    let mut told = Map::new();
    let class = if fill(&mut told, class, event).is_some() {
        class
    } else {
        told.clear();
        BASE
    };
    let activity = if class == BASE { OTHER } else { activity };
    let facts = &event.facts;
    let mut set = |name: &str, value: Value| told.insert(name.to_owned(), value);
    set("class_uid", json!(class));
    set("category_uid", json!(class / 1000));
    set("activity_id", json!(activity));
    set("type_uid", json!(class * 100 + activity));
    set("severity_id", json!(INFORMATIONAL));
    set("time", json!(event.time.as_millisecond()));
    set("message", json!(in_words(event)));
    set(
        "status_id",
        json!(match facts.outcome {
            Outcome::Success => 1,
            Outcome::Failure => 2,
            Outcome::Unknown => 0,
        }),
    );
    if activity == OTHER {
        set("activity_name", json!(facts.activity));
    }
    if let Some(device) = device(&facts.machine) {
        set("device", device);
    }
    if let Some(user) = user(&facts.actor) {
        set("actor", json!({ "user": user }));
    }
    set(
        "metadata",
        json!({
            "version": VERSION,
            "product": { "name": "Holdfast", "vendor_name": "Holdfast", "version": program },
            "profiles": ["host"],
            "uid": format!("{}#{}", event.origin.source, event.origin.record),
            "log_name": event.logsource.in_words(),
        }),
    );
    set(
        "unmapped",
        json!({
            "activity": facts.activity,
            "logsource": event.logsource,
            "object": facts.object,
            "fields": event.fields,
        }),
    );
    Value::Object(told)
}

/// The class that an activity is of, and its number there.
const fn class(activity: Activity) -> (u32, u32) {
    match activity {
        Activity::SignIn => (AUTHENTICATION, 1),
        Activity::TicketRequest => (AUTHENTICATION, 4),
        Activity::FactorChallenge => (AUTHENTICATION, OTHER),
        Activity::PasswordReset => (ACCOUNT, 4),
        Activity::PasswordChange => (ACCOUNT, 3),
        Activity::FactorReset => (ACCOUNT, 11),
        Activity::FactorEnrolment => (ACCOUNT, 10),
        Activity::AccountCreation => (ACCOUNT, 1),
        Activity::AccountDeletion => (ACCOUNT, 6),
        Activity::AccountState | Activity::AccountChange => (ACCOUNT, OTHER),
        Activity::DeviceEnrolment => (ENTITY, 6),
        Activity::GroupChange => (GROUP, OTHER),
        Activity::GroupMemberAddition => (GROUP, 3),
        Activity::GroupMemberRemoval => (GROUP, 4),
        Activity::RoleGrant => (ACCESS, 1),
        Activity::FileRead => (FILE, 2),
        Activity::FileWrite => (FILE, 3),
        Activity::FileDeletion => (FILE, 4),
        Activity::Process => (PROCESS, 1),
        Activity::Script => (SCRIPT, 1),
        Activity::Connection => (NETWORK, 1),
        Activity::NameLookup => (DNS, 1),
        Activity::MachineCreation | Activity::SnapshotCreation => (API, 1),
        Activity::Search | Activity::DirectoryRead => (API, 2),
        Activity::AccessGrant
        | Activity::TrustChange
        | Activity::PolicyChange
        | Activity::MailRule
        | Activity::MachineChange
        | Activity::HostSetting => (API, 3),
        Activity::MachineDeletion | Activity::SnapshotDeletion => (API, 4),
        Activity::PowerOn | Activity::PowerOff | Activity::MachineCopy | Activity::ServiceStart => (API, OTHER),
        Activity::Persistence
        | Activity::RegistryChange
        | Activity::LogClearing
        | Activity::DefenceChange
        | Activity::MalwareFound
        | Activity::Warning
        | Activity::Other => (BASE, OTHER),
    }
}

/// Puts in what a class demands. None: the event doesn't tell it.
fn fill(told: &mut Map<String, Value>, class: u32, event: &Event) -> Option<()> {
    let facts = &event.facts;
    if let Some(address) = facts.address.filter(|_| class >= ACCOUNT) {
        told.insert("src_endpoint".to_owned(), json!({ "ip": address }));
    }
    match class {
        AUTHENTICATION | ACCOUNT | ENTITY | ACCESS | GROUP => fill_identity(told, class, event),
        FILE | PROCESS | SCRIPT => fill_system(told, class, event),
        NETWORK | DNS => fill_network(told, class, facts),
        API => {
            user(&facts.actor).and(facts.address)?;
            let api = json!({ "operation": operation(event), "service": { "name": service(event) } });
            told.insert("api".to_owned(), api);
            if let Some(object) = &facts.object {
                told.insert("resources".to_owned(), json!([{ "name": object }]));
            }
            Some(())
        }
        _ => Some(()),
    }
}

/// What was done with accounts and groups.
fn fill_identity(told: &mut Map<String, Value>, class: u32, event: &Event) -> Option<()> {
    let facts = &event.facts;
    let (actor, target) = (user(&facts.actor), user(&facts.target));
    let mut set = |name: &str, value: Value| told.insert(name.to_owned(), value);
    match class {
        AUTHENTICATION => {
            set("user", actor.or(target)?);
            match device(&facts.machine).and_then(endpoint) {
                Some(endpoint) => set("dst_endpoint", endpoint),
                None => set("service", json!({ "name": service(event) })),
            };
        }
        ACCOUNT => {
            set("user", target.or(actor)?);
        }
        ENTITY => {
            let name = facts.object.as_ref().or(facts.device.as_ref())?;
            set("entity", json!({ "name": name, "type": "Device" }));
        }
        ACCESS => {
            set("user", target?);
            set("privileges", json!([facts.object.as_ref()?]));
        }
        _ => {
            let first = facts.target.first().map(|handle| &handle.name);
            set("group", json!({ "name": facts.object.as_ref().or(first)? }));
            if let Some(user) = target {
                set("user", user);
            }
        }
    }
    Some(())
}

/// What was done on a machine: by somebody, or it is of no class.
fn fill_system(told: &mut Map<String, Value>, class: u32, event: &Event) -> Option<()> {
    let facts = &event.facts;
    user(&facts.actor).and(device(&facts.machine))?;
    let (name, value) = match class {
        FILE => {
            let path = facts.object.as_deref()?;
            let name = path.rsplit(['/', '\\']).next().filter(|name| !name.is_empty())?;
            // Of what type it is isn't told; nor in which language a script is.
            ("file", json!({ "name": name, "path": path, "type_id": 0 }))
        }
        PROCESS => ("process", process(event)?),
        _ => {
            let content = json!({ "value": facts.object.as_ref()? });
            ("script", json!({ "type_id": 0, "script_content": content }))
        }
    };
    told.insert(name.to_owned(), value);
    Some(())
}

/// What went from where to where.
fn fill_network(told: &mut Map<String, Value>, class: u32, facts: &Facts) -> Option<()> {
    let machine = device(&facts.machine).and_then(endpoint);
    if machine.is_none() {
        facts.address?;
    }
    if let Some(machine) = machine {
        let end = if class == DNS { "src_endpoint" } else { "dst_endpoint" };
        told.insert(end.to_owned(), machine);
    }
    if class == DNS {
        let name = facts.object.as_deref().filter(|name| is_host(name))?;
        told.insert("query".to_owned(), json!({ "hostname": name }));
    }
    Some(())
}

/// An account with its names.
fn user(handles: &[Handle]) -> Option<Value> {
    let mut user = Map::new();
    for handle in handles {
        let name = match handle.kind {
            HandleKind::Mail => "email_addr",
            HandleKind::Sid | HandleKind::ProviderId | HandleKind::Arn => "uid",
            HandleKind::DisplayName => "full_name",
            HandleKind::Sam | HandleKind::User | HandleKind::Group => "name",
            HandleKind::Host | HandleKind::Address | HandleKind::VirtualMachine | HandleKind::Datastore => continue,
        };
        // Handles are in lower case, which others don't take for an identifier of Windows.
        let value = match handle.kind {
            HandleKind::Sid => handle.name.to_uppercase(),
            _ => handle.name.clone(),
        };
        user.entry(name).or_insert_with(|| json!(value));
    }
    // An account is known by a name or a number.
    if !user.contains_key("name") && !user.contains_key("uid") {
        let name = user.get("email_addr").or_else(|| user.get("full_name"))?.clone();
        user.insert("name".to_owned(), name);
    }
    Some(Value::Object(user))
}

/// A machine with its names; of what type it is isn't told.
fn device(handles: &[Handle]) -> Option<Value> {
    let mut device = Map::new();
    for handle in handles {
        let name = match handle.kind {
            HandleKind::Address => "ip",
            HandleKind::Host if is_host(&handle.name) => "hostname",
            HandleKind::Host | HandleKind::VirtualMachine => "name",
            _ => continue,
        };
        device.entry(name).or_insert_with(|| json!(handle.name));
    }
    if device.is_empty() {
        return None;
    }
    device.insert("type_id".to_owned(), json!(0));
    Some(Value::Object(device))
}

/// The same as an end of a connection.
fn endpoint(device: Value) -> Option<Value> {
    let Value::Object(mut device) = device else { return None };
    device.remove("type_id");
    Some(Value::Object(device))
}

/// A process with what the record says of it. Without its number there is none.
fn process(event: &Event) -> Option<Value> {
    let field = |name: &str| event.fields.get(name);
    let mut process = Map::new();
    let number = field("ProcessId").or_else(|| field("pid")).and_then(number);
    if let Some(number) = number {
        process.insert("pid".to_owned(), json!(number));
    }
    if let Some(uid) = field("ProcessGuid").and_then(Value::as_str) {
        process.insert("uid".to_owned(), json!(uid));
    }
    if process.is_empty() {
        return None;
    }
    for (name, value) in [
        ("cmd_line", field("CommandLine").and_then(Value::as_str)),
        ("path", field("Image").and_then(Value::as_str)),
    ] {
        if let Some(value) = value {
            process.insert(name.to_owned(), json!(value));
        }
    }
    Some(Value::Object(process))
}

/// A process's number, which Windows writes in hexadecimal too.
fn number(value: &Value) -> Option<u32> {
    let text = value.as_str().unwrap_or_default();
    let parsed = text
        .strip_prefix("0x")
        .map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
    parsed.or_else(|| u32::try_from(value.as_u64()?).ok())
}

/// What was done, by the log's own word where it has one.
fn operation(event: &Event) -> String {
    let names = [
        "eventName",
        "eventType",
        "operationName",
        "Operation",
        "method_name",
        "EventID",
    ];
    let own = names.iter().find_map(|name| event.fields.get(*name));
    match own {
        Some(Value::String(own)) => own.clone(),
        Some(own @ Value::Number(_)) => own.to_string(),
        _ => in_words(event),
    }
}

fn service(event: &Event) -> String {
    event.logsource.in_words()
}

fn in_words(event: &Event) -> String {
    let Facts { activity, object, .. } = &event.facts;
    let activity = json!(activity).as_str().unwrap_or_default().replace('_', " ");
    match object {
        Some(object) => format!("{activity}: {object}"),
        None => activity,
    }
}

/// Whether a text can be a machine's name in the domain name system.
fn is_host(name: &str) -> bool {
    let is_of_it = |part: &str| {
        let fits = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
        (1..=63).contains(&part.len()) && part.chars().all(fits) && !part.starts_with('-') && !part.ends_with('-')
    };
    name.split('.').all(is_of_it)
}
