//! Codes of a font to characters: by its own table, or by the standard encoding of western text.

use std::collections::HashMap;

use super::object::{Lexer, Object};
use crate::formats::encoding::windows_1252;

/// Codes that a table may list.
const CODES_MAX: usize = 1 << 17;
/// Values read from a table.
const VALUES_MAX: usize = 1 << 19;

/// How the codes of a font become characters.
#[derive(Clone, Debug, Default)]
pub(super) struct Font {
    /// Characters of the codes that aren't those of Windows-1252.
    codes: std::rc::Rc<HashMap<u32, String>>,
    /// Every code has two bytes.
    is_wide: bool,
    /// Codes without an entry can't be told.
    is_unknown: bool,
}

impl Font {
    /// A font that says nothing about its codes.
    pub(super) fn unknown() -> Self {
        Self {
            is_unknown: true,
            is_wide: true,
            ..Self::default()
        }
    }

    /// By its `ToUnicode` table.
    pub(super) fn from_table(bytes: &[u8]) -> Self {
        let mut values_left = VALUES_MAX;
        let mut lexer = Lexer::new(bytes, 0, &mut values_left);
        let mut operands: Vec<Object> = Vec::new();
        let mut codes = HashMap::new();
        let mut is_wide = false;
        while let Some(value) = lexer.operand() {
            let Object::Word(word) = &value else {
                operands.push(value);
                continue;
            };
            match word.as_slice() {
                b"endcodespacerange" => {
                    is_wide = operands
                        .iter()
                        .any(|operand| matches!(operand, Object::Text(code) if code.len() == 2))
                }
                b"endbfchar" => {
                    let (pairs, _) = operands.as_chunks::<2>();
                    for [code, target] in pairs {
                        insert(&mut codes, code_of(code), 0, target);
                    }
                }
                b"endbfrange" => {
                    let (ranges, _) = operands.as_chunks::<3>();
                    ranges
                        .iter()
                        .for_each(|[first, last, target]| insert_range(&mut codes, first, last, target));
                }
                _ => {}
            }
            operands.clear();
        }
        Self {
            codes: codes.into(),
            is_wide,
            is_unknown: false,
        }
    }

    /// The standard encoding, with some codes named otherwise.
    pub(super) fn with_differences(differences: Option<&Object>) -> Self {
        let mut codes = HashMap::new();
        let mut code = 0_u32;
        if let Some(Object::Array(items)) = differences {
            for item in items.iter().take(CODES_MAX) {
                match item {
                    Object::Number(number) => code = *number as u32,
                    Object::Name(name) => {
                        if let Some(character) = character(name) {
                            codes.insert(code, character.to_string());
                        }
                        code = code.saturating_add(1);
                    }
                    _ => {}
                }
            }
        }
        Self {
            codes: codes.into(),
            is_wide: false,
            is_unknown: false,
        }
    }

    /// Appends the characters of a string. False if some can't be told.
    pub(super) fn decode(&self, bytes: &[u8], text: &mut String) -> bool {
        let mut is_known = true;
        for unit in bytes.chunks(if self.is_wide { 2 } else { 1 }) {
            let code = unit.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            match self.codes.get(&code) {
                Some(characters) => text.push_str(characters),
                None if self.is_wide || self.is_unknown => is_known &= !self.is_unknown,
                None => text.push(windows_1252((code & 0xff) as u8)),
            }
        }
        is_known
    }
}

fn code_of(object: &Object) -> Option<u32> {
    match object {
        Object::Text(bytes) if bytes.len() <= 4 => Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))),
        _ => None,
    }
}

/// Enters the characters of one code: those of the target, with the last raised by `offset`.
fn insert(codes: &mut HashMap<u32, String>, code: Option<u32>, offset: u32, target: &Object) {
    let (Some(code), Object::Text(target)) = (code, target) else {
        return;
    };
    let (pairs, _) = target.as_chunks::<2>();
    let mut units: Vec<u16> = pairs.iter().take(8).map(|pair| u16::from_be_bytes(*pair)).collect();
    if let Some(last) = units.last_mut() {
        *last = last.wrapping_add(offset as u16);
    }
    if codes.len() < CODES_MAX {
        codes.insert(code, String::from_utf16_lossy(&units));
    }
}

fn insert_range(codes: &mut HashMap<u32, String>, first: &Object, last: &Object, target: &Object) {
    let (Some(first), Some(last)) = (code_of(first), code_of(last)) else {
        return;
    };
    for offset in 0..=last.saturating_sub(first).min(0xffff) {
        if codes.len() >= CODES_MAX {
            return;
        }
        match target {
            Object::Array(targets) => {
                let Some(target) = targets.get(offset as usize) else {
                    return;
                };
                insert(codes, first.checked_add(offset), 0, target);
            }
            target => insert(codes, first.checked_add(offset), offset, target),
        }
    }
}

/// The character of a glyph's name (Adobe Glyph List), for what identifiers are made of.
fn character(name: &[u8]) -> Option<char> {
    const NAMES: &[(&[u8], char)] = &[
        (b"space", ' '),
        (b"zero", '0'),
        (b"one", '1'),
        (b"two", '2'),
        (b"three", '3'),
        (b"four", '4'),
        (b"five", '5'),
        (b"six", '6'),
        (b"seven", '7'),
        (b"eight", '8'),
        (b"nine", '9'),
        (b"at", '@'),
        (b"period", '.'),
        (b"comma", ','),
        (b"hyphen", '-'),
        (b"minus", '-'),
        (b"plus", '+'),
        (b"slash", '/'),
        (b"colon", ':'),
        (b"semicolon", ';'),
        (b"parenleft", '('),
        (b"parenright", ')'),
        (b"underscore", '_'),
        (b"equal", '='),
        (b"numbersign", '#'),
        (b"percent", '%'),
        (b"ampersand", '&'),
        (b"quotesingle", '\''),
        (b"quotedbl", '"'),
        (b"dollar", '$'),
        (b"exclam", '!'),
        (b"question", '?'),
        (b"asterisk", '*'),
        (b"endash", '\u{2013}'),
        (b"eacute", '\u{e9}'),
        (b"adieresis", '\u{e4}'),
        (b"odieresis", '\u{f6}'),
        (b"udieresis", '\u{fc}'),
        (b"germandbls", '\u{df}'),
    ];
    if let [letter] = name {
        return Some(char::from(*letter));
    }
    if let Some(code) = name.strip_prefix(b"uni") {
        return u32::from_str_radix(std::str::from_utf8(code.get(..4)?).ok()?, 16)
            .ok()
            .and_then(char::from_u32);
    }
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, character)| *character)
}
