//! Pages, asked for as a browser does: who may open and use which, and what they leave in the ledger.

use axum::body::Body;
use axum::http::StatusCode;
use console::DrillView;
use respond::Actor;
use respond::alert::{Layer, NewAlert, Severity};
use respond::approval::{self, Operation, RequestId, Rules, Wish};
use respond::people::Role;

use crate::support::{Browser, Console, Reply};

/// Sends a form, as a page does.
fn send_form(browser: &mut Browser<'_>, path: &str, form: &str) -> Reply {
    let mut request = browser.request("POST", path, None);
    *request.body_mut() = Body::from(form.to_owned());
    request
        .headers_mut()
        .insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    browser.send(request)
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

fn person(name: &str) -> Actor {
    Actor::Person(name.to_owned())
}

/// A request of ann's.
fn asked(console: &Console, subject: &str, detail: &str) -> RequestId {
    let wish = Wish {
        operation: Operation::ChangePeople,
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        because: "they called".to_owned(),
    };
    let now = console.now();
    let ask = |w: &mut respond::Writing<'_>| approval::ask(w, now, &person("ann"), &wish);
    console.site.desk.write(ask).unwrap()
}

/// A request of ann's that boris has approved.
fn approved(console: &Console, subject: &str, detail: &str) {
    let (id, now) = (asked(console, subject, detail), console.now());
    let approve = |w: &mut respond::Writing<'_>| approval::approve(w, now, &person("boris"), id, "");
    console.site.desk.write(approve).unwrap();
}

#[test]
fn an_approval_allows_one_link_and_one_token() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    console.signed_in("boris", Role::Admin);
    console.account("carl", Role::Viewer);
    turn_approvals_on(&console);
    let shown = |reply: &Reply| text(reply).contains("class=\"secret\"");

    approved(&console, "carl", "make a link");
    let first = send_form(&mut ann, "/settings/people/3/link", "");
    assert!(shown(&first), "{}", text(&first));
    let second = send_form(&mut ann, "/settings/people/3/link", "");
    assert!(!shown(&second) && text(&second).contains("Ask for approval"));

    approved(&console, "backup", "make a token as admin");
    let token = "name=backup&role=admin&scope=volumes&days=7";
    assert!(shown(&send_form(&mut ann, "/settings/tokens", token)));
    let again = send_form(&mut ann, "/settings/tokens", token);
    assert!(!shown(&again) && text(&again).contains("Ask for approval"));
    assert_eq!(again.status, StatusCode::OK);
}

/// Turns approvals on; ann and boris are administrators.
fn turn_approvals_on(console: &Console) {
    let now = console.now();
    let turn_on = |w: &mut respond::Writing<'_>| approval::enable(w, now, &person("ann"), &Rules::default());
    console.site.desk.write(turn_on).unwrap();
}

#[test]
fn a_token_for_all_parts_opens_all_parts() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    let made = text(&send_form(
        &mut ann,
        "/settings/tokens",
        "name=t&role=viewer&scope=&days=7",
    ));
    let token = made
        .split_once("id=\"token\">")
        .and_then(|(_, rest)| rest.split('<').next());
    let mut program = Browser::new(&console);
    let mut request = program.request("GET", "/api/v1/volumes", None);
    let bearer = format!("Bearer {}", token.unwrap());
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    assert_eq!(program.send(request).status, StatusCode::OK);
    assert!(text(&ann.get("/settings/tokens")).contains(">all parts</td>"));
}

#[test]
fn pages_need_the_roles_that_the_api_needs() {
    let console = Console::new();
    let mut viewer = console.signed_in("vera", Role::Viewer);
    for path in ["", "/history", "/guard", "/manage"] {
        let page = viewer.get(&format!("/disks/disk{path}"));
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!text(&page).contains("/files"), "{path} leads to what may not be seen");
    }
    let refused = [
        "/disks/disk/files",
        "/disks/disk/investigation",
        "/disks/disk/investigation/report",
        "/disks/disk/restore?at=-1s",
        "/disks/disk/delete",
        "/audit",
        "/settings/people",
    ];
    for path in refused {
        assert_eq!(viewer.get(path).status, StatusCode::FORBIDDEN, "{path}");
    }
    for path in ["/disks/disk/restore", "/disks/disk/undo", "/disks/disk/announce/over"] {
        let reply = send_form(&mut viewer, path, "at=-1s");
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(console.site.done.lock().unwrap().is_empty());
    let mut operator = console.signed_in("otto", Role::Operator);
    assert_eq!(operator.get("/disks/disk/files").status, StatusCode::OK);
}

