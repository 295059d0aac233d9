//! An authenticator in software: makes credentials and signs, as WebAuthn (sections 6 and 7) has it.

use ciborium::Value as Cbor;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::support::random;

/// The authenticator, with one credential. What it says can be changed to what a liar would say.
pub(crate) struct Authenticator {
    key: Key,
    pub(crate) credential: Vec<u8>,
    pub(crate) handle: Option<String>,
    pub(crate) origin: String,
    pub(crate) host: Option<String>,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    pub(crate) kind: Option<&'static str>,
    pub(crate) is_cross_origin: bool,
}

enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Authenticator {
    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        Self::new(Key::Es256(key))
    }

    pub(crate) fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::new(Key::EdDsa(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()))
    }

    fn new(key: Key) -> Self {
        Self {
            key,
            credential: random::<16>().to_vec(),
            handle: None,
            origin: "http://localhost:8480".to_owned(),
            host: None,
            flags: 0x05,
            counter: 1,
            kind: None,
            is_cross_origin: false,
        }
    }

    fn cose(&self) -> Cbor {
        let pair = |label: i64, value: Cbor| (Cbor::from(label), value);
        match &self.key {
            Key::Es256(key) => {
                let point = key.public_key().as_ref();
                Cbor::Map(vec![
                    pair(1, 2.into()),
                    pair(3, (-7).into()),
                    pair(-1, 1.into()),
                    pair(-2, Cbor::Bytes(point[1..33].to_vec())),
                    pair(-3, Cbor::Bytes(point[33..].to_vec())),
                ])
            }
            Key::EdDsa(key) => Cbor::Map(vec![
                pair(1, 1.into()),
                pair(3, (-8).into()),
                pair(-1, 6.into()),
                pair(-2, Cbor::Bytes(key.public_key().as_ref().to_vec())),
            ]),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::Es256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Key::EdDsa(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let data = json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.is_cross_origin,
        });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, host: &str, flags: u8) -> Vec<u8> {
        let host = self.host.as_deref().unwrap_or(host);
        let mut data = digest(&SHA256, host.as_bytes()).as_ref().to_vec();
        data.push(self.flags | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// What `navigator.credentials.create(...).toJSON()` gives.
    pub(crate) fn register(&mut self, options: &Value) -> Value {
        self.handle = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data("webauthn.create", options["challenge"].as_str().unwrap());
        let mut data = self.authenticator_data(options["rp"]["id"].as_str().unwrap(), 0x40);
        data.extend([0; 16]);
        data.extend((self.credential.len() as u16).to_be_bytes());
        data.extend(&self.credential);
        ciborium::into_writer(&self.cose(), &mut data).unwrap();
        let object = Cbor::Map(vec![
            (Cbor::from("fmt"), Cbor::from("none")),
            (Cbor::from("attStmt"), Cbor::Map(Vec::new())),
            (Cbor::from("authData"), Cbor::Bytes(data)),
        ]);
        let mut attestation = Vec::new();
        ciborium::into_writer(&object, &mut attestation).unwrap();
        json!({
            "id": base64(&self.credential),
            "rawId": base64(&self.credential),
            "type": "public-key",
            "response": { "clientDataJSON": base64(&client_data), "attestationObject": base64(&attestation) },
        })
    }

    /// What `navigator.credentials.get(...).toJSON()` gives.
    pub(crate) fn assert(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options["challenge"].as_str().unwrap());
        self.counter += 1;
        let data = self.authenticator_data(options["rpId"].as_str().unwrap(), 0);
        let mut message = data.clone();
        message.extend(digest(&SHA256, &client_data).as_ref());
        json!({
            "id": base64(&self.credential),
            "rawId": base64(&self.credential),
            "type": "public-key",
            "response": {
                "clientDataJSON": base64(&client_data),
                "authenticatorData": base64(&data),
                "signature": base64(&self.sign(&message)),
                "userHandle": self.handle,
            },
        })
    }
}

/// Base64 for URLs, written a second time: an error in the console's own would else not show.
pub(crate) fn base64(bytes: &[u8]) -> String {
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
