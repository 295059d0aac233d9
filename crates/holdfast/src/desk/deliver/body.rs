//! What messages of syslog say.

use respond::Desk;
use respond::notice::Content;

use super::text::lines;
use crate::config::FormatValue;

/// The body: a sentence, or the alert or incident in a form that other programs read. What is about neither is a sentence.
pub(super) fn of(_desk: &Desk, content: &Content, format: FormatValue) -> String {
    match format {
        FormatValue::Text | FormatValue::Cef | FormatValue::Ocsf => sentence(content),
    }
}

fn sentence(content: &Content) -> String {
    let mut parts = vec![content.title.clone()];
    parts.extend(content.text.iter().cloned());
    parts.extend(lines(content));
    parts.join(" | ")
}
