//! Gates to the network: FortiGate, Cisco ASA, Palo Alto and OpenVPN. (WireGuard logs no sign-ins.)

mod cisco;
mod fortinet;
mod openvpn;
mod paloalto;

use super::syslog::Message;
use super::text::Draft;
use super::{Context, NotUnderstood};
use crate::event::Event;

/// The event of a message if one of them wrote it.
pub(crate) fn read(message: &Message<'_>, context: &Context) -> Option<Event> {
    fortinet::read(message, context)
        .or_else(|| cisco::read(message, context))
        .or_else(|| paloalto::read(message, context))
        .or_else(|| openvpn::read(message, context))
}

/// A line of one of their own files, without a header of syslog.
pub(crate) fn read_line(line: &str, context: &Context) -> Option<Result<Event, NotUnderstood>> {
    let message = Message {
        text: line.trim(),
        ..Message::default()
    };
    read(&message, context).map(Ok)
}

/// A draft with what the header of syslog says.
fn draft(message: &Message<'_>) -> Draft {
    let mut draft = Draft::default();
    draft.put("host", message.host.unwrap_or_default());
    draft.put("message", message.text);
    draft.facts.machine = super::text::machine(message.host.unwrap_or_default());
    draft
}

#[cfg(test)]
mod tests;
