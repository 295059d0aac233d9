//! Who may do what: every route of the API with every role.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use console::auth::Peer;
use respond::people::{Role, Scope};

use crate::support::{Console, Reply};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Everybody, signed in or not.
    Anybody,
    /// Everybody who is signed in.
    All,
    /// People with accounts: tokens are refused, whatever their role.
    People,
    /// Operators and administrators.
    Operators,
    /// Auditors and administrators.
    Auditors,
    /// Administrators.
    Admins,
}

/// Every route: its method, its address, who may.
const ROUTES: &[(&str, &str, Who)] = &[
    ("get", "/api/v1/openapi.json", Who::Anybody),
    ("post", "/api/v1/sign-in/password", Who::Anybody),
    ("post", "/api/v1/sign-in/passkey/begin", Who::Anybody),
    ("post", "/api/v1/sign-in/passkey/finish", Who::Anybody),
    ("post", "/api/v1/set-up/look", Who::Anybody),
    ("post", "/api/v1/set-up/passkey/begin", Who::Anybody),
    ("post", "/api/v1/set-up/passkey/finish", Who::Anybody),
    ("post", "/api/v1/set-up/password/begin", Who::Anybody),
    ("post", "/api/v1/set-up/password/finish", Who::Anybody),
    ("post", "/api/v1/sign-out", Who::All),
    ("get", "/api/v1/me", Who::All),
    ("get", "/api/v1/me/passkeys", Who::People),
    ("post", "/api/v1/me/passkeys/begin", Who::People),
    ("post", "/api/v1/me/passkeys/finish", Who::People),
    ("delete", "/api/v1/me/passkeys/{passkey}", Who::People),
    ("post", "/api/v1/me/password/begin", Who::People),
    ("put", "/api/v1/me/password", Who::People),
    ("delete", "/api/v1/me/password", Who::People),
    ("get", "/api/v1/me/sessions", Who::People),
    ("delete", "/api/v1/me/sessions", Who::People),
    ("delete", "/api/v1/me/sessions/{session}", Who::People),
    ("get", "/api/v1/overview", Who::All),
    ("get", "/api/v1/health", Who::All),
    ("get", "/api/v1/settings", Who::Auditors),
    ("get", "/api/v1/volumes", Who::All),
    ("post", "/api/v1/volumes", Who::Operators),
    ("get", "/api/v1/volumes/{volume}", Who::All),
    ("delete", "/api/v1/volumes/{volume}", Who::Admins),
    ("get", "/api/v1/volumes/{volume}/activity", Who::All),
    ("get", "/api/v1/volumes/{volume}/files", Who::Operators),
    ("get", "/api/v1/volumes/{volume}/investigation", Who::Operators),
    ("post", "/api/v1/volumes/{volume}/pins", Who::Operators),
    ("delete", "/api/v1/volumes/{volume}/pins/{pin}", Who::Operators),
    ("post", "/api/v1/volumes/{volume}/forks", Who::Operators),
    ("get", "/api/v1/volumes/{volume}/restore", Who::All),
    ("post", "/api/v1/volumes/{volume}/restore", Who::Operators),
    ("post", "/api/v1/volumes/{volume}/restore/before-attack", Who::Operators),
    ("post", "/api/v1/volumes/{volume}/restore/undo", Who::Operators),
    ("patch", "/api/v1/volumes/{volume}/guard", Who::Operators),
    ("post", "/api/v1/volumes/{volume}/guard/release", Who::Operators),
    ("put", "/api/v1/volumes/{volume}/guard/announcement", Who::Operators),
    ("delete", "/api/v1/volumes/{volume}/guard/announcement", Who::Operators),
    ("get", "/api/v1/alerts", Who::All),
    ("get", "/api/v1/alerts/ocsf", Who::All),
    ("get", "/api/v1/alerts/{alert}", Who::All),
    ("get", "/api/v1/alerts/marks", Who::All),
    ("post", "/api/v1/alerts/{alert}/marks", Who::Operators),
    ("post", "/api/v1/alerts/stories/{story}/marks", Who::Operators),
    ("delete", "/api/v1/alerts/marks/{mark}", Who::Operators),
    ("get", "/api/v1/incidents", Who::All),
    ("get", "/api/v1/incidents/ocsf", Who::All),
    ("get", "/api/v1/incidents/{incident}", Who::All),
    ("get", "/api/v1/incidents/{incident}/timeline", Who::All),
    ("post", "/api/v1/incidents/{incident}/acknowledge", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/assign", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/notes", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/recovered", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/close", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/reopen", Who::Operators),
    ("get", "/api/v1/incidents/laws", Who::All),
    ("get", "/api/v1/incidents/{incident}/file", Who::All),
    ("get", "/api/v1/incidents/{incident}/file/timeline", Who::All),
    ("get", "/api/v1/incidents/{incident}/file/paper", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/file/facts", Who::Operators),
    ("get", "/api/v1/incidents/{incident}/file/facts/{fact}", Who::All),
    (
        "post",
        "/api/v1/incidents/{incident}/file/facts/{fact}/approve",
        Who::Operators,
    ),
    ("post", "/api/v1/incidents/{incident}/file/clocks", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/file/clocks/stop", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/file/values", Who::Operators),
    ("post", "/api/v1/incidents/{incident}/file/drafts", Who::Operators),
    ("get", "/api/v1/incidents/{incident}/file/drafts/{draft}", Who::All),
    (
        "post",
        "/api/v1/incidents/{incident}/file/drafts/{draft}/approve",
        Who::Operators,
    ),
    (
        "post",
        "/api/v1/incidents/{incident}/file/drafts/{draft}/sent",
        Who::Operators,
    ),
    ("get", "/api/v1/policies", Who::All),
    ("post", "/api/v1/policies/dry-run", Who::All),
    ("get", "/api/v1/actions", Who::All),
    ("get", "/api/v1/actions/ocsf", Who::All),
    ("get", "/api/v1/actions/{action}", Who::All),
    ("get", "/api/v1/approvals", Who::All),
    ("post", "/api/v1/approvals", Who::Operators),
    ("get", "/api/v1/approvals/{request}", Who::All),
    ("delete", "/api/v1/approvals/{request}", Who::Operators),
    ("post", "/api/v1/approvals/{request}/approve", Who::Operators),
    ("post", "/api/v1/approvals/{request}/refuse", Who::Operators),
    ("get", "/api/v1/approvals/rules", Who::All),
    ("put", "/api/v1/approvals/rules", Who::Admins),
    ("delete", "/api/v1/approvals/rules", Who::Admins),
    ("get", "/api/v1/drills", Who::All),
    ("post", "/api/v1/drills", Who::Operators),
    ("get", "/api/v1/drills/{drill}/report", Who::All),
    ("get", "/api/v1/exposure", Who::All),
    ("get", "/api/v1/notices", Who::All),
    ("get", "/api/v1/notices/ways", Who::All),
    ("post", "/api/v1/notices/ways/{way}/test", Who::Operators),
    ("post", "/api/v1/notices/acknowledge", Who::Operators),
    ("post", "/api/v1/notices/{notice}/retry", Who::Operators),
    ("get", "/api/v1/ledger/records", Who::Auditors),
    ("get", "/api/v1/ledger/records/{sequence}", Who::Auditors),
    ("post", "/api/v1/ledger/verify", Who::Auditors),
    ("get", "/api/v1/ledger/export", Who::Auditors),
    ("get", "/api/v1/people", Who::Auditors),
    ("post", "/api/v1/people", Who::Admins),
    ("get", "/api/v1/people/{person}", Who::Auditors),
    ("patch", "/api/v1/people/{person}", Who::Admins),
    ("delete", "/api/v1/people/{person}", Who::Admins),
    ("post", "/api/v1/people/{person}/link", Who::Admins),
    ("get", "/api/v1/people/{person}/sessions", Who::Auditors),
    ("delete", "/api/v1/people/{person}/sessions", Who::Admins),
    ("get", "/api/v1/tokens", Who::Auditors),
    ("post", "/api/v1/tokens", Who::Admins),
    ("delete", "/api/v1/tokens/{token}", Who::Admins),
    // Follows until the client goes: asked with a kind of question that is refused after the role was checked.
    ("get", "/api/v1/events", Who::All),
];

/// A body that a handler takes, so that it gets as far as the role.
fn body(method: &str, path: &str) -> &'static str {
    match (method, path) {
        (_, path) if path.contains("passkey/finish") || path.contains("passkeys/finish") => {
            "{\"rawId\":\"\",\"type\":\"\",\"response\":{\"clientDataJSON\":\"\",\"attestationObject\":\"\",\
             \"authenticatorData\":\"\",\"signature\":\"\"},\"credential\":{\"rawId\":\"\",\"type\":\"\",\
             \"response\":{\"clientDataJSON\":\"\",\"attestationObject\":\"\"}}}"
        }
        (_, path) if path.contains("password/finish") || path.ends_with("/me/password") => {
            "{\"password\":\"\",\"code\":\"\"}"
        }
        (_, path) if path.ends_with("sign-in/password") => "{\"name\":\"\",\"password\":\"\",\"code\":\"\"}",
        (_, path) if path.contains("/set-up/") => "{\"link\":\"\"}",
        ("post", path) if path.ends_with("/restore") => "{\"at\":\"now\"}",
        ("post", "/api/v1/volumes") => "{\"name\":\"x\",\"size_bytes\":4096}",
        ("post", path) if path.ends_with("/pins") || path.ends_with("/forks") => "{\"name\":\"x\"}",
        ("put", path) if path.ends_with("/announcement") => "{\"reason\":\"x\",\"seconds\":1}",
        ("post", path) if path.ends_with("/marks") => "{\"seconds\":86400}",
        ("post", path) if path.ends_with("/close") => "{\"false_alarm\":true,\"why\":\"x\"}",
        ("post", path) if path.ends_with("/notes") || path.ends_with("/recovered") || path.ends_with("/reopen") => {
            "{\"text\":\"x\"}"
        }
        ("post", path) if path.ends_with("/file/facts") => {
            "{\"system\":\"shop\",\"class\":\"email-address\",\"answer\":\"unknown\",\"evidence\":\"x\"}"
        }
        ("post", path) if path.contains("/file/facts/") => "{\"version\":1}",
        ("post", path) if path.ends_with("/file/clocks") => "{\"law\":\"uk-gdpr\"}",
        ("post", path) if path.ends_with("/file/clocks/stop") => {
            "{\"law\":\"uk-gdpr\",\"duty\":\"authority\",\"outcome\":\"reported\"}"
        }
        ("post", path) if path.ends_with("/file/drafts") => "{\"kind\":\"letter\"}",
        ("post", "/api/v1/approvals") => "{\"operation\":\"restore\",\"subject\":\"x\",\"because\":\"x\"}",
        ("post", "/api/v1/drills") => "{\"volume\":\"disk\"}",
        ("post", "/api/v1/notices/acknowledge") => "{\"subject\":\"incident/1\"}",
        ("post", "/api/v1/people") => "{\"name\":\"x\",\"role\":\"viewer\"}",
        ("post", "/api/v1/tokens") => "{\"name\":\"x\",\"role\":\"viewer\"}",
        _ => "{}",
    }
}

fn ask(console: &Console, token: Option<&str>, method: &str, path: &str) -> Reply {
    let filled = path
        .replace("{volume}", "disk")
        .replace("{way}", "mail")
        .replace("{pin}", "p")
        .replace("{drill}", "d");
    let filled = filled
        .split('/')
        .map(|part| if part.starts_with('{') { "999999" } else { part });
    let mut filled = filled.collect::<Vec<_>>().join("/");
    if path == "/api/v1/volumes/{volume}/restore" && method == "get" {
        filled += "?at=now";
    }
    if path == "/api/v1/events" {
        filled += &format!("?kinds={}", "a,".repeat(40));
    }
    let mut request = Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(filled)
        .header("host", "localhost")
        .header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body(method, path))).unwrap();
    console.send(Peer::Network("127.0.0.1".parse().unwrap()), request)
}