#[test]
fn what_is_dangerous_needs_a_recent_sign_in() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    console.site.pass_seconds(16 * 60);
    let forms = [
        ("/disks/disk/restore", "at=-1s"),
        ("/disks/disk/undo", ""),
        ("/disks/disk/release", ""),
        ("/disks/disk/guard", "enabled=no"),
        ("/disks/disk/announce", "reason=x&seconds=60"),
        ("/disks/disk/delete", "name=disk"),
        ("/disks/disk/pins/p/delete", "name=p"),
        ("/approvals/1/refuse", ""),
        ("/settings/people/1/disabled", "role=yes"),
    ];
    for (path, form) in forms {
        let reply = send_form(&mut ann, path, form);
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        assert!(text(&reply).contains("Sign in once more"), "{path}");
    }
    assert!(console.site.done.lock().unwrap().is_empty());
    let over = send_form(&mut ann, "/disks/disk/announce/over", "");
    assert_eq!(
        over.status,
        StatusCode::SEE_OTHER,
        "nothing keeps a guard from watching"
    );
    assert_eq!(ann.sign_in().status, StatusCode::OK);
    let restored = send_form(&mut ann, "/disks/disk/restore", "at=-1s");
    assert_eq!(restored.status, StatusCode::SEE_OTHER, "{}", text(&restored));
}

#[test]
fn every_part_of_a_page_is_there_once() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    console.signed_in("boris", Role::Admin);
    turn_approvals_on(&console);
    approved(&console, "carl", "make a link");
    let live = [
        "/",
        "/disks",
        "/disks/disk",
        "/incidents",
        "/drills",
        "/approvals",
        "/approvals/1",
    ];
    let others = [
        "/disks/disk/history?at=-1s",
        "/disks/disk/guard",
        "/disks/disk/restore?at=-1s",
        "/disks/disk/delete",
        "/incidents/alerts",
        "/policies",
        "/approvals/rules",
        "/audit",
        "/settings",
        "/settings/people",
        "/settings/people/1",
        "/settings/tokens",
        "/settings/notices",
        "/settings/configuration",
    ];
    for path in live.into_iter().chain(others) {
        let reply = ann.get(path);
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let page = text(&reply);
        let mut names: Vec<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(names.contains(&"live"), live.contains(&path), "{path}");
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{path} has a name twice: {names:?}");
    }
}

#[test]
fn a_drill_that_passed_shows_that_a_restore_works() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    assert!(text(&ann.get("/")).contains("Not shown: no drill has passed."));
    let mut drill = DrillView {
        id: "disk-1".to_owned(),
        volume: "disk".to_owned(),
        began: console.now(),
        verdict: "passed".to_owned(),
        case: None,
        detected_after_bytes: None,
        recovery_microseconds: Some(830_000),
        files_compared: Some(12),
        remarks: vec!["a file differs".to_owned()],
    };
    *console.site.drill.lock().unwrap() = Some(drill.clone());
    let passed = text(&ann.get("/"));
    assert!(
        passed.contains("Yes, in 830 ms.") && passed.contains("12 files were"),
        "{passed}"
    );
    drill.verdict = "failed".to_owned();
    *console.site.drill.lock().unwrap() = Some(drill);
    let failed = text(&ann.get("/"));
    assert!(failed.contains("1 disk failed its newest drill."), "{failed}");
    assert!(failed.contains("A file differs."), "the page says why: {failed}");
}

#[test]
fn a_disk_that_cannot_be_used_is_not_called_watched() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    assert!(text(&ann.get("/")).contains("1 of 1 disk watched"));
    *console.site.problem.lock().unwrap() = Some("its key is missing".to_owned());
    let page = text(&ann.get("/"));
    assert!(
        page.contains("0 of 1 disk watched") && page.contains("Nobody knows"),
        "{page}"
    );
}

