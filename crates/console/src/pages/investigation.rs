//! What happened to the files of a disk: a page that leads to the report, and the report itself.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::html;
use respond::people::Role;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::frame::show;
use super::layout::{Page, Section};
use super::visitor::Visitor;
use super::words::{ago, time};
use crate::problem::Refusal;
use crate::site::Site;
use crate::state::Shared;

/// Between which moments; from the onset of what was found, to now, if nothing is said.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(super) fn page(site: &dyn Site, _: &Visitor, name: &str) -> Result<Page, Refusal> {
    let volume = site.volume(name)?;
    let guard = volume.guard.as_ref();
    let before = guard.and_then(|guard| guard.before_attack.as_ref());
    let body = html! {
        section class="card" {
            p { "Two moments of the disk are compared, file by file: which were encrypted, deleted, renamed, changed or only read, whose personal data was in them, and what brings them back. Nothing is mounted and nothing is changed." }
            @if let Some(before) = before {
                p { "The guard's restore point is from " strong { (time(before.moment.time)) } ", " (ago(site.now(), before.moment.time)) "." }
            }
            form class="fields" method="get" action={"/disks/" (name) "/investigation/report"} {
                div class="inline" {
                    div { label for="from" { "From " span class="hint" { "empty: before the attack" } } input id="from" name="from" placeholder="-30m"; }
                    div { label for="to" { "To " span class="hint" { "empty: now" } } input id="to" name="to"; }
                }
                div class="buttons" { button class="primary" { "Make the report" } a class="button" href={"/disks/" (name)} { "Back to the disk" } }
            }
            p class="hint" { "A disk with a million files takes some minutes. " code { "holdfast investigate " (name) } " writes the same as a file to keep." }
        }
    };
    let page = Page::new(Section::Disks, format!("What happened on {name}?"), body);
    Ok(page.below("/disks", "Disks").below(format!("/disks/{name}"), name))
}

/// `GET /disks/{name}/investigation/report`
pub(super) async fn report(
    State(state): State<Shared>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let (from, to) = (given(&asked.from), given(&asked.to));
    let signed_in = visitor.signed_in.clone();
    let made = state
        .ask(move |site| {
            signed_in.require(Role::Operator)?;
            site.investigate(&name, from.as_deref(), to.as_deref())
                .map_err(Refusal::from)
        })
        .await;
    document(&state, visitor, made).await
}

/// `GET /drills/{id}`
pub(super) async fn drill(State(state): State<Shared>, visitor: Visitor, Path(id): Path<String>) -> Response {
    let made = state.ask(move |site| site.drill_report(&id)).await;
    document(&state, visitor, made).await
}

/// A document that was made elsewhere in the program, with its own style and script. It may run those and nothing else: not even
/// as this site, whose session it therefore can't use.
async fn document(state: &Shared, visitor: Visitor, made: Result<String, Refusal>) -> Response {
    let text = match made {
        Ok(text) => text,
        Err(refusal) => return show(state, visitor, move |_, _| Err(refusal)).await,
    };
    let styles = hashes(&text, "<style>", "</style>");
    let scripts = hashes(&text, "<script>", "</script>");
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; sandbox allow-scripts; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        sources(&styles),
        sources(&scripts)
    );
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response();
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'; sandbox"));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn sources(hashes: &[String]) -> String {
    if hashes.is_empty() {
        "'none'".to_owned()
    } else {
        hashes.join(" ")
    }
}

/// The hashes by which a content security policy allows what stands between two tags.
fn hashes(text: &str, open: &str, close: &str) -> Vec<String> {
    let parts = text.split(open).skip(1).filter_map(|rest| rest.split_once(close));
    parts.map(|(inner, _)| source(inner)).collect()
}

fn source(inner: &str) -> String {
    // A policy takes the other alphabet of Base64, with the padding that 32 bytes have.
    let text = crate::base64::url(digest(&SHA256, inner.as_bytes()).as_ref());
    format!("'sha256-{}='", text.replace('-', "+").replace('_', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_may_run_its_own_style_and_script_only() {
        let text = "<style>a{}</style><p>x</p><script>1</script>";
        assert_eq!(hashes(text, "<style>", "</style>").len(), 1);
        // `printf 1 | openssl dgst -sha256 -binary | base64`
        assert_eq!(
            hashes(text, "<script>", "</script>"),
            ["'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='"]
        );
        assert_eq!(sources(&[]), "'none'");
    }
}
