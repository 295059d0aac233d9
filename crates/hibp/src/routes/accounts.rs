//! Breaches and pastes of an account, and the search by a prefix of its hash.

use exposure::accounts::{Breach, BreachId, Paste, TestAccount};
use exposure::address::{Identity, normalise};
use exposure::ledger::{HashPrefix, Scope};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::access::{self, Caller, Denied, KEY, NO_ACCESS};
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::route::{Account, AccountSearch};
use crate::snapshot::{Snapshot, names};
use crate::state::State;
use crate::upstream::{Upstream, merged};

/// Says among how many identities a search by prefix hides a person, where they are fewer than the operator wants.
const HIDDEN_AMONG: HeaderName = HeaderName::from_static("holdfast-hidden-among");

/// Says that another server should have been asked, and gave no answer.
const INCOMPLETE: HeaderName = HeaderName::from_static("holdfast-incomplete");

/// `[{"Name":"Adobe"}]`
#[derive(Serialize)]
struct BreachName<'a> {
    #[serde(rename = "Name")]
    name: &'a str,
}

/// A row of a search by prefix.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suffix<'a> {
    hash_suffix: String,
    websites: Vec<&'a str>,
}

/// `GET /breachedaccount/{account}`
pub(crate) fn breaches(state: &State, headers: &HeaderMap, search: &AccountSearch) -> Reply {
    let snapshot = state.snapshot();
    if let Some(test) = state.tests.account(&normalise(search.account.as_str())) {
        if let Err(denied) = access::caller(&snapshot, headers, KEY) {
            return denied.reply(KEY);
        }
        return told(test_breaches(state, test), search);
    }
    if let Err(denied) = access::pass(state, &snapshot, headers, KEY, Scope::Accounts, Pool::Key) {
        return denied.reply(KEY);
    }
    let ids = match state.accounts.breaches_of(Identity::of(search.account.as_str())) {
        Ok(ids) => ids,
        Err(error) => {
            state.report(&error.into());
            return reply::failed();
        }
    };
    let own = ids.iter().filter_map(|id| snapshot.catalogue.of(*id));
    match &state.upstream {
        None => told(own.collect(), search),
        Some(upstream) => tokio::task::block_in_place(|| told_with(own.cloned().collect(), search, upstream.as_ref())),
    }
}

/// The same with what another server knows. Where that one doesn't answer, breaches known here are told and marked as not being all; that
/// there are none can't be told.
fn told_with(own: Vec<Breach>, search: &AccountSearch, upstream: &dyn Upstream) -> Reply {
    match merged(own.clone(), search.account.as_str(), upstream) {
        Ok(breaches) => told(breaches.iter().collect(), search),
        Err(error) => {
            let reply = told(own.iter().collect(), search);
            if reply.status() == StatusCode::OK {
                return reply::with(reply, INCOMPLETE, HeaderValue::from_static("upstream"));
            }
            reply::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    }
}

/// What a test account is in. The rules that leave breaches out are those for every account.
fn test_breaches<'a>(state: &'a State, test: &TestAccount) -> Vec<&'a Breach> {
    if test.breaches_opted_out {
        return Vec::new();
    }
    let breaches = test.breaches.iter();
    breaches.filter_map(|name| state.tests.breach(name)).collect()
}

/// The breaches that may be told to whoever knows the account's name, as they were asked for.
fn told(mut breaches: Vec<&Breach>, search: &AccountSearch) -> Reply {
    breaches.retain(|breach| {
        !breach.is_sensitive
            && !breach.is_retired
            && (search.unverified || breach.is_verified)
            && search
                .domain
                .as_ref()
                .is_none_or(|domain| breach.domain.eq_ignore_ascii_case(domain))
    });
    if breaches.is_empty() {
        return reply::error(
            StatusCode::NOT_FOUND,
            "The account could not be found and has therefore not been pwned",
        );
    }
    breaches.sort_by(|left, right| left.name.cmp(&right.name));
    if search.truncated {
        let names: Vec<BreachName<'_>> = breaches
            .iter()
            .map(|breach| BreachName { name: &breach.name })
            .collect();
        return reply::json(StatusCode::OK, &names);
    }
    reply::json(StatusCode::OK, &breaches)
}

