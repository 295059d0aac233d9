//! Rows of any table whose columns are fields of Sigma's rules, and records that are as flat: what somebody exported from another program.
//!
//! The kind of log is told by the fields that a row has; the operating system by how its paths are written.

use serde_json::Value;

use super::text::{Draft, account, address, machine};
use super::{Context, DocumentSource, NotUnderstood, document};
use crate::event::{Activity, Event, Logsource, Outcome};
use crate::input::csv::{TIMES, plain_name};

/// Flat records with fields of Sigma's.
pub(super) const SOURCE: DocumentSource = DocumentSource { is, read };

/// A field that only one kind of log has, that kind, and what happened.
const KINDS: [(&str, &str, Activity); 9] = [
    ("QueryName", "dns_query", Activity::NameLookup),
    ("TargetObject", "registry_set", Activity::Other),
    ("ImageLoaded", "image_load", Activity::Other),
    ("PipeName", "pipe_created", Activity::Other),
    ("DestinationIp", "network_connection", Activity::Connection),
    ("TargetFilename", "file_event", Activity::FileWrite),
    ("ScriptBlockText", "ps_script", Activity::Process),
    ("CommandLine", "process_creation", Activity::Process),
    ("Image", "process_creation", Activity::Process),
];

/// Columns with the account that did it, the machine, and the address that it came from, the more telling first.
const USERS: [&str; 6] = ["User", "UserName", "Username", "SubjectUserName", "user", "AccountName"];
const MACHINES: [&str; 7] = [
    "Computer",
    "ComputerName",
    "Hostname",
    "host",
    "hostname",
    "DeviceName",
    "Host",
];
const ADDRESSES: [&str; 5] = ["IpAddress", "SourceIp", "ClientIP", "src_ip", "SourceAddress"];

fn time_name(record: &Value) -> Option<&str> {
    let record = record.as_object()?;
    let plain: Vec<(String, &str)> = record.keys().map(|name| (plain_name(name), name.as_str())).collect();
    TIMES
        .iter()
        .find_map(|time| plain.iter().find(|(name, _)| name == time))
        .map(|(_, name)| *name)
}

fn kind(record: &Value) -> Option<(&'static str, Activity)> {
    let has = |name: &str| record.get(name).is_some_and(Value::is_string);
    KINDS
        .iter()
        .find(|(name, ..)| has(name))
        .map(|(_, category, activity)| (*category, *activity))
}

fn is(record: &Value) -> bool {
    let is_flat = record
        .as_object()
        .is_some_and(|record| record.values().all(|value| !value.is_object() && !value.is_array()));
    is_flat && kind(record).is_some() && time_name(record).is_some()
}

fn read(record: Value, context: Context) -> Result<Event, NotUnderstood> {
    let (Some((category, activity)), Some(name)) = (kind(&record), time_name(&record)) else {
        return Err(super::unknown());
    };
    let time = record
        .get(name)
        .and_then(document::instant)
        .ok_or_else(|| NotUnderstood {
            reason: format!("the column `{name}` is no time"),
        })?;
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| record.get(*name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let mut draft = Draft::default();
    draft.facts.actor = account(&text(&USERS));
    draft.facts.machine = machine(&text(&MACHINES));
    draft.facts.address = address(&text(&ADDRESSES));
    let object = text(&[
        "CommandLine",
        "QueryName",
        "TargetFilename",
        "TargetObject",
        "DestinationHostname",
        "DestinationIp",
        "Image",
    ]);
    draft.did(activity, Outcome::Unknown).with(&object);
    let product = if is_of_windows(&record) { "windows" } else { "linux" };
    draft.keep(record);
    let logsource = Logsource {
        product,
        service: None,
        category: Some(category),
    };
    Ok(draft.event(time, logsource, &context))
}

/// Paths with drives and backslashes, or fields that Windows alone has.
fn is_of_windows(record: &Value) -> bool {
    ["Image", "CommandLine", "TargetFilename", "ParentImage", "ImageLoaded"]
        .iter()
        .filter_map(|name| record.get(*name)?.as_str())
        .any(|path| path.contains('\\'))
        || ["TargetObject", "PipeName", "ScriptBlockText"]
            .iter()
            .any(|name| record.get(*name).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::Normaliser;
    use super::super::text::testing::{received, source, told};
    use super::*;
    use crate::input::csv as tables;

    fn events(table: &str) -> Vec<Result<Event, NotUnderstood>> {
        let (mut normaliser, mut events) = (Normaliser::new(), Vec::new());
        tables::read(table.as_bytes(), &"t.csv".into(), &mut |row| {
            normaliser.take(row.unwrap(), received(), &mut |event| events.push(event));
            true
        })
        .unwrap();
        events
    }

    #[test]
    fn columns_that_rules_name_are_an_event_of_the_kind_that_has_them() {
        let found = events(
            "UtcTime;Computer;User;Image;CommandLine\n\
             2026-03-01 10:00:00.123;ws01;ACME\\anna;C:\\Windows\\System32\\vssadmin.exe;vssadmin delete shadows /all\n\
             2026-03-01 10:00:01;web01;root;/usr/bin/curl;curl -s http://198.51.100.7/x\n",
        );
        let found: Vec<Event> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            found.iter().map(source).collect::<Vec<_>>(),
            ["windows/-/process_creation", "linux/-/process_creation"]
        );
        assert!(
            told(&found[0]).ends_with("on=ws01 from= with=vssadmin delete shadows /all"),
            "{}",
            told(&found[0])
        );
        assert_eq!(found[0].time.to_string(), "2026-03-01T10:00:00.123Z");
        assert_eq!(found[1].fields["Image"], "/usr/bin/curl");
    }

    #[test]
    fn a_table_of_other_things_and_one_whose_time_is_none_are_told() {
        let found = events("time,price,amount\n2026-03-01,1,2\n");
        assert_eq!(found[0].as_ref().unwrap_err().reason, "of no source that is known");
        let found = events("time,Image,CommandLine\nyesterday,/bin/sh,sh\n");
        assert_eq!(found[0].as_ref().unwrap_err().reason, "the column `time` is no time");
    }
}
