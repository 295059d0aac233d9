//! RSA keys of passkeys: a key and a signature that OpenSSL made (`openssl dgst -sha256 -sign`).

use ciborium::Value;
use console::auth::webauthn::PublicKey;

const MODULUS: &str = concat!(
    "d929902692971eaa83fddf5739b7e14bcc8f3f7e02adff55630837881a13bafa7c25d8c73518fb3ef8f6658904bd3f4fa5b5",
    "c5d93d3f4a4476e6037b295a2bbe66fb304c2dee40a741ca6baac57253c8afb2911d04301a5ae915d796bd18932ab2ad7334",
    "680d05d0eafa9de3636647b34cab87cd72327b9beea227638321967d6f3c652e370bb3f32f0cd90d520eadf221d29f715899",
    "b037d4e89b73624ee39d644ff8cbee9601aef0e7c2e3b06d623078decb9728a141eb684ce65175f3557cd0a6da2c214253b5",
    "38f86ee731fb7150642d539969e1966d2e87b4b706dd250f2cf71f25dce70dbaff5badf5e5f7004caf0f1e2f455b2e70813b",
    "583ae8fa8865"
);
const SIGNATURE: &str = concat!(
    "7b3f805a79535b71817d1f6b4368f75f41f0850cf1faf47684cc83a6689100b1a36cf8c40559144a91aa6c09269926dc729a",
    "9315a5d0e40ef2b7d9619d0ea16b9f895dd29c81fdeece0bf0b0d891599b881bdd41b070d3f98fc32a379e9080a778b3d2f8",
    "70474bfd3338d11342aefeaeba696630ec3dda24535a448a79490e0b86ad234caead05e22347157f675be75c0a55c4e2d5e4",
    "a83e7db8bc745901eecc618afb2b25fa69e3dd6de0eeb81533cb797881cf80fde12ee13340e752db44ca613ceb12160ce516",
    "77f1af569abaf3609bbb36f680dac49bde5934f5e75ecdf0b7fd984832a89d18cae37b27ee7100be1df50e071d05f5168b99",
    "476463a2ccc7"
);
const MESSAGE: &[u8] = b"authenticator data and hash";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn key(algorithm: i32, modulus: Vec<u8>) -> Vec<u8> {
    let map = Value::Map(vec![
        (1.into(), 3.into()),
        (3.into(), algorithm.into()),
        ((-1).into(), Value::Bytes(modulus)),
        ((-2).into(), Value::Bytes(vec![1, 0, 1])),
    ]);
    let mut encoded = Vec::new();
    ciborium::into_writer(&map, &mut encoded).unwrap();
    encoded
}

#[test]
fn a_signature_of_openssl_is_good_and_a_changed_one_is_not() {
    let encoded = key(-257, bytes(MODULUS));
    let key = PublicKey::parse(&mut encoded.as_slice()).unwrap();
    let signature = bytes(SIGNATURE);
    assert!(key.is_signed(MESSAGE, &signature));
    assert!(!key.is_signed(b"another message", &signature));
    let mut changed = signature;
    changed[17] ^= 1;
    assert!(!key.is_signed(MESSAGE, &changed));
}

#[test]
fn keys_that_are_too_short_or_of_another_algorithm_are_refused() {
    for encoded in [
        key(-257, vec![0xFF; 128]),
        key(-37, bytes(MODULUS)),
        key(-65535, bytes(MODULUS)),
        Vec::new(),
    ] {
        assert!(PublicKey::parse(&mut encoded.as_slice()).is_err());
    }
}
