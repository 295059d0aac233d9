//! Observations of vobd: `[UserLevelCorrelator] 327555108910us: [esx.audit.ssh.enabled] SSH access has been enabled.`
//!
//! Each comes twice: as `vob.*`, seen by one part of the system, and as `esx.*`, which vCenter shows too. Only the latter tells facts.

use crate::event::{Activity, Outcome};
use crate::normalise::text::{Draft, between};

/// What an observation means, by the beginning of its name. The first that fits.
const MEANINGS: &[(&str, Activity, Outcome, &str)] = &[
    ("esx.audit.ssh.enabled", Activity::ServiceStart, Outcome::Success, "SSH"),
    (
        "esx.audit.shell.enabled",
        Activity::ServiceStart,
        Outcome::Success,
        "ESXi Shell",
    ),
    (
        "esx.audit.dcui.enabled",
        Activity::ServiceStart,
        Outcome::Success,
        "DCUI",
    ),
    ("esx.audit.ssh.session.opened", Activity::SignIn, Outcome::Success, ""),
    ("esx.audit.ssh.session.failed", Activity::SignIn, Outcome::Failure, ""),
    (
        "esx.audit.dcui.login.failed",
        Activity::SignIn,
        Outcome::Failure,
        "DCUI",
    ),
    (
        "esx.audit.dcui.login.passwd.changed",
        Activity::PasswordReset,
        Outcome::Success,
        "DCUI",
    ),
    (
        "esx.audit.dcui.host.shutdown",
        Activity::PowerOff,
        Outcome::Success,
        "host",
    ),
    (
        "esx.audit.dcui.host.reboot",
        Activity::PowerOff,
        Outcome::Success,
        "host",
    ),
    ("esx.audit.host.stop", Activity::PowerOff, Outcome::Success, "host"),
    (
        "esx.audit.account.locked",
        Activity::AccountState,
        Outcome::Success,
        "locked",
    ),
    (
        "esx.audit.account.loginfailures",
        Activity::SignIn,
        Outcome::Failure,
        "",
    ),
    (
        "esx.audit.lockdownmode.disabled",
        Activity::DefenceChange,
        Outcome::Success,
        "lockdown mode off",
    ),
    (
        "esx.audit.lockdownmode.exceptions",
        Activity::HostSetting,
        Outcome::Success,
        "lockdown mode exceptions",
    ),
    (
        "esx.audit.esximage.hostacceptance",
        Activity::DefenceChange,
        Outcome::Success,
        "acceptance level",
    ),
    (
        "esx.audit.esximage.vib.install",
        Activity::Persistence,
        Outcome::Success,
        "VIB",
    ),
    (
        "esx.audit.net.firewall.disabled",
        Activity::DefenceChange,
        Outcome::Success,
        "firewall",
    ),
    (
        "esx.audit.net.firewall.config.changed",
        Activity::HostSetting,
        Outcome::Success,
        "firewall",
    ),
    (
        "esx.audit.uw.secpolicy",
        Activity::DefenceChange,
        Outcome::Success,
        "security policy of programs",
    ),
    (
        "esx.audit.vmfs.volume.umounted",
        Activity::HostSetting,
        Outcome::Success,
        "volume",
    ),
    (
        "esx.problem.vmsyslogd.remote.failure",
        Activity::LogClearing,
        Outcome::Unknown,
        "remote log",
    ),
];

pub(super) fn tell(draft: &mut Draft, text: &str) {
    let Some((name, said)) = text.split_once(": [").and_then(|(_, rest)| rest.split_once("] ")) else {
        return;
    };
    draft.put("event_id", name);
    draft.put("description", said);
    of_name(draft, name, said);
}

/// The same from vCenter, which passes a host's observations on as events.
pub(crate) fn of_name(draft: &mut Draft, name: &str, said: &str) {
    if name.to_ascii_lowercase().contains("execinstalledonly") {
        draft
            .did(Activity::DefenceChange, Outcome::Success)
            .with("execInstalledOnly");
        return;
    }
    let Some((_, activity, outcome, object)) = MEANINGS.iter().find(|(known, ..)| name.starts_with(known)) else {
        return;
    };
    draft.did(*activity, *outcome);
    if !object.is_empty() {
        draft.with(object);
    }
    // `SSH session was opened for 'root@10.0.0.5'.`, `Remote access for ESXi local user account 'root' has been locked ...`
    let Some(named) = between(said, "'", "'") else {
        if let Some(user) = between(said, "user ", " ") {
            draft.to(user);
        }
        return;
    };
    let (user, place) = named.rsplit_once('@').unwrap_or((named, ""));
    if *activity == Activity::SignIn {
        draft.by(user).from(place);
        draft.facts.device = Some("ssh".to_owned());
    } else if matches!(activity, Activity::AccountState | Activity::PasswordReset) {
        draft.to(user);
    }
}
