//! Signing in: passkeys, passwords with codes, links, sessions, throttling.

use axum::http::StatusCode;
use respond::people::{self, LinkFor, Role};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::support::{Browser, Console, Reply, owner, random};

fn kinds(console: &Console) -> Vec<String> {
    let filter = respond::ledger::Filter::default();
    let records = console.site.desk.read(|ledger| ledger.records(&filter, 1000)).unwrap();
    records.into_iter().map(|record| record.kind).collect()
}

#[test]
fn the_first_administrator_comes_in_by_a_link_that_works_once() {
    let console = Console::new();
    let now = console.now();
    let link = console
        .site
        .desk
        .write(|w| people::make_link(w, now, &owner(), LinkFor::NewAdmin, None, random()))
        .unwrap();
    let mut browser = Browser::new(&console);
    let invited = browser.post("/api/v1/set-up/look", &json!({ "link": link.reveal() }));
    assert_eq!(
        invited.json(),
        json!({ "name": null, "display_name": null, "role": "admin" })
    );
    let welcome = browser.set_up_passkey(link.reveal(), "ann");
    assert_eq!(welcome.status, StatusCode::OK);
    assert_eq!(welcome.json()["role"], json!("admin"));
    assert_eq!(browser.get("/api/v1/me").json()["name"], json!("ann"));
    let again = Browser::new(&console).set_up_passkey(link.reveal(), "eve");
    assert_eq!(
        (again.status, again.problem().as_str()),
        (StatusCode::NOT_FOUND, "link-void")
    );
    let recorded = kinds(&console);
    for kind in [
        "people.link-made",
        "people.added",
        "people.passkey-added",
        "session.began",
    ] {
        assert!(recorded.iter().any(|recorded| recorded == kind), "{kind}: {recorded:?}");
    }
}

#[test]
fn of_two_who_follow_one_link_at_once_one_comes_in() {
    let console = Console::new();
    let link = console.account("ann", Role::Viewer);
    let (mut first, mut second) = (Browser::new(&console), Browser::new(&console));
    let ask = |browser: &mut Browser<'_>| {
        let options = browser.post("/api/v1/set-up/passkey/begin", &json!({ "link": link }));
        json!({ "credential": browser.authenticator.register(&options.json()) })
    };
    let (one, two) = (ask(&mut first), ask(&mut second));
    assert_eq!(first.post("/api/v1/set-up/passkey/finish", &one).status, StatusCode::OK);
    assert_eq!(
        second.post("/api/v1/set-up/passkey/finish", &two).status,
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn passkeys_of_both_elliptic_curves_sign_in() {
    for authenticator in [Authenticator::es256(), Authenticator::ed25519()] {
        let console = Console::new();
        let link = console.account("ann", Role::Operator);
        let mut browser = Browser::new(&console);
        browser.authenticator = authenticator;
        assert_eq!(browser.set_up_passkey(&link, "").status, StatusCode::OK);
        let old = browser.cookies.clone();
        let welcome = browser.sign_in();
        assert_eq!(welcome.status, StatusCode::OK, "{welcome:?}");
        assert_ne!(browser.cookies, old, "rotated");
        browser.cookies = old;
        assert_eq!(
            browser.get("/api/v1/me").status,
            StatusCode::UNAUTHORIZED,
            "the session before has ended"
        );
    }
}

#[test]
fn a_passkey_that_lies_is_refused() {
    type Lie = (&'static str, fn(&mut Authenticator));
    let lies: [Lie; 9] = [
        ("another website", |a| a.origin = "https://evil.example".to_owned()),
        ("another port", |a| a.origin = "http://localhost:8481".to_owned()),
        ("another host", |a| a.host = Some("evil.example".to_owned())),
        ("nobody there", |a| a.flags = 0x04),
        ("nobody recognised", |a| a.flags = 0x01),
        ("a copy of what can't be copied", |a| a.flags = 0x15),
        ("another ceremony", |a| a.kind = Some("webauthn.create")),
        ("inside of another page", |a| a.is_cross_origin = true),
        ("a counter that went back", |a| a.counter = 0),
    ];
    for (name, lie) in lies {
        let console = Console::new();
        let mut browser = console.signed_in("ann", Role::Viewer);
        browser.authenticator.counter = 5;
        assert_eq!(browser.sign_in().status, StatusCode::OK, "{name}");
        lie(&mut browser.authenticator);
        let refused = browser.sign_in();
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::UNAUTHORIZED, "passkey-refused"),
            "{name}"
        );
    }
}

