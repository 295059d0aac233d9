//! A timeline as text, CSV, and a page that opens in any browser and needs nothing else.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::entry::Timeline;
use crate::time::Time;

/// One line an entry, with times in `zone`.
#[must_use]
pub fn as_text(timeline: &Timeline, zone: &TimeZone) -> String {
    let mut text = format!("Incident {}: {}\n\n", timeline.incident, timeline.title);
    for entry in &timeline.entries {
        let _ = writeln!(
            text,
            "{}  {:<8}  {}: {}",
            local(entry.time, zone),
            entry.from,
            entry.who,
            entry.what
        );
    }
    if timeline.left_out > 0 {
        let _ = writeln!(text, "\n{} more entries are left out", timeline.left_out);
    }
    text
}

/// A table with a heading (RFC 4180), times in UTC.
#[must_use]
pub fn as_csv(timeline: &Timeline) -> String {
    let mut text = "time,from,who,what,volume,record\r\n".to_owned();
    for entry in &timeline.entries {
        let record = entry.record.map(|record| record.to_string()).unwrap_or_default();
        let time = entry.time.to_string();
        let cells = [
            &time,
            &entry.from,
            &entry.who,
            &entry.what,
            entry.volume.as_deref().unwrap_or(""),
            &record,
        ];
        let cells: Vec<String> = cells.into_iter().map(csv_cell).collect();
        let _ = write!(text, "{}\r\n", cells.join(","));
    }
    text
}

/// A cell of a table. What a spreadsheet would run as a formula is marked as text.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

const PAGE_STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;background:#fff}\
h1{font-size:1.5rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ccc}\
td:first-child{white-space:nowrap}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}}";

/// A page with a table.
#[must_use]
pub fn as_html(timeline: &Timeline, zone: &TimeZone) -> String {
    let title = escaped(&format!("Incident {}: {}", timeline.incident, timeline.title));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title>\n<style>{PAGE_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n<table>\n<thead><tr><th scope=\"col\">Time</th>\
         <th scope=\"col\">From</th><th scope=\"col\">Who</th><th scope=\"col\">What</th><th scope=\"col\">Record</th></tr></thead>\n<tbody>\n"
    );
    for entry in &timeline.entries {
        let record = entry.record.map(|record| record.to_string()).unwrap_or_default();
        let cells = [
            local(entry.time, zone),
            entry.from.clone(),
            entry.who.clone(),
            entry.what.clone(),
            record,
        ];
        let cells: Vec<String> = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        let _ = writeln!(page, "<tr>{}</tr>", cells.concat());
    }
    page += "</tbody>\n</table>\n";
    if timeline.left_out > 0 {
        let _ = writeln!(page, "<p>{} more entries are left out.</p>", timeline.left_out);
    }
    page + "</body>\n</html>\n"
}

fn local(time: Time, zone: &TimeZone) -> String {
    time.timestamp()
        .to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::*;
    use crate::incident::IncidentId;
    use crate::ledger::Sequence;

    fn one(what: &str) -> Timeline {
        Timeline {
            incident: IncidentId(7),
            title: "<shop>".to_owned(),
            entries: vec![Entry {
                time: Time::from_unix_millis(1_795_428_900_000),
                from: "alert".to_owned(),
                who: "holdfast (guard)".to_owned(),
                what: what.to_owned(),
                record: Some(Sequence(3)),
                volume: Some("shop".to_owned()),
            }],
            left_out: 2,
        }
    }

    #[test]
    fn times_are_those_of_the_zone() {
        let text = as_text(&one("Fenced"), &TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!(
            text,
            "Incident 7: <shop>\n\n2026-11-23 11:15:00 +01:00  alert     holdfast (guard): Fenced\n\n2 more entries are left out\n"
        );
    }

    #[test]
    fn what_would_run_somewhere_is_text() {
        let csv = as_csv(&one("=HYPERLINK(\"x\"), y"));
        assert!(
            csv.ends_with("2026-11-23T10:15:00Z,alert,holdfast (guard),\"'=HYPERLINK(\"\"x\"\"), y\",shop,3\r\n"),
            "{csv}"
        );
        let page = as_html(&one("<script>alert(1)</script>"), &TimeZone::UTC);
        assert!(
            page.contains("&lt;script&gt;")
                && !page.contains("<script>")
                && page.contains("<title>Incident 7: &lt;shop&gt;")
        );
    }
}
