//! `GET /feed/breaches/`: the newest breaches as RSS 2.0.

use std::fmt::Write;

use exposure::accounts::Breach;
use hyper::StatusCode;
use hyper::header::HeaderValue;

use crate::reply::{self, Reply};
use crate::rss::{CONTENT_TYPE, escape};
use crate::state::State;

/// Breaches in the feed.
const ITEMS_MAX: usize = 50;

/// `GET /feed/breaches/`
pub(crate) fn breaches(state: &State) -> Reply {
    let snapshot = state.snapshot();
    let mut newest: Vec<&Breach> = snapshot.catalogue.breaches().iter().collect();
    newest.sort_by(|left, right| {
        right
            .added_date
            .cmp(&left.added_date)
            .then_with(|| left.name.cmp(&right.name))
    });
    newest.truncate(ITEMS_MAX);
    reply::for_any_website(reply::typed(
        StatusCode::OK,
        HeaderValue::from_static(CONTENT_TYPE),
        rss(&state.settings.public_url, &newest),
    ))
}

fn rss(base: &str, breaches: &[&Breach]) -> String {
    let base = escape(base);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\">\n<channel>\n<title>Breaches loaded here</title>\n\
         <link>{base}/api/v3/breaches</link>\n<description>The newest breaches of this breach monitor</description>\n"
    );
    for breach in breaches {
        let link = format!("{base}/api/v3/breach/{}", escape(&breach.name));
        // Writing to a text can't fail.
        let _ = write!(
            text,
            "<item>\n<title>{} - {} breached accounts</title>\n<link>{link}</link>\n<guid isPermaLink=\"false\">{}</guid>\n\
             <description>{}</description>\n",
            escape(&breach.title),
            breach.pwn_count,
            escape(&breach.name),
            escape(&breach.description),
        );
        if let Some(date) = date(&breach.added_date) {
            let _ = writeln!(text, "<pubDate>{date}</pubDate>");
        }
        text += "</item>\n";
    }
    text + "</channel>\n</rss>\n"
}

/// `2013-12-04T00:00:00Z` as RSS has dates (RFC 822 with four digits of a year).
fn date(text: &str) -> Option<String> {
    let (date, time) = text.strip_suffix('Z').unwrap_or(text).split_once('T')?;
    let mut parts = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let month_name = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    .get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let is_time = time.len() == 8 && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    ((1..=31).contains(&day) && (1000..=9999).contains(&year) && is_time)
        .then(|| format!("{day:02} {month_name} {year:04} {time} GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_breach_says_is_text_in_the_feed() {
        let breach = Breach {
            name: "A&B".to_owned(),
            title: "A <b> \u{1}".to_owned(),
            description: "</description><script>".to_owned(),
            added_date: "2013-12-04T01:02:03Z".to_owned(),
            ..Breach::default()
        };
        let text = rss("https://breaches.example.com", &[&breach]);
        for part in [
            "<title>A &lt;b&gt;  - 0 breached accounts</title>",
            "<link>https://breaches.example.com/api/v3/breach/A&amp;B</link>",
            "<description>&lt;/description&gt;&lt;script&gt;</description>",
            "<pubDate>04 Dec 2013 01:02:03 GMT</pubDate>",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_has_none_in_the_feed() {
        for text in [
            "",
            "2013-12-04",
            "2013-13-04T00:00:00Z",
            "2013-00-04T00:00:00Z",
            "2013-12-04Tnow",
            "-1-1-1T00:00:00Z",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
