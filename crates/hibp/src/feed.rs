//! The feed of a domain's notices: RSS 2.0, for whoever looks after the domain. It has numbers, and no address.

use exposure::Error;
use exposure::ledger::{Breach, BreachId, Ledger};

use crate::watch::Page;

/// Notices in a feed, at most.
const ITEMS_MAX: u32 = 100;

/// The feed of the domain with a number; `None` if it is gone, or wasn't shown to be ours.
pub(crate) fn of_domain(ledger: &Ledger, id: i64) -> Result<Option<Page>, Error> {
    let Some(domain) = ledger.domain_numbered(id)?.filter(|domain| domain.verified.is_some()) else {
        return Ok(None);
    };
    let breaches = ledger.breaches()?;
    let mut items = String::new();
    for (breach, at, detail) in ledger.notices_of_domain(&domain.name, ITEMS_MAX)? {
        if let Some((_, found)) = breaches.iter().find(|(id, _)| *id == breach) {
            items += &item(breach, found, at, &detail);
        }
    }
    let name = escape(&domain.name);
    Ok(Some(Page {
        status: 200,
        content_type: "application/rss+xml; charset=utf-8",
        body: format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel><title>Breaches that concern {name}</title>\
             <link>https://{name}/</link><description>Breaches in which addresses of {name} were found</description>{items}</channel></rss>\n"
        ),
    }))
}

fn item(id: BreachId, breach: &Breach, at: i64, detail: &str) -> String {
    let count = serde_json::from_str::<serde_json::Value>(detail)
        .ok()
        .and_then(|detail| detail.get("aliases")?.as_u64())
        .unwrap_or_default();
    format!(
        "<item><title>{}</title><guid isPermaLink=\"false\">{}-{at}</guid><pubDate>{}</pubDate><description>{}</description></item>",
        escape(&breach.title),
        id.0,
        date(at),
        escape(&format!(
            "{count} addresses of the domain are in it. What was taken: {}.",
            breach.data_classes.join(", ")
        )),
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to say them.
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// A time as RSS has it (RFC 822 with a year of four digits), in UTC. Days are turned into a date by counting from 0000-03-01, so that
/// the leap day is the last of its year.
fn date(seconds: i64) -> String {
    const MONTHS: [&str; 12] = [
        "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb",
    ];
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    // Day 0 of the epoch is day 719468 of the count; 146097 days are 400 years.
    let days = seconds.div_euclid(86_400);
    let of_day = seconds.rem_euclid(86_400);
    let counted = days.saturating_add(719_468);
    let (era, of_era) = (counted.div_euclid(146_097), counted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index).copied())
            .unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        name(&WEEKDAYS, days.rem_euclid(7)),
        name(&MONTHS, month),
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
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
            assert_eq!(date(seconds), expected);
        }
    }

    #[test]
    fn text_of_breaches_is_escaped() {
        assert_eq!(escape("a<b>&\"c\u{7}"), "a&lt;b&gt;&amp;&quot;c ");
    }
}
