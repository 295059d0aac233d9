//! One self-contained page.
use std::io::{self, Write};
use super::types::Investigation;
/// Writes the page.
pub fn write_html(_investigation: &Investigation, _out: &mut dyn Write) -> io::Result<()> { Ok(()) }
