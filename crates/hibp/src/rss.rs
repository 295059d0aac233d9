//! What the feeds of this server share: RSS 2.0, and the dates of HTTP, which RSS has too (RFC 822 with a year of four digits).

use std::time::{Duration, SystemTime};

/// The type of a feed.
pub(crate) const CONTENT_TYPE: &str = "application/rss+xml; charset=utf-8";

/// A text as it stands between tags of XML. Characters that XML 1.0 doesn't have are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\t' | '\n' | '\r' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A time in seconds since 1970 (UTC); nothing before that, or after the year 9999, which the format doesn't have.
pub(crate) fn date(seconds: i64) -> Option<String> {
    const END_S: u64 = 253_402_300_800;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds < END_S)?;
    Some(httpdate::fmt_http_date(
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_that_everybody_computes() {
        // `date -u -R -d @SECONDS`
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_825_600, "Tue, 29 Feb 2000 12:00:00 GMT"),
            (1_795_428_900, "Mon, 23 Nov 2026 10:15:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(date(seconds).as_deref(), Some(expected));
        }
        for seconds in [-1, 253_402_300_800, i64::MAX, i64::MIN] {
            assert_eq!(date(seconds), None);
        }
    }

    #[test]
    fn text_of_breaches_is_escaped() {
        assert_eq!(escape("a<b>&\"c\u{7}\u{ffff}"), "a&lt;b&gt;&amp;&quot;c");
    }
}
