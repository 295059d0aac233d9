//! Who did what: the ledger's records, and whether anybody changed them.

use maud::{Markup, html};
use respond::ledger::{self, Record, Verification};
use respond::{Ledger, PAGE_MAX, Sequence};
use serde::Deserialize;
use serde_json::Value;

use super::frame::Done;
use super::layout::{Page, Section};
use super::links::escaped;
use super::parts::{Tone, csrf, empty, pages, table};
use super::visitor::{Flash, Visitor};
use super::words::{count, time};
use crate::problem::Refusal;
use crate::site::Site;

/// Records of a page.
const ROWS: usize = 50;
/// Records that are looked through for a page, at most.
const LOOKED_AT_MAX: i64 = 200_000;
/// Facts that are shown at once, and how long each may be.
const FACTS_SHOWN: usize = 4;
const FACT_BYTES_MAX: usize = 80;

/// Which records are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    subject: String,
    /// The list ends before this one: the newest if missing.
    before: Option<i64>,
}

const KINDS: [(&str, &str); 9] = [
    ("alert.", "alerts"),
    ("incident.", "incidents"),
    ("action.", "actions"),
    ("approval.", "approvals"),
    ("notice.", "notices"),
    ("people.", "accounts"),
    ("session.", "sessions"),
    ("policy.", "policies"),
    ("fact.", "facts"),
];

pub(super) fn page(site: &dyn Site, visitor: &Visitor, asked: &Asked) -> Result<Page, Refusal> {
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let filter = ledger::Filter {
        kind: given(&asked.kind),
        subject: given(&asked.subject),
        ..ledger::Filter::default()
    };
    let (newest, found) = site.desk().read(|ledger| {
        let newest = ledger.newest()?.map_or(0, |head| head.sequence.0);
        let before = asked.before.map_or(newest + 1, |before| before.clamp(1, newest + 1));
        Ok((newest, last(ledger, &filter, before)?))
    })?;
    let (records, before) = found;
    let rows: Vec<Vec<Markup>> = records.iter().rev().map(row).collect();
    let older = before.map(|before| {
        format!(
            "/audit?before={before}&kind={}&subject={}",
            escaped(&asked.kind),
            escaped(&asked.subject)
        )
    });
    let body = html! {
        section class="card" {
            header { h2 { (count(u64::try_from(newest).unwrap_or(0))) " records, each hashed with the one before" } }
            p { "Nothing here can be changed or deleted. The check reads all of them, computes every hash anew, and compares the signed heads that lie beside the disks: an edited record shows, and a cut end." }
            form method="post" action="/audit/verify" { (csrf(&visitor.signed_in.csrf)) button class="primary" data-waiting="Checking ..." { "Check the whole chain" } }
        }
        form class="inline" method="get" action="/audit" {
            div {
                label for="kind" { "About" }
                select id="kind" name="kind" { option value="" { "everything" } @for (kind, words) in KINDS { option value=(kind) selected[asked.kind == kind] { (words) } } }
            }
            div { label for="subject" { "Subject " span class="hint" { "incident/7, volume/disk" } } input id="subject" name="subject" type="search" value=(asked.subject); }
            button { "Show" }
        }
        @if rows.is_empty() && older.is_some() { (empty("No record is like that, so far.", &html! { "Older ones weren't looked at yet: show more." })) }
        @else if rows.is_empty() { (empty("No record is like that.", &html! { "Choose less." })) }
        @else {
            (table("Records, newest first", &[("Number", true), ("When", false), ("Who", false), ("What", false), ("About", false), ("Facts", false)], &rows))
        }
        (pages(asked.before.map(|_| "/audit"), older.as_deref()))
    };
    Ok(Page::new(Section::Audit, "Audit", body))
}

