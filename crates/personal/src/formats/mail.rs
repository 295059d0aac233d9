//! Mail: messages (RFC 5322, MIME), and files of many (mbox).

use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};

use crate::collector::Collector;
use crate::formats::flow::{self, Dialect};
use crate::formats::{self, aligned};
use crate::report::Reason;

/// Messages within messages, without counting attachments that are documents.
const DEPTH_MAX: u32 = 8;

/// Whether a text is many mails, one after the other.
pub(crate) fn is_mailbox(sample: &str) -> bool {
    sample.starts_with("From ") && sample.lines().nth(1).is_some_and(|line| header_name(line).is_some())
}

/// Headers that mails have and other texts don't.
const HEADERS: &[&str] = &[
    "received",
    "return-path",
    "delivered-to",
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "x-mailer",
    "reply-to",
    "cc",
    "content-type",
    "dkim-signature",
    "sender",
    "x-received",
    "arc-seal",
];

/// Whether a text is a mail: it begins with headers, several of which are those of mails.
pub(crate) fn is_mail(name: &str, sample: &str) -> bool {
    let is_named = name.to_ascii_lowercase().ends_with(".eml");
    let mut known = 0;
    for line in sample.lines().take(64) {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some(name) = header_name(line) else { return false };
        known += usize::from(HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header)));
    }
    known >= if is_named { 1 } else { 3 }
}

fn header_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(name)
}

/// Reads one message.
pub(crate) fn read(collector: &mut Collector<'_>, bytes: &[u8]) {
    match MessageParser::default().parse(bytes) {
        Some(message) => read_message(collector, &message, DEPTH_MAX),
        None => collector.unread(Reason::Damaged),
    }
}

/// Reads many messages. Each begins with a line `From ...`; such lines inside a message are quoted with `>`.
pub(crate) fn read_mailbox(collector: &mut Collector<'_>, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() && collector.take_member() {
        let envelope = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |position| position + 1);
        let behind = rest.get(envelope..).unwrap_or_default();
        let length = find_bytes(behind, b"\nFrom ").map_or(behind.len(), |position| position + 1);
        let (message, next) = behind.split_at_checked(length).unwrap_or((behind, &[]));
        if !message.is_empty() {
            read(collector, message);
        }
        rest = next;
    }
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn read_message(collector: &mut Collector<'_>, message: &Message<'_>, depth: u32) {
    collector.text(&headers(message));
    for part in &message.parts {
        if !collector.take_member() {
            return;
        }
        match &part.body {
            PartType::Text(text) => aligned::read(collector, text),
            PartType::Html(text) => flow::read(collector, Dialect::Html, text),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                let name = part.attachment_name().unwrap_or("attachment");
                collector.within(name, |collector| {
                    formats::document(collector, name, bytes);
                });
            }
            PartType::Message(inner) => match depth.checked_sub(1) {
                Some(depth) => read_message(collector, inner, depth),
                None => collector.unread(Reason::TooDeep),
            },
            PartType::Multipart(_) => {}
        }
    }
}

/// Who wrote to whom about what. Other headers name machines and messages.
fn headers(message: &Message<'_>) -> String {
    let mut text = String::new();
    for addresses in [
        message.from(),
        message.to(),
        message.cc(),
        message.bcc(),
        message.reply_to(),
        message.sender(),
    ]
    .into_iter()
    .flatten()
    {
        match addresses {
            Address::List(list) => list.iter().for_each(|one| push_address(&mut text, one)),
            Address::Group(groups) => groups
                .iter()
                .flat_map(|group| &group.addresses)
                .for_each(|one| push_address(&mut text, one)),
        }
    }
    if let Some(subject) = message.subject() {
        text.push_str(subject);
        text.push('\n');
    }
    if let HeaderValue::Text(comments) = message.comments() {
        text.push_str(comments);
        text.push('\n');
    }
    text
}

fn push_address(text: &mut String, address: &mail_parser::Addr<'_>) {
    for part in [&address.name, &address.address].into_iter().flatten() {
        text.push_str(part);
        text.push(' ');
    }
    text.push('\n');
}
