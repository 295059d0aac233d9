//! Notices: where people are told, whether that works, and what couldn't be delivered.

use maud::{Markup, html};
use respond::Page as Part;
use respond::notice::{self, Notice, NoticeState};
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::Page;
use super::super::parts::{Tone, csrf, empty, pages, pill, table, with_code};
use super::super::visitor::{Flash, Visitor};
use super::super::words::{count, time};
use super::Tab;
use crate::problem::Refusal;
use crate::site::Site;

/// Notices of a page.
const ROWS: usize = 50;

/// The form of a test.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Test {
    channel: String,
}

/// Which notices are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// `dead` for those that weren't delivered, `waiting` for those that will be tried again.
    #[serde(default)]
    state: String,
    before: Option<i64>,
}

const STATES: [(&str, &str, NoticeState); 2] = [
    ("dead", "not delivered", NoticeState::Dead),
    ("waiting", "waiting", NoticeState::Waiting),
];

pub(super) fn page(site: &dyn Site, visitor: &Visitor, asked: &Asked) -> Result<Page, Refusal> {
    let channels = site.notice_channels();
    let state = STATES.iter().find(|(name, ..)| *name == asked.state);
    let filter = notice::Filter {
        state: state.map(|(.., state)| *state),
        ..notice::Filter::default()
    };
    let part = Part {
        before: asked.before,
        most: ROWS,
    };
    let notices = site.desk().read(|ledger| ledger.notices(&filter, part))?;
    let rows: Vec<Vec<Markup>> = notices.iter().map(row).collect();
    let name = state.map_or("", |(name, ..)| *name);
    let older = notices
        .last()
        .filter(|_| notices.len() == ROWS)
        .map(|last| format!("/settings/notices?state={name}&before={}", last.id.0));
    let body = html! {
        section class="card" {
            h2 { "Where people are told" }
            @if channels.is_empty() {
                (empty("Nobody is told.", &html! { "Name people and ways in " code { "[notices]" } " of the configuration: mail, a webhook, Slack, Teams, ntfy, syslog. An alarm that nobody hears is none." }))
            } @else {
                ul class="steps" {
                    @for channel in &channels {
                        li {
                            div { p class="strong" { (channel) } p { "A test says that it is one." } }
                            form method="post" action="/settings/notices" { (csrf(&visitor.signed_in.csrf)) input type="hidden" name="channel" value=(channel); button { "Send a test" span class="visually-hidden" { " to " (channel) } } }
                        }
                    }
                }
            }
        }
        section class="card" {
            h2 { "Sent last" }
            form class="inline" method="get" action="/settings/notices" {
                div {
                    label for="state" { "Show" }
                    select id="state" name="state" { option value="" { "all" } @for (value, words, _) in STATES { option value=(value) selected[value == name] { (words) } } }
                }
                button { "Show" }
            }
            @if rows.is_empty() { p class="quiet" { "No notice is like that." } } @else {
                (table("Notices, newest first", &[("Notice", false), ("State", false), ("To", false), ("When", false), ("Tried", true)], &rows))
            }
            (pages(asked.before.map(|_| "/settings/notices"), older.as_deref()))
        }
    };
    Ok(super::page(visitor, Tab::Notices, &body))
}

fn row(notice: &Notice) -> Vec<Markup> {
    let (tone, word) = match notice.state {
        NoticeState::Waiting if notice.attempts > 0 => (Tone::Warn, "tried again"),
        NoticeState::Waiting => (Tone::Info, "waiting"),
        NoticeState::Sent => (Tone::Good, "sent"),
        NoticeState::Dead => (Tone::Bad, "not delivered"),
    };
    vec![
        html! { (with_code(&notice.title)) },
        html! { (pill(tone, word)) @if let Some(answer) = notice.answer.as_ref().filter(|_| notice.state != NoticeState::Sent) { p class="small" { (answer) } } },
        html! { (notice.group) ", " (notice.way) @if !notice.name.is_empty() { ": " (notice.name) } },
        html! { span class="nowrap" { (time(notice.created)) } },
        html! { (count(u64::from(notice.attempts))) },
    ]
}

pub(super) fn test(site: &dyn Site, visitor: &Visitor, form: &Test) -> Done {
    site.test_notice(&visitor.signed_in.actor, &form.channel)?;
    let said = format!("A test went to `{}`. Look whether it has arrived.", form.channel);
    Ok(("/settings/notices".to_owned(), Flash::good(said)))
}
