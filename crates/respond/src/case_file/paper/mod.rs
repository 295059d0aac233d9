//! The paper pack: a PDF to be printed before the day when nothing works, and on that day.

mod font;
mod layout;
mod pack;
mod write;

pub use pack::{Case, Contact, Pack, RestoreStep};

use crate::error::Error;

/// The pack as a PDF.
///
/// # Errors
/// When the fonts that are built in can't be read.
pub fn paper(pack: &Pack<'_>) -> Result<Vec<u8>, Error> {
    let fonts = font::Fonts::read()?;
    let (title, footer) = pack::titles(pack);
    let laid = layout::lay_out(&fonts, &pack::blocks(pack), &footer);
    Ok(write::write(&fonts, &laid, &title))
}
