//! How a page is answered: asked for on a thread that may wait, put into its frame, or replaced by what went wrong.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use respond::alert::Severity;
use respond::people::Role;
use respond::{Page as Part, Time, incident};

use super::layout::{Page, Section, Standing, document};
use super::parts::{sentence, with_code};
use super::visitor::{Flash, Visitor};
use crate::problem::Refusal;
use crate::site::Site;
use crate::state::Shared;

/// Open incidents that are looked at for the most urgent ones.
const INCIDENTS: usize = 50;

/// Answers with a page.
pub(super) async fn show(
    state: &Shared,
    visitor: Visitor,
    work: impl FnOnce(&dyn Site, &Visitor) -> Result<Page, Refusal> + Send + 'static,
) -> Response {
    show_standing(state, visitor, move |site, visitor, _| work(site, visitor)).await
}

/// Answers with a page that says more of what every page tells.
pub(super) async fn show_standing(
    state: &Shared,
    visitor: Visitor,
    work: impl FnOnce(&dyn Site, &Visitor, &Standing) -> Result<Page, Refusal> + Send + 'static,
) -> Response {
    let now = state.site.now();
    let kept = visitor.clone();
    let asked = state.ask(move |site| {
        let standing = standing(site, now)?;
        Ok::<_, Refusal>((work(site, &visitor, &standing), standing))
    });
    let (page, standing) = match asked.await {
        Ok((page, standing)) => (page, standing),
        Err(refusal) => (Err(refusal), Standing::default()),
    };
    let (status, page) = match page {
        Ok(page) => (StatusCode::OK, page),
        Err(refusal) => (refusal.status, problem(&refusal)),
    };
    answer(status, &document(&page, &kept, &standing, now), kept.flash.is_some())
}

/// Answers somebody who has a role with a page.
pub(super) async fn show_to(
    state: &Shared,
    visitor: Visitor,
    role: Role,
    work: impl FnOnce(&dyn Site, &Visitor) -> Result<Page, Refusal> + Send + 'static,
) -> Response {
    show(state, visitor, move |site, visitor| {
        visitor.signed_in.require(role)?;
        work(site, visitor)
    })
    .await
}

/// Answers with a part of a page.
pub(super) async fn part(
    state: &Shared,
    visitor: Visitor,
    work: impl FnOnce(&dyn Site, &Visitor) -> Result<Markup, Refusal> + Send + 'static,
) -> Response {
    match state.ask(move |site| work(site, &visitor)).await {
        Ok(markup) => answer(StatusCode::OK, &markup, false),
        Err(refusal) => refusal.into_response(),
    }
}

/// What came of a form: the page that is shown next, and what it says.
pub(super) type Done = Result<(String, Flash), Refusal>;

/// Does what a form asks for, then leads on to a page that says what came of it; or says what went wrong.
pub(super) async fn act(
    state: &Shared,
    visitor: Visitor,
    role: Role,
    work: impl FnOnce(&dyn Site, &Visitor) -> Done + Send + 'static,
) -> Response {
    let kept = visitor.clone();
    let done = state.ask(move |site| {
        visitor.signed_in.require(role)?;
        work(site, &visitor)
    });
    match done.await {
        Ok((path, flash)) => see_other(&path, Some(&flash)),
        Err(refusal) => show(state, kept, move |_, _| Err(refusal)).await,
    }
}

/// Does something dangerous: for whoever signed in a short while ago only, so that a browser that was left open is of little use.
pub(super) async fn act_recent(
    state: &Shared,
    visitor: Visitor,
    role: Role,
    work: impl FnOnce(&dyn Site, &Visitor) -> Done + Send + 'static,
) -> Response {
    let recent = visitor.signed_in.require_recent(state);
    act(state, visitor, role, move |site, visitor| {
        recent?;
        work(site, visitor)
    })
    .await
}

/// Leads to another page, by GET.
pub(super) fn see_other(path: &str, flash: Option<&Flash>) -> Response {
    let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
    if let Some(flash) = flash {
        response.headers_mut().append(header::SET_COOKIE, flash.cookie());
    }
    response
}

fn answer(status: StatusCode, markup: &Markup, had_flash: bool) -> Response {
    let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let mut response = (status, [kind], markup.0.clone()).into_response();
    if had_flash {
        response.headers_mut().append(header::SET_COOKIE, Flash::gone());
    }
    response
}

/// What every page tells.
pub(super) fn standing(site: &dyn Site, now: Time) -> Result<Standing, Refusal> {
    let open = incident::Filter {
        open_only: true,
        ..incident::Filter::default()
    };
    let (counts, mut urgent) = site.desk().read(|ledger| {
        let counts = ledger.counts(now)?;
        let is_urgent = counts.open_incidents.high + counts.open_incidents.critical > 0;
        let incidents = if is_urgent {
            ledger.incidents(&open, Part::newest(INCIDENTS))?
        } else {
            Vec::new()
        };
        Ok((counts, incidents))
    })?;
    urgent
        .retain(|incident| incident.severity >= Severity::High && incident.state != incident::IncidentState::Recovered);
    urgent.sort_by_key(|incident| {
        (
            std::cmp::Reverse(incident.severity),
            std::cmp::Reverse(incident.score),
            incident.began,
        )
    });
    Ok(Standing { urgent, counts })
}

/// What went wrong, as a page.
pub(super) fn problem(refusal: &Refusal) -> Page {
    let title = match refusal.status.as_u16() {
        404 => "There is no such thing",
        403 if refusal.kind == "approval-needed" => "Somebody else must agree first",
        403 if refusal.kind == "sign-in-again" => "Sign in once more",
        403 => "You may not do that",
        409 => "That can't be done now",
        400 | 422 => "That can't be understood",
        500.. => "Something failed",
        _ => "That didn't work",
    };
    let body = html! {
        div class="card warn" {
            p { (with_code(&sentence(&refusal.detail))) }
            @if let Some(hint) = &refusal.hint { p { strong { "What to do: " } (with_code(&sentence(hint))) } }
            p class="quiet" {
                @if refusal.status.is_server_error() { "Look whether it was done before you repeat it." } @else { "Nothing was changed." }
            }
            div class="buttons" {
                @match refusal.kind {
                    "approval-needed" => a class="button primary" href="/approvals" { "Go to the approvals" },
                    "sign-in-again" => a class="button primary" href="/sign-in" { "Sign in" },
                    _ => a class="button" href="/" { "To the overview" },
                }
            }
        }
    };
    Page::new(Section::Overview, title, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_that_nothing_was_changed_only_where_that_is_known() {
        let shown = |refusal: &Refusal| problem(refusal).body.into_string();
        assert!(shown(&Refusal::invalid("no")).contains("Nothing was changed."));
        let failed = shown(&Refusal::failed("the disk below answers no more"));
        assert!(
            !failed.contains("Nothing was changed.") && failed.contains("before you repeat it"),
            "{failed}"
        );
    }
}