/// Whether an answer refuses whoever asks, rather than what is asked.
fn is_barred(reply: &Reply) -> bool {
    let kind = reply.json()["type"].as_str().unwrap_or_default().to_owned();
    ["not-signed-in", "not-allowed", "token-refused"]
        .iter()
        .any(|bar| kind.ends_with(bar))
}

#[test]
fn the_table_has_every_route() {
    let description: serde_json::Value = serde_json::from_str(&console::openapi()).unwrap();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            described.push((method.clone(), path.clone()));
        }
    }
    let mut known: Vec<(String, String)> = ROUTES
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    described.sort();
    known.sort();
    assert_eq!(described, known);
}

#[test]
fn every_route_is_open_to_those_it_is_for_and_to_nobody_else() {
    let console = Console::new();
    let mut wrong = Vec::new();
    for (method, path, who) in ROUTES {
        let nobody = ask(&console, None, method, path);
        if is_barred(&nobody) == (*who == Who::Anybody) {
            wrong.push(format!("{method} {path}: nobody: {}", nobody.status));
        }
        for role in Role::ALL {
            let may = match who {
                Who::Anybody | Who::All => true,
                // A token is no person.
                Who::People => false,
                Who::Operators => matches!(role, Role::Operator | Role::Admin),
                Who::Auditors => matches!(role, Role::Auditor | Role::Admin),
                Who::Admins => role == Role::Admin,
            };
            let token = console.token(role, &Scope::ALL);
            let reply = ask(&console, Some(&token), method, path);
            if is_barred(&reply) == may {
                wrong.push(format!(
                    "{method} {path}: {role}: {} {}",
                    reply.status,
                    String::from_utf8_lossy(&reply.body)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_token_opens_its_scopes_only() {
    let console = Console::new();
    for scope in Scope::ALL {
        let token = console.token(Role::Admin, &[scope]);
        for (method, path, _) in ROUTES
            .iter()
            .filter(|(method, _, who)| *method == "get" && *who == Who::All)
        {
            let part = path.trim_start_matches("/api/v1/").split('/').next().unwrap();
            let part = match part {
                "overview" | "health" => "system",
                "me" => "people",
                other => other,
            };
            let reply = ask(&console, Some(&token), method, path);
            assert_eq!(
                is_barred(&reply),
                part != scope.name(),
                "{scope}: {path}: {}",
                reply.status
            );
        }
    }
}

#[test]
fn a_token_opens_no_page() {
    let console = Console::new();
    let token = console.token(Role::Admin, &[Scope::Metrics]);
    for (method, path) in [("get", "/"), ("get", "/settings/tokens"), ("post", "/settings/tokens")] {
        let reply = ask(&console, Some(&token), method, path);
        assert!(
            reply.header("location").starts_with("/sign-in"),
            "{method} {path}: {} {}",
            reply.status,
            String::from_utf8_lossy(&reply.body)
        );
    }
    let everywhere = console.token(Role::Admin, &Scope::ALL);
    assert!(
        ask(&console, Some(&everywhere), "get", "/disks")
            .header("location")
            .starts_with("/sign-in")
    );
}

#[test]
fn the_owner_of_the_machine_may_do_everything_by_the_control_socket() {
    let console = Console::new();
    let request = Request::delete("/api/v1/volumes/disk").body(Body::empty()).unwrap();
    // No host, no token: curl over a unix socket sends any host.
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("host", "holdfast".parse().unwrap());
    let reply = console.send(
        Peer::Local(respond::Actor::Local("ann".to_owned())),
        Request::from_parts(parts, body),
    );
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    assert_eq!(*console.site.done.lock().unwrap(), ["ann on this machine: delete disk"]);
}
