//! Cisco ASA and Firepower: `%ASA-6-113039: Group <VPN> User <anna> IP <198.51.100.7> AnyConnect parent session started.`

use crate::event::{Activity, Event, Outcome};
use crate::normalise::Context;
use crate::normalise::syslog::Message;
use crate::normalise::text::{Draft, after, between, logsource, some, word};

pub(super) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    let rest = ["%ASA-", "%FTD-"].iter().find_map(|mark| after(message.text, mark))?;
    let (head, said) = rest.split_once(": ")?;
    let (severity, number) = head.rsplit_once('-')?;
    let mut draft = super::draft(message);
    draft.put("severity", severity);
    draft.put("message_id", number);
    draft.put("group", named(said, &["Group <", "Group = ", "Group "]));
    let user = user(said);
    draft.put("user", user);
    let place = named(said, &["IP <", "user IP = ", "IP = ", "IP "]);
    draft.put("src_ip", place);
    draft.by(user).from(place);
    tell(&mut draft, number, said);
    let time = message.time.unwrap_or(context.received);
    Some(draft.event(time, logsource("cisco", Some("asa"), None), context))
}

/// A value behind the first of the marks that is there, up to what ends it.
fn named<'a>(said: &'a str, marks: &[&str]) -> &'a str {
    let Some((mark, rest)) = marks.iter().find_map(|mark| Some((*mark, after(said, mark)?))) else {
        return "";
    };
    let ends: &[char] = if mark.ends_with('<') { &['>'] } else { &[' ', ',', ':'] };
    rest.split(ends).next().unwrap_or(rest)
}

fn user(said: &str) -> &str {
    let found = named(
        said,
        &[
            "User <",
            "Username = ",
            "user = ",
            "User = ",
            "Uname: ",
            "User '",
            "User \"",
            "user \"",
            "user '",
            "AAA user ",
            "User ",
        ],
    );
    found.trim_matches(['\'', '"'])
}

fn tell(draft: &mut Draft, number: &str, said: &str) {
    match number {
        "113039" | "716001" => {
            draft.did(Activity::SignIn, Outcome::Success);
            draft.facts.device = some(if number == "716001" { "webvpn" } else { "anyconnect" });
        }
        "113005" | "113015" | "113021" | "113029" | "113033" | "113035" | "113038" | "716039" => {
            draft.did(Activity::SignIn, Outcome::Failure);
        }
        "605004" | "605005" => {
            let outcome = if number == "605005" {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            draft
                .did(Activity::SignIn, outcome)
                .from(between(said, " from ", " to ").unwrap_or_default());
            draft.facts.device = some(said.split('/').nth(2).map_or("", |service| word(service).0));
        }
        "113006" => {
            let user = between(said, "User ", " locked").unwrap_or_default().to_owned();
            draft.did(Activity::AccountState, Outcome::Success).to(&user);
            draft.facts.actor = Vec::new();
        }
        "502101" | "502102" => {
            let user = draft.field("user").to_owned();
            let activity = if number == "502101" {
                Activity::AccountCreation
            } else {
                Activity::AccountDeletion
            };
            draft.did(activity, Outcome::Success).to(&user);
            draft.facts.actor = Vec::new();
        }
        "502103" => {
            let user = draft.field("user").to_owned();
            draft.did(Activity::RoleGrant, Outcome::Success).to(&user).with(said);
        }
        "111008" | "111010" => {
            let command = between(said, "executed the '", "'")
                .or_else(|| between(said, "executed '", "'"))
                .unwrap_or_default();
            draft.did(Activity::Process, Outcome::Success).with(command);
            draft.put("command", command);
        }
        _ => {}
    }
}
