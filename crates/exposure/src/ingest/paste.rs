//! Pastes: single texts that somebody put on a public site.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::about::{About, PasswordForm, parse_text, wrong};
use super::gather::Gatherer;
use super::import::read_all;
use super::problems::Problems;
use super::source::walk;
use super::time::is_time;
use crate::Error;
use crate::accounts::{AccountsWriter, Kind, Paste};
use crate::address::Identity;

/// The most different addresses of a paste; more is a breach.
const ADDRESSES_MAX: usize = 1_000_000;

/// What a file about a paste says; TOML, or JSON that begins with `{`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AboutPaste {
    /// Where it was found, like `Pastebin`.
    pub source: String,
    /// Its name there.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// When it was made, like `2026-11-23T10:15:00Z`.
    pub date: Option<String>,
}

impl AboutPaste {
    /// Reads what a file says.
    ///
    /// # Errors
    /// [`Error::About`] with what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let about: Self = parse_text(text)?;
        if let Some(date) = about.date.as_ref().filter(|date| !is_time(date)) {
            return Err(wrong(format!(
                "`date` is `{date}`; it is written like `\"2026-11-23T10:15:00Z\"`"
            )));
        }
        Ok(about)
    }
}

/// Enters a paste, in the place of what was known of it: how many people are in it here, and what could not be read.
///
/// # Errors
/// [`Error::NothingFound`] without any address; when there are more than a million; when files can't be read or written.
pub fn import_paste(writer: &mut AccountsWriter, path: &Path, about: &AboutPaste) -> Result<(u64, Problems), Error> {
    let mut problems = Problems::default();
    let folder = writer.partial()?;
    // Only addresses are kept of a paste.
    let wanted = About {
        passwords: PasswordForm::None,
        stealer_log: Some(false),
        ..About::default()
    };
    let mut gatherer = Gatherer::new(&wanted, &folder, 16 << 20)?;
    let found = walk(path, &mut problems);
    read_all(&found, &mut gatherer, &mut problems, &mut |_, _| {
        std::ops::ControlFlow::Continue(())
    })?;
    let counts = gatherer.counts;
    let mut identities = BTreeSet::new();
    let mut is_too_large = false;
    for (kind, sorted) in gatherer.finish()?.tables {
        if kind == Kind::Identities {
            sorted.visit(&mut |key, _| {
                is_too_large = identities.len() == ADDRESSES_MAX;
                identities.extend(key.try_into().map(Identity));
                Ok(if is_too_large {
                    std::ops::ControlFlow::Break(())
                } else {
                    std::ops::ControlFlow::Continue(())
                })
            })?;
        }
    }
    writer.clear_partial()?;
    if is_too_large {
        return Err(Error::PasteTooLarge { max: ADDRESSES_MAX });
    }
    if identities.is_empty() {
        return Err(Error::NothingFound {
            files: counts.files,
            problems: problems.count,
        });
    }
    let paste = Paste {
        source: about.source.clone(),
        id: about.id.clone(),
        title: about.title.clone(),
        date: about.date.clone(),
        email_count: identities.len() as u64,
    };
    let identities: Vec<_> = identities.into_iter().collect();
    let added = writer.ledger().add_paste(&paste, &identities)?;
    Ok((added, problems))
}