/// `GET /pasteaccount/{account}`
pub(crate) fn pastes(state: &State, headers: &HeaderMap, account: &Account) -> Reply {
    let snapshot = state.snapshot();
    let told = |pastes: &[Paste]| {
        if pastes.is_empty() {
            return reply::error(StatusCode::NOT_FOUND, "No pastes were found for the account");
        }
        reply::json(StatusCode::OK, &pastes)
    };
    if let Some(test) = state.tests.account(&normalise(account.as_str())) {
        return match access::caller(&snapshot, headers, KEY) {
            Ok(Caller::Key(..) | Caller::Unknown) => told(&test.pastes),
            Err(denied) => denied.reply(KEY),
        };
    }
    if let Err(denied) = access::pass(state, &snapshot, headers, KEY, Scope::Accounts, Pool::Key) {
        return denied.reply(KEY);
    }
    let pastes = state.ledger().pastes(Identity::of(account.as_str()));
    match pastes {
        Ok(pastes) => told(&pastes),
        Err(error) => {
            state.report(&error.into());
            reply::failed()
        }
    }
}

/// What a search by prefix comes to.
pub(crate) enum Searched<'a> {
    /// Rows, and among how many identities they hide a person if those are fewer than the operator wants.
    Found(Vec<Suffix<'a>>, Option<u64>),
    /// It would hide a person among too few; among how many are wanted.
    TooFew(u64),
    /// The stores can't be read.
    Failed(exposure::Error),
}

/// Everybody whose hash begins with `prefix`, in order, without those who are in nothing that may be told. Refused where the prefix hides
/// a person among too few: an answer for a prefix that is empty would tell as much as one that isn't.
pub(crate) fn search<'a>(state: &State, snapshot: &'a Snapshot, prefix: HashPrefix) -> Searched<'a> {
    let mut identities = 0;
    let mut rows = Vec::new();
    let visited = state
        .accounts
        .with_prefix(HashPrefix::BITS, u64::from(prefix.number()), &mut |identity, ids| {
            identities += 1;
            let websites = public_names(snapshot, ids);
            if !websites.is_empty() {
                rows.push(Suffix {
                    hash_suffix: HashPrefix::suffix(identity),
                    websites,
                });
            }
        });
    if let Err(error) = visited {
        return Searched::Failed(error);
    }
    let wanted = state.settings.hidden_among;
    let too_few = identities < wanted;
    if too_few && !state.settings.answers_small_ranges {
        return Searched::TooFew(wanted);
    }
    Searched::Found(rows, too_few.then_some(identities))
}

fn public_names<'a>(snapshot: &'a Snapshot, ids: &[BreachId]) -> Vec<&'a str> {
    names(&snapshot.catalogue, ids, |breach| !breach.is_sensitive)
}

/// Why a search by prefix is refused.
pub(crate) fn too_few(wanted: u64) -> String {
    format!(
        "this prefix would hide a person among fewer than {wanted} of those loaded here, and so tell the server who is meant; ask below \
         /private/ instead, or have the operator serve with --answer-small-ranges"
    )
}

/// The same answer with a warning, where it is due.
pub(crate) fn warned(reply: Reply, hidden_among: Option<u64>) -> Reply {
    match hidden_among {
        Some(identities) => reply::with(reply, HIDDEN_AMONG, HeaderValue::from(identities)),
        None => reply,
    }
}

/// `GET /breachedaccount/range/{prefix}`, whose errors are text but for keys and rates.
pub(crate) fn range(state: &State, headers: &HeaderMap, prefix: HashPrefix) -> Reply {
    let snapshot = state.snapshot();
    match access::pass(state, &snapshot, headers, KEY, Scope::Range, Pool::Key) {
        Err(Denied::Scope) => return reply::text(StatusCode::FORBIDDEN, NO_ACCESS),
        Err(denied) => return denied.reply(KEY),
        Ok(_) => {}
    }
    match search(state, &snapshot, prefix) {
        Searched::TooFew(wanted) => reply::text(StatusCode::FORBIDDEN, too_few(wanted)),
        Searched::Found(rows, hidden_among) if rows.is_empty() => warned(
            reply::text(StatusCode::NOT_FOUND, "There are no hashes beginning with that prefix"),
            hidden_among,
        ),
        Searched::Found(rows, hidden_among) => warned(reply::json(StatusCode::OK, &rows), hidden_among),
        Searched::Failed(error) => {
            state.report(&error.into());
            reply::failed()
        }
    }
}
