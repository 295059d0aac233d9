//! What a browser is asked to do: the argument of `navigator.credentials.create` and `.get`, with bytes in base64url, as
//! `PublicKeyCredential.parseCreationOptionsFromJSON` takes it (section 5.1.8).

use serde_json::{Value, json};

use super::cose::ALGORITHMS;
use crate::base64;

/// How long browsers wait for somebody, in milliseconds.
const PATIENCE_MS: u32 = 180_000;

/// Asks for a new passkey that is found without a name being typed, from an authenticator that recognises its owner and isn't
/// among `known` yet.
#[must_use]
pub fn registration_options(
    host: &str,
    challenge: &[u8; 32],
    handle: &[u8],
    (name, display_name): (&str, &str),
    known: &[Vec<u8>],
) -> Value {
    let algorithms: Vec<Value> = ALGORITHMS
        .iter()
        .map(|algorithm| json!({ "type": "public-key", "alg": algorithm }))
        .collect();
    let known: Vec<Value> = known
        .iter()
        .map(|credential| json!({ "type": "public-key", "id": base64::url(credential) }))
        .collect();
    json!({
        "rp": { "id": host, "name": "Holdfast" },
        "user": { "id": base64::url(handle), "name": name, "displayName": display_name },
        "challenge": base64::url(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": PATIENCE_MS,
        "excludeCredentials": known,
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": true,
            "userVerification": "required",
        },
        "attestation": "none",
    })
}

/// Asks for a signature of any passkey that the authenticator has for this host: who signs in isn't known before.
#[must_use]
pub fn assertion_options(host: &str, challenge: &[u8; 32]) -> Value {
    json!({
        "challenge": base64::url(challenge),
        "rpId": host,
        "timeout": PATIENCE_MS,
        "allowCredentials": [],
        "userVerification": "required",
    })
}
