//! What is run: by sudo, by cron and by systemd.

use super::is_protection;
use crate::event::{Activity, Outcome};
use crate::normalise::text::{Draft, after, between, word};

/// `anna : TTY=pts/0 ; PWD=/home/anna ; USER=root ; COMMAND=/bin/bash`, with the reason before `TTY` if it was refused.
pub(super) fn sudo(draft: &mut Draft, text: &str) -> Option<&'static str> {
    let (user, rest) = text.split_once(" : ")?;
    let command = after(rest, "COMMAND=")?.trim();
    let refused = !rest.starts_with("TTY=") && !rest.starts_with("PWD=") && !rest.starts_with("HOST=");
    for name in ["TTY", "PWD", "USER", "GROUP", "ENV"] {
        let mark = format!("{name}=");
        let value = rest.split(" ; ").find_map(|part| part.strip_prefix(mark.as_str()));
        draft.put(name, value.unwrap_or_default());
    }
    let user = user.trim();
    draft.put("user", user);
    draft.put("COMMAND", command);
    let target = draft.field("USER").to_owned();
    let outcome = if refused { Outcome::Failure } else { Outcome::Success };
    draft.did(Activity::Process, outcome).by(user).to(&target).with(command);
    if refused {
        return None;
    }
    draft.put("CommandLine", command);
    draft.put("Image", word(command).0);
    draft.put("User", user);
    let folder = draft.field("PWD").to_owned();
    draft.put("CurrentDirectory", &folder);
    Some("process_creation")
}

/// `(root) CMD (/usr/lib/x)`, `(anna) REPLACE (anna)`.
pub(super) fn cron(draft: &mut Draft, text: &str) {
    let Some((user, rest)) = text.strip_prefix('(').and_then(|rest| rest.split_once(") ")) else {
        return;
    };
    let (verb, detail) = word(rest);
    let detail = detail.trim().trim_start_matches('(').trim_end_matches(')').trim();
    match verb {
        "CMD" => draft.did(Activity::Process, Outcome::Success).by(user).with(detail),
        "REPLACE" | "RELOAD" => draft
            .did(Activity::Persistence, Outcome::Success)
            .by(user)
            .with("crontab")
            .to(detail),
        _ => return,
    };
    draft.put("user", user);
    draft.put("command", detail);
}

/// Of systemd and systemctl: units started, stopped and made to start with the machine.
pub(super) fn systemd(draft: &mut Draft, text: &str) {
    if let Some(link) = after(text, "Created symlink ") {
        // The new unit is what the link points to.
        let unit = link.rsplit_once(['\u{2192}', '>']).map_or(link, |(_, unit)| unit);
        let unit = unit.trim().trim_end_matches('.').rsplit('/').next().unwrap_or(unit);
        draft.put("unit", unit);
        draft.did(Activity::Persistence, Outcome::Success).with(unit);
        return;
    }
    let (verb, rest) = word(text);
    let unit = match rest.split_once(" - ") {
        Some((unit, _)) => unit,
        None => between(rest, "", "...").unwrap_or(rest).trim_end_matches('.'),
    };
    let activity = match verb {
        "Started" if unit.starts_with("Session ") || unit.starts_with("session-") => return,
        "Started" => Activity::ServiceStart,
        "Stopped" | "Masked" if is_protection(unit) => Activity::DefenceChange,
        _ => return,
    };
    draft.put("unit", unit);
    draft.did(activity, Outcome::Success).with(unit);
}

/// How the kernel was started: with a shell instead of the system, nobody was asked for a password.
pub(super) fn kernel(draft: &mut Draft, text: &str) {
    let Some(line) = after(text, "Command line: ").or_else(|| after(text, "Kernel command line: ")) else {
        return;
    };
    let shells = [
        "init=/bin/",
        "init=/sysroot/",
        "init=/usr/bin/",
        "rd.break",
        "systemd.unit=rescue",
        "systemd.unit=emergency",
    ];
    let with = line
        .split(' ')
        .find(|part| shells.iter().any(|shell| part.starts_with(shell)));
    if let Some(with) = with.filter(|part| !part.ends_with("/systemd")) {
        draft
            .did(Activity::DefenceChange, Outcome::Success)
            .with(&format!("started with {with}"));
    }
}
