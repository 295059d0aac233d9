//! What pages are made of.

use maud::{Markup, PreEscaped, html};
use respond::alert::Severity;
use respond::incident::IncidentState;

/// How something is. Each has its colour and its mark; the word beside it says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Info,
    Quiet,
}

impl Tone {
    /// The class of the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Quiet => "quiet",
        }
    }
}

/// A state in a word or two.
pub(super) fn pill(tone: Tone, word: &str) -> Markup {
    html! { span class={"pill " (tone.class())} { (word) } }
}

/// How bad something is.
pub(super) fn severity(severity: Severity) -> Markup {
    let (tone, word) = match severity {
        Severity::Critical => (Tone::Bad, "critical"),
        Severity::High => (Tone::Bad, "high"),
        Severity::Medium => (Tone::Warn, "medium"),
        Severity::Low => (Tone::Info, "low"),
        Severity::Informational => (Tone::Quiet, "for information"),
    };
    pill(tone, word)
}

/// How far an incident is.
pub(super) fn incident_state(state: IncidentState) -> Markup {
    let (tone, word) = match state {
        IncidentState::Open => (Tone::Bad, "open"),
        IncidentState::Acknowledged => (Tone::Warn, "being handled"),
        IncidentState::Recovered => (Tone::Info, "recovered"),
        IncidentState::Closed => (Tone::Good, "closed"),
        IncidentState::FalseAlarm => (Tone::Quiet, "false alarm"),
    };
    pill(tone, word)
}

/// In place of a list that has nothing: what that means, and what to do about it.
pub(super) fn empty(title: &str, advice: &Markup) -> Markup {
    html! {
        div class="empty" {
            p class="strong" { (title) }
            p { (advice) }
        }
    }
}

/// The part of a page that changes by itself: asked for again when something happens, and every so many seconds where things change
/// without a record. A page has one. Forms stand outside of it, so that nothing is taken from under anybody's hands.
pub(super) fn live(path: &str, seconds: Option<u32>, part: &Markup) -> Markup {
    let clock = seconds.map(|seconds| format!(", every {seconds}s")).unwrap_or_default();
    html! {
        div id="live" class="stack" hx-get=(path) hx-trigger={"holdfast:changed from:body throttle:1s" (clock)} hx-select="#live" hx-swap="outerMorph" { (part) }
    }
}

/// A column's name and whether it has numbers.
pub(super) type Column = (&'static str, bool);

/// A table that scrolls by itself where it is too wide, and on narrow screens becomes a list of cards.
pub(super) fn table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div class="scroll" role="region" aria-label=(caption) tabindex="0" {
            table class="rows" role="table" {
                caption class="visually-hidden" { (caption) }
                thead role="rowgroup" { tr role="row" {
                    @for (name, is_number) in columns {
                        th scope="col" role="columnheader" class=[is_number.then_some("number")] { @if name.is_empty() { span class="visually-hidden" { "What can be done" } } @else { (name) } }
                    }
                } }
                tbody role="rowgroup" {
                    @for row in rows {
                        tr role="row" {
                            @for (place, (cell, (name, is_number))) in row.iter().zip(columns).enumerate() {
                                @if place == 0 {
                                    th scope="row" role="rowheader" data-label=(name) { (cell) }
                                } @else {
                                    td role="cell" data-label=(name) class=[is_number.then_some("number")] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The links behind a list that goes on.
pub(super) fn pages(newer: Option<&str>, older: Option<&str>) -> Markup {
    html! {
        @if newer.is_some() || older.is_some() {
            nav class="pages" aria-label="Pages of the list" {
                @if let Some(to) = newer { a class="button" href=(to) rel="prev" { "Back to the beginning" } } @else { span {} }
                @if let Some(to) = older { a class="button" href=(to) rel="next" { "Show more" } }
            }
        }
    }
}

/// The field by which the server knows that one of its own pages sent a form.
pub(super) fn csrf(token: &str) -> Markup {
    html! { input type="hidden" name="csrf" value=(token); }
}

/// What a dangerous button does, before it is pressed.
#[derive(Debug)]
pub(super) struct Consequences {
    /// What will happen.
    pub(super) happens: Markup,
    /// How it can be taken back, or that it can't.
    pub(super) undo: Markup,
    /// Who must agree.
    pub(super) approval: Markup,
}

impl Consequences {
    pub(super) fn show(&self) -> Markup {
        html! {
            div class="consequences" {
                section { h2 { "What will happen" } (self.happens) }
                section { h2 { "What can be undone" } (self.undo) }
                section { h2 { "Who must agree" } (self.approval) }
            }
        }
    }
}

/// Text in which backticks mark names, as messages and hints have them.
pub(super) fn with_code(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

/// A message's first letter as a sentence has it.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let mut text = first.unwrap_or_default() + letters.as_str();
    if !text.ends_with(['.', '!', '?', ':']) && !text.is_empty() {
        text.push('.');
    }
    text
}

/// The mark of the product: a shield that holds.
pub(super) fn logo() -> Markup {
    PreEscaped(
        "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\"><path fill=\"currentColor\" d=\"M12 1.5 3 4.8v6.4c0 5.3 \
         3.7 9.6 9 11.3 5.3-1.7 9-6 9-11.3V4.8zm0 2.2 7 2.6v4.9c0 4.1-2.7 7.5-7 9.1z\"/></svg>"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_escaped() {
        let shown = with_code("no `<b>` here & there").into_string();
        assert_eq!(shown, "no <code>&lt;b&gt;</code> here &amp; there");
        let cells = vec![vec![html! { ("<i>") }]];
        assert!(
            table("\"x", &[("a", false)], &cells)
                .into_string()
                .contains("&lt;i&gt;")
        );
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("there is no disk `a`"), "There is no disk `a`.");
        assert_eq!(sentence(""), "");
        assert_eq!(sentence("Done."), "Done.");
    }
}
