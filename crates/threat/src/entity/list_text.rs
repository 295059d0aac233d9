//! A list of people and machines written as `list` reads it.

use super::list::Listed;
use crate::event::{Handle, HandleKind};

const HEAD: &str = "sid,sam,user,upn,mail,name,host,fqdn,address,tier,note\n";

/// A list as CSV, with a line for each person and machine. What a spreadsheet would take for a formula is left out.
#[must_use]
pub fn csv(listed: &[Listed]) -> String {
    let mut text = HEAD.to_owned();
    for entity in listed {
        text += &line(entity);
    }
    text
}

fn line(entity: &Listed) -> String {
    let of = |kind: HandleKind| entity.names.iter().filter(move |name| name.kind == kind);
    let all = |kind: HandleKind| cell(of(kind));
    let dotted = |name: &&Handle| name.name.contains('.');
    let cells = [
        all(HandleKind::Sid),
        all(HandleKind::Sam),
        all(HandleKind::User),
        cell(of(HandleKind::Mail).take(1)),
        cell(of(HandleKind::Mail).skip(1)),
        all(HandleKind::DisplayName),
        cell(of(HandleKind::Host).filter(|name| !dotted(name))),
        cell(of(HandleKind::Host).filter(dotted)),
        all(HandleKind::Address),
        entity
            .tiers
            .iter()
            .map(|tier| tier.name())
            .collect::<Vec<_>>()
            .join("|"),
        quoted(&plain(&entity.note)),
    ];
    cells.join(",") + "\n"
}

fn cell<'a>(names: impl Iterator<Item = &'a Handle>) -> String {
    let names: Vec<String> = names.map(|name| plain(&name.name)).collect();
    quoted(&names.join("|"))
}

/// Without what would be taken for another value or another line.
fn plain(value: &str) -> String {
    value
        .chars()
        .map(|character| match character {
            '|' => '/',
            character if character.is_control() => ' ',
            character => character,
        })
        .collect()
}

fn quoted(value: &str) -> String {
    let value = value.trim();
    if value.starts_with(['=', '+', '-', '@']) {
        return String::new();
    }
    if value.contains([',', ';', '"']) {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value.to_owned()
}
