//! Accounts and tokens.

use axum::http::StatusCode;
use respond::Actor;
use respond::approval::{self, Operation, Rules, Wish};
use respond::people::{self, Role};
use serde_json::json;

use crate::support::{Browser, Console, Reply, owner};

#[test]
fn somebody_is_invited_and_comes_in_with_their_role() {
    let console = Console::new();
    let mut admin = console.signed_in("ann", Role::Admin);
    let invited = admin.post("/api/v1/people", &json!({ "name": "bob", "role": "operator" }));
    assert_eq!(invited.status, StatusCode::CREATED, "{invited:?}");
    let link = invited.json()["link"].as_str().unwrap().to_owned();
    let secret = link.strip_prefix("http://localhost:8480/set-up/").unwrap();
    let mut bob = Browser::new(&console);
    assert_eq!(bob.set_up_passkey(secret, "ignored").json()["name"], json!("bob"));
    assert_eq!(bob.get("/api/v1/me").json()["role"], json!("operator"));
    console.site.pass_seconds(8 * 86_400);
    let late = console.account("carl", Role::Viewer);
    assert_eq!(
        Browser::new(&console).set_up_passkey(&late, "").status,
        StatusCode::OK,
        "links of the owner last"
    );
}

#[test]
fn an_invitation_expires() {
    let console = Console::new();
    let mut admin = console.signed_in("ann", Role::Admin);
    let invited = admin
        .post("/api/v1/people", &json!({ "name": "bob", "role": "viewer" }))
        .json();
    let secret = invited["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    console.site.pass_seconds(8 * 86_400);
    assert_eq!(
        Browser::new(&console).set_up_passkey(&secret, "").problem(),
        "link-void"
    );
}

#[test]
fn the_last_administrator_stays() {
    let console = Console::new();
    let mut admin = console.signed_in("ann", Role::Admin);
    let people = admin.get("/api/v1/people").json();
    let id = people[0]["id"].as_i64().unwrap();
    let mut send = |method: &str, body: Option<serde_json::Value>| {
        let request = admin.request(method, &format!("/api/v1/people/{id}"), body.as_ref());
        admin.send(request).status
    };
    assert_eq!(send("DELETE", None), StatusCode::CONFLICT);
    assert_eq!(send("PATCH", Some(json!({ "role": "viewer" }))), StatusCode::CONFLICT);
    assert_eq!(send("PATCH", Some(json!({ "disabled": true }))), StatusCode::CONFLICT);
    console.signed_in("bob", Role::Admin);
    assert_eq!(send("PATCH", Some(json!({ "role": "viewer" }))), StatusCode::OK);
    assert_eq!(
        send("PATCH", Some(json!({ "role": "admin" }))),
        StatusCode::FORBIDDEN,
        "at once"
    );
}

#[test]
fn a_token_is_shown_once_and_refused_when_it_is_revoked_or_expired() {
    let console = Console::new();
    let mut admin = console.signed_in("ann", Role::Admin);
    let expires = console.now().plus_millis(60_000);
    let made = admin.post(
        "/api/v1/tokens",
        &json!({ "name": "ci", "role": "viewer", "expires": expires }),
    );
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("hft_"));
    assert!(
        !String::from_utf8(admin.get("/api/v1/tokens").body)
            .unwrap()
            .contains(&token)
    );
    let use_it = |console: &Console| {
        let mut program = Browser::new(console);
        let mut request = program.request("GET", "/api/v1/me", None);
        request
            .headers_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
        program.send(request).status
    };
    assert_eq!(use_it(&console), StatusCode::OK);
    console.site.pass_seconds(61);
    assert_eq!(use_it(&console), StatusCode::UNAUTHORIZED, "expired");
    let again = admin.post("/api/v1/tokens", &json!({ "name": "ci", "role": "viewer" }));
    assert_eq!(
        again.status,
        StatusCode::CONFLICT,
        "the name is taken until it is revoked"
    );
    let id = made.json()["id"].as_i64().unwrap();
    let request = admin.request("DELETE", &format!("/api/v1/tokens/{id}"), None);
    assert_eq!(admin.send(request).status, StatusCode::NO_CONTENT);
    let again = admin.post("/api/v1/tokens", &json!({ "name": "ci", "role": "viewer" }));
    assert_eq!(again.status, StatusCode::CREATED);
}

/// Has bob approve what ann asks about an account.
fn agreed(console: &Console, subject: &str, detail: &str) {
    let wish = Wish {
        operation: Operation::ChangePeople,
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        because: "they asked on the telephone".to_owned(),
    };
    let now = console.now();
    let [ann, bob] = ["ann", "bob"].map(|name| Actor::Person(name.to_owned()));
    let done = console.site.desk.write(|w| {
        let id = approval::ask(w, now, &ann, &wish)?;
        approval::approve(w, now, &bob, id, "")
    });
    done.unwrap();
}

/// The signed-in administrator `ann`, with `bob` and the viewer `vic`, and approvals on; and vic's number.
fn with_approvals(console: &Console) -> (Browser<'_>, i64) {
    let ann = console.signed_in("ann", Role::Admin);
    console.signed_in("bob", Role::Admin);
    console.account("vic", Role::Viewer);
    let now = console.now();
    let enabled = console
        .site
        .desk
        .write(|w| approval::enable(w, now, &owner(), &Rules::default()));
    enabled.unwrap();
    let vic = console.site.desk.read(|ledger| people::account_by_name(ledger, "vic"));
    (ann, vic.unwrap().unwrap().id.0)
}

fn page(reply: Reply) -> String {
    String::from_utf8(reply.body).unwrap()
}

#[test]
fn one_approval_makes_one_link_and_one_token_on_the_pages_too() {
    let console = Console::new();
    let (mut ann, vic) = with_approvals(&console);
    let link = (format!("/settings/people/{vic}/link"), "");
    let token = ("/settings/tokens".to_owned(), "name=ci&role=viewer&scope=&days=7");
    for ((path, fields), shown, subject, detail) in [
        (link, "id=\"link\"", "vic", "make a link"),
        (token, "id=\"token\"", "ci", "make a token as viewer"),
    ] {
        let before = page(ann.form(&path, fields));
        assert!(before.contains("Somebody else must agree first"), "{before}");
        agreed(&console, subject, detail);
        let made = page(ann.form(&path, fields));
        assert!(made.contains(shown), "{made}");
        let again = page(ann.form(&path, fields));
        assert!(again.contains("Somebody else must agree first"), "{again}");
    }
}

#[test]
fn a_disabled_account_comes_back_only_once_others_agree() {
    let console = Console::new();
    let (mut ann, vic) = with_approvals(&console);
    let mut set = |disabled: bool| {
        let change = json!({ "disabled": disabled });
        let request = ann.request("PATCH", &format!("/api/v1/people/{vic}"), Some(&change));
        ann.send(request)
    };
    assert_eq!(set(true).status, StatusCode::OK, "at once");
    assert_eq!(set(false).problem(), "approval-needed");
    agreed(&console, "vic", "enable");
    assert_eq!(set(false).status, StatusCode::OK);
    assert_eq!(set(true).status, StatusCode::OK);
    let path = format!("/settings/people/{vic}/disabled");
    let asked = page(ann.form(&path, "role=no"));
    assert!(asked.contains("Somebody else must agree first"), "{asked}");
    agreed(&console, "vic", "enable");
    assert_eq!(ann.form(&path, "role=no").status, StatusCode::SEE_OTHER);
}
