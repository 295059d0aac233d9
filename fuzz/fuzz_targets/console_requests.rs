//! Whatever a browser says that an authenticator said, nothing panics, and nobody comes in who didn't sign.
//!
//! An input is a byte that says what it is, then bytes of an authenticator: attestations and keys in CBOR, authenticator data, signatures,
//! or a whole answer as JSON.
#![no_main]

use console::auth::webauthn::{
    Assertion, AssertionAnswer, Expected, PublicKey, RegistrationAnswer, check_assertion, check_registration,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const CHALLENGE: [u8; 32] = [7; 32];
const ORIGIN: &str = "https://localhost";

/// Base64 for URLs, in which the parts of an answer are written.
fn base64(bytes: &[u8]) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for index in 0..=group.len() {
            text.push(char::from(digits[(number >> (18 - 6 * index)) as usize & 63]));
        }
    }
    text
}

fn client_data(kind: &str) -> String {
    base64(
        json!({ "type": kind, "challenge": base64(&CHALLENGE), "origin": ORIGIN })
            .to_string()
            .as_bytes(),
    )
}

fn answer(value: Value, expected: &Expected<'_>) {
    if let Ok(answer) = serde_json::from_value::<RegistrationAnswer>(value.clone())
        && let Ok(registered) = check_registration(&answer, expected)
    {
        // What was taken as a key is one.
        assert!(PublicKey::parse(&mut registered.public_key.as_slice()).is_ok());
        assert!(!registered.credential.is_empty());
    }
    if let Ok(answer) = serde_json::from_value::<AssertionAnswer>(value)
        && let Ok(assertion) = Assertion::parse(&answer)
    {
        // Nobody has this key's other half: the x of a point that is not on the curve.
        let key = [
            &[0xA5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
            &[5; 32],
            &[0x22, 0x58, 32],
            &[5; 32],
        ]
        .concat();
        assert!(check_assertion(&assertion, expected, &key, 0).is_err());
    }
}

fuzz_target!(|data: &[u8]| {
    let expected = Expected {
        challenge: &CHALLENGE,
        origin: ORIGIN,
        host: "localhost",
    };
    let Some((kind, bytes)) = data.split_first() else {
        return;
    };
    match kind % 4 {
        0 => {
            let response =
                json!({ "clientDataJSON": client_data("webauthn.create"), "attestationObject": base64(bytes) });
            answer(
                json!({ "rawId": "AA", "type": "public-key", "response": response }),
                &expected,
            );
        }
        1 => {
            let response = json!({
                "clientDataJSON": client_data("webauthn.get"), "authenticatorData": base64(bytes), "signature": "AA",
                "userHandle": "AA",
            });
            answer(
                json!({ "rawId": "AA", "type": "public-key", "response": response }),
                &expected,
            );
        }
        2 => {
            let mut rest = bytes;
            if let Ok(key) = PublicKey::parse(&mut rest) {
                assert!(!key.is_signed(b"message", b"no signature"));
            }
        }
        _ => answer(serde_json::from_slice(bytes).unwrap_or_default(), &expected),
    }
});
