//! Proof that a domain is ours: `POST /domainverification/...`. Errors of these routes are `{"message":"..."}`.

use exposure::ledger::{About, Domain, Proof, Scope};
use exposure::watch::DomainName;
use hyper::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::access::{self, Denied, KEY};
use crate::dns::{TxtProof, proof, txt_records};
use crate::random::random;
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::route::Verification;
use crate::state::{State, now_s};

/// Said to a key without the scope.
const NO_PERMISSION: &str = "Your subscription does not have permission to add domains. Please contact support if you believe this is an error.";
/// Said of what is no domain.
const NO_DOMAIN: &str = "An invalid domain was provided with the request";

/// Addresses that only the owner of a domain reads (RFC 2142).
const ALIASES: [&str; 4] = ["security", "hostmaster", "postmaster", "webmaster"];

/// What is sent. Both cases are seen in clients.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    #[serde(alias = "domainName")]
    domain_name: Option<String>,
    #[serde(alias = "emailAlias")]
    email_alias: Option<String>,
}

/// The proof that is asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    txt_record_value: String,
}

/// Takes one step of the proof.
pub(crate) async fn answer(state: &State, step: Verification, headers: &HeaderMap, body: &[u8]) -> Reply {
    match access::pass(state, &state.snapshot(), headers, KEY, Scope::Domains, Pool::Key) {
        Err(Denied::Scope) => return reply::message(StatusCode::FORBIDDEN, NO_PERMISSION),
        Err(denied) => return denied.reply(KEY),
        Ok(_) => {}
    }
    let Ok(sent) = serde_json::from_slice::<Sent>(body) else {
        return bad("Invalid JSON");
    };
    let Some(domain) = sent
        .domain_name
        .as_deref()
        .and_then(|name| DomainName::parse(name).ok())
    else {
        return bad(NO_DOMAIN);
    };
    let step = match step {
        Verification::MakeToken => make_token(state, &domain),
        Verification::CheckToken => check_token(state, &domain).await,
        Verification::SendMail => send_mail(state, &domain, sent.email_alias.as_deref()),
    };
    step.unwrap_or_else(|error| {
        state.report(&error.into());
        reply::failed()
    })
}

fn bad(message: &str) -> Reply {
    reply::message(StatusCode::BAD_REQUEST, message)
}

fn make_token(state: &State, name: &DomainName) -> Result<Reply, exposure::Error> {
    if state.snapshot().is_verified(name) {
        return Ok(bad("Domain has already been verified."));
    }
    let domain = state.ledger().ask_for_domain(name, now(), random()?)?;
    if domain.verified.is_some() {
        state.note_change();
        return Ok(bad("Domain has already been verified."));
    }
    Ok(reply::json(
        StatusCode::OK,
        &Token {
            txt_record_value: domain.txt_record(),
        },
    ))
}

async fn check_token(state: &State, name: &DomainName) -> Result<Reply, exposure::Error> {
    let asked = state.ledger().domain(name)?;
    let Some(domain) = asked else {
        return Ok(bad("No verification was begun for this domain: ask for a token first"));
    };
    let records = match txt_records(name, state.settings.resolver).await {
        Ok(records) => records,
        Err(error) => return Ok(reply::message(StatusCode::BAD_GATEWAY, &error.to_string())),
    };
    checked(state, name, &domain, &records)
}

fn checked(state: &State, name: &DomainName, domain: &Domain, records: &[String]) -> Result<Reply, exposure::Error> {
    match proof(domain, records) {
        TxtProof::Proved => {
            state.ledger().mark_domain_verified(name, Proof::Dns, now())?;
            state.note_change();
            Ok(reply::message(StatusCode::OK, "The domain was successfully verified."))
        }
        TxtProof::None => Ok(reply::message(
            StatusCode::NOT_FOUND,
            "No hibp-verify TXT records were found on the domain.",
        )),
        TxtProof::Other(found) => Ok(reply::message(
            StatusCode::NOT_FOUND,
            &format!(
                "Expected a TXT record of {} but instead found {found}",
                domain.txt_record()
            ),
        )),
    }
}

fn send_mail(state: &State, name: &DomainName, alias: Option<&str>) -> Result<Reply, exposure::Error> {
    let Some(alias) = alias.map(str::trim).filter(|alias| !alias.is_empty()) else {
        return Ok(bad("No emailAlias field was passed in the request body."));
    };
    let Some(alias) = ALIASES.into_iter().find(|known| known.eq_ignore_ascii_case(alias)) else {
        return Ok(bad(&format!(
            "An invalid alias was provided with the request: it is one of {}",
            ALIASES.join(", ")
        )));
    };
    if !state.settings.sends_mail {
        return Ok(bad(
            "The verification email could not be sent: this server has no mail server, see [exposure.mail]",
        ));
    }
    if state.snapshot().is_verified(name) {
        return Ok(bad("Domain has already been verified."));
    }
    let mut ledger = state.ledger();
    let domain = ledger.ask_for_domain(name, now(), random()?)?;
    let about = About::DomainProof {
        domain: domain.id,
        alias: alias.to_owned(),
    };
    ledger.enqueue_again(&about, now())?;
    Ok(reply::message(StatusCode::OK, "The verification email was sent."))
}

fn now() -> i64 {
    i64::try_from(now_s()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Settings;
    use exposure::ledger::{ApiKey, Ledger};
    use hyper::header::{HeaderName, HeaderValue};

    #[test]
    fn steps_of_a_proof_are_counted_against_the_rate_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = ApiKey {
            name: "desk".to_owned(),
            requests_per_minute: 2,
            scopes: vec![Scope::Domains],
        };
        let text = Ledger::open(folder.path()).unwrap().make_key(&key, [1; 16], 1).unwrap();
        let settings = Settings {
            sends_mail: true,
            ..Settings::default()
        };
        let state = State::open(folder.path(), settings, Box::new(|error| panic!("{error}"))).unwrap();
        let headers = HeaderMap::from_iter([(HeaderName::from_static(KEY), HeaderValue::try_from(text).unwrap())]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = br#"{"DomainName":"example.com","EmailAlias":"security"}"#;
        let statuses = [(); 3].map(|()| {
            let answered = runtime.block_on(answer(&state, Verification::SendMail, &headers, body));
            answered.status().as_u16()
        });
        assert_eq!(statuses, [200, 200, 429]);
    }
}
