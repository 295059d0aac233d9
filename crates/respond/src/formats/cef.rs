//! Lines of the ArcSight Common Event Format, version 0 (revision 27): for collectors that read syslog.

use std::fmt::Write;

use super::Origin;
use crate::alert::{Alert, Severity};

/// Bytes of a text in a line at most, so that a line fits where syslog carries it.
const TEXT_BYTES_MAX: usize = 1023;

/// An alert as a line, without its end.
#[must_use]
pub fn of_alert(alert: &Alert, origin: &Origin) -> String {
    let noticed = &alert.noticed;
    let mut line = format!(
        "CEF:0|Holdfast|Holdfast|{}|{}|{}|{}|",
        header(&origin.version),
        header(&noticed.kind),
        header(&noticed.title),
        severity(noticed.severity)
    );
    let mut extension = Extension(&mut line);
    extension.add("rt", &alert.last.unix_millis().to_string());
    extension.add("start", &noticed.time.unix_millis().to_string());
    extension.add("cnt", &alert.count.to_string());
    extension.add("externalId", &format!("alert/{}", alert.id));
    extension.add("cat", noticed.layer.name());
    extension.add("dvchost", &origin.host);
    if let Some(host) = &noticed.host {
        extension.add("dhost", host);
    }
    if let Some(identity) = &noticed.identity {
        extension.add("duser", identity);
    }
    if let Some(volume) = &noticed.volume {
        extension.add("cs1Label", "volume");
        extension.add("cs1", volume);
    }
    if let Some(incident) = alert.incident {
        extension.add("cs2Label", "incident");
        extension.add("cs2", &format!("incident/{incident}"));
    }
    extension.add("msg", &noticed.text);
    line
}

/// Key and value pairs at the end of a line.
struct Extension<'a>(&'a mut String);

impl Extension<'_> {
    fn add(&mut self, key: &str, value: &str) {
        let space = if self.0.ends_with('|') { "" } else { " " };
        // Writing to a string doesn't fail.
        let _ = write!(self.0, "{space}{key}={}", self::value(value));
    }
}

/// 0 to 10, as the format has it.
const fn severity(severity: Severity) -> u32 {
    match severity {
        Severity::Informational => 1,
        Severity::Low => 3,
        Severity::Medium => 5,
        Severity::High => 8,
        Severity::Critical => 10,
    }
}

/// A field of the header: bars and backslashes are escaped, and it has one line.
fn header(text: &str) -> String {
    escaped(text, &['|', '\\'], " ")
}

/// A value of the extension: equals signs and backslashes are escaped, line ends are written as `\n`.
fn value(text: &str) -> String {
    escaped(text, &['=', '\\'], "\\n")
}

fn escaped(text: &str, special: &[char], line_end: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if escaped.len() >= TEXT_BYTES_MAX {
            break;
        }
        match character {
            '\n' => escaped.push_str(line_end),
            character if character.is_control() => escaped.push(' '),
            character => {
                if special.contains(&character) {
                    escaped.push('\\');
                }
                escaped.push(character);
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn whatever_a_text_contains_a_line_is_read_as_it_was_meant() {
        assert_eq!(
            of_alert(&sample::alert(), &sample::origin()),
            "CEF:0|Holdfast|Holdfast|0.1.0|fenced|Encryption recognised \\| stopped|10|rt=1795687260000 start=1795687200000 \
             cnt=3 externalId=alert/7 cat=guard dvchost=store dhost=web duser=ann cs1Label=volume cs1=disk cs2Label=incident \
             cs2=incident/2 msg=writes are refused\\=yes\\nlook at `C:\\\\data`"
        );
    }
}
