//! People with accounts: inviting them, what they may do, and taking that away.

use maud::{Markup, html};
use respond::Time;
use respond::approval::{Operation, Wish};
use respond::people::{self, Account, AccountId, LinkFor, NewAccount, Role};
use serde::Deserialize;

use super::super::frame::Done;
use super::super::layout::{Page, Section};
use super::super::parts::{Consequences, Tone, csrf, pill, table};
use super::super::requests;
use super::super::visitor::{Flash, Visitor};
use super::super::words::ago;
use super::Tab;
use crate::problem::Refusal;
use crate::site::Site;

/// How long an invitation is good: three days.
const LINK_MILLIS: i64 = 3 * 24 * 3600 * 1000;

/// The form that invites somebody.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Invite {
    name: String,
    #[serde(default)]
    display_name: String,
    role: String,
}

/// The form of a role.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SetRole {
    role: String,
}

pub(super) fn page(site: &dyn Site, visitor: &Visitor) -> Result<Page, Refusal> {
    let accounts = site.desk().read(people::accounts)?;
    let now = site.now();
    let rows: Vec<Vec<Markup>> = accounts.iter().map(|account| row(account, now)).collect();
    let admins = accounts
        .iter()
        .filter(|account| account.role == Role::Admin && account.disabled.is_none())
        .count();
    let body = html! {
        @if admins < 2 {
            div class="notice warn" { p { strong { "There is one administrator. " } "If that account is lost or stolen, nobody is left: invite a second one." } }
        }
        section class="card" {
            h2 { "People" }
            (table("People", &[("Name", false), ("Role", false), ("Signs in with", false), ("Last signed in", false), ("", false)], &rows))
        }
        section class="card" {
            h2 { "Invite somebody" }
            form class="fields" method="post" action="/settings/people" {
                (csrf(&visitor.signed_in.csrf))
                div { label for="name" { "Name to sign in with" } input id="name" name="name" required maxlength="64" autocapitalize="off" spellcheck="false"; }
                div { label for="display_name" { "Their name, as others see it" } input id="display_name" name="display_name" maxlength="100"; }
                div { label for="role" { "What they may do" } (roles(Role::Operator)) }
                button class="primary" { "Make an invitation" }
            }
            p class="hint" { "You get a link to give to them, in person or by a way that an attacker doesn't read. It is good once, for three days." }
        }
    };
    Ok(super::page(visitor, Tab::People, &body))
}

fn roles(chosen: Role) -> Markup {
    html! {
        select id="role" name="role" {
            @for role in Role::ALL { option value=(role.name()) selected[role == chosen] { (role.name()) ": " (meaning(role)) } }
        }
    }
}

const fn meaning(role: Role) -> &'static str {
    match role {
        Role::Viewer => "sees how things are",
        Role::Operator => "acts: restores, releases, approves",
        Role::Admin => "may do everything, and invites others",
        Role::Auditor => "sees who did what, changes nothing",
    }
}

fn ways(account: &Account) -> String {
    let mut ways = Vec::new();
    if account.passkeys > 0 {
        ways.push(super::super::words::of(
            u64::from(account.passkeys),
            "passkey",
            "passkeys",
        ));
    }
    if account.has_password {
        ways.push("password and app".to_owned());
    }
    if account.provider.is_some() {
        ways.push("provider".to_owned());
    }
    if ways.is_empty() {
        "nothing yet: invited".to_owned()
    } else {
        ways.join(", ")
    }
}

fn row(account: &Account, now: Time) -> Vec<Markup> {
    vec![
        html! { (account.display_name) @if account.display_name != account.name { " " span class="quiet" { (account.name) } } },
        html! { (account.role.name()) @if account.disabled.is_some() { " " (pill(Tone::Warn, "disabled")) } },
        html! { (ways(account)) },
        html! { @if let Some(last) = account.last_signed_in { (ago(now, last)) } @else { "never" } },
        html! { a href={"/settings/people/" (account.id.0)} { "Change" span class="visually-hidden" { " " (account.name) } } },
    ]
}

fn find(site: &dyn Site, id: i64) -> Result<Account, Refusal> {
    let found = site.desk().read(|ledger| people::account(ledger, AccountId(id)))?;
    found.ok_or_else(|| Refusal::not_found(format!("there is no account `{id}`")))
}

/// What a change of somebody's account is asked for as: the same as in the API.
fn wish(name: &str, change: &str) -> Wish {
    requests::wish(Operation::ChangePeople, name, change)
}

pub(super) fn one(site: &dyn Site, visitor: &Visitor, id: i64) -> Result<Page, Refusal> {
    let account = find(site, id)?;
    let token = &visitor.signed_in.csrf;
    let path = format!("/settings/people/{id}");
    let is_on = site.desk().read(respond::approval::is_on)?;
    let disabled = account.disabled.is_some();
    let agree = html! { p { @if is_on { "Another administrator, for a new role, a link, or to enable the account again; you are led to the question. Disabling is done at once." } @else { "Nobody else: approvals are off." } } };
    let body = html! {
        section class="card" {
            h2 { "What they may do" }
            (Consequences {
                happens: html! { p { "A new role counts from the next click on. Disabling the account ends their sessions at once." } },
                undo: html! { p { "All of it. What they did stays on record under their name." } },
                approval: agree,
            }.show())
            form class="inline" method="post" action={(path) "/role"} { (csrf(token)) div { label for="role" { "Role" } (roles(account.role)) } button { "Set the role" } }
            form method="post" action={(path) "/disabled"} {
                (csrf(token))
                input type="hidden" name="role" value=(if disabled { "no" } else { "yes" });
                button class=[(!disabled).then_some("danger")] { @if disabled { "Enable the account" } @else { "Disable the account" } }
            }
        }
        section class="card" {
            h2 { "They lost their way in" }
            p { "A new link lets them make a new passkey or password. Be sure that it is them: call back on the number that you know, not the one that they give you. This is how attackers come in." }
            form method="post" action={(path) "/link"} { (csrf(token)) button { "Make a link" } }
        }
    };
    let page = Page::new(Section::Settings, account.display_name.clone(), body);
    Ok(page.below("/settings", "Settings").below("/settings/people", "People"))
}

