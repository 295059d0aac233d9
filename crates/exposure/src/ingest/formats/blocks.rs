//! Logs of malware in blocks: `URL: ..`, `Username: ..`, `Password: ..`, `Application: ..`, in any order, whatever they are called.

use super::Reading;
use crate::Error;
use crate::ingest::gather::Gatherer;

/// A field of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Website,
    Login,
    Password,
    Application,
}

/// The field of a line, and what is in it.
pub(super) fn field(line: &[u8]) -> Option<(Field, &[u8])> {
    let line = line.trim_ascii();
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (line.get(..colon)?.trim_ascii(), line.get(colon + 1..)?.trim_ascii());
    let mut lower = [0; 12];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let field = match &*lower {
        b"url" | b"host" | b"hostname" | b"origin" | b"website" | b"site" => Field::Website,
        b"username" | b"user" | b"login" | b"user login" | b"email" | b"e-mail" | b"mail" => Field::Login,
        b"password" | b"pass" | b"user pass" | b"pwd" => Field::Password,
        b"application" | b"app" | b"soft" | b"software" | b"browser" | b"storage" | b"profile" => Field::Application,
        _ => return None,
    };
    Some((field, value))
}

#[derive(Default)]
struct Block {
    website: Option<Vec<u8>>,
    login: Option<Vec<u8>>,
    password: Option<Vec<u8>>,
    application: bool,
}

impl Block {
    /// Enters a field; false if there is one already, which then begins the next block.
    fn enter(&mut self, field: Field, value: &[u8]) -> bool {
        let place = match field {
            Field::Website => &mut self.website,
            Field::Login => &mut self.login,
            Field::Password => &mut self.password,
            Field::Application => return !std::mem::replace(&mut self.application, true),
        };
        let is_free = place.is_none();
        if is_free {
            *place = Some(value.to_vec());
        }
        is_free
    }

    fn end(&mut self, gatherer: &mut Gatherer) -> Result<(), Error> {
        let block = std::mem::take(self);
        if block.login.is_none() && block.password.is_none() {
            return Ok(());
        }
        gatherer.credentials(
            block.website.as_deref(),
            &block.login.unwrap_or_default(),
            &block.password.unwrap_or_default(),
        )
    }
}

pub(super) fn read(reading: &mut Reading<'_, '_>) -> Result<(), Error> {
    let mut block = Block::default();
    reading.lines(&mut |gatherer, line, _| match field(line) {
        Some((field, value)) => {
            if !block.enter(field, value) {
                block.end(gatherer)?;
                block.enter(field, value);
            }
            Ok(())
        }
        None if is_separator(line) => block.end(gatherer),
        None => gatherer.scan(line).map(drop),
    })?;
    block.end(reading.gatherer)
}

/// Whether a line stands between blocks: empty, or of one character.
fn is_separator(line: &[u8]) -> bool {
    line.trim_ascii()
        .iter()
        .all(|byte| matches!(byte, b'=' | b'-' | b'*' | b'_' | b'#'))
}
