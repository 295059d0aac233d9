//! One's own account: passkeys, password, sessions.

use maud::{Markup, html};
use respond::people::{self, Account, AccountId, Passkey, PasskeyId, Session, SessionId, SessionLimits};

use super::super::frame::Done;
use super::super::layout::Page;
use super::super::parts::{Tone, csrf, empty, pill, table};
use super::super::visitor::{Flash, Visitor};
use super::super::words::{ago, time};
use super::Tab;
use crate::auth::Proof;
use crate::problem::Refusal;
use crate::site::Site;

pub(super) fn page(site: &dyn Site, visitor: &Visitor, limits: SessionLimits) -> Result<Page, Refusal> {
    let Ok(id) = visitor.signed_in.account() else {
        let body = empty(
            "There is no account here.",
            &html! { "You came in over the control socket or with a token." },
        );
        return Ok(super::page(visitor, Tab::Own, &body));
    };
    let now = site.now();
    let found = site.desk().read(|ledger| {
        let account = people::account(ledger, id)?;
        Ok((
            account,
            people::passkeys(ledger, id)?,
            people::sessions(ledger, now, id, limits)?,
        ))
    })?;
    let (Some(account), passkeys, sessions) = found else {
        return Err(Refusal::not_found("this account isn't there any more"));
    };
    let body = html! {
        (passkey_card(visitor, &account, &passkeys))
        (password_card(visitor, &account))
        (session_card(site, visitor, &sessions))
    };
    Ok(super::page(visitor, Tab::Own, &body).scripts(&["sign-in.js"]))
}

fn passkey_card(visitor: &Visitor, account: &Account, passkeys: &[Passkey]) -> Markup {
    let token = &visitor.signed_in.csrf;
    let can_remove = passkeys.len() > 1 || account.has_password || account.provider.is_some();
    let rows: Vec<Vec<Markup>> = passkeys.iter().map(|passkey| vec![
        html! { (passkey.made.name) },
        time(passkey.created),
        html! { @if let Some(used) = passkey.last_used { (time(used)) } @else { "never" } },
        html! {
            @if can_remove {
                form method="post" action={"/settings/passkeys/" (passkey.id.0) "/remove"} { (csrf(token)) button class="small" { "Remove" span class="visually-hidden" { " " (passkey.made.name) } } }
            } @else { span class="quiet" { "your only way in" } }
        },
    ]).collect();
    html! {
        section class="card" {
            header { h2 { "Passkeys" } @if passkeys.len() < 2 { (pill(Tone::Warn, "have a second one")) } }
            p { "Your phone, computer or security key signs in for you. With two, losing one isn't an emergency." }
            @if !rows.is_empty() { (table("Your passkeys", &[("Passkey", false), ("Added", false), ("Last used", false), ("", false)], &rows)) }
            form class="inline" data-passkey-only hidden id="new-passkey" {
                div { label for="passkey_name" { "A name for the new one" } input id="passkey_name" name="passkey" maxlength="60" placeholder="phone"; }
                button class="primary" type="button" data-new-passkey="/api/v1/me/passkeys" data-form="new-passkey" data-csrf=(token) data-next="/settings" { "Add a passkey" }
                p class="error-text" role="alert" data-passkey-problem hidden {}
            }
        }
    }
}

fn password_card(visitor: &Visitor, account: &Account) -> Markup {
    html! {
        section class="card" {
            h2 { "Password and app" }
            @if account.has_password {
                p { "You can sign in with a password and the code of an authenticator app. A new password ends your other sessions and makes new recovery codes." }
            } @else {
                p { "Optional, for when no passkey is at hand: a password with the code of an authenticator app." }
            }
            form method="post" action="/settings/password" {
                (csrf(&visitor.signed_in.csrf))
                button { @if account.has_password { "Change the password ..." } @else { "Set a password ..." } }
            }
        }
    }
}

fn session_card(site: &dyn Site, visitor: &Visitor, sessions: &[Session]) -> Markup {
    let token = &visitor.signed_in.csrf;
    let is_own = |session: &Session| matches!(&visitor.signed_in.proof, Proof::Session { id, .. } if *id == session.id);
    let rows: Vec<Vec<Markup>> = sessions.iter().map(|session| vec![
        html! { (browser(&session.browser)) },
        html! { (session.address) },
        html! { (session.method) },
        time(session.began),
        html! { (ago(site.now(), session.seen)) },
        html! {
            @if is_own(session) { (pill(Tone::Good, "this one")) } @else {
                form method="post" action={"/settings/sessions/" (session.id.0) "/end"} { (csrf(token)) button class="small" { "End it" } }
            }
        },
    ]).collect();
    html! {
        section class="card" {
            header {
                h2 { "Where you are signed in" }
                form method="post" action="/settings/sessions/end" { (csrf(token)) button class="small" { "End all others" } }
            }
            (table("Your sessions, newest first", &[("Browser", false), ("From", false), ("By", false), ("Since", false), ("Last seen", false), ("", false)], &rows))
        }
    }
}

/// A browser's name in short.
fn browser(name: &str) -> String {
    let known = ["Firefox", "Edg", "Chrome", "Safari", "curl"];
    let systems = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"];
    let find = |words: &[&'static str]| words.iter().copied().find(|word| name.contains(word));
    match (find(&known), find(&systems)) {
        (Some("Edg"), Some(system)) => format!("Edge on {system}"),
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ if name.is_empty() => "unknown".to_owned(),
        _ => name.chars().take(40).collect(),
    }
}

pub(super) fn remove_passkey(site: &dyn Site, visitor: &Visitor, id: i64) -> Done {
    let (account, now) = (visitor.signed_in.account()?, site.now());
    site.desk()
        .write(|w| people::remove_passkey(w, now, &visitor.signed_in.actor, account, PasskeyId(id)))?;
    Ok(("/settings".to_owned(), Flash::good("The passkey is removed.")))
}

pub(super) fn end_session(site: &dyn Site, visitor: &Visitor, id: i64) -> Done {
    let (account, now): (AccountId, _) = (visitor.signed_in.account()?, site.now());
    site.desk()
        .write(|w| people::end_session(w, now, &visitor.signed_in.actor, account, SessionId(id)))?;
    Ok(("/settings".to_owned(), Flash::good("That session is over.")))
}

pub(super) fn end_others(site: &dyn Site, visitor: &Visitor) -> Done {
    let (account, now) = (visitor.signed_in.account()?, site.now());
    let own = match &visitor.signed_in.proof {
        Proof::Session { id, .. } => Some(*id),
        _ => None,
    };
    let ended = site
        .desk()
        .write(|w| people::end_sessions(w, now, &visitor.signed_in.actor, account, own))?;
    let said = format!(
        "Ended: {}.",
        super::super::words::of(ended as u64, "session", "sessions")
    );
    Ok(("/settings".to_owned(), Flash::good(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_in_short() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser(&format!("{chrome} Edg/126")), "Edge on Linux");
        assert_eq!(browser(""), "unknown");
        assert_eq!(browser("x".repeat(99).as_str()).len(), 40);
    }
}
