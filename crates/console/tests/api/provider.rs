//! Signing in by an OpenID provider: one in the process, whose answers can be made to lie.

use std::sync::Mutex;

use axum::http::StatusCode;
use console::{OidcSettings, ProviderQuestion, Settings};
use respond::people::Role;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::authenticator::base64;
use crate::support::{Browser, Console, Reply};

const ISSUER: &str = "https://login.example.com/realm";

/// The provider.
pub(crate) struct Provider {
    key: EcdsaKeyPair,
    other: EcdsaKeyPair,
    said: Mutex<Said>,
}

/// What it says, and what it was sent.
#[derive(Default)]
struct Said {
    claims: Value,
    header: Option<Value>,
    uses_other_key: bool,
    form: Vec<(String, String)>,
}

impl Provider {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let make = || {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
        };
        Self {
            key: make(),
            other: make(),
            said: Mutex::default(),
        }
    }

    pub(crate) fn answer(&self, question: &ProviderQuestion) -> Vec<u8> {
        let path = question.url.strip_prefix(ISSUER).unwrap();
        match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": ISSUER,
                "authorization_endpoint": format!("{ISSUER}/go"),
                "token_endpoint": format!("{ISSUER}/token"),
                "jwks_uri": format!("{ISSUER}/keys"),
            }),
            "/keys" => {
                let point = self.key.public_key().as_ref();
                json!({ "keys": [{
                    "kty": "EC", "crv": "P-256", "kid": "k", "use": "sig",
                    "x": base64(&point[1..33]), "y": base64(&point[33..]),
                }] })
            }
            "/token" => {
                let mut said = self.said.lock().unwrap();
                said.form = question.form.clone().unwrap();
                json!({ "id_token": self.sign(&said), "token_type": "Bearer" })
            }
            other => panic!("{other}"),
        }
        .to_string()
        .into_bytes()
    }

    fn sign(&self, said: &Said) -> String {
        let header = said
            .header
            .clone()
            .unwrap_or_else(|| json!({ "alg": "ES256", "kid": "k" }));
        let signed = format!(
            "{}.{}",
            base64(header.to_string().as_bytes()),
            base64(said.claims.to_string().as_bytes())
        );
        let key = if said.uses_other_key { &self.other } else { &self.key };
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64(signature.as_ref()))
    }
}

fn console() -> Console {
    Console::with(Settings {
        oidc: Some(OidcSettings {
            issuer: ISSUER.to_owned(),
            client_id: "holdfast".to_owned(),
            client_secret_file: None,
            authority: None,
            groups_claim: "groups".to_owned(),
            roles: vec![("ops".to_owned(), Role::Operator), ("staff".to_owned(), Role::Viewer)],
        }),
        ..Settings::default()
    })
}

/// A field of an address's query.
fn field(address: &str, name: &str) -> String {
    let (_, query) = address.split_once('?').unwrap();
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    pair.unwrap().to_owned()
}

/// Goes to the provider and comes back; `lie` may change the claims and what comes with them, and the state.
fn sign_in(console: &Console, browser: &mut Browser<'_>, lie: impl FnOnce(&mut Said, &mut String)) -> Reply {
    let gone = browser.get("/sign-in/provider?next=/disks");
    assert_eq!(gone.status, StatusCode::SEE_OTHER, "{gone:?}");
    let target = gone.header("location").to_owned();
    assert!(
        target.starts_with(&format!("{ISSUER}/go?response_type=code&client_id=holdfast&")),
        "{target}"
    );
    let now = console.now().unix_millis() / 1000;
    let mut said = Said {
        claims: json!({
            "iss": ISSUER, "aud": "holdfast", "sub": "42", "nonce": field(&target, "nonce"), "iat": now, "exp": now + 300,
            "preferred_username": "ann", "name": "Ann", "groups": ["staff", "ops"],
        }),
        ..Said::default()
    };
    let mut state = field(&target, "state");
    lie(&mut said, &mut state);
    *console.site.provider.said.lock().unwrap() = said;
    let back = browser.get(&format!("/sign-in/provider/callback?code=c0de&state={state}"));
    let form = std::mem::take(&mut console.site.provider.said.lock().unwrap().form);
    if !form.is_empty() {
        let sent = |name: &str| form.iter().find(|(field, _)| field == name).unwrap().1.clone();
        let hash = ring::digest::digest(&ring::digest::SHA256, sent("code_verifier").as_bytes());
        assert_eq!(base64(hash.as_ref()), field(&target, "code_challenge"), "PKCE");
        assert_eq!(sent("code"), "c0de");
    }
    back
}

