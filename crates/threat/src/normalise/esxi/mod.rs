//! VMware ESXi 6.7 to 8: hostd, vobd, vpxa, the shell and the console, from syslog or from the host's own files.
//!
//! A command of the shell is an event of product `linux`, service `esxi` and category `process_creation`, so that rules for `esxcli` can fire;
//! `Image` is the path at which ESXi has the program. All else is of product `esxi` and of the program's service. The machine is always the
//! host; a virtual machine that something was done to is the object.

mod hostd;
mod observations;
mod shell;

use super::Context;
use super::syslog::Message;
use super::text::{Draft, logsource, word};
use crate::event::{Activity, Event, Outcome};

pub(crate) use hostd::sentence;
pub(crate) use observations::of_name as observed;

/// The event of a message if a program of ESXi wrote it.
pub(crate) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    let service = service(message)?;
    if service == "shell" {
        return Some(shell::read(message, context));
    }
    let mut draft = message.draft();
    match service {
        "hostd" | "vpxa" => hostd::tell(&mut draft, message.text),
        "vobd" => observations::tell(&mut draft, message.text),
        "dcui" => console(&mut draft, message.text),
        "vmkernel" => kernel(&mut draft, message.text),
        "auth" => enabled(&mut draft, message.program, message.text),
        _ => {}
    }
    let source = logsource("esxi", Some(service), None);
    Some(draft.event(message.time.unwrap_or(context.received), source, context))
}

/// The service that a message is of, if a program of ESXi wrote it.
fn service(message: &Message<'_>) -> Option<&'static str> {
    let is = |names: &[&str]| names.iter().any(|name| message.program.eq_ignore_ascii_case(name));
    if is(&["shell", "ESXShell", "ash"]) {
        Some("shell")
    } else if is(&["vpxa"]) {
        Some("vpxa")
    } else if is(&["hostd", "hostd-probe", "vpxad"]) {
        Some("hostd")
    } else if is(&["vobd"]) || message.text.starts_with('[') && message.text.contains("Correlator] ") {
        Some("vobd")
    } else if is(&["dcui"]) {
        Some("dcui")
    } else if is(&["vmkernel", "vmkwarning"]) {
        Some("vmkernel")
    } else if is(&["SSH", "ESXi-Shell"]) {
        Some("auth")
    } else if is(&[
        "vmauthd",
        "rhttpproxy",
        "envoy-access",
        "vsantraced",
        "healthd",
        "localcli",
        "esxupdate",
    ]) {
        Some("syslog")
    } else {
        None
    }
}

/// The console at the machine: `User root logged in`, `authentication of user root failed`, `password changed for root`.
fn console(draft: &mut Draft, text: &str) {
    let lower = text.to_ascii_lowercase();
    let user = super::text::after(&lower, "user ").map_or("", |user| word(user).0);
    draft.by(user);
    if lower.contains("password changed for") || lower.contains("login password for user") {
        draft
            .did(Activity::PasswordReset, Outcome::Success)
            .to(user)
            .with("console");
    } else if lower.contains("logged in") || lower.contains("succeeded") {
        draft.did(Activity::SignIn, Outcome::Success);
    } else if lower.contains("authentication") && lower.contains("fail") {
        draft.did(Activity::SignIn, Outcome::Failure);
    }
    draft.facts.device = Some("console".to_owned());
}

/// `sh: exec denied` is `execInstalledOnly` doing its work.
fn kernel(draft: &mut Draft, text: &str) {
    if let Some(path) = super::text::after(text, "exec denied") {
        draft
            .did(Activity::Process, Outcome::Failure)
            .with(path.trim_start_matches([':', ' ']));
    } else if text.contains("execInstalledOnly") && text.to_ascii_lowercase().contains("disabled") {
        draft
            .did(Activity::DefenceChange, Outcome::Success)
            .with("execInstalledOnly");
    }
}

/// `SSH login enabled`, in the log of authentication.
fn enabled(draft: &mut Draft, program: &str, text: &str) {
    if text.ends_with("login enabled") {
        draft.did(Activity::ServiceStart, Outcome::Success).with(program);
    }
}

#[cfg(test)]
mod tests;
