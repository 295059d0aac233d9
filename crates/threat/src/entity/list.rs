//! Lists of the organisation: who has which names, and what is at stake on them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Tier;
use crate::event::{Handle, HandleKind};

/// Lines that are read of a list.
const LINES_MAX: usize = 1_000_000;
const COLUMNS_MAX: usize = 64;
/// Characters of a note that are kept.
const NOTE_MAX: usize = 200;

/// One person or machine of a list, whatever the list's notation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its names.
    pub names: Vec<Handle>,
    /// What is at stake on it.
    #[serde(default)]
    pub tiers: Vec<Tier>,
    /// What people want to know of it: a department, an operating system.
    #[serde(default)]
    pub note: String,
    /// The line that it's in, from 1; 0 if the list has none.
    #[serde(default)]
    pub line: usize,
}

/// How much of a list was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// People and machines.
    pub entities: usize,
    /// Lines with a name that contradicts what is known, from 1: at most 100.
    pub refused: Vec<usize>,
}

/// Why a list can't be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListError {
    /// The first line must name the columns.
    #[error(
        "no column of a list is called `{0}`: known are upn, mail, sam, user, sid, okta_id, entra_id, arn, name, host, fqdn, address, vm, datastore, tier and note"
    )]
    Column(String),
    /// A tier that isn't known.
    #[error(
        "line {line}: no tier is called `{name}`: known are domain-controller, vcenter, esxi, backup, identity, help-desk, admin and vip"
    )]
    Tier {
        /// The line, from 1.
        line: usize,
        /// What it says.
        name: String,
    },
    /// A list without end.
    #[error("more than {LINES_MAX} lines or {COLUMNS_MAX} columns")]
    TooLarge,
}

/// Reads a list with commas or semicolons between its columns, whose first line names them. Several values in one cell have `|` between.
pub(super) fn read(text: &str) -> Result<Vec<Listed>, ListError> {
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
    let Some((_, head)) = lines.next() else {
        return Ok(Vec::new());
    };
    let separator = if head.contains(';') { ';' } else { ',' };
    let columns = cells(head, separator)
        .iter()
        .map(|name| column(name))
        .collect::<Result<Vec<_>, _>>()?;
    if columns.len() > COLUMNS_MAX {
        return Err(ListError::TooLarge);
    }
    let mut listed = Vec::new();
    for (number, line) in lines {
        if listed.len() >= LINES_MAX {
            return Err(ListError::TooLarge);
        }
        let mut entity = Listed {
            line: number + 1,
            ..Listed::default()
        };
        for (cell, column) in cells(line, separator).iter().zip(&columns) {
            for value in cell.split('|').map(str::trim).filter(|value| !value.is_empty()) {
                match column {
                    Column::Name(kind) => entity.names.extend(Handle::new(*kind, value)),
                    Column::Tier => entity.tiers.push(Tier::parse(value).ok_or_else(|| ListError::Tier {
                        line: number + 1,
                        name: value.chars().take(64).collect(),
                    })?),
                    Column::Note => entity.note = value.chars().take(NOTE_MAX).collect(),
                }
            }
        }
        listed.push(entity);
    }
    Ok(listed)
}

enum Column {
    Name(HandleKind),
    Tier,
    Note,
}

fn column(name: &str) -> Result<Column, ListError> {
    Ok(Column::Name(match name.trim().to_ascii_lowercase().as_str() {
        "upn" | "mail" | "email" => HandleKind::Mail,
        "sam" | "account" => HandleKind::Sam,
        "user" => HandleKind::User,
        "sid" => HandleKind::Sid,
        "okta_id" | "entra_id" | "id" => HandleKind::ProviderId,
        "arn" => HandleKind::Arn,
        "name" => HandleKind::DisplayName,
        "host" | "fqdn" => HandleKind::Host,
        "address" | "ip" => HandleKind::Address,
        "vm" => HandleKind::VirtualMachine,
        "datastore" => HandleKind::Datastore,
        "tier" | "tiers" => return Ok(Column::Tier),
        "note" => return Ok(Column::Note),
        _ => return Err(ListError::Column(name.chars().take(64).collect())),
    }))
}

/// The cells of a line; a cell in quotes may have separators in it, and a quote doubled.
fn cells(line: &str, separator: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '"' && quoted && characters.peek() == Some(&'"') {
            characters.next();
            push(&mut cells, '"');
        } else if character == '"' {
            quoted = !quoted;
        } else if character == separator && !quoted {
            if cells.len() > COLUMNS_MAX {
                break;
            }
            cells.push(String::new());
        } else {
            push(&mut cells, character);
        }
    }
    cells
}

fn push(cells: &mut [String], character: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(character);
    }
}
