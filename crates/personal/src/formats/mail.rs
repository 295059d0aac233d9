//! Mail.

/// Whether a text is many mails, one after the other.
pub(crate) fn is_mailbox(sample: &str) -> bool {
    sample.starts_with("From ") && sample.lines().nth(1).is_some_and(|line| header_name(line).is_some())
}

/// Headers that mails have and other texts don't.
const HEADERS: &[&str] = &[
    "received", "return-path", "delivered-to", "from", "to", "subject", "date", "message-id", "mime-version", "x-mailer", "reply-to", "cc",
    "content-type", "dkim-signature", "sender", "x-received", "arc-seal",
];

/// Whether a text is a mail: it begins with headers, several of which are those of mails.
pub(crate) fn is_mail(name: &str, sample: &str) -> bool {
    let named = name.to_ascii_lowercase().ends_with(".eml");
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
    known >= if named { 1 } else { 3 }
}

fn header_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')).then_some(name)
}
