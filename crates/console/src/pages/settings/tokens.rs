//! Tokens: how programs use the API.

use maud::{Markup, html};
use respond::approval::{Operation, Wish};
use respond::people::{self, NewToken, Role, Scope, Token, TokenId};
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::{Page, Section};
use super::super::parts::{Tone, csrf, empty, pill, table};
use super::super::requests::wish;
use super::super::visitor::{Flash, Visitor};
use super::super::words::{ago, time};
use super::Tab;
use super::people::role_of;
use crate::problem::Refusal;
use crate::site::Site;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;
const DAYS: [(i64, &str); 4] = [(7, "1 week"), (30, "30 days"), (90, "90 days"), (365, "1 year")];

/// The form of a new token.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Make {
    name: String,
    role: String,
    scope: String,
    days: i64,
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor) -> Result<Page, Refusal> {
    let tokens = site.desk().read(people::tokens)?;
    let rows: Vec<Vec<Markup>> = tokens.iter().map(|token| row(site, visitor, token)).collect();
    let body = html! {
        section class="card" {
            h2 { "Tokens of programs" }
            @if rows.is_empty() { (empty("No program has a token.", &html! { "A token is what a script, a monitoring system or another tool uses in place of a person." })) } @else {
                (table("Tokens, newest first", &[("Token", false), ("May", false), ("For", false), ("Last used", false), ("Valid", false), ("", false)], &rows))
            }
        }
        section class="card" {
            h2 { "Make a token" }
            form class="fields" method="post" action="/settings/tokens" {
                (csrf(&visitor.signed_in.csrf))
                div { label for="name" { "Name " span class="hint" { "of the program; it stands in the records" } } input id="name" name="name" required maxlength="64"; }
                div { label for="role" { "What it may do" } select id="role" name="role" { @for role in Role::ALL { option value=(role.name()) { (role.name()) } } } }
                div {
                    label for="scope" { "In which part of the API " span class="hint" { "the less, the better" } }
                    select id="scope" name="scope" { @for scope in Scope::ALL { option value=(scope.name()) { (scope.name()) } } option value="" { "all parts" } }
                }
                div { label for="days" { "For how long" } select id="days" name="days" { @for (days, words) in DAYS { option value=(days) { (words) } } } }
                button class="primary" { "Make the token" }
            }
        }
    };
    Ok(super::page(visitor, Tab::Tokens, &body))
}

fn row(site: &dyn Site, visitor: &Visitor, token: &Token) -> Vec<Markup> {
    let scopes: Vec<&str> = token.made.scopes.iter().map(|scope| scope.name()).collect();
    let is_over = token.revoked.is_some() || token.made.expires.is_some_and(|expires| expires <= site.now());
    vec![
        html! { (token.made.name) },
        html! { (token.made.role.name()) },
        html! { @if scopes.len() == Scope::ALL.len() { "all parts" } @else { (scopes.join(", ")) } },
        html! { @if let Some(used) = token.last_used { (ago(site.now(), used)) } @else { "never" } },
        html! {
            @if token.revoked.is_some() { (pill(Tone::Quiet, "revoked")) }
            @else if is_over { (pill(Tone::Quiet, "expired")) }
            @else if let Some(expires) = token.made.expires { "until " (time(expires)) } @else { (pill(Tone::Warn, "for good")) }
        },
        html! {
            @if !is_over { form method="post" action={"/settings/tokens/" (token.id.0) "/revoke"} { (csrf(&visitor.signed_in.csrf)) button class="small" { "Revoke" span class="visually-hidden" { " " (token.made.name) } } } }
        },
    ]
}

impl Make {
    /// What the token is asked for as: the same as in the API.
    pub(super) fn wish(&self) -> Result<Wish, Refusal> {
        Ok(wish(
            Operation::ChangePeople,
            self.name.trim(),
            &made(role_of(&self.role)?),
        ))
    }
}

/// The detail of a request for a token.
fn made(role: Role) -> String {
    format!("make a token as {role}")
}

/// Makes a token; its text is shown once.
pub(super) fn make(site: &dyn Site, visitor: &Visitor, form: &Make, random: [u8; 32]) -> Result<Page, Refusal> {
    let role = role_of(&form.role)?;
    let scopes = match form.scope.as_str() {
        "" => Scope::ALL.to_vec(),
        name => vec![
            name.parse()
                .map_err(|()| Refusal::invalid(format!("`{name}` is no part of the API")))?,
        ],
    };
    let (now, by) = (site.now(), &visitor.signed_in.actor);
    let expires = Some(now.plus_millis(form.days.clamp(1, 3650) * DAY_MILLIS));
    let new = NewToken {
        name: form.name.trim().to_owned(),
        role,
        scopes,
        expires,
    };
    let (_, secret) = site.desk().write(|w| {
        people::allow_change(w, now, by, &new.name, &made(role))?;
        people::make_token(w, now, by, &new, random)
    })?;
    let body = html! {
        section class="card info" {
            p { "This is the token of " strong { (new.name) } ". It is shown this once; Holdfast keeps a hash of it alone." }
            p class="secret" id="token" { (secret.reveal()) }
            p { "The program sends it along: " code { "Authorization: Bearer ..." } }
            p { a class="button primary" href="/settings/tokens" { "I have it" } }
        }
    };
    Ok(Page::new(Section::Settings, "A new token", body)
        .below("/settings", "Settings")
        .below("/settings/tokens", "Tokens"))
}

pub(super) fn revoke(site: &dyn Site, visitor: &Visitor, id: i64) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| people::revoke_token(w, now, &visitor.signed_in.actor, TokenId(id)))?;
    Ok((
        "/settings/tokens".to_owned(),
        Flash::good("The token is revoked; it works no more."),
    ))
}