#[test]
fn the_newest_records_come_first_however_far_back_they_lie() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    let now = console.now();
    let (by, nothing) = (Actor::System("test".to_owned()), serde_json::json!({}));
    let write = |w: &mut respond::Writing<'_>| {
        for number in 1..=2000 {
            w.record(now, &by, "thing.noticed", &format!("thing/{number}"), &nothing)?;
        }
        for _ in 0..1500 {
            w.record(now, &by, "other.noticed", "other/1", &nothing)?;
        }
        Ok::<_, respond::Error>(())
    };
    console.site.desk.write(write).unwrap();
    let mut address = "/audit?kind=thing.".to_owned();
    let mut seen = Vec::new();
    for _ in 0..60 {
        let page = text(&ann.get(&address));
        let numbers = page.split("subject=thing/").skip(1);
        let numbers = numbers.filter_map(|rest| rest.split('"').next()?.parse::<u32>().ok());
        seen.extend(numbers);
        let Some((before, _)) = page.split_once("\" rel=\"next\"") else {
            break;
        };
        address = before.rsplit('"').next().unwrap().replace("&amp;", "&");
    }
    assert!(
        seen.iter().copied().eq((1..=2000).rev()),
        "{} records, {:?} first",
        seen.len(),
        seen.first()
    );
    let refused = ann.get("/audit?before=-9223372036854775808");
    assert_eq!(refused.status, StatusCode::OK);
}

#[test]
fn a_password_that_was_mistyped_can_be_tried_again_by_who_is_signed_in() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    let reply = send_form(&mut ann, "/sign-in", "name=ann&password=mistyped&code=123456");
    assert!(reply.status.is_client_error(), "{reply:?}");
    let field = format!("name=\"csrf\" value=\"{}\"", ann.csrf);
    assert!(text(&reply).contains(&field), "{}", text(&reply));
}

#[test]
fn what_leaves_an_attack_alone_says_who_must_agree() {
    let console = Console::new();
    let mut ann = console.signed_in("ann", Role::Admin);
    console.signed_in("boris", Role::Admin);
    let free = text(&ann.get("/disks/disk/guard"));
    assert_eq!(free.matches("Nobody else: no rule asks for it.").count(), 3, "{free}");
    turn_approvals_on(&console);
    let covered = text(&ann.get("/disks/disk/guard"));
    assert_eq!(
        covered.matches("Somebody else, before it can be done.").count(),
        3,
        "{covered}"
    );
    assert!(covered.contains("What can be undone"));
}

#[test]
fn only_those_who_may_agree_are_told_to() {
    let console = Console::new();
    console.signed_in("ann", Role::Admin);
    let mut boris = console.signed_in("boris", Role::Admin);
    let mut otto = console.signed_in("otto", Role::Operator);
    turn_approvals_on(&console);
    asked(&console, "carl", "make a link");
    let told = |browser: &mut Browser<'_>| text(&browser.get("/")).contains("Approve or refuse");
    assert!(told(&mut boris) && !told(&mut otto));
    let can = |browser: &mut Browser<'_>| text(&browser.get("/approvals/1")).contains("Do you agree?");
    assert!(can(&mut boris) && !can(&mut otto));
}

#[test]
fn an_alert_of_the_logs_is_called_ordinary_work_by_operators() {
    let console = Console::new();
    let alert = |layer: Layer| NewAlert {
        time: console.now(),
        layer,
        kind: "finding".to_owned(),
        severity: Severity::High,
        volume: None,
        host: Some("web1".to_owned()),
        identity: None,
        title: "Many passwords tried out".to_owned(),
        text: "somebody tries".to_owned(),
        facts: serde_json::Map::new(),
    };
    let (now, rules) = (console.now(), respond::intake::Rules::default());
    let alerts = vec![alert(Layer::Threat), alert(Layer::Guard)];
    let take_in = |w: &mut respond::Writing<'_>| respond::intake::take_in(w, now, &rules, alerts);
    console.site.desk.write(take_in).unwrap();
    let mut viewer = console.signed_in("vera", Role::Viewer);
    let mut ann = console.signed_in("ann", Role::Operator);
    assert!(!text(&viewer.get("/incidents/alerts/1")).contains("Ordinary work"));
    assert!(!text(&ann.get("/incidents/alerts/2")).contains("Ordinary work"));
    assert!(text(&ann.get("/incidents/alerts/1")).contains("Ordinary work"));
    let path = "/incidents/alerts/1/false-positive";
    send_form(&mut viewer, path, "because=a+scanner&days=30");
    assert_eq!(*console.site.marks.lock().unwrap(), []);
    send_form(&mut ann, path, "because=a+scanner&days=30");
    let did = console.site.done.lock().unwrap().clone();
    assert_eq!(did, ["ann: mark Alert(1) for 2592000 s"]);
    assert_eq!(console.site.marks.lock().unwrap()[0].because, "a scanner");
}
