//! The browser's way to the provider and back.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::get;
use respond::people::{self, Account, AccountId, NewAccount, Role};
use respond::{Actor, Error, Time, Writing};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::challenge::Asked;
use super::super::enter::{Entered, enter};
use super::super::signed_in::escape;
use super::super::visitor::Visitor;
use super::id_token::{Expected, check};
use super::{provider, refused};
use crate::base64;
use crate::problem::Refusal;
use crate::settings::OidcSettings;
use crate::state::Shared;

/// Where the provider sends browsers back to.
const CALLBACK: &str = "/sign-in/provider/callback";
/// Bytes of a name or an identifier that is taken from a provider.
const TEXT_BYTES_MAX: usize = 255;

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/sign-in/provider", get(go))
        .route(CALLBACK, get(come_back))
}

fn settings(state: &Shared) -> Result<OidcSettings, Refusal> {
    let settings = state.settings.oidc.clone();
    settings.ok_or_else(|| Refusal::not_found("there is no OpenID provider").hint("`[console.oidc]` sets one"))
}

#[derive(Deserialize)]
struct Going {
    next: Option<String>,
}

/// Sends the browser to the provider.
async fn go(State(state): State<Shared>, visitor: Visitor, Query(going): Query<Going>) -> Result<Response, Refusal> {
    let settings = settings(&state)?;
    let wanted = settings.clone();
    let metadata = state.ask_long(move |site| provider::metadata(site, &wanted)).await?;
    let challenge = crate::random::bytes::<32>()?;
    let (nonce, verifier) = (random_text()?, random_text()?);
    let hash = base64::url(digest(&SHA256, verifier.as_bytes()).as_ref());
    let fields = [
        ("response_type", "code"),
        ("client_id", &settings.client_id),
        ("redirect_uri", &callback(&state)),
        ("scope", "openid profile email"),
        ("state", &base64::url(&challenge)),
        ("nonce", &nonce),
        ("code_challenge", &hash),
        ("code_challenge_method", "S256"),
    ];
    let query: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    let asked = Asked::Provider {
        nonce,
        verifier,
        next: local(going.next.as_deref().unwrap_or_default()).to_owned(),
    };
    let cookie = visitor.keep(&state, challenge, asked)?;
    let sign = if metadata.authorization_endpoint.contains('?') {
        '&'
    } else {
        '?'
    };
    let target = format!("{}{sign}{}", metadata.authorization_endpoint, query.join("&"));
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&target)).into_response())
}

fn callback(state: &Shared) -> String {
    format!("{}{CALLBACK}", state.settings.public_url)
}

fn random_text() -> Result<String, crate::Error> {
    Ok(base64::url(&crate::random::bytes::<32>()?))
}

/// Where somebody may be led back to: a page of this console, the first one in the place of any other address. Nothing that browsers
/// leave out of addresses is in it (a tab in `/\t/evil.example`), and nothing that ends an attribute.
pub(crate) fn local(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>'\\".contains(&byte);
    if is_path && next.bytes().all(is_plain) {
        next
    } else {
        "/"
    }
}

