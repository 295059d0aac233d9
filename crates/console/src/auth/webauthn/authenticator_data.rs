//! What the authenticator says about a ceremony (section 6.1): 32 bytes of hash of the relying party's identifier, a byte of
//! flags, a counter of 4 bytes (big-endian), then, by the flags, a credential and extensions.

use super::Rejected;
use super::cose::PublicKey;
use super::verify::Expected;

/// Somebody was there.
const USER_PRESENT: u8 = 0x01;
/// They were recognised, by finger, face or PIN.
const USER_VERIFIED: u8 = 0x04;
/// The credential may be kept on other devices, too.
const BACKUP_ELIGIBLE: u8 = 0x08;
/// It is kept there now.
const BACKED_UP: u8 = 0x10;
/// A credential follows.
const ATTESTED: u8 = 0x40;
/// Extensions follow.
const EXTENDED: u8 = 0x80;
/// The longest identifier of a credential (section 5.8.3 allows 1023 bytes).
const CREDENTIAL_BYTES_MAX: usize = 1023;

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AuthenticatorData {
    /// How often this credential has signed; 0 where that isn't counted.
    pub(super) sign_count: u32,
    /// The new credential: its identifier, its key as it was sent, and the key.
    pub(super) credential: Option<(Vec<u8>, Vec<u8>, PublicKey)>,
}

/// Parses the data, and checks that it is for this relying party and that somebody was there and recognised.
pub(super) fn parse(bytes: &[u8], expected: &Expected<'_>) -> Result<AuthenticatorData, Rejected> {
    let mut rest = bytes;
    let hash = take(&mut rest, 32)?;
    if hash != ring::digest::digest(&ring::digest::SHA256, expected.host.as_bytes()).as_ref() {
        return Err(Rejected("the passkey is for another website"));
    }
    let flags = take(&mut rest, 1)?.first().copied().unwrap_or_default();
    let counter = take(&mut rest, 4)?
        .iter()
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
        return Err(Rejected(
            "the authenticator didn't recognise anybody; set a PIN, a finger or a face up for it",
        ));
    }
    // Sections 7.1 and 7.2: only what may be kept elsewhere is.
    if flags & BACKUP_ELIGIBLE == 0 && flags & BACKED_UP != 0 {
        return Err(Rejected(
            "the authenticator contradicts itself about copies of the passkey",
        ));
    }
    let credential = if flags & ATTESTED != 0 {
        Some(credential(&mut rest)?)
    } else {
        None
    };
    if flags & EXTENDED != 0 {
        let _: ciborium::Value = super::cose::cbor(&mut rest)?;
    }
    if !rest.is_empty() {
        return Err(Rejected("the authenticator's data has more bytes than it says"));
    }
    Ok(AuthenticatorData {
        sign_count: counter,
        credential,
    })
}

/// A new credential (section 6.5.1): 16 bytes that name the kind of authenticator, 2 bytes of length, an identifier, a key.
fn credential(rest: &mut &[u8]) -> Result<(Vec<u8>, Vec<u8>, PublicKey), Rejected> {
    take(rest, 16)?;
    let length = take(rest, 2)?
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte));
    if length == 0 || length > CREDENTIAL_BYTES_MAX {
        return Err(Rejected("the credential's identifier has an impossible length"));
    }
    let identifier = take(rest, length)?.to_vec();
    let before = *rest;
    let key = PublicKey::parse(rest)?;
    let encoded = before.get(..before.len() - rest.len()).unwrap_or_default();
    Ok((identifier, encoded.to_vec(), key))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Rejected> {
    let (taken, others) = rest
        .split_at_checked(count)
        .ok_or(Rejected("the authenticator's data is too short"))?;
    *rest = others;
    Ok(taken)
}
