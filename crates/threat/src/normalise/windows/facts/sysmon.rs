//! Sysmon's events.

use super::{View, account, address, of};
use crate::event::{Activity, Facts, Handle, HandleKind, Outcome};

pub(super) fn facts(view: &View<'_>) -> Facts {
    let (activity, names): (Activity, &[&str]) = match view.id {
        1 => (Activity::Process, &["CommandLine"]),
        3 => return connection(view),
        4 if view.text("State") == Some("Stopped") => (Activity::DefenceChange, &["State"]),
        6 => (Activity::Persistence, &["ImageLoaded"]),
        8 | 10 => (Activity::Other, &["SourceImage", "TargetImage"]),
        11 | 15 | 29 => (Activity::FileWrite, &["TargetFilename"]),
        12..=14 => (Activity::RegistryChange, &["TargetObject", "Details", "NewName"]),
        16 => (Activity::DefenceChange, &["Configuration"]),
        17 | 18 => (Activity::Other, &["PipeName"]),
        19..=21 => (
            Activity::Persistence,
            &["Name", "Query", "Destination", "Consumer", "Filter"],
        ),
        22 => (Activity::NameLookup, &["QueryName"]),
        23 | 26 => (Activity::FileDeletion, &["TargetFilename"]),
        255 => (Activity::DefenceChange, &["Description"]),
        _ => (Activity::Other, &["ImageLoaded", "TargetFilename", "Image"]),
    };
    let user = view.text("User").or_else(|| view.text("SourceUser"));
    Facts {
        actor: account::whole(user),
        object: view.object(names).or_else(|| view.object(&["Image"])),
        ..of(activity)
    }
}

fn connection(view: &View<'_>) -> Facts {
    let outbound = match view.data.get("Initiated") {
        Some(serde_json::Value::Bool(initiated)) => *initiated,
        _ => view.text("Initiated") == Some("true"),
    };
    let own = if outbound { "SourceIp" } else { "DestinationIp" };
    let (remote, port) = if outbound {
        ("DestinationIp", "DestinationPort")
    } else {
        ("SourceIp", "SourcePort")
    };
    let remote_name = view.text("DestinationHostname").filter(|_| outbound);
    let object = remote_name
        .or_else(|| view.text(remote))
        .map(|remote| match view.number(port) {
            Some(port) => format!("{remote}:{port}"),
            None => remote.to_owned(),
        });
    // The machine's own address joins its name with what other logs call it.
    let own_address = view.text(own).and_then(address);
    let machine = own_address.and_then(|own| Handle::new(HandleKind::Address, &own.to_string()));
    Facts {
        outcome: Outcome::Success,
        actor: account::whole(view.text("User")),
        machine: machine.into_iter().collect(),
        address: view.address(&["SourceIp"]).filter(|_| !outbound),
        object,
        ..of(Activity::Connection)
    }
}
