//! Stealer logs: what malware saw being typed, for those who own the address's or the website's domain.

use exposure::address::normalise;
use exposure::ledger::Scope;
use exposure::watch::DomainName;
use hyper::{HeaderMap, StatusCode};

use super::domains::not_verified;
use crate::access::{self, KEY};
use crate::rates::Pool;
use crate::reply::{self, Reply};
use crate::route::StealerLogs;
use crate::state::State;

/// `GET /stealerlogsby...`
pub(crate) fn search(state: &State, headers: &HeaderMap, asked: &StealerLogs) -> Reply {
    let snapshot = state.snapshot();
    if let StealerLogs::Email(address) = asked
        && let Some(test) = state.tests.account(&normalise(address.as_str()))
    {
        return match access::caller(&snapshot, headers, KEY) {
            Ok(_) if test.stealer_logs.is_empty() => none(),
            Ok(_) => reply::json(StatusCode::OK, &test.stealer_logs),
            Err(denied) => denied.reply(KEY),
        };
    }
    let pool = match asked {
        StealerLogs::Email(_) => Pool::Key,
        StealerLogs::Website(_) | StealerLogs::EmailDomain(_) => Pool::StealerDomains,
    };
    if let Err(denied) = access::pass(state, &snapshot, headers, KEY, Scope::StealerLogs, pool) {
        return denied.reply(KEY);
    }
    let is_ours = match asked {
        StealerLogs::Email(address) => domain_of(address.as_str()).is_some_and(|domain| snapshot.is_verified(&domain)),
        StealerLogs::Website(domain) | StealerLogs::EmailDomain(domain) => snapshot.is_verified(domain),
    };
    if !is_ours {
        return not_verified();
    }
    let accounts = &state.accounts;
    let found = match asked {
        StealerLogs::Email(address) => accounts.stealer_logs_by_email(&normalise(address.as_str())).map(list),
        StealerLogs::Website(domain) => accounts.stealer_logs_by_website(domain.as_str()).map(list),
        StealerLogs::EmailDomain(domain) => accounts.stealer_logs_by_email_domain(domain.as_str()).map(|found| {
            if found.is_empty() {
                none()
            } else {
                reply::json(StatusCode::OK, &found)
            }
        }),
    };
    found.unwrap_or_else(|error| {
        state.report(&error.into());
        reply::failed()
    })
}

fn list(found: Vec<String>) -> Reply {
    if found.is_empty() {
        return none();
    }
    reply::json(StatusCode::OK, &found)
}

fn none() -> Reply {
    reply::error(StatusCode::NOT_FOUND, "No stealer logs were found")
}

fn domain_of(address: &str) -> Option<DomainName> {
    let (_, domain) = address.rsplit_once('@')?;
    DomainName::parse(domain).ok()
}
