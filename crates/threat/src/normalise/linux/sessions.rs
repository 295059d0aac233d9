//! Who signs in: sshd, su, and PAM for programs without a message of their own.

use crate::event::{Activity, Outcome};
use crate::normalise::text::{Draft, after, between, some, word};

/// Of OpenSSH. One attempt is told once: by `Accepted` or `Failed`, not by what PAM or the end of the connection say of it again.
pub(super) fn sshd(draft: &mut Draft, text: &str) {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let (outcome, method, rest) = if let Some(rest) = text.strip_prefix("Accepted ") {
        let (method, rest) = word(rest);
        (Outcome::Success, method, rest)
    } else if let Some(rest) = text.strip_prefix("Failed ") {
        let (method, rest) = word(rest);
        (Outcome::Failure, method, rest)
    } else if let Some(rest) = text.strip_prefix("PAM: Authentication failure ") {
        (Outcome::Failure, "pam", rest)
    } else if let Some(rest) = text.strip_prefix("maximum authentication attempts exceeded ") {
        (Outcome::Failure, "", rest)
    } else {
        return mention(draft, text);
    };
    // `none` asks which methods there are.
    if method == "none" {
        return mention(draft, text);
    }
    let Some(rest) = rest.strip_prefix("for ") else { return };
    let rest = rest
        .strip_prefix("invalid user ")
        .or_else(|| rest.strip_prefix("illegal user "))
        .unwrap_or(rest);
    // A name may have blanks, and be `x from 10.0.0.1`: the address is behind the last `from`.
    let Some((user, place)) = rest.rsplit_once(" from ") else {
        return;
    };
    draft.did(Activity::SignIn, outcome).by(user).from(word(place).0);
    draft.facts.device = some(&format!("ssh {method}"));
    draft.put("user", user);
    draft.put("src_ip", word(place).0);
}

/// Messages that name a user and an address without being the attempt itself.
fn mention(draft: &mut Draft, text: &str) {
    let Some((user, place)) = ["Invalid user ", "Illegal user "]
        .iter()
        .find_map(|mark| text.strip_prefix(mark))
        .and_then(|rest| rest.rsplit_once(" from "))
    else {
        return;
    };
    draft
        .did(Activity::Other, Outcome::Failure)
        .by(user)
        .from(word(place).0);
    draft.put("user", user);
    draft.put("src_ip", word(place).0);
}

/// `(to root) anna on pts/1`, `FAILED SU (to root) anna on pts/1`, `Successful su for root by anna`, `BAD SU anna to root on /dev/ttyp0`.
pub(super) fn su(draft: &mut Draft, text: &str) {
    let text = text.trim_start_matches(['+', '-', ' ']);
    let failed = text.starts_with("FAILED") || text.starts_with("BAD") || text.starts_with("failed");
    let outcome = if failed { Outcome::Failure } else { Outcome::Success };
    let (target, actor) = if let Some(target) = between(text, "(to ", ") ") {
        (target, word(after(text, ") ").unwrap_or_default()).0)
    } else if let Some(rest) = after(text, " su for ").or_else(|| after(text, "SU for ")) {
        rest.split_once(" by ").unwrap_or((rest, ""))
    } else if let Some(rest) = text.strip_prefix("BAD SU ")
        && let Some((actor, target)) = rest.split_once(" to ")
    {
        (word(target).0, actor)
    } else {
        return;
    };
    draft.did(Activity::SignIn, outcome).by(actor).to(target);
}

/// `pam_unix(su:session): session opened for user root(uid=0) by anna(uid=1000)`; older ones have their mark behind the program's name.
pub(super) fn pam(draft: &mut Draft, program: &str, text: &str) {
    let marked = text.strip_prefix("pam_unix(").or_else(|| text.strip_prefix("pam_sss("));
    if let Some((service, text)) = marked.and_then(|rest| rest.split_once("): ")) {
        let (service, stage) = service.split_once(':').unwrap_or((service, ""));
        told_by_pam(draft, program, (service, stage), text);
    } else if text.starts_with("authentication failure; ") {
        told_by_pam(draft, program, (program, "auth"), text);
    }
}

fn told_by_pam(draft: &mut Draft, program: &str, (service, stage): (&str, &str), text: &str) {
    draft.put("pam_service", service);
    let named = |name| {
        between(text, name, "(")
            .or_else(|| after(text, name))
            .map(|user| word(user).0)
            .unwrap_or_default()
    };
    if text.starts_with("session opened for user ") {
        // sshd, su and sudo have messages of their own; a session of cron is no sign-in.
        if matches!(
            service,
            "login" | "gdm-password" | "lightdm" | "sddm" | "xrdp-sesman" | "vsftpd" | "remote" | "cockpit"
        ) {
            draft.did(Activity::SignIn, Outcome::Success).by(named("for user "));
        }
    } else if stage == "auth" && text.starts_with("authentication failure") {
        let user = after(text, " user=").map_or("", |user| word(user).0);
        let place = after(text, " rhost=").map_or("", |place| word(place).0);
        // Without a place the next field follows.
        let place = if place.starts_with("user=") { "" } else { place };
        draft.put("user", user);
        draft.put("src_ip", place);
        let activity = match service {
            "sshd" | "sudo" | "su" | "su-l" => Activity::Other,
            _ => Activity::SignIn,
        };
        draft.did(activity, Outcome::Failure).by(user).from(place);
    } else if stage == "chauthtok" && text.starts_with("password changed for ") {
        let user = after(text, "password changed for ").unwrap_or_default();
        // Who ran it isn't told; `chpasswd` is for others' passwords.
        let activity = if program == "passwd" {
            Activity::PasswordChange
        } else {
            Activity::PasswordReset
        };
        draft.did(activity, Outcome::Success).to(user);
    }
}
