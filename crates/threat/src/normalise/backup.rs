//! Veeam Backup & Replication through syslog (from 12.1): `Veeam_MP - - [origin ...] [categoryId=0 instanceId=28200 ... Description="..."]`.
//!
//! What it writes to Windows' event log is Windows'.

use super::Context;
use super::syslog::Message;
use super::text::{Draft, between, logsource, machine, pairs};
use crate::event::{Activity, Event, Outcome};

/// What a sentence tells, by words that must all be in it. The first that fits.
const MEANINGS: &[(&[&str], Activity)] = &[
    (&["restore point", "removed"], Activity::SnapshotDeletion),
    (&["restore point", "deleted"], Activity::SnapshotDeletion),
    (&["backup repository", "deleted"], Activity::SnapshotDeletion),
    (&["backup", "deleted"], Activity::SnapshotDeletion),
    (&["objects", "deleted"], Activity::SnapshotDeletion),
    (&["job", "deleted"], Activity::DefenceChange),
    (&["job", "disabled"], Activity::DefenceChange),
    (&["malware"], Activity::MalwareFound),
    (&["ransomware"], Activity::MalwareFound),
    (&["multi-factor", "disabled"], Activity::DefenceChange),
    (&["four-eyes", "disabled"], Activity::DefenceChange),
    (&["encryption", "disabled"], Activity::DefenceChange),
    (&["immutab", "disabled"], Activity::DefenceChange),
    (&["restore point", "created"], Activity::SnapshotCreation),
    (&["user or group", "added"], Activity::RoleGrant),
    (&["user or group", "deleted"], Activity::AccountDeletion),
    (&["credentials", "changed"], Activity::AccountChange),
    (&["settings", "changed"], Activity::HostSetting),
];

pub(crate) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    if !message.program.starts_with("Veeam") {
        return None;
    }
    // It puts a blank between the elements of structured data, which ends them.
    let data = if message.text.starts_with('[') {
        message.text
    } else {
        message.data
    };
    let mut draft = Draft::default();
    for (name, value) in pairs(data) {
        draft.put(name.trim_start_matches('['), value.trim_end_matches(']'));
    }
    draft.put("host", message.host.unwrap_or_default());
    let said = match between(data, "Description=\"", "\"]").or_else(|| between(data, "Description=\"", "\"")) {
        Some(said) => said,
        None => message.text,
    };
    draft.put("message", said);
    draft.facts.machine = machine(message.host.unwrap_or_default());
    let user = between(data, "fullName=\"", "\"")
        .or_else(|| between(data, "UserName=\"", "\""))
        .map(|user| user.replace("\\\\", "\\"));
    draft.by(&user.unwrap_or_default());
    let lower = said.to_lowercase();
    if let Some((_, activity)) = MEANINGS
        .iter()
        .find(|(words, _)| words.iter().all(|word| lower.contains(word)))
    {
        draft.did(*activity, Outcome::Success);
    }
    draft.with(said);
    let time = message.time.unwrap_or(context.received);
    Some(draft.event(time, logsource("veeam", Some("backup"), None), context))
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{line, source, told};

    // Written in the format of the vendor's reference of events; the lines are ours.
    #[test]
    fn deleted_restore_points_and_repositories_are_deletions_of_backups_by_whoever_did_it() {
        let removed = line(
            r#"<14>1 2026-09-01T18:42:20.609177+00:00 VBR01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=10050 VmName="DC01" UserFullInfo="<ModifiedUserInfo fullName="ACME\anna" loginType="0" />" Version="1" Description="Restore point for VM 'DC01' has been removed by user ACME\anna."]"#,
        );
        assert_eq!(source(&removed), "veeam/backup/-");
        assert_eq!(
            told(&removed),
            r"SnapshotDeletion Success by=acme\anna to= on=vbr01 from= with=Restore point for VM 'DC01' has been removed by user ACME\anna."
        );
        assert_eq!(removed.fields["instanceId"], "10050");
        let deleted = line(
            r#"<14>1 2026-09-25T11:49:45+00:00 VBR01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=28200 UserName="ACME\anna" Description="Backup repository Main has been deleted."]"#,
        );
        assert!(told(&deleted).starts_with(r"SnapshotDeletion Success by=acme\anna"));
    }
}