#[test]
fn somebody_comes_in_with_the_role_of_their_groups() {
    let console = console();
    let mut browser = Browser::new(&console);
    let back = sign_in(&console, &mut browser, |_, _| ());
    assert_eq!(back.status, StatusCode::OK, "{back:?}");
    assert!(String::from_utf8(back.body).unwrap().contains("url=/disks"));
    let me = browser.get("/api/v1/me").json();
    assert_eq!((&me["name"], &me["role"]), (&json!("ann"), &json!("operator")));
    let again = sign_in(&console, &mut browser, |said, _| {
        said.claims["groups"] = json!(["staff"])
    });
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(browser.get("/api/v1/me").json()["role"], json!("viewer"), "followed");
}

#[test]
fn a_local_account_of_the_same_name_is_not_taken_over() {
    let console = console();
    let mut ann = console.signed_in("ann", Role::Admin);
    let mut browser = Browser::new(&console);
    assert_eq!(sign_in(&console, &mut browser, |_, _| ()).status, StatusCode::OK);
    assert_eq!(browser.get("/api/v1/me").json()["name"], json!("ann@login.example.com"));
    assert_eq!(
        ann.sign_in().json()["role"],
        json!("admin"),
        "local accounts need no provider"
    );
}

#[test]
fn what_the_provider_did_not_say_is_refused() {
    type Lie = (&'static str, fn(&mut Said, &mut String));
    let lies: [Lie; 13] = [
        ("another state", |_, state| state.replace_range(..1, "~")),
        ("another key", |said, _| said.uses_other_key = true),
        ("no signature", |said, _| said.header = Some(json!({ "alg": "none" }))),
        ("another algorithm", |said, _| {
            said.header = Some(json!({ "alg": "HS256", "kid": "k" }))
        }),
        ("an unknown key", |said, _| {
            said.header = Some(json!({ "alg": "ES256", "kid": "x" }))
        }),
        ("another issuer", |said, _| {
            said.claims["iss"] = json!("https://evil.example")
        }),
        ("for another program", |said, _| said.claims["aud"] = json!("other")),
        ("for several, of another", |said, _| {
            said.claims["aud"] = json!(["holdfast", "other"])
        }),
        ("another attempt", |said, _| said.claims["nonce"] = json!("x")),
        ("expired", |said, _| said.claims["exp"] = json!(1)),
        ("of the future", |said, _| said.claims["iat"] = json!(9_999_999_999_i64)),
        ("nobody", |said, _| said.claims["sub"] = json!("")),
        ("no group", |said, _| said.claims["groups"] = json!(["guests"])),
    ];
    for (name, lie) in lies {
        let console = console();
        let mut browser = Browser::new(&console);
        let back = sign_in(&console, &mut browser, lie);
        assert_eq!(back.status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(browser.get("/api/v1/me").status, StatusCode::UNAUTHORIZED, "{name}");
    }
}

#[test]
fn an_answer_is_good_once_and_in_the_browser_that_asked() {
    let console = console();
    let mut browser = Browser::new(&console);
    let target = browser.get("/sign-in/provider").header("location").to_owned();
    let back = format!("/sign-in/provider/callback?code=c&state={}", field(&target, "state"));
    assert_eq!(Browser::new(&console).get(&back).status, StatusCode::UNAUTHORIZED);
}