#[derive(Deserialize)]
struct Coming {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// The browser comes back with a code, or with a refusal.
async fn come_back(
    State(state): State<Shared>,
    visitor: Visitor,
    Query(coming): Query<Coming>,
) -> Result<Response, Refusal> {
    let settings = settings(&state)?;
    let (challenge, asked) = visitor.answered(&state)?;
    let Asked::Provider { nonce, verifier, next } = asked else {
        return Err(refused("this browser wasn't sent to the provider"));
    };
    if coming.state.as_deref() != Some(base64::url(&challenge).as_str()) {
        return Err(refused("the answer is to another attempt"));
    }
    if let Some(error) = coming.error {
        state
            .site
            .log(&format!("the OpenID provider refused somebody: {}", shortened(&error)));
        return Err(refused("the provider let nobody in"));
    }
    let code = coming.code.ok_or_else(|| refused("the provider sent no code"))?;
    let (back, now) = (callback(&state), state.site.now());
    let wanted = settings.clone();
    let claims = state
        .ask_long(move |site| {
            let metadata = provider::metadata(site, &wanted)?;
            let token = provider::id_token(site, &wanted, &metadata, (&code, &verifier, &back))?;
            let keys = provider::keys(site, &metadata)?;
            let expected = Expected {
                // As it calls itself: with or without a slash at its end.
                issuer: &metadata.issuer,
                client_id: &wanted.client_id,
                nonce: &nonce,
                now,
            };
            check(&token, &keys, &expected).map_err(|rejected| {
                site.log(&format!("an ID token was refused: {}", rejected.0));
                refused(rejected.0)
            })
        })
        .await?;
    let entered = admit(&state, &visitor, &settings, &claims).await?;
    Ok(welcome(entered, &next))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// Signs in whoever the claims are about, with the role of their groups.
async fn admit(
    state: &Shared,
    visitor: &Visitor,
    settings: &OidcSettings,
    claims: &Map<String, Value>,
) -> Result<Entered, Refusal> {
    let groups: Vec<&str> = match claims.get(&settings.groups_claim) {
        Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(group)) => vec![group],
        _ => Vec::new(),
    };
    let mut roles = settings.roles.iter();
    let role = roles
        .find(|(group, _)| groups.contains(&group.as_str()))
        .map(|(_, role)| *role);
    let role = role.ok_or_else(|| refused("none of your groups may come in"))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let subject: String = text("sub").chars().take(TEXT_BYTES_MAX).collect();
    let named = [text("preferred_username"), text("email")]
        .into_iter()
        .find(|name| people::is_account_name(name));
    let person = Person {
        provider: format!("{} {subject}", settings.issuer),
        name: named.map_or_else(|| format!("user-{}", short_hash(&subject)), str::to_owned),
        display_name: text("name").to_owned(),
        host: settings
            .issuer
            .split("://")
            .nth(1)
            .unwrap_or_default()
            .split(['/', ':'])
            .next()
            .unwrap_or_default()
            .to_owned(),
        role,
        handle: crate::random::bytes::<32>()?,
    };
    let key = person.provider.clone();
    let find = move |site: &dyn crate::Site| site.desk().read(|ledger| people::account_by_provider(ledger, &key));
    let known: Option<Account> = state.ask(find).await?;
    if known.as_ref().is_some_and(|account| account.disabled.is_some()) {
        return Err(refused("your account is disabled"));
    }
    let taken = person.name.clone();
    let is_taken = move |site: &dyn crate::Site| {
        site.desk()
            .read(|ledger| Ok::<_, Error>(people::account_by_name(ledger, &taken)?.is_some()))
    };
    let is_taken = state.ask(is_taken).await?;
    enter(state, visitor, "provider", move |w, now| {
        person.account(w, now, known, is_taken).map(Some)
    })
    .await
}

/// Somebody whom the provider knows.
struct Person {
    /// Issuer and subject.
    provider: String,
    name: String,
    display_name: String,
    /// The provider's host, which tells people of the same name apart.
    host: String,
    role: Role,
    handle: [u8; 32],
}

impl Person {
    /// Their account, made if there is none. A local account of the same name stays its owner's.
    fn account(
        self,
        w: &mut Writing<'_>,
        now: Time,
        known: Option<Account>,
        is_taken: bool,
    ) -> Result<AccountId, Error> {
        let by = Actor::System("provider".to_owned());
        if let Some(account) = known {
            if account.role != self.role {
                match people::set_role(w, now, &by, account.id, self.role) {
                    // The last administrator stays one, whatever the provider says.
                    Ok(()) | Err(Error::Refused { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(account.id);
        }
        let name = if is_taken {
            format!("{}@{}", self.name, self.host).chars().take(64).collect()
        } else {
            self.name
        };
        let new = NewAccount {
            name,
            display_name: self.display_name,
            role: self.role,
            handle: self.handle,
            provider: Some(self.provider),
        };
        people::add(w, now, &by, &new)
    }
}

fn short_hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// A page that goes on by itself. A redirect would be a part of the provider's navigation, along which browsers don't send the new
/// cookie.
fn welcome(entered: Entered, next: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Signed in</title>\
         <meta http-equiv=\"refresh\" content=\"0; url={next}\"></head>\
         <body><p>You are signed in. <a href=\"{next}\">Go on</a></p></body></html>",
        next = next.replace('&', "&amp;")
    );
    (entered, [(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_website() {
        for next in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:x",
            "/a\"b",
            "",
            "/a b",
        ] {
            assert_eq!(local(next), "/", "{next}");
        }
        assert_eq!(local("/disks/a?at=-15m&x=1"), "/disks/a?at=-15m&x=1");
    }
}