#[test]
fn a_signature_of_another_key_or_another_account_is_refused() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    let mut eve = console.signed_in("eve", Role::Viewer);
    // Eve's key under the name of Ann's.
    eve.authenticator.credential.clone_from(&ann.authenticator.credential);
    assert_eq!(eve.sign_in().status, StatusCode::UNAUTHORIZED);
    eve.authenticator.handle.clone_from(&ann.authenticator.handle);
    assert_eq!(eve.sign_in().status, StatusCode::UNAUTHORIZED);
    assert_eq!(ann.sign_in().status, StatusCode::OK);
}

#[test]
fn a_challenge_is_answered_once_by_the_browser_that_was_asked() {
    let console = Console::new();
    let mut browser = console.signed_in("ann", Role::Viewer);
    let options = browser.post("/api/v1/sign-in/passkey/begin", &json!({})).json();
    let answer = browser.authenticator.assert(&options);
    let mut other = Browser::new(&console);
    assert_eq!(
        other.post("/api/v1/sign-in/passkey/finish", &answer).problem(),
        "too-late"
    );
    let cookies = browser.cookies.clone();
    assert_eq!(
        browser.post("/api/v1/sign-in/passkey/finish", &answer).status,
        StatusCode::OK
    );
    browser
        .cookies
        .extend(cookies.into_iter().filter(|cookie| cookie.contains("attempt")));
    assert_eq!(
        browser.post("/api/v1/sign-in/passkey/finish", &answer).problem(),
        "too-late"
    );
}

/// The code of an authenticator app, computed a second time.
fn code(secret: &str, seconds: i64) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = secret.bytes().flat_map(|digit| {
        let value = digits.iter().position(|known| *known == digit).unwrap();
        (0..5).rev().map(move |bit| value >> bit & 1)
    });
    let bits: Vec<usize> = bits.collect();
    let key: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |n, bit| n << 1 | *bit as u8))
        .collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = ring::hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7FFF_FFFF;
    format!("{:06}", number % 1_000_000)
}

/// A console with `ann`, whose password and secret for codes are returned with her recovery codes.
fn with_password(console: &Console) -> (String, Vec<Value>) {
    let link = console.account("ann", Role::Operator);
    let mut browser = Browser::new(console);
    let offer = browser
        .post("/api/v1/set-up/password/begin", &json!({ "link": link }))
        .json();
    let secret = offer["secret"].as_str().unwrap().to_owned();
    let now = console.now().unix_millis() / 1000;
    for (password, code, problem) in [
        ("short", code(&secret, now), "password-unfit"),
        ("correct horse leaked", code(&secret, now), "password-unfit"),
        ("correct horse battery", "000000".to_owned(), "code-wrong"),
    ] {
        let body = json!({ "password": password, "code": code });
        let refused = browser.post("/api/v1/set-up/password/finish", &body);
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, problem)
        );
    }
    let body = json!({ "password": "correct horse battery", "code": code(&secret, now) });
    let welcome = browser.post("/api/v1/set-up/password/finish", &body);
    assert_eq!(welcome.status, StatusCode::OK, "{welcome:?}");
    (secret, welcome.json()["recovery_codes"].as_array().unwrap().clone())
}

