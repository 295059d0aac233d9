//! `GET /private/range/{bits}/{prefix}`: the search of the public API by the beginning of a hash, with a prefix as long as this data set
//! allows: no bucket has fewer than `hidden_among` people.

use std::collections::BTreeSet;

use exposure::Error;
use exposure::accounts::{Accounts, BreachId};
use exposure::address::Identity;
use exposure::oblivious::{Generation, Parameters, read_prefix};
use hyper::StatusCode;
use serde::Serialize;

use super::Service;
use super::reply::{self, Keep, Reply};

/// People in one answer at most.
const PEOPLE_MAX: usize = 200_000;

/// One person of an answer, named as in the public API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// The whole SHA-1 of the address: a prefix of any number of bits can't be cut off a hexadecimal number.
    hash: String,
    websites: Vec<String>,
}

/// Answers, for whoever has a key: the hashes can be tried with guessed addresses, as those of the public API.
pub(super) fn answer(
    generation: &Generation,
    (bits, prefix): (u32, &str),
    has_key: bool,
    service: &Service,
    accounts: &Accounts,
) -> Reply {
    let parameters = Parameters::of(generation);
    if !parameters.buckets {
        return too_few(&parameters);
    }
    if bits > parameters.bits {
        let message = format!(
            "a prefix of {bits} bits is shared by fewer than {} people of this data set; ask with {}",
            parameters.hidden_among, parameters.bits
        );
        return reply::error(StatusCode::FORBIDDEN, &message);
    }
    let Some(prefix) = read_prefix(bits, prefix).filter(|_| bits == parameters.bits) else {
        return wrong_length(&parameters);
    };
    if !has_key {
        let message = "Access denied due to missing hibp-api-key. Without a key ask by /private/v1/.";
        return reply::error(StatusCode::UNAUTHORIZED, message);
    }
    match found(bits, prefix, service, accounts) {
        Err(_) => reply::error(StatusCode::INTERNAL_SERVER_ERROR, "the accounts can't be read"),
        Ok(None) => reply::error(StatusCode::INTERNAL_SERVER_ERROR, "too many people share this prefix"),
        // People were erased, or a breach taken back, since the length was chosen.
        Ok(Some(found)) if (found.len() as u64) < parameters.hidden_among => reply::later(
            StatusCode::SERVICE_UNAVAILABLE,
            60,
            "the length of prefixes is being chosen anew: ask for the parameters again",
        ),
        Ok(Some(found)) => reply::json(Keep::Not, &found),
    }
}

/// The people with a prefix who are in a breach that is told; `None` if there are too many.
fn found(bits: u32, prefix: u32, service: &Service, accounts: &Accounts) -> Result<Option<Vec<Found>>, Error> {
    let told = service.told();
    let mut found = Vec::new();
    let mut too_many = false;
    let mut visit = |identity: Identity, breaches: &[BreachId]| {
        let websites: BTreeSet<&String> = breaches.iter().filter_map(|breach| told.get(breach)).collect();
        if websites.is_empty() {
            return;
        }
        if found.len() == PEOPLE_MAX {
            too_many = true;
            return;
        }
        found.push(Found {
            hash: identity.0.iter().map(|byte| format!("{byte:02X}")).collect(),
            websites: websites.into_iter().cloned().collect(),
        });
    };
    if bits == 0 {
        accounts.identities(&mut visit)?;
    } else {
        accounts.with_prefix(bits, u64::from(prefix), &mut visit)?;
    }
    Ok((!too_many).then_some(found))
}

/// The refusal where nobody can hide.
pub(super) fn too_few(parameters: &Parameters) -> Reply {
    let message = format!(
        "no prefix is answered: the data set has {} people, and a question is to hide among {}; ask for the whole index",
        parameters.identities, parameters.hidden_among
    );
    reply::error(StatusCode::FORBIDDEN, &message)
}

/// The refusal of a prefix that is not as long as published.
pub(super) fn wrong_length(parameters: &Parameters) -> Reply {
    let message = format!(
        "a prefix has {} bits, in {} hexadecimal digits",
        parameters.bits,
        parameters.bits.div_ceil(4).max(1)
    );
    reply::error(StatusCode::BAD_REQUEST, &message)
}
