//! Events as Winlogbeat and Elastic Agent deliver them. Some of their pipelines move an event's data to names of the Elastic Common Schema;
//! those are moved back.

use serde_json::{Map, Value};

use super::super::Parts;
use super::{flatten, number, text};

/// Names of the Elastic Common Schema and of the data that they are moved from.
const MOVED: &[(&str, &str)] = &[
    ("process.executable", "Image"),
    ("process.command_line", "CommandLine"),
    ("process.working_directory", "CurrentDirectory"),
    ("process.pid", "ProcessId"),
    ("process.pe.original_file_name", "OriginalFileName"),
    ("process.pe.product", "Product"),
    ("process.pe.description", "Description"),
    ("process.pe.company", "Company"),
    ("process.pe.file_version", "FileVersion"),
    ("process.pe.imphash", "Imphash"),
    ("process.hash.md5", "md5"),
    ("process.hash.sha1", "sha1"),
    ("process.hash.sha256", "sha256"),
    ("process.parent.executable", "ParentImage"),
    ("process.parent.command_line", "ParentCommandLine"),
    ("process.parent.pid", "ParentProcessId"),
    ("file.path", "TargetFilename"),
    ("registry.path", "TargetObject"),
    ("registry.data.strings", "Details"),
    ("dns.question.name", "QueryName"),
    ("source.ip", "SourceIp"),
    ("source.port", "SourcePort"),
    ("source.domain", "SourceHostname"),
    ("destination.ip", "DestinationIp"),
    ("destination.port", "DestinationPort"),
    ("destination.domain", "DestinationHostname"),
    ("network.transport", "Protocol"),
    ("file.pe.original_file_name", "OriginalFileName"),
    ("powershell.file.script_block_text", "ScriptBlockText"),
    ("powershell.file.script_block_id", "ScriptBlockId"),
];

/// Moved by Sysmon's pipeline, where the file is what was loaded.
const LOADED: &[(&str, &str)] = &[
    ("file.path", "ImageLoaded"),
    ("file.code_signature.signed", "Signed"),
    ("file.code_signature.status", "SignatureStatus"),
    ("file.code_signature.subject_name", "Signature"),
];

pub(super) fn take_apart(mut object: Map<String, Value>) -> Option<Parts> {
    let Some(Value::Object(mut winlog)) = object.remove("winlog") else {
        return None;
    };
    let mut parts = Parts {
        id: number(winlog.get("event_id")?)?,
        channel: text(winlog.remove("channel")),
        provider: text(winlog.remove("provider_name")),
        computer: text(winlog.remove("computer_name")),
        time: object.remove("@timestamp"),
        ..Parts::default()
    };
    let head = [
        ("keywords", "Keywords"),
        ("record_id", "EventRecordID"),
        ("task", "Task"),
    ];
    take_said(&mut winlog, &head, &mut parts);
    move_back(&Value::Object(object), &mut parts);
    Some(parts)
}

/// Winlogbeat before version 7: the same without `winlog`.
pub(super) fn take_old_apart(mut object: Map<String, Value>) -> Option<Parts> {
    let mut parts = Parts {
        id: number(object.get("event_id")?)?,
        channel: text(object.remove("log_name")),
        provider: text(object.remove("source_name")),
        computer: text(object.remove("computer_name")),
        time: object.remove("@timestamp"),
        ..Parts::default()
    };
    let head = [
        ("keywords", "Keywords"),
        ("record_number", "EventRecordID"),
        ("message", "Message"),
    ];
    take_said(&mut object, &head, &mut parts);
    Some(parts)
}

/// Takes what both have under the same names: the user, these parts of the head under the names that rules have for them, and the data.
fn take_said(from: &mut Map<String, Value>, head: &[(&str, &str)], parts: &mut Parts) {
    let sid = from.get("user").and_then(|user| user.get("identifier")?.as_str());
    parts.user = sid.map(str::to_owned);
    for (own, name) in head {
        if let Some(value) = from.remove(*own) {
            parts.head.insert((*name).to_owned(), value);
        }
    }
    for name in ["event_data", "user_data"] {
        if let Some(Value::Object(data)) = from.remove(name) {
            flatten(data, &mut parts.data, 0);
        }
    }
    unnamed(&mut parts.data);
}

/// Data without names are called `param1` and so on: gathered as `Data`, where rules look for them.
fn unnamed(data: &mut Map<String, Value>) {
    let texts: Vec<Value> = (1..)
        .map_while(|number| data.get(&format!("param{number}")).cloned())
        .collect();
    if !texts.is_empty() {
        data.entry("Data").or_insert(Value::Array(texts));
    }
}

/// What a path of names with dots between them leads to.
fn within<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

fn move_back(object: &Value, parts: &mut Parts) {
    let loads = parts.channel == "Microsoft-Windows-Sysmon/Operational" && matches!(parts.id, 6 | 7);
    let first = if loads { LOADED } else { &[] };
    for (path, name) in first.iter().chain(MOVED) {
        if !parts.data.contains_key(*name)
            && let Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) = within(object, path)
        {
            parts.data.insert((*name).to_owned(), value.clone());
        }
    }
    let user = (within(object, "user.domain"), within(object, "user.name"));
    if let (Some(Value::String(domain)), Some(Value::String(name))) = user {
        parts
            .data
            .entry("User")
            .or_insert_with(|| Value::String(format!("{domain}\\{name}")));
    }
    if let Some(message @ Value::String(_)) = object.get("message") {
        parts.head.insert("Message".to_owned(), message.clone());
    }
    let outcome = within(object, "event.outcome").and_then(Value::as_str);
    let keyword = match outcome {
        Some("success") => "Audit Success",
        Some("failure") => "Audit Failure",
        _ => return,
    };
    parts.head.entry("Keywords").or_insert_with(|| Value::from(keyword));
}
