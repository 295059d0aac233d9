//! Who did what to whom, in events that say so. What is known of none is told by the names that Windows gives data everywhere.

mod account;
mod directory;
mod powershell;
mod security;
mod services;
mod sign_in;
mod sysmon;

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value};

use crate::event::{Activity, Facts, Handle, HandleKind, Outcome};

/// Characters of an object that are kept: scripts and tasks can be long.
const OBJECT_CHARACTERS_MAX: usize = 2048;

/// What facts are read from.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) id: u32,
    /// As Sigma calls the channel; empty if it has no name for it.
    pub(super) service: &'a str,
    pub(super) provider: &'a str,
    pub(super) computer: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) head: &'a Map<String, Value>,
    pub(super) data: &'a Map<String, Value>,
}

impl<'a> View<'a> {
    /// A text that says something.
    fn text(&self, name: &str) -> Option<&'a str> {
        self.data
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !matches!(*text, "" | "-"))
    }

    /// A number, or a text that is one.
    fn number(&self, name: &str) -> Option<u64> {
        match self.data.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
            _ => None,
        }
    }

    /// One of the texts of data without names, from 0.
    fn unnamed(&self, at: usize) -> Option<&'a str> {
        let text = match self.data.get("Data")? {
            Value::Array(texts) => texts.get(at)?.as_str()?,
            Value::String(text) if at == 0 => text,
            _ => return None,
        };
        Some(text.trim()).filter(|text| !text.is_empty())
    }

    /// The first address among these data.
    fn address(&self, names: &[&str]) -> Option<IpAddr> {
        names.iter().find_map(|name| self.text(name).and_then(address))
    }

    /// Those of these data that say something, on one line.
    fn object(&self, names: &[&str]) -> Option<String> {
        let texts: Vec<&str> = names.iter().filter_map(|name| self.text(name)).collect();
        (!texts.is_empty()).then(|| shortened(&on_one_line(&texts.join(" "))))
    }
}

pub(super) fn facts(view: &View<'_>) -> Facts {
    let mut facts = match view.service {
        "security" => security::facts(view),
        "sysmon" => sysmon::facts(view),
        "powershell" | "powershell-classic" => powershell::facts(view),
        _ => services::facts(view),
    };
    if let Some(host) = Handle::new(HandleKind::Host, view.computer) {
        facts.machine.insert(0, host);
    }
    if facts.outcome == Outcome::Unknown {
        facts.outcome = audited(view);
    }
    // Who signs in is nobody else than who is named so: not the service that wrote of it.
    if facts.actor.is_empty() && facts.activity != Activity::SignIn {
        facts.actor = account::actor(view);
    }
    facts
}

fn of(activity: Activity) -> Facts {
    Facts {
        activity,
        ..Facts::default()
    }
}

/// What an audit found, by its keywords: bits, or in words.
fn audited(view: &View<'_>) -> Outcome {
    const FAILURE: u64 = 1 << 52;
    const SUCCESS: u64 = 1 << 53;
    // Bits of other channels mean other things.
    if view.service != "security" {
        return Outcome::Unknown;
    }
    let bits = match view.head.get("Keywords").or_else(|| view.data.get("Keywords")) {
        Some(Value::String(text)) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).unwrap_or_default(),
            None => text.parse().map_or_else(|_| in_words(text), i64::cast_unsigned),
        },
        Some(Value::Number(number)) => number
            .as_u64()
            .or_else(|| number.as_i64().map(i64::cast_unsigned))
            .unwrap_or_default(),
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(Value::as_str)
            .map(in_words)
            .fold(0, |all, one| all | one),
        _ => 0,
    };
    match (bits & SUCCESS != 0, bits & FAILURE != 0) {
        (true, false) => Outcome::Success,
        (false, true) => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn in_words(text: &str) -> u64 {
    if text.eq_ignore_ascii_case("Audit Success") {
        1 << 53
    } else if text.eq_ignore_ascii_case("Audit Failure") {
        1 << 52
    } else {
        0
    }
}

/// An address as Windows writes it: with a port, mapped into IPv6, or in words for what is local. Addresses of the machine itself say
/// nothing of where somebody came from.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_start_matches('\\');
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        // Link-local addresses name their interface.
        .or_else(|| text.split_once('%').and_then(|(address, _)| address.parse().ok()))?
        .to_canonical();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Lists in data are laid out with line breaks and tabs: each run of them becomes a space.
fn on_one_line(text: &str) -> String {
    let parts = text.split(|character: char| character.is_control()).map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn shortened(text: &str) -> String {
    text.chars().take(OBJECT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