#[test]
fn a_password_needs_a_code_and_a_code_is_good_once() {
    let console = Console::new();
    let (secret, recovery) = with_password(&console);
    let mut browser = Browser::new(&console);
    let mut sign_in = |console: &Console, password: &str, typed: &str| {
        let body = json!({ "name": "Ann", "password": password, "code": typed });
        let reply = browser.post("/api/v1/sign-in/password", &body);
        let _ = console;
        (
            reply.status,
            reply.json()["type"].as_str().unwrap_or_default().to_owned(),
        )
    };
    console.site.pass_seconds(60);
    let typed = code(&secret, console.now().unix_millis() / 1000);
    let refused = (
        StatusCode::UNAUTHORIZED,
        "urn:holdfast:problem:sign-in-refused".to_owned(),
    );
    assert_eq!(sign_in(&console, "correct horse battery", ""), refused);
    assert_eq!(sign_in(&console, "wrong horse battery", &typed), refused);
    assert_eq!(sign_in(&console, "correct horse battery", &typed).0, StatusCode::OK);
    assert_eq!(sign_in(&console, "correct horse battery", &typed), refused, "replayed");
    let recovery = recovery[3].as_str().unwrap().to_lowercase();
    assert_eq!(sign_in(&console, "correct horse battery", &recovery).0, StatusCode::OK);
    assert_eq!(
        sign_in(&console, "correct horse battery", &recovery),
        refused,
        "used up"
    );
}

