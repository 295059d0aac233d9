//! Public keys as authenticators send them: CBOR maps of COSE (RFC 9052, RFC 9053; RSA: RFC 8230).

use ciborium::Value;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::Rejected;

/// How deep what authenticators send may be nested.
const DEPTH_MAX: usize = 8;
/// Bits of an RSA key at least and at most.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Parameters of keys.
mod label {
    pub(super) const KEY_TYPE: i128 = 1;
    pub(super) const ALGORITHM: i128 = 3;
    pub(super) const CURVE_OR_MODULUS: i128 = -1;
    pub(super) const X_OR_EXPONENT: i128 = -2;
    pub(super) const Y: i128 = -3;
}

/// Algorithms, in the order in which they are asked for.
pub(super) const ALGORITHMS: [i32; 3] = [-8, -7, -257];

/// A key that signatures are checked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256: an uncompressed point.
    Es256([u8; 65]),
    /// Ed25519.
    EdDsa([u8; 32]),
    /// RSA with PKCS #1 v1.5 and SHA-256: modulus and exponent, big-endian.
    Rs256(Vec<u8>, Vec<u8>),
}

/// One item of CBOR from the front of `rest`.
pub(super) fn cbor(rest: &mut &[u8]) -> Result<Value, Rejected> {
    ciborium::de::from_reader_with_recursion_limit(rest, DEPTH_MAX).map_err(|_| Rejected("it isn't CBOR"))
}

impl PublicKey {
    /// Parses a key from the front of `rest`.
    ///
    /// # Errors
    /// When it is no key of an algorithm that is known here.
    pub fn parse(rest: &mut &[u8]) -> Result<Self, Rejected> {
        let Value::Map(map) = cbor(rest)? else {
            return Err(Rejected("the key is no map"));
        };
        let get = |label: i128| {
            let mut found = map.iter().filter(|(key, _)| integer(key) == Some(label));
            let value = found.next().map(|(_, value)| value);
            // A key that says two things isn't believed in either.
            if found.next().is_some() { None } else { value }
        };
        let number = |label| get(label).and_then(integer);
        let bytes = |label| get(label).and_then(Value::as_bytes).map(Vec::as_slice);
        let kind = (
            number(label::KEY_TYPE),
            number(label::ALGORITHM),
            number(label::CURVE_OR_MODULUS),
        );
        match kind {
            (Some(2), Some(-7), Some(1)) => {
                let mut point = [4; 65];
                let (x, y) = (bytes(label::X_OR_EXPONENT), bytes(label::Y));
                let (Some(x), Some(y)) = (x.filter(|x| x.len() == 32), y.filter(|y| y.len() == 32)) else {
                    return Err(Rejected("the key's coordinates have another length than 32 bytes"));
                };
                for (to, from) in point.iter_mut().skip(1).zip(x.iter().chain(y)) {
                    *to = *from;
                }
                Ok(Self::Es256(point))
            }
            (Some(1), Some(-8), Some(6)) => {
                let key = bytes(label::X_OR_EXPONENT).and_then(|x| x.try_into().ok());
                key.map(Self::EdDsa)
                    .ok_or(Rejected("the key has another length than 32 bytes"))
            }
            (Some(3), Some(-257), _) => {
                let (modulus, exponent) = (bytes(label::CURVE_OR_MODULUS), bytes(label::X_OR_EXPONENT));
                match (modulus, exponent) {
                    (Some(n), Some(e)) if RSA_BITS.contains(&(n.len() * 8)) && (1..=8).contains(&e.len()) => {
                        Ok(Self::Rs256(n.to_vec(), e.to_vec()))
                    }
                    _ => Err(Rejected("the RSA key has an unusual size")),
                }
            }
            _ => Err(Rejected("the key is of an algorithm that wasn't asked for")),
        }
    }

    /// Whether this key signed a message.
    #[must_use]
    pub fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let checked = match self {
            Self::Es256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Self::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rs256(n, e) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        checked.is_ok()
    }
}

fn integer(value: &Value) -> Option<i128> {
    value.as_integer().map(i128::from)
}
