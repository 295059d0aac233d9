//! What other logs say of processes, registry, files, connections and malware, under the names that rules have for it: Sysmon's, mostly.
//! What the log itself calls them stays beside that.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Adds names to an event's data.
pub(super) fn adapt(service: Option<&str>, id: u32, data: &mut Map<String, Value>) {
    match (service, id) {
        (Some("security"), 4688) => process(data),
        (Some("security"), 4657) => registry(data),
        (Some("security"), 4663) => copy(data, &[("ObjectName", "FileName"), ("ProcessName", "Image")]),
        (Some("security"), 5156 | 5157) => connection(data),
        (Some("windefend"), _) => malware(data),
        (Some("sysmon"), _) => hashes(data),
        _ => {}
    }
}

fn text<'a>(data: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    data.get(name).and_then(Value::as_str)
}

fn put(data: &mut Map<String, Value>, name: &str, text: impl Into<String>) {
    if !data.contains_key(name) {
        data.insert(name.to_owned(), Value::String(text.into()));
    }
}

fn copy(data: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (from, to) in names {
        if let Some(value) = text(data, from).map(str::to_owned) {
            put(data, to, value);
        }
    }
}

/// 4688 of the security log: a process was created.
fn process(data: &mut Map<String, Value>) {
    copy(
        data,
        &[
            ("NewProcessName", "Image"),
            ("ParentProcessName", "ParentImage"),
            ("SubjectLogonId", "LogonId"),
        ],
    );
    let level = match text(data, "MandatoryLabel") {
        Some("S-1-16-0") => "Untrusted",
        Some("S-1-16-4096") => "Low",
        Some("S-1-16-8192" | "S-1-16-8448") => "Medium",
        Some("S-1-16-12288") => "High",
        Some("S-1-16-16384") => "System",
        _ => "",
    };
    if !level.is_empty() {
        put(data, "IntegrityLevel", level);
    }
    // Whom the process runs as: another account than its creator's if it was started so.
    let runs_as = account(data, "TargetUserSid", "TargetDomainName", "TargetUserName");
    if let Some(user) = runs_as.or_else(|| account(data, "SubjectUserSid", "SubjectDomainName", "SubjectUserName")) {
        put(data, "User", user);
    }
}

/// An account as Sysmon writes it: `ACME\anna`, and `NT AUTHORITY\SYSTEM` for what the security log calls by the machine's name.
fn account(data: &Map<String, Value>, sid: &str, domain: &str, name: &str) -> Option<String> {
    match text(data, sid) {
        Some("S-1-5-18") => return Some("NT AUTHORITY\\SYSTEM".to_owned()),
        Some("S-1-5-19") => return Some("NT AUTHORITY\\LOCAL SERVICE".to_owned()),
        Some("S-1-5-20") => return Some("NT AUTHORITY\\NETWORK SERVICE".to_owned()),
        _ => {}
    }
    let name = text(data, name).filter(|name| !matches!(*name, "" | "-"))?;
    Some(match text(data, domain) {
        Some(domain) if !matches!(domain, "" | "-") => format!("{domain}\\{name}"),
        _ => name.to_owned(),
    })
}

/// 4657 of the security log: a value of the registry was made, changed or deleted.
fn registry(data: &mut Map<String, Value>) {
    if let Some(key) = text(data, "ObjectName") {
        let mut object = short_key(key);
        if let Some(value) = text(data, "ObjectValueName").filter(|value| !matches!(*value, "" | "-")) {
            let _ = write!(object, "\\{value}");
        }
        put(data, "TargetObject", object);
    }
    let kind = match text(data, "OperationType") {
        Some("%%1904") => "CreateKey",
        Some("%%1906") => "DeleteValue",
        _ => "SetValue",
    };
    put(data, "EventType", kind);
    copy(data, &[("ProcessName", "Image"), ("NewValue", "Details")]);
}

/// The kernel's name of a key as Sysmon writes it.
fn short_key(key: &str) -> String {
    for (long, short) in [("\\REGISTRY\\MACHINE", "HKLM"), ("\\REGISTRY\\USER", "HKU")] {
        if let Some((start, rest)) = key.split_at_checked(long.len())
            && start.eq_ignore_ascii_case(long)
        {
            return format!("{short}{rest}");
        }
    }
    key.to_owned()
}

/// 5156 and 5157 of the security log: a connection was allowed or blocked.
fn connection(data: &mut Map<String, Value>) {
    copy(
        data,
        &[
            ("Application", "Image"),
            ("SourceAddress", "SourceIp"),
            ("DestAddress", "DestinationIp"),
            ("DestPort", "DestinationPort"),
        ],
    );
    if let Some(port) = data.get("DestPort").cloned() {
        data.entry("DestinationPort").or_insert(port);
    }
    match text(data, "Direction") {
        Some("%%14592") => put(data, "Initiated", "false"),
        Some("%%14593") => put(data, "Initiated", "true"),
        _ => {}
    }
}

/// Defender's names have spaces, which rules leave out or write as underscores.
fn malware(data: &mut Map<String, Value>) {
    let spaced: Vec<String> = data.keys().filter(|name| name.contains(' ')).cloned().collect();
    for name in spaced {
        if let Some(value) = data.get(&name).cloned() {
            data.entry(name.replace(' ', "")).or_insert_with(|| value.clone());
            data.entry(name.replace(' ', "_")).or_insert(value);
        }
    }
    copy(data, &[("Threat Name", "Signature"), ("Path", "Filename")]);
    // `file:_C:\Users\...`, several of them separated by semicolons.
    let file = text(data, "Path")
        .and_then(|path| path.strip_prefix("file:_"))
        .map(str::to_owned);
    if let Some(file) = file {
        data.insert("Filename".to_owned(), Value::String(file));
    }
}

/// Each hash of `SHA1=..,MD5=..,SHA256=..,IMPHASH=..` by itself.
fn hashes(data: &mut Map<String, Value>) {
    let Some(all) = text(data, "Hashes").map(str::to_owned) else {
        return;
    };
    for hash in all.split(',') {
        match hash.split_once('=') {
            Some(("MD5", value)) => put(data, "md5", value),
            Some(("SHA1", value)) => put(data, "sha1", value),
            Some(("SHA256", value)) => put(data, "sha256", value),
            Some(("IMPHASH", value)) => put(data, "Imphash", value),
            _ => {}
        }
    }
}