/// The last records before one, oldest first, and before which one to go on: from windows before it, each larger, until there are enough
/// or so many were looked through.
fn last(ledger: &Ledger, filter: &ledger::Filter, before: i64) -> Result<(Vec<Record>, Option<i64>), respond::Error> {
    let is_narrow = filter.kind.is_some() || filter.subject.is_some();
    let mut width: i64 = if is_narrow { 1000 } else { 50 };
    let least = before.saturating_sub(LOOKED_AT_MAX).max(1);
    let (mut end, mut found) = (before, Vec::new());
    while end > least && found.len() < ROWS {
        let start = end.saturating_sub(width).max(least);
        let mut window = within(ledger, filter, start, end)?;
        window.append(&mut found);
        found = window;
        (end, width) = (start, width.saturating_mul(10));
    }
    found.drain(..found.len().saturating_sub(ROWS));
    let seen = found.first().filter(|_| found.len() == ROWS);
    let seen = seen.map_or(end, |record: &Record| record.sequence.0);
    Ok((found, (seen > 1).then_some(seen)))
}

/// The last records from `start` to before `end`, oldest first.
fn within(ledger: &Ledger, filter: &ledger::Filter, start: i64, end: i64) -> Result<Vec<Record>, respond::Error> {
    let mut asked = ledger::Filter {
        after: Sequence(start - 1),
        ..filter.clone()
    };
    let most = usize::try_from(end - start).unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let mut last = Vec::new();
    loop {
        let records = ledger.records(&asked, most)?;
        let is_full = records.len() == most;
        let Some(newest) = records.last().map(|record| record.sequence) else {
            return Ok(last);
        };
        last.extend(records.into_iter().filter(|record| record.sequence.0 < end));
        last.drain(..last.len().saturating_sub(ROWS));
        if !is_full || newest.0 + 1 >= end {
            return Ok(last);
        }
        asked.after = newest;
    }
}

fn row(record: &Record) -> Vec<Markup> {
    vec![
        html! { (record.sequence) },
        html! { span class="nowrap" { (time(record.time)) } },
        html! { (record.actor) },
        html! { code class="nowrap" { (record.kind) } },
        html! { a class="nowrap" href={"/audit?subject=" (escaped(&record.subject))} { (record.subject) } },
        facts(&record.body),
    ]
}

/// The facts of a record: what is short at once, the rest on asking.
fn facts(body: &Value) -> Markup {
    let Value::Object(facts) = body else {
        return html! { @if !body.is_null() { code { (body) } } };
    };
    let is_short = |value: &Value| match value {
        Value::String(text) => text.len() <= FACT_BYTES_MAX,
        Value::Null => false,
        value => !value.is_array() && !value.is_object(),
    };
    let (short, long): (Vec<_>, Vec<_>) = facts.iter().partition(|(_, value)| is_short(value));
    let (first, more) = short.split_at(short.len().min(FACTS_SHOWN));
    let rest: Vec<_> = more.iter().chain(&long).filter(|(_, value)| !value.is_null()).collect();
    html! {
        @for (name, value) in first { span class="small" { span class="quiet" { (name.replace('_', " ")) } " " (plain(value)) } " " }
        @if !rest.is_empty() {
            details class="small" {
                summary { "and " (rest.len()) " more" }
                dl class="facts" { @for (name, value) in rest { dt { (name.replace('_', " ")) } dd { (plain(value)) } } }
            }
        }
    }
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Checks the chain. The result is told on the page.
pub(super) fn verify(site: &dyn Site) -> Done {
    let heads = site.ledger_heads();
    let verification = site.desk().read(|ledger| ledger::verify(ledger, &heads))?;
    Ok(("/audit".to_owned(), said(&verification)))
}

fn said(verification: &Verification) -> Flash {
    if verification.is_intact() {
        let heads = if verification.heads == 0 {
            "No signed head was found beside the disks yet, so a cut end wouldn't show.".to_owned()
        } else {
            format!("{} signed heads agree.", verification.heads)
        };
        return Flash::good(format!(
            "The chain is whole: {} records, every hash right. {heads}",
            verification.records
        ));
    }
    let first = verification
        .findings
        .first()
        .map_or("", |finding| finding.text.as_str());
    let flash = Flash::warn(format!(
        "The chain is broken, {} times. First: {first}.",
        verification.finding_count
    ));
    Flash {
        tone: Tone::Warn,
        ..flash
    }
}