#[test]
fn secrets_are_nowhere_in_the_records() {
    let console = Console::new();
    let (secret, recovery) = with_password(&console);
    let records = console
        .site
        .desk
        .read(|ledger| ledger.records(&respond::ledger::Filter::default(), 1000))
        .unwrap();
    let text = serde_json::to_string(&records).unwrap();
    for secret in [
        secret.as_str(),
        recovery[0].as_str().unwrap(),
        "correct horse",
        "argon2",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// What the ledger's files have of a text.
fn is_in_ledger(console: &Console, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(console.site.desk.folder()).unwrap();
    let ledgers = files.map(|file| file.unwrap().path());
    let mut ledgers = ledgers.filter(|path| path.file_name().unwrap().to_string_lossy().contains("ledger.sqlite"));
    ledgers.any(|path| {
        let content = std::fs::read(path).unwrap();
        content.windows(bytes.len()).any(|part| part == bytes)
    })
}

/// The secret of `ann`'s codes as it is.
fn plain_secret(console: &Console) -> Vec<u8> {
    let key = console.site.desk.code_key();
    let read = |ledger: &respond::Ledger| {
        let account = people::account_by_name(ledger, "ann")?.unwrap();
        people::password_secrets(ledger, key.as_ref(), account.id)
    };
    let kept = console.site.desk.read(read).unwrap().unwrap();
    kept.totp_secret.unwrap()
}

fn sign_in_with(console: &Console, name: &str, password: &str, typed: &str) -> Reply {
    let body = json!({ "name": name, "password": password, "code": typed });
    Browser::new(console).post("/api/v1/sign-in/password", &body)
}

#[test]
fn a_copied_ledger_has_no_secret_of_one_time_codes() {
    use std::os::unix::fs::PermissionsExt;
    let console = Console::new();
    let (secret, _) = with_password(&console);
    let plain = plain_secret(&console);
    assert_eq!(plain.len(), 20);
    assert!(!is_in_ledger(&console, &plain) && !is_in_ledger(&console, secret.as_bytes()));
    let key = console.site.desk.folder().join(people::CODE_KEY_NAME);
    assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn secrets_that_are_not_encrypted_yet_are_at_the_next_start() {
    let console = Console::new();
    let (secret, _) = with_password(&console);
    let plain = plain_secret(&console);
    // As ledgers had them before.
    let file = console.site.desk.folder().join(respond::ledger::LEDGER_NAME);
    let ledger = rusqlite::Connection::open(file).unwrap();
    ledger.execute("update account set totp_secret = ?1", [&plain]).unwrap();
    drop(ledger);
    std::fs::remove_file(console.site.desk.folder().join(people::CODE_KEY_NAME)).unwrap();
    assert!(is_in_ledger(&console, &plain));
    let typed = |console: &Console| {
        console.site.pass_seconds(60);
        code(&secret, console.now().unix_millis() / 1000)
    };
    let before = sign_in_with(&console, "ann", "correct horse battery", &typed(&console));
    assert_eq!(before.status, StatusCode::OK, "also while they aren't");
    for _ in 0..2 {
        console.site.desk.seal_codes(console.now()).unwrap();
        assert!(!is_in_ledger(&console, &plain), "nothing of it is left");
    }
    let after = sign_in_with(&console, "ann", "correct horse battery", &typed(&console));
    assert_eq!(after.status, StatusCode::OK);
    let noted = kinds(&console)
        .into_iter()
        .filter(|kind| kind == "people.codes-encrypted");
    assert_eq!(noted.count(), 1);
}

#[test]
fn whose_codes_cannot_be_checked_comes_in_by_a_recovery_code_and_sets_them_up_anew() {
    let console = Console::new();
    let (secret, recovery) = with_password(&console);
    let key = console.site.desk.folder().join(people::CODE_KEY_NAME);
    let away = console.site.desk.folder().join("away");
    std::fs::rename(&key, &away).unwrap();
    console.site.pass_seconds(60);
    let typed = code(&secret, console.now().unix_millis() / 1000);
    assert_eq!(console.site.desk.codes_lost().unwrap(), 1);
    // Who asks learns what to do, and nothing about accounts and passwords.
    let right = sign_in_with(&console, "ann", "correct horse battery", &typed);
    let wrong = sign_in_with(&console, "ann", "wrong horse battery", &typed);
    let nobody = sign_in_with(&console, "zoe", "correct horse battery", &typed);
    assert_eq!(right.problem(), "sign-in-refused");
    assert!(
        right.json()["hint"].as_str().unwrap().contains("recovery code"),
        "{}",
        right.json()
    );
    assert!(right.json() == wrong.json() && right.json() == nobody.json());
    // A key that is put back is used at once.
    std::fs::rename(&away, &key).unwrap();
    assert_eq!(
        sign_in_with(&console, "ann", "correct horse battery", &typed).status,
        StatusCode::OK
    );
    std::fs::write(&key, "no key").unwrap();
    let mut browser = Browser::new(&console);
    let body = json!({ "name": "ann", "password": "correct horse battery", "code": recovery[0] });
    assert_eq!(browser.post("/api/v1/sign-in/password", &body).status, StatusCode::OK);
    let offer = browser.post("/api/v1/me/password/begin", &json!({})).json();
    let new = offer["secret"].as_str().unwrap().to_owned();
    let body = json!({ "password": "another horse battery", "code": code(&new, console.now().unix_millis() / 1000) });
    let put = browser.request("PUT", "/api/v1/me/password", Some(&body));
    let unusable = browser.send(put);
    assert!(
        unusable.json()["detail"]
            .as_str()
            .unwrap()
            .contains("codes.key` is no key"),
        "what somebody put there isn't overwritten: {}",
        unusable.json()
    );
    std::fs::remove_file(&key).unwrap();
    let offer = browser.post("/api/v1/me/password/begin", &json!({})).json();
    let new = offer["secret"].as_str().unwrap().to_owned();
    let body = json!({ "password": "another horse battery", "code": code(&new, console.now().unix_millis() / 1000) });
    let put = browser.request("PUT", "/api/v1/me/password", Some(&body));
    let set = browser.send(put);
    assert_eq!(set.status, StatusCode::OK, "{}", set.json());
    console.site.pass_seconds(60);
    let typed = code(&new, console.now().unix_millis() / 1000);
    assert_eq!(
        sign_in_with(&console, "ann", "another horse battery", &typed).status,
        StatusCode::OK
    );
    assert_eq!(console.site.desk.codes_lost().unwrap(), 0);
}

#[test]
fn guessing_becomes_slow_and_tells_nothing_about_accounts() {
    let console = Console::new();
    with_password(&console);
    let answers = ["ann", "nobody"].map(|name| {
        let mut browser = Browser::new(&console);
        browser.address = format!("192.0.2.{}", name.len()).parse().unwrap();
        let body = json!({ "name": name, "password": "wrong horse battery", "code": "123456" });
        let replies: Vec<_> = (0..6)
            .map(|_| browser.post("/api/v1/sign-in/password", &body))
            .collect();
        replies
            .into_iter()
            .map(|reply| (reply.status, reply.header("retry-after").to_owned(), reply.body))
            .collect::<Vec<_>>()
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][5].0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answers[0][5].1, "2");
    let refused = kinds(&console).iter().filter(|kind| *kind == "session.refused").count();
    assert!((2..=6).contains(&refused), "{refused}");
}

#[test]
fn sessions_end_when_idle_when_old_when_revoked_and_when_their_owner_signs_out() {
    let console = Console::new();
    let mut browser = console.signed_in("ann", Role::Viewer);
    for _ in 0..20 {
        console.site.pass_seconds(29 * 60);
        assert_eq!(browser.get("/api/v1/me").status, StatusCode::OK);
    }
    console.site.pass_seconds(31 * 60);
    assert_eq!(browser.get("/api/v1/me").status, StatusCode::UNAUTHORIZED, "idle");
    browser.cookies.clear();
    browser.csrf.clear();
    assert_eq!(browser.sign_in().status, StatusCode::OK);
    for _ in 0..26 {
        console.site.pass_seconds(29 * 60);
        browser.get("/api/v1/me");
    }
    assert_eq!(browser.get("/api/v1/me").status, StatusCode::UNAUTHORIZED, "old");
    browser.cookies.clear();
    browser.csrf.clear();
    browser.sign_in();
    let mut second = Browser::new(&console);
    std::mem::swap(&mut second.authenticator, &mut browser.authenticator);
    second.sign_in();
    let sessions = second.get("/api/v1/me/sessions").json();
    let other = sessions
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["is_own"] == json!(false))
        .unwrap();
    let request = second.request("DELETE", &format!("/api/v1/me/sessions/{}", other["id"]), None);
    assert_eq!(second.send(request).status, StatusCode::NO_CONTENT);
    assert_eq!(browser.get("/api/v1/me").status, StatusCode::UNAUTHORIZED, "revoked");
    let cookies = second.cookies.clone();
    assert_eq!(
        second.post("/api/v1/sign-out", &json!({})).status,
        StatusCode::NO_CONTENT
    );
    second.cookies = cookies;
    assert_eq!(second.get("/api/v1/me").status, StatusCode::UNAUTHORIZED, "signed out");
}

#[test]
fn what_is_dangerous_needs_somebody_who_signed_in_lately() {
    let console = Console::new();
    let mut browser = console.signed_in("ann", Role::Admin);
    console.site.pass_seconds(16 * 60);
    let body = json!({ "at": "-15m" });
    let refused = browser.post("/api/v1/volumes/disk/restore", &body);
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (StatusCode::FORBIDDEN, "sign-in-again")
    );
    assert_eq!(browser.sign_in().status, StatusCode::OK);
    assert_eq!(
        browser.post("/api/v1/volumes/disk/restore", &body).status,
        StatusCode::OK
    );
    assert_eq!(*console.site.done.lock().unwrap(), ["ann: restore disk -15m"]);
}

#[test]
fn whoever_is_disabled_is_out_at_once() {
    let console = Console::new();
    let mut browser = console.signed_in("ann", Role::Viewer);
    let now = console.now();
    let account = console
        .site
        .desk
        .read(|ledger| people::account_by_name(ledger, "ann"))
        .unwrap()
        .unwrap();
    console
        .site
        .desk
        .write(|w| people::set_disabled(w, now, &owner(), account.id, true))
        .unwrap();
    assert_eq!(browser.get("/api/v1/me").status, StatusCode::UNAUTHORIZED);
    browser.cookies.clear();
    browser.csrf.clear();
    assert_eq!(browser.sign_in().status, StatusCode::UNAUTHORIZED);
}
