//! Whole domains that were shown to be ours, and what a key may.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use exposure::ledger::{ApiKey, Scope};
use exposure::watch::DomainName;
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::access::{self, KEY};
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::snapshot::names;
use crate::state::{DomainCount, State};

/// A key doesn't end: this is the last second that the format has.
const FOR_EVER: &str = "9999-12-31T23:59:59";

/// A domain in `GET /subscribeddomains`. The counts are those of the last search, since this server's start.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubscribedDomain<'a> {
    domain_name: &'a str,
    pwn_count: Option<u64>,
    pwn_count_excluding_spam_lists: Option<u64>,
    pwn_count_excluding_spam_lists_at_last_subscription_renewal: Option<u64>,
    next_subscription_renewal: Option<&'static str>,
}

/// `GET /subscription/status`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the public API's model of a subscription")]
struct Subscription {
    subscription_name: String,
    description: String,
    subscribed_until: &'static str,
    rpm: u32,
    domain_search_max_breached_accounts: Option<u64>,
    max_breached_domains: Option<u64>,
    includes_stealer_logs: bool,
    includes_bulk_domain_add: bool,
    includes_auto_subdomain_verification: bool,
    includes_customer_domains: bool,
    includes_k_anon: bool,
}

/// `GET /breacheddomain/{domain}`: sensitive breaches too, since whoever asks has shown to own the domain.
pub(crate) fn breaches(state: &State, headers: &HeaderMap, domain: &DomainName) -> Reply {
    let snapshot = state.snapshot();
    if let Err(denied) = access::pass(state, &snapshot, headers, KEY, Scope::Domains, Pool::Key) {
        return denied.reply(KEY);
    }
    if !snapshot.is_verified(domain) {
        return not_verified();
    }
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut count = DomainCount {
        all: 0,
        excluding_spam_lists: 0,
    };
    let visited = state.accounts.domain(domain.as_str(), &mut |alias, ids| {
        let told = names(&snapshot.catalogue, ids, |_| true);
        if told.is_empty() {
            return;
        }
        count.all += 1;
        let is_spam_only = names(&snapshot.catalogue, ids, |breach| !breach.is_spam_list).is_empty();
        count.excluding_spam_lists += u64::from(!is_spam_only);
        found.insert(alias.to_owned(), told);
    });
    if let Err(error) = visited {
        state.report(&error.into());
        return reply::failed();
    }
    state
        .domain_counts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(domain.clone(), count);
    if found.is_empty() {
        return reply::error(
            StatusCode::NOT_FOUND,
            "The domain does not have any email addresses in any breaches",
        );
    }
    reply::json(StatusCode::OK, &found)
}

/// A domain that nobody has shown to be ours.
pub(crate) fn not_verified() -> Reply {
    reply::error(
        StatusCode::FORBIDDEN,
        "The domain has not been verified: prove that it is yours by a DNS record or by mail first",
    )
}

/// `GET /subscribeddomains`
pub(crate) fn subscribed(state: &State, headers: &HeaderMap) -> Reply {
    let snapshot = state.snapshot();
    let allowed = access::caller(&snapshot, headers, KEY).and_then(|caller| caller.with_scope(Some(Scope::Domains)));
    if let Err(denied) = allowed {
        return denied.reply(KEY);
    }
    let counts = state.domain_counts.lock().unwrap_or_else(PoisonError::into_inner);
    let domains = snapshot.domains.iter().map(|domain| {
        let count = counts.get(domain);
        SubscribedDomain {
            domain_name: domain.as_str(),
            pwn_count: count.map(|count| count.all),
            pwn_count_excluding_spam_lists: count.map(|count| count.excluding_spam_lists),
            pwn_count_excluding_spam_lists_at_last_subscription_renewal: None,
            next_subscription_renewal: None,
        }
    });
    reply::json(StatusCode::OK, &domains.collect::<Vec<_>>())
}

/// `GET /subscription/status`
pub(crate) fn subscription(state: &State, headers: &HeaderMap) -> Reply {
    let snapshot = state.snapshot();
    let allowed = access::caller(&snapshot, headers, KEY).and_then(|caller| caller.with_scope(None));
    match allowed {
        Ok((_, key)) => reply::json(StatusCode::OK, &status(&key)),
        Err(denied) => denied.reply(KEY),
    }
}

fn status(key: &ApiKey) -> Subscription {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
    Subscription {
        subscription_name: "Holdfast".to_owned(),
        description: format!(
            "Key `{}` of this server: {} requests a minute for {}.",
            key.name,
            key.requests_per_minute,
            scopes.join(", ")
        ),
        subscribed_until: FOR_EVER,
        rpm: key.requests_per_minute,
        domain_search_max_breached_accounts: None,
        max_breached_domains: None,
        includes_stealer_logs: key.may(Scope::StealerLogs),
        includes_bulk_domain_add: key.may(Scope::Domains),
        includes_auto_subdomain_verification: key.may(Scope::Domains),
        includes_customer_domains: key.may(Scope::Domains),
        includes_k_anon: key.may(Scope::Range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_tells_what_the_key_may() {
        let key = ApiKey {
            name: "desk".to_owned(),
            requests_per_minute: 30,
            scopes: vec![Scope::Accounts, Scope::Range],
        };
        let text = serde_json::to_string(&status(&key)).unwrap();
        assert_eq!(
            text,
            "{\"SubscriptionName\":\"Holdfast\",\"Description\":\"Key `desk` of this server: 30 requests a minute for accounts, range.\",\
             \"SubscribedUntil\":\"9999-12-31T23:59:59\",\"Rpm\":30,\"DomainSearchMaxBreachedAccounts\":null,\"MaxBreachedDomains\":null,\
             \"IncludesStealerLogs\":false,\"IncludesBulkDomainAdd\":false,\"IncludesAutoSubdomainVerification\":false,\
             \"IncludesCustomerDomains\":false,\"IncludesKAnon\":true}"
        );
    }
}