/// Somebody's new link, to be shown once.
pub(super) struct NewLink {
    pub(super) name: String,
    pub(super) secret: String,
}

pub(super) fn invite(
    site: &dyn Site,
    visitor: &Visitor,
    form: &Invite,
    random: ([u8; 32], [u8; 32]),
) -> Result<NewLink, Refusal> {
    let role = form.role()?;
    let (now, by) = (site.now(), &visitor.signed_in.actor);
    let name = form.name.trim().to_owned();
    let new = NewAccount {
        name: name.clone(),
        display_name: form.display_name.trim().to_owned(),
        role,
        handle: random.0,
        provider: None,
    };
    let secret = site.desk().write(|w| {
        people::allow_change(w, now, by, &new.name, &added(role))?;
        let id = people::add(w, now, by, &new)?;
        people::make_link(
            w,
            now,
            by,
            LinkFor::Account(id),
            Some(now.plus_millis(LINK_MILLIS)),
            random.1,
        )
    })?;
    Ok(NewLink {
        name,
        secret: secret.reveal().to_owned(),
    })
}

pub(super) fn link(site: &dyn Site, visitor: &Visitor, id: i64, random: [u8; 32]) -> Result<NewLink, Refusal> {
    let account = find(site, id)?;
    let (now, by) = (site.now(), &visitor.signed_in.actor);
    let expires = Some(now.plus_millis(LINK_MILLIS));
    let secret = site.desk().write(|w| {
        people::allow_change(w, now, by, &account.name, LINK)?;
        people::make_link(w, now, by, LinkFor::Account(account.id), expires, random)
    })?;
    Ok(NewLink {
        name: account.name,
        secret: secret.reveal().to_owned(),
    })
}

/// The page with a link, shown once.
pub(super) fn link_page(public_url: &str, link: &NewLink) -> Page {
    let body = html! {
        section class="card info" {
            p { "Give this link to " strong { (link.name) } ", in person or by a way that an attacker doesn't read. It is good once, for three days, and shown this once." }
            p class="secret" id="link" { (public_url) "/set-up/" (link.secret) }
            p { a class="button primary" href="/settings/people" { "I have it" } }
        }
    };
    Page::new(Section::Settings, "A link to sign in with", body)
        .below("/settings", "Settings")
        .below("/settings/people", "People")
}

pub(super) fn set_role(site: &dyn Site, visitor: &Visitor, id: i64, form: &SetRole) -> Done {
    let (role, account, now) = (form.role()?, find(site, id)?, site.now());
    let by = &visitor.signed_in.actor;
    site.desk().write(|w| {
        people::allow_change(w, now, by, &account.name, &made(role))?;
        people::set_role(w, now, by, account.id, role)
    })?;
    Ok((
        format!("/settings/people/{id}"),
        Flash::good(format!("`{}` has the role `{role}`.", account.name)),
    ))
}

pub(super) fn set_disabled(site: &dyn Site, visitor: &Visitor, id: i64, form: &SetRole) -> Done {
    let (account, now, disabled) = (find(site, id)?, site.now(), form.disables());
    site.desk()
        .write(|w| people::set_disabled(w, now, &visitor.signed_in.actor, account.id, disabled))?;
    let said = if disabled {
        "is disabled and signed out everywhere"
    } else {
        "may sign in again"
    };
    Ok((
        format!("/settings/people/{id}"),
        Flash::good(format!("`{}` {said}.", account.name)),
    ))
}

/// The detail of a request for a new account.
fn added(role: Role) -> String {
    format!("add as {role}")
}

/// The detail of a request for another role.
fn made(role: Role) -> String {
    format!("make {role}")
}

/// The detail of a request for a link.
const LINK: &str = "make a link";

impl Invite {
    fn role(&self) -> Result<Role, Refusal> {
        role_of(&self.role)
    }

    /// What inviting somebody is asked for as.
    pub(super) fn wish(&self) -> Result<Wish, Refusal> {
        Ok(wish(self.name.trim(), &added(self.role()?)))
    }
}

impl SetRole {
    fn role(&self) -> Result<Role, Refusal> {
        role_of(&self.role)
    }

    /// Whether the account is to be disabled, in the form that says whether.
    pub(super) fn disables(&self) -> bool {
        self.role == "yes"
    }

    /// What the new role is asked for as.
    pub(super) fn wish(&self, site: &dyn Site, id: i64) -> Result<Wish, Refusal> {
        Ok(wish(&find(site, id)?.name, &made(self.role()?)))
    }
}

/// What enabling an account again is asked for as.
pub(super) fn enable_wish(site: &dyn Site, id: i64) -> Result<Wish, Refusal> {
    Ok(wish(&find(site, id)?.name, people::ENABLE))
}

/// What a link is asked for as.
pub(super) fn link_wish(site: &dyn Site, id: i64) -> Result<Wish, Refusal> {
    Ok(wish(&find(site, id)?.name, LINK))
}

/// The role of a name.
pub(super) fn role_of(name: &str) -> Result<Role, Refusal> {
    name.parse()
        .map_err(|()| Refusal::invalid(format!("`{name}` is no role")))
}
