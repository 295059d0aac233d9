//! ID tokens: JSON Web Tokens (RFC 7519) signed with RS256 or ES256, checked as OpenID Connect Core 1.0, section 3.1.3.7, has it. Pure.

use respond::Time;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::webauthn::Rejected;
use crate::base64::from_url;

/// The longest token.
const BYTES_MAX: usize = 64 << 10;
/// Seconds by which clocks may differ.
const SKEW_SECONDS: i64 = 60;

/// The provider's keys (RFC 7517).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone, Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// What a token must be about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Time,
}

/// Checks a token, and returns what it says.
pub(super) fn check(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Map<String, Value>, Rejected> {
    if token.len() > BYTES_MAX {
        return Err(Rejected("the ID token is too long"));
    }
    let (signed, signature) = token
        .rsplit_once('.')
        .ok_or(Rejected("the ID token has no signature"))?;
    let (header, claims) = signed.split_once('.').ok_or(Rejected("the ID token has no claims"))?;
    let decode = |text| from_url(text).ok_or(Rejected("the ID token isn't base64url"));
    let header: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| Rejected("the ID token's header isn't understood"))?;
    let signature = decode(signature)?;
    let fitting = keys.keys.iter().filter(|key| key.fits(&header));
    if !fitting
        .into_iter()
        .any(|key| key.is_signed(&header.alg, signed.as_bytes(), &signature))
    {
        return Err(Rejected("the ID token isn't signed by a key of the provider"));
    }
    let claims: Map<String, Value> =
        serde_json::from_slice(&decode(claims)?).map_err(|_| Rejected("the ID token's claims aren't understood"))?;
    check_claims(&claims, expected)?;
    Ok(claims)
}

fn check_claims(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Rejected> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    if text("iss") != Some(expected.issuer) {
        return Err(Rejected("the ID token is of another issuer"));
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_party = text("azp").map_or(audience.len() == 1, |party| party == expected.client_id);
    if !audience.contains(&expected.client_id) || !is_party {
        return Err(Rejected("the ID token is for another program"));
    }
    let now = expected.now.unix_millis() / 1000;
    let is_current = seconds("exp").is_some_and(|end| end > now - SKEW_SECONDS)
        && seconds("iat").is_some_and(|made| made < now + SKEW_SECONDS);
    if !is_current {
        return Err(Rejected(
            "the ID token has expired, or is of the future: check the clocks",
        ));
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(Rejected("the ID token answers another attempt"));
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(Rejected("the ID token doesn't say who it is about"));
    }
    Ok(())
}

impl Key {
    fn fits(&self, header: &Header) -> bool {
        let is_named = header.kid.is_none() || self.kid == header.kid;
        is_named && self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }

    /// Whether this key signed; the kind of key decides about the algorithm, not the token.
    fn is_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let bytes = |part: &Option<String>| part.as_deref().and_then(from_url);
        match (algorithm, self.kty.as_str()) {
            ("RS256", "RSA") => {
                let (Some(n), Some(e)) = (bytes(&self.n), bytes(&self.e)) else {
                    return false;
                };
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            ("ES256", "EC") if self.crv.as_deref() == Some("P-256") => {
                let (Some(x), Some(y)) = (bytes(&self.x), bytes(&self.y)) else {
                    return false;
                };
                if x.len() != 32 || y.len() != 32 {
                    return false;
                }
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            _ => false,
        }
    }
}
