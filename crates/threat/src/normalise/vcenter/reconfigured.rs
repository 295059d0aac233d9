//! Disks that were attached to a virtual machine, or detached from it: how a domain controller's disk is read on another machine.

use serde_json::Value;

use crate::normalise::text::{Draft, after, between, text_at};

/// Devices of one change that are looked at.
const DEVICES_MAX: usize = 64;

/// `Reconfigured X on H in D. Modified: ... Added: config.hardware.device(2001): (..., backing = (fileName = "ds:///..."...)); Deleted: ...`.
pub(super) fn of_sentence(draft: &mut Draft, said: &str) {
    let added = after(said, "Added:").map(|rest| rest.split_once("Deleted:").map_or(rest, |(added, _)| added));
    let deleted = after(said, "Deleted:");
    if let Some(disk) = added.and_then(disk_of_text) {
        disk_changed(draft, "attached", disk);
    } else if let Some(disk) = deleted.and_then(disk_of_text) {
        disk_changed(draft, "detached", disk);
    } else if let Some(disk) = deleted.filter(|text| text.contains("config.hardware.device(20")) {
        // Keys from 2000 on are disks; of a removed device often no more than the key is told.
        disk_changed(draft, "detached", between(disk, "label = \"", "\"").unwrap_or("disk"));
    }
}

fn disk_of_text(text: &str) -> Option<&str> {
    between(text, "fileName = \"", "\"").filter(|path| path.to_ascii_lowercase().ends_with(".vmdk"))
}

/// The same of a JSON export: a list of operations and devices.
pub(super) fn of_changes(draft: &mut Draft, changes: &Value) {
    let first = |value: &Value, paths: &[&str]| {
        let found = paths
            .iter()
            .map(|path| text_at(value, path))
            .find(|text| !text.is_empty());
        found.unwrap_or_default().to_owned()
    };
    for change in changes.as_array().into_iter().flatten().take(DEVICES_MAX) {
        let disk = first(change, &["Device.Backing.FileName", "device.backing.fileName"]);
        if disk.to_ascii_lowercase().ends_with(".vmdk") {
            let removed = first(change, &["Operation", "operation"]).eq_ignore_ascii_case("remove");
            return disk_changed(draft, if removed { "detached" } else { "attached" }, &disk);
        }
    }
}

fn disk_changed(draft: &mut Draft, change: &str, disk: &str) {
    draft.put("change", change);
    draft.put("disk", disk);
    // Disks lie in the folder of the machine that they were made for.
    let folder = disk
        .rsplit('/')
        .nth(1)
        .map(|folder| folder.rsplit("] ").next().unwrap_or(folder).trim());
    let folder = folder.unwrap_or_default().to_owned();
    draft.put("disk_folder", &folder);
    let vm = draft.field("vm").to_lowercase();
    if change == "attached" && !folder.is_empty() && !vm.is_empty() && !folder.to_lowercase().starts_with(&vm) {
        draft.put("disk_of_other", "true");
    }
    draft.with(&format!("{change} {disk}"));
}
