//! One self-contained page.
use super::types::Investigation;
use std::io::{self, Write};
/// Writes the page.
pub fn write_html(_investigation: &Investigation, _out: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
