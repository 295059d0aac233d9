//! Messages of syslog: RFC 5424 with structured data, framed by RFC 6587 or RFC 5425 where they travel in a stream.

use respond::Time;
use respond::alert::Severity;
use respond::notice::Content;

/// The private number for documentation and examples (RFC 5612), as long as the project has none of its own.
const STRUCTURED_DATA_ID: &str = "holdfast@32473";
/// A datagram that every receiver must be able to take is 480 bytes, and should be able to 2,048 (RFC 5426); what is longer is
/// cut for datagrams. In streams receivers should take 8,192 (RFC 5425).
pub(super) const DATAGRAM_BYTES_MAX: usize = 2_048;
pub(super) const STREAM_BYTES_MAX: usize = 8_192;
/// Lengths of header fields (RFC 5424, section 6).
const HOST_BYTES_MAX: usize = 255;
const MESSAGE_ID_BYTES_MAX: usize = 32;

/// What a message is made of.
pub(super) struct Message<'a> {
    pub(super) facility: u8,
    pub(super) host: &'a str,
    /// When it is sent.
    pub(super) now: Time,
    /// The notice's key.
    pub(super) key: &'a str,
    pub(super) content: &'a Content,
    /// What it says.
    pub(super) body: &'a str,
}

impl Message<'_> {
    /// The message in at most `bytes_max` bytes; what doesn't fit is cut from its end, at a character's end.
    pub(super) fn render(&self, bytes_max: usize) -> Vec<u8> {
        let content = self.content;
        let priority = u16::from(self.facility) * 8 + u16::from(level(content));
        let mut text = format!(
            "<{priority}>1 {} {} holdfast {} {} {} ",
            self.now,
            header_field(self.host, HOST_BYTES_MAX),
            std::process::id(),
            header_field(&message_id(content), MESSAGE_ID_BYTES_MAX),
            self.structured_data(),
        );
        // A mark says that what follows is UTF-8 (section 6.4).
        text.push('\u{feff}');
        text.extend(
            self.body
                .chars()
                .map(|character| if character.is_control() { ' ' } else { character }),
        );
        while text.len() > bytes_max {
            text.pop();
        }
        text.into_bytes()
    }

    fn structured_data(&self) -> String {
        let content = self.content;
        let mut data = format!("[{STRUCTURED_DATA_ID}");
        let mut add = |name: &str, value: &str| data += &format!(" {name}=\"{}\"", parameter(value));
        add("notice", self.key);
        add("about", &content.subject);
        add("telling", content.telling.name());
        add("severity", content.severity.name());
        for concern in &content.concerns {
            if let Some((what @ ("volume" | "host"), name)) = concern.split_once(' ') {
                add(what, name);
            }
        }
        if let Some(link) = &content.link {
            add("link", link);
        }
        data.push(']');
        data
    }
}

/// Octet counting: the length in front (RFC 6587, 3.4.1; RFC 5425, 4.3).
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = format!("{} ", message.len()).into_bytes();
    frame.extend_from_slice(message);
    frame
}

/// Syslog's severities (RFC 5424, 6.2.1).
const fn level(content: &Content) -> u8 {
    match content.severity {
        _ if content.telling.is_calm() => 6,
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
        Severity::Informational => 6,
    }
}

/// The type of message: what it is about and why it is sent.
fn message_id(content: &Content) -> String {
    let thing = content.subject.split('/').next().unwrap_or_default();
    format!("{thing}-{}", content.telling.name())
}

/// A field of the header: printable ASCII without spaces; `-` if nothing is left.
fn header_field(text: &str, bytes_max: usize) -> String {
    let field: String = text.chars().filter(char::is_ascii_graphic).take(bytes_max).collect();
    if field.is_empty() { "-".to_owned() } else { field }
}

/// The value of a parameter (section 6.3.3).
fn parameter(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\\' | ']' => escaped.extend(['\\', character]),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::content;
    use super::*;

    fn render(content: &Content, body: &str, bytes_max: usize) -> String {
        let message = Message {
            facility: 16,
            host: "web 1",
            now: Time::from_unix_millis(1_795_428_900_250),
            key: "holdfast-notice-1-2",
            content,
            body,
        };
        String::from_utf8(message.render(bytes_max)).unwrap()
    }

    #[test]
    fn the_header_and_the_structured_data_are_those_of_rfc_5424() {
        let content = Content {
            concerns: vec!["volume a]\"\\".to_owned()],
            link: None,
            ..content()
        };
        let expected = format!(
            "<130>1 2026-11-23T10:15:00.25Z web1 holdfast {} incident-first \
             [holdfast@32473 notice=\"holdfast-notice-1-2\" about=\"incident/7\" telling=\"first\" severity=\"critical\" \
             volume=\"a\\]\\\"\\\\\"] \u{feff}one two",
            std::process::id()
        );
        assert_eq!(render(&content, "one\ntwo", STREAM_BYTES_MAX), expected);
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_characters_end() {
        let message = render(&content(), &"\u{e4}".repeat(5_000), DATAGRAM_BYTES_MAX);
        assert!(
            (DATAGRAM_BYTES_MAX - 1..=DATAGRAM_BYTES_MAX).contains(&message.len()),
            "{}",
            message.len()
        );
    }

    #[test]
    fn a_frame_begins_with_its_length_in_bytes() {
        assert_eq!(framed("\u{e4}b".as_bytes()), "3 \u{e4}b".as_bytes());
    }
}
