//! The XML export of KeePass 2 and KeePassXC.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::Entry;

/// What is being read.
#[derive(Default)]
struct State {
    /// Inside of how many histories: older passwords of an entry.
    histories: usize,
    entry: Option<Entry>,
    key: String,
    value: String,
    /// The text that belongs to an open element.
    text: String,
}

pub(super) fn entries(text: &str) -> Result<Vec<Entry>, String> {
    let mut reader = Reader::from_str(text);
    let (mut state, mut entries, mut is_keepass) = (State::default(), Vec::new(), false);
    loop {
        match reader.read_event() {
            Err(_) => return Err(format!("is not well-formed XML at byte {}", reader.error_position())),
            Ok(Event::Eof) => break,
            Ok(Event::Start(start)) => {
                is_keepass |= start.name().as_ref() == "KeePassFile";
                state.start(start.name().as_ref());
            }
            Ok(Event::Text(text)) => state.text += &text,
            Ok(Event::CData(text)) => state.text += &text,
            Ok(Event::GeneralRef(reference)) => state.text.extend(character(&reference)),
            Ok(Event::End(end)) => entries.extend(state.end(end.name().as_ref())),
            Ok(_) => {}
        }
    }
    if is_keepass {
        Ok(entries)
    } else {
        Err("is XML, but no export of KeePass".to_owned())
    }
}

impl State {
    fn start(&mut self, name: &str) {
        self.text.clear();
        match name {
            "History" => self.histories += 1,
            "Entry" if self.histories == 0 => {
                self.entry = Some(Entry {
                    name: String::new(),
                    user: String::new(),
                    password: String::new(),
                });
            }
            "String" => {
                self.key.clear();
                self.value.clear();
            }
            _ => {}
        }
    }

    /// Returns an entry with a password at its end.
    fn end(&mut self, name: &str) -> Option<Entry> {
        match name {
            "History" => self.histories = self.histories.saturating_sub(1),
            "Key" => self.key = std::mem::take(&mut self.text),
            "Value" => self.value = std::mem::take(&mut self.text),
            "String" if self.histories == 0 => self.set(),
            "Entry" if self.histories == 0 => return self.entry.take().filter(|entry| !entry.password.is_empty()),
            _ => {}
        }
        None
    }

    fn set(&mut self) {
        let Some(entry) = &mut self.entry else { return };
        let value = std::mem::take(&mut self.value);
        match self.key.as_str() {
            "Title" => entry.name = value,
            "UserName" => entry.user = value,
            "Password" => entry.password = value,
            _ => {}
        }
    }
}

/// The character that a reference stands for; `None` for entities that are defined elsewhere.
fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character);
    }
    match reference.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}
