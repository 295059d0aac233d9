//! Server-sent events.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use console::auth::Peer;
use respond::people::{Role, Scope};
use tower_service::Service;

use crate::support::{Console, owner};

/// What arrives within a second of an event stream, while `work` is done.
fn follow(console: &Console, token: &str, query: &str, last: Option<&str>, work: impl FnOnce()) -> String {
    let mut request = Request::builder()
        .uri(format!("/api/v1/events{query}"))
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request
        .extensions_mut()
        .insert(Peer::Network("127.0.0.1".parse().unwrap()));
    let mut router = console.router();
    let response = console.run(async { router.call(request).await.unwrap() });
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    work();
    console.run(async {
        let mut text = String::new();
        let mut frames = std::pin::pin!(&mut body);
        let end = tokio::time::Instant::now() + Duration::from_millis(900);
        loop {
            let frame = std::future::poll_fn(|context| axum::body::HttpBody::poll_frame(frames.as_mut(), context));
            let Ok(Some(Ok(frame))) = tokio::time::timeout_at(end, frame).await else {
                return text;
            };
            text += &String::from_utf8_lossy(frame.data_ref().unwrap());
        }
    })
}

fn note(console: &Console, kind: &str) {
    let now = console.now();
    console
        .site
        .desk
        .write(|w| w.record(now, &owner(), kind, "incident/1", &serde_json::json!({})))
        .unwrap();
}

#[test]
fn records_are_told_as_they_are_written() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    note(&console, "alert.noticed");
    let text = follow(&console, &token, "", None, || note(&console, "incident.opened"));
    assert!(text.contains("event: incident.opened\n"), "{text}");
    assert!(!text.contains("alert.noticed"), "what was before isn't told: {text}");
    assert!(text.contains("id: 3\n"), "{text}");
}

#[test]
fn a_follower_that_was_cut_off_misses_nothing() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    for kind in ["alert.noticed", "incident.opened", "action.planned"] {
        note(&console, kind);
    }
    let text = follow(&console, &token, "", Some("2"), || ());
    assert!(
        text.contains("id: 3\n") && text.contains("id: 4\n") && !text.contains("id: 2\n"),
        "{text}"
    );
    let some = follow(&console, &token, "?after=0&kinds=incident.,action.", None, || ());
    assert!(
        some.contains("incident.opened") && some.contains("action.planned"),
        "{some}"
    );
    assert!(!some.contains("alert.noticed"), "{some}");
}

#[test]
fn records_of_accounts_are_for_auditors() {
    let console = Console::new();
    let viewer = console.token(Role::Viewer, &Scope::ALL);
    let auditor = console.token(Role::Auditor, &Scope::ALL);
    assert!(!follow(&console, &viewer, "?after=0", None, || ()).contains("people."));
    assert!(follow(&console, &auditor, "?after=0", None, || ()).contains("people.token-made"));
}

#[test]
fn whoever_is_not_let_in_any_more_is_told_nothing_more() {
    let console = Console::new();
    let token = console.token(Role::Viewer, &Scope::ALL);
    let made = console.site.desk.read(respond::people::tokens).unwrap().remove(0);
    let text = follow(&console, &token, "", None, || {
        let now = console.now();
        let revoked = console
            .site
            .desk
            .write(|w| respond::people::revoke_token(w, now, &owner(), made.id));
        revoked.unwrap();
        note(&console, "incident.opened");
    });
    assert!(!text.contains("incident.opened"), "{text}");
}
