//! What every request is held to: hosts, other websites, problem documents, pages of lists, repeated requests.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use console::auth::Peer;
use respond::people::{Role, Scope};
use serde_json::json;
use tower_service::Service;

use crate::site::TestSite;
use crate::support::{Browser, Console, Reply};

fn program(console: &Console, token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let peer = Peer::Network("127.0.0.1".parse().unwrap());
    console.send(peer, request(token, method, path, headers, body))
}

fn request(token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:8480");
    request = request.header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn requests_that_other_websites_cause_are_refused() {
    let console = Console::new();
    let mut browser = console.signed_in("ann", Role::Admin);
    let body = json!({ "name": "x" });
    let path = "/api/v1/volumes/disk/pins";
    let mut attempt = |headers: &[(&str, &str)], keeps_csrf: bool, is_form: bool| {
        let mut request = browser.request("POST", path, Some(&body));
        if !keeps_csrf {
            request.headers_mut().remove("x-csrf-token");
        }
        if is_form {
            *request.body_mut() = Body::from(format!("name=x&csrf={}", browser.csrf));
            request
                .headers_mut()
                .insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        }
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        browser.send(request).status
    };
    assert_eq!(attempt(&[], false, false), StatusCode::FORBIDDEN, "no token");
    assert_eq!(
        attempt(&[("x-csrf-token", "AAAA")], true, false),
        StatusCode::FORBIDDEN,
        "a wrong one"
    );
    assert_eq!(
        attempt(&[("origin", "https://evil.example")], true, false),
        StatusCode::FORBIDDEN,
        "origin"
    );
    assert_eq!(
        attempt(&[("origin", "null")], true, false),
        StatusCode::FORBIDDEN,
        "no origin"
    );
    assert_eq!(
        attempt(&[("sec-fetch-site", "cross-site")], true, false),
        StatusCode::FORBIDDEN,
        "site"
    );
    assert_eq!(
        attempt(&[("sec-fetch-site", "same-site")], true, false),
        StatusCode::FORBIDDEN,
        "a neighbour"
    );
    let own = [("origin", "http://localhost:8480"), ("sec-fetch-site", "same-origin")];
    assert_eq!(attempt(&own, true, false), StatusCode::CREATED);
    // The token in a form is good; that the API wants JSON is another matter.
    assert_eq!(attempt(&[], false, true), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[test]
fn nobody_is_made_to_sign_in_by_another_website() {
    let console = Console::new();
    let mut browser = Browser::new(&console);
    let mut request = browser.request("POST", "/api/v1/sign-in/passkey/begin", Some(&json!({})));
    request
        .headers_mut()
        .insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(browser.send(request).status, StatusCode::FORBIDDEN);
}

#[test]
fn other_names_than_ones_own_are_refused() {
    let console = Console::new();
    for (host, expected) in [
        ("localhost:8480", StatusCode::OK),
        ("127.0.0.1:8480", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("localhost.evil.example", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::builder()
            .uri("/healthz")
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        let reply = console.send(Peer::Network("127.0.0.1".parse().unwrap()), request);
        assert_eq!(reply.status, expected, "{host}");
    }
}

#[test]
fn every_answer_keeps_pages_to_themselves() {
    let console = Console::new();
    let mut browser = Browser::new(&console);
    for path in ["/healthz", "/api/v1/me", "/nothing", "/assets/nothing"] {
        let reply = browser.get(path);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"),
            "{policy}"
        );
        assert_eq!(reply.header("strict-transport-security"), "", "not by plain HTTP");
    }
    let secure = Console::with(console::Settings {
        public_url: "https://localhost:8480".to_owned(),
        ..console::Settings::default()
    });
    assert!(
        Browser::new(&secure)
            .get("/healthz")
            .header("strict-transport-security")
            .starts_with("max-age=")
    );
}

#[test]
fn every_refusal_is_a_problem_document() {
    let console = Console::new();
    let token = console.token(Role::Admin, &Scope::ALL);
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    for (method, path, headers, body, status, kind) in [
        ("GET", "/api/v1/nothing", &[][..], "", 404, "not-found"),
        ("GET", "/api/v1/alerts/x", &[], "", 404, "not-found"),
        ("PUT", "/api/v1/volumes", &[], "", 405, "wrong-method"),
        ("POST", "/api/v1/volumes", &[JSON], "{", 400, "invalid"),
        ("POST", "/api/v1/volumes", &[JSON], "{\"name\":1}", 422, "unprocessable"),
        ("POST", "/api/v1/volumes", &[], "{}", 415, "not-json"),
        ("POST", "/api/v1/volumes", &[JSON], long.as_str(), 413, "too-large"),
        ("GET", "/api/v1/alerts?most=0", &[], "", 400, "invalid"),
        ("GET", "/api/v1/alerts?severity=x", &[], "", 400, "invalid"),
        ("GET", "/api/v1/ledger/records?after=-1", &[], "", 400, "invalid"),
        (
            "POST",
            "/api/v1/volumes",
            &[JSON],
            "[\"x\", 1048576]",
            422,
            "unprocessable",
        ),
        (
            "PUT",
            "/api/v1/approvals/rules",
            &[JSON],
            "{\"restore\":{\"quorum\":1,\"role\":\"admin\",\"approval_seconds\":60,\"execution_seconds\":60}}",
            422,
            "unprocessable",
        ),
        ("GET", "/api/v1/volumes/nodisk", &[], "", 404, "not-found"),
    ] {
        let reply = program(&console, &token, method, path, headers, body);
        assert_eq!(
            (reply.status.as_u16(), reply.problem().as_str()),
            (status, kind),
            "{method} {path}"
        );
    }
    let reply = program(&console, "hft_wrong", "GET", "/api/v1/me", &[], "");
    assert_eq!(
        (reply.status.as_u16(), reply.problem().as_str()),
        (401, "token-refused")
    );
}

#[test]
fn each_operation_has_a_name_of_its_own() {
    let description: serde_json::Value = serde_json::from_str(&console::openapi()).unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let names: Vec<&str> = paths
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let different: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(different.len(), names.len());
    assert!(different.contains("people_sessions") && different.contains("me_sessions"));
}

#[test]
fn what_has_no_value_is_no_word_and_no_number() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    let ask = |query: &str| {
        let path = format!("/api/v1/alerts?{query}");
        program(&console, &token, "GET", &path, &[], "").status
    };
    for query in ["severity=", "most=", "since="] {
        assert_eq!(ask(query), StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(ask("text="), StatusCode::OK);
}

#[test]
fn a_rule_names_its_approvers_in_one_member() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    let rules = program(&console, &token, "GET", "/api/v1/approvals/rules", &[], "").json();
    assert_eq!(rules["rules"]["delete-volume"]["approvers"], json!({ "role": "admin" }));
}

#[test]
fn a_repeated_request_is_carried_out_once() {
    let console = Console::new();
    let token = console.token(Role::Operator, &Scope::ALL);
    let key = ("idempotency-key", "k1");
    let send =
        |token: &str, body: &str| program(&console, token, "POST", "/api/v1/volumes/disk/pins", &[JSON, key], body);
    let first = send(&token, "{\"name\":\"a\"}");
    assert_eq!(first.status, StatusCode::CREATED);
    let second = send(&token, "{\"name\":\"a\"}");
    assert_eq!((second.status, &second.body), (StatusCode::CREATED, &first.body));
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(send(&token, "{\"name\":\"b\"}").problem(), "key-reused");
    let other = console.token(Role::Operator, &Scope::ALL);
    assert_eq!(
        send(&other, "{\"name\":\"b\"}").status,
        StatusCode::CREATED,
        "keys of others are others"
    );
    assert_eq!(console.site.done.lock().unwrap().len(), 2);
    console.site.pass_seconds(25 * 3600);
    assert_eq!(
        send(&token, "{\"name\":\"b\"}").status,
        StatusCode::CREATED,
        "forgotten after a day"
    );
}

#[test]
fn who_goes_away_is_given_the_answer_when_they_ask_again() {
    let console = Console::new();
    let token = console.token(Role::Operator, &Scope::ALL);
    let headers = [JSON, ("idempotency-key", "k1")];
    let path = "/api/v1/volumes/disk/pins";
    let (go_on, pause) = std::sync::mpsc::channel();
    *console.site.pause.lock().unwrap() = Some(pause);
    let mut first = request(&token, "POST", path, &headers, "{\"name\":\"a\"}");
    first
        .extensions_mut()
        .insert(Peer::Network("127.0.0.1".parse().unwrap()));
    console.run(async {
        let mut router = console.router();
        let mut call = std::pin::pin!(router.call(first));
        // Until the pin is being made; then the client goes away.
        while console.site.pause.lock().unwrap().is_some() {
            let answered = tokio::time::timeout(Duration::from_millis(20), call.as_mut());
            assert!(answered.await.is_err());
        }
    });
    go_on.send(()).unwrap();
    let again = || program(&console, &token, "POST", path, &headers, "{\"name\":\"a\"}");
    let mut reply = again();
    for _ in 0..200 {
        if reply.status != StatusCode::CONFLICT {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        reply = again();
    }
    assert_eq!(reply.status, StatusCode::CREATED);
    assert_eq!(reply.header("idempotency-replayed"), "true");
    assert_eq!(console.site.done.lock().unwrap().len(), 1);
}

#[test]
fn what_pages_show_is_not_kept_for_who_asks_again() {
    let console = Console::new();
    let mut browser = console.signed_in("ann", Role::Admin);
    for _ in 0..2 {
        let mut form = browser.request("POST", "/settings/tokens", None);
        let headers = form.headers_mut();
        headers.insert("idempotency-key", "k1".parse().unwrap());
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        *form.body_mut() = Body::from("name=ci&role=viewer");
        assert_eq!(browser.send(form).header("idempotency-replayed"), "");
    }
}

#[test]
fn what_takes_long_keeps_nobody_else_waiting() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    let (holding, wait) = std::sync::mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let long: Vec<_> = (0..64)
        .map(|_| {
            let (state, wait) = (Arc::clone(&console.state), Arc::clone(&wait));
            let work = move |_: &dyn console::Site| {
                // Until the test lets go.
                let _ = wait.lock().unwrap().recv();
                Ok::<_, console::problem::Refusal>(())
            };
            console.spawn(async move { state.ask_long(work).await })
        })
        .collect();
    let asked = request(&token, "GET", "/api/v1/volumes", &[], "");
    let reply = console.send_within(Duration::from_secs(5), asked);
    drop(holding);
    assert_eq!(reply, Some(StatusCode::OK));
    for done in long {
        console.run(done).unwrap().unwrap();
    }
}

#[test]
fn lists_come_in_pages() {
    let console = Console::new();
    let token = console.token(Role::Auditor, &Scope::ALL);
    for number in 0..7 {
        console.account(&format!("p{number}"), Role::Viewer);
    }
    let (mut path, mut seen) = ("/api/v1/ledger/records?most=4".to_owned(), Vec::new());
    loop {
        let reply = program(&console, &token, "GET", &path, &[], "");
        seen.extend(
            reply
                .json()
                .as_array()
                .unwrap()
                .iter()
                .map(|record| record["sequence"].as_i64().unwrap()),
        );
        let link = reply.header("link");
        let Some(next) = link.strip_prefix('<').and_then(|link| link.split('>').next()) else {
            break;
        };
        path = next.to_owned();
    }
    let expected: Vec<i64> = (1..=seen.len() as i64).collect();
    assert_eq!(seen, expected);
    assert!(seen.len() >= 15);
}

#[test]
fn what_is_known_is_not_sent_again_and_text_is_compressed() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    let first = program(
        &console,
        &token,
        "GET",
        "/api/v1/openapi.json",
        &[("accept-encoding", "gzip")],
        "",
    );
    assert_eq!(first.header("content-encoding"), "gzip");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(first.body.as_slice()), &mut text).unwrap();
    assert!(text.contains("\"openapi\": \"3.1"), "{}", &text[..100]);
    let tag = first.header("etag").to_owned();
    let again = program(
        &console,
        &token,
        "GET",
        "/api/v1/openapi.json",
        &[("if-none-match", &tag)],
        "",
    );
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[test]
fn a_certificate_of_ones_own_is_made_anew_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let site = Arc::new(TestSite::new(folder.path()));
    let own = console::OwnCertificate::new(&folder.path().join("console"));
    let names = vec!["localhost".to_owned()];
    own.prepare(&names, console::Site::now(site.as_ref())).unwrap();
    let read = || std::fs::read(own.files().certificate).unwrap();
    let before = read();
    let settings = console::Settings {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        certificate: Some(own.files()),
        own_certificate: Some((own.clone(), names)),
        ..console::Settings::default()
    };
    let server = console::serve(settings, Arc::clone(&site) as Arc<dyn console::Site>).unwrap();
    site.pass_seconds(370 * 86_400);
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while read() == before {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.stop(Duration::from_secs(1)), 0);
}

#[test]
fn metrics_are_for_this_machine_and_for_tokens() {
    let console = Console::new();
    let ask = |address: &str, token: Option<&str>| {
        let mut request = Request::builder().uri("/metrics").header("host", "localhost");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let peer = Peer::Network(address.parse().unwrap());
        console.send(peer, request.body(Body::empty()).unwrap())
    };
    assert_eq!(ask("192.0.2.1", None).status, StatusCode::UNAUTHORIZED);
    let other = console.token(Role::Admin, &[Scope::Volumes]);
    assert_eq!(ask("192.0.2.1", Some(&other)).status, StatusCode::FORBIDDEN);
    let token = console.token(Role::Viewer, &[Scope::Metrics]);
    assert_eq!(ask("192.0.2.1", Some(&token)).status, StatusCode::OK);
    let page = String::from_utf8(ask("127.0.0.1", None).body).unwrap();
    for line in [
        "holdfast_guard_state{volume=\"disk\",state=\"calm\"} 1",
        "holdfast_logs_records_total{input=\"syslog-udp\"} 12",
        "holdfast_logs_dropped_by_reason_total{reason=\"an empty message\"} 3",
        "holdfast_logs_behind_seconds{input=\"syslog-udp\"} 0",
        "holdfast_logs_unread_bytes 4096",
        "holdfast_logs_problems 1",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "{line}\n{page}");
    }
    assert!(
        !page.contains("holdfast_logs_last_record_timestamp_seconds{"),
        "none came in"
    );
}

#[test]
fn the_dashboard_asks_for_figures_that_there_are() {
    let console = Console::new();
    let request = Request::builder()
        .uri("/metrics")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let reply = console.send(Peer::Local(crate::support::owner()), request);
    let page = String::from_utf8(reply.body).unwrap();
    let dashboard = include_str!("../../../../docs/grafana-dashboard.json");
    serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = 0;
    for (at, _) in dashboard.match_indices("holdfast_") {
        let name: String = dashboard[at..].chars().take_while(|c| is_name(*c)).collect();
        let base = name
            .trim_end_matches("_bucket")
            .trim_end_matches("_count")
            .trim_end_matches("_sum");
        let is_there = page.contains(&format!("# TYPE {base} ")) || base.starts_with("holdfast_drill_last");
        assert!(is_there, "{name}");
        found += 1;
    }
    assert!(found >= 8, "{found}");
}

#[test]
fn a_program_that_does_not_do_all_of_its_work_is_not_ready_and_tells_why_to_who_may_know() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    let stranger = |path: &str| Browser::new(&console).get(path);
    let ready = stranger("/readyz");
    assert_eq!((ready.status, ready.body.as_slice()), (StatusCode::OK, &b"ready\n"[..]));
    *console.site.trouble.lock().unwrap() = Some("`disk` isn't served: its file rotted".to_owned());
    let not = stranger("/readyz");
    assert_eq!(
        (not.status, not.body.as_slice()),
        (StatusCode::SERVICE_UNAVAILABLE, &b"not ready\n"[..])
    );
    assert_eq!(stranger("/healthz").status, StatusCode::OK, "it lives");
    let health = ann.get("/api/v1/health").json();
    assert_eq!(health["ready"], json!(false));
    assert!(
        health["problems"][0].as_str().unwrap().contains("its file rotted"),
        "{health}"
    );
    let page = String::from_utf8(ann.get("/settings/configuration").body).unwrap();
    assert!(page.contains("its file rotted"));
}
