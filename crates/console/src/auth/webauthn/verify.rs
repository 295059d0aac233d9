//! Checking what browsers answer (sections 7.1 and 7.2).

use ciborium::Value;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::authenticator_data;
use super::cose::{PublicKey, cbor};
use super::{Rejected, client_data};
use crate::base64;

/// The longest part of an answer, in bytes.
const PART_BYTES_MAX: usize = 64 << 10;

/// What an answer must be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The challenge that was given out.
    pub challenge: &'a [u8; 32],
    /// The address of the page: scheme, host and port.
    pub origin: &'a str,
    /// The host, which passkeys are bound to.
    pub host: &'a str,
}

/// `PublicKeyCredential.toJSON()` after a registration.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct RegistrationAnswer {
    /// The credential's identifier.
    #[serde(rename = "rawId")]
    pub raw_id: String,
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What browser and authenticator say.
    pub response: RegistrationResponse,
}

/// `AuthenticatorAttestationResponse`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct RegistrationResponse {
    /// What the browser says.
    #[serde(rename = "clientDataJSON")]
    pub client_data: String,
    /// What the authenticator says.
    #[serde(rename = "attestationObject")]
    pub attestation_object: String,
}

/// `PublicKeyCredential.toJSON()` after a signature.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct AssertionAnswer {
    /// The credential's identifier.
    #[serde(rename = "rawId")]
    pub raw_id: String,
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What browser and authenticator say.
    pub response: AssertionResponse,
}

/// `AuthenticatorAssertionResponse`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct AssertionResponse {
    /// What the browser says.
    #[serde(rename = "clientDataJSON")]
    pub client_data: String,
    /// What the authenticator says.
    #[serde(rename = "authenticatorData")]
    pub authenticator_data: String,
    /// The signature.
    pub signature: String,
    /// What the authenticator knows the account by.
    #[serde(default, rename = "userHandle")]
    pub user_handle: Option<String>,
}

/// A new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its identifier.
    pub credential: Vec<u8>,
    /// Its public key as it was sent (COSE).
    pub public_key: Vec<u8>,
    /// How often it has signed.
    pub sign_count: u32,
}

/// A signature whose key is to be found.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The passkey that is said to have signed.
    pub credential: Vec<u8>,
    /// What the authenticator knows the account by.
    pub user_handle: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

/// Checks a registration.
///
/// # Errors
/// Says why it isn't accepted.
pub fn check_registration(answer: &RegistrationAnswer, expected: &Expected<'_>) -> Result<Registered, Rejected> {
    if answer.kind != "public-key" {
        return Err(Rejected("it is no public key"));
    }
    client_data::check(&decode(&answer.response.client_data)?, "webauthn.create", expected)?;
    let object = decode(&answer.response.attestation_object)?;
    let mut rest = object.as_slice();
    let Value::Map(map) = cbor(&mut rest)? else {
        return Err(Rejected("the attestation is no map"));
    };
    if !rest.is_empty() {
        return Err(Rejected("the attestation has more bytes than it says"));
    }
    let data = map.iter().find(|(key, _)| key.as_text() == Some("authData"));
    let data = data
        .and_then(|(_, value)| value.as_bytes())
        .ok_or(Rejected("the attestation lacks its data"))?;
    let parsed = authenticator_data::parse(data, expected)?;
    let (credential, public_key, _) = parsed.credential.ok_or(Rejected("the authenticator made no passkey"))?;
    if credential != decode(&answer.raw_id)? {
        return Err(Rejected("browser and authenticator name different passkeys"));
    }
    Ok(Registered {
        credential,
        public_key,
        sign_count: parsed.sign_count,
    })
}

impl Assertion {
    /// Takes an answer apart. Nothing of it is believed yet.
    ///
    /// # Errors
    /// When it can't be understood, or doesn't say which account it is for.
    pub fn parse(answer: &AssertionAnswer) -> Result<Self, Rejected> {
        if answer.kind != "public-key" {
            return Err(Rejected("it is no public key"));
        }
        let response = &answer.response;
        let handle = response
            .user_handle
            .as_deref()
            .ok_or(Rejected("the passkey doesn't say whose it is"))?;
        Ok(Self {
            credential: decode(&answer.raw_id)?,
            user_handle: decode(handle)?,
            client_data: decode(&response.client_data)?,
            authenticator_data: decode(&response.authenticator_data)?,
            signature: decode(&response.signature)?,
        })
    }
}

/// Checks a signature by the key of its passkey, which had signed `sign_count` times before. Returns how often it has now.
///
/// # Errors
/// Says why it isn't accepted.
pub fn check_assertion(
    assertion: &Assertion,
    expected: &Expected<'_>,
    public_key: &[u8],
    sign_count: u32,
) -> Result<u32, Rejected> {
    client_data::check(&assertion.client_data, "webauthn.get", expected)?;
    let data = authenticator_data::parse(&assertion.authenticator_data, expected)?;
    let mut rest = public_key;
    let key = PublicKey::parse(&mut rest)?;
    let mut message = assertion.authenticator_data.clone();
    message.extend_from_slice(digest(&SHA256, &assertion.client_data).as_ref());
    if !key.is_signed(&message, &assertion.signature) {
        return Err(Rejected("the signature isn't that of the passkey"));
    }
    // Section 6.1.1: a counter that doesn't grow means that there are two of this authenticator.
    let is_counted = data.sign_count != 0 || sign_count != 0;
    if is_counted && data.sign_count <= sign_count {
        return Err(Rejected(
            "the passkey's counter went back: somebody may have a copy of the authenticator; remove this passkey",
        ));
    }
    Ok(data.sign_count)
}

fn decode(text: &str) -> Result<Vec<u8>, Rejected> {
    if text.len() > PART_BYTES_MAX {
        return Err(Rejected("a part of the answer is too long"));
    }
    base64::from_url(text).ok_or(Rejected("a part of the answer isn't base64url"))
}
