//! OpenVPN: `200.200.200.200:17777 [anna] Peer Connection Initiated with [AF_INET]200.200.200.200:17777`.

use crate::event::{Activity, Event, Outcome};
use crate::normalise::Context;
use crate::normalise::syslog::Message;
use crate::normalise::text::{Draft, after, between, logsource, word};

pub(super) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    let text = message.text;
    let is_named = message.program.starts_with("openvpn") || message.program.starts_with("ovpn");
    let is_told = text.contains("Peer Connection Initiated with [AF_INET")
        || text.contains("Auth Username/Password verification failed for peer");
    if !is_named && !is_told {
        return None;
    }
    let mut draft = super::draft(message);
    tell(&mut draft, text);
    let time = message.time.unwrap_or(context.received);
    Some(draft.event(time, logsource("openvpn", None, None), context))
}

fn tell(draft: &mut Draft, text: &str) {
    if let Some((head, peer)) = text.split_once(" Peer Connection Initiated with ") {
        let user = head.rsplit_once('[').map_or("", |(_, user)| user.trim_end_matches(']'));
        draft
            .did(Activity::SignIn, Outcome::Success)
            .by(user)
            .from(after(peer, "]").unwrap_or(peer));
    } else if text.contains("AUTH_FAILED")
        || text.contains("verification failed for peer")
        || text.contains("could not authenticate")
    {
        // `anna/198.51.100.7:1194 ...` or the address alone: a user is known once there is a certificate.
        let first = text
            .split_whitespace()
            .find(|part| part.contains(':') && part.contains('.'))
            .unwrap_or_default();
        let (user, place) = first.rsplit_once('/').unwrap_or(("", first));
        let user = between(text, "user '", "'")
            .or_else(|| between(text, "username '", "'"))
            .unwrap_or(user);
        draft.did(Activity::SignIn, Outcome::Failure).by(user).from(place);
    } else {
        let (user, _) = word(text).0.split_once('/').unwrap_or_default();
        draft.by(user);
    }
    if let Some(address) = draft.facts.address {
        draft.put("src_ip", &address.to_string());
    }
}
