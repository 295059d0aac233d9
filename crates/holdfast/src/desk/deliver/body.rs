//! What messages of syslog say.

use respond::Desk;
use respond::notice::Content;

use super::text::lines;
use crate::config::FormatValue;

/// The body: a sentence, or the alert or incident in a form that other programs read. What is about neither is a sentence.
pub(super) fn of(desk: &Desk, content: &Content, format: FormatValue) -> String {
    let structured = match format {
        FormatValue::Text => None,
        FormatValue::Cef => cef(desk, content),
        FormatValue::Ocsf => ocsf(desk, content),
    };
    structured.unwrap_or_else(|| sentence(content))
}

fn sentence(content: &Content) -> String {
    let mut parts = vec![content.title.clone()];
    parts.extend(content.text.iter().cloned());
    parts.extend(lines(content));
    parts.join(" | ")
}
