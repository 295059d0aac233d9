//! Policies: checked, tried out, carried out by the daemon, and after a kill.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Place;

const PATIENCE: Duration = Duration::from_secs(20);

fn write_policy(place: &Place, text: &str) {
    std::fs::create_dir_all(place.path("policies")).unwrap();
    std::fs::write(place.path("policies/own.toml"), text).unwrap();
}

fn actions(place: &Place) -> Vec<Value> {
    let list = place.json(&["actions", "list"]);
    list.get("actions").unwrap().as_array().unwrap().clone()
}

/// Actions of a kind and their states, the oldest first.
fn states(place: &Place, kind: &str) -> Vec<String> {
    let of_kind = actions(place)
        .into_iter()
        .rev()
        .filter(|action| action.get("do").unwrap() == kind);
    of_kind
        .map(|action| action.get("state").unwrap().as_str().unwrap().to_owned())
        .collect()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn pins(place: &Place, volume: &str) -> Vec<String> {
    let shown = place.json(&["volume", "show", volume]);
    let pins = shown.pointer("/pins").unwrap().as_array().unwrap().iter();
    pins.map(|pin| pin.get("name").unwrap().as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn policies_are_checked_explained_and_named_with_what_is_wrong() {
    let place = Place::new("policy-check");
    place.ok(&["volume", "create", "disk", "64M"]);
    assert_eq!(
        place.ok(&["policy", "check"]),
        "11 policies, 0 of them your own: all can be used\n"
    );
    write_policy(
        &place,
        "[[policy]]\nname = \"a\"\nwhen = { volume = \"nas\" }\nthen = [{ do = \"pin\" }]\n",
    );
    assert_eq!(
        place.ok(&["policy", "check"]),
        "12 policies, 1 of them your own: all can be used\nwarning: `FOLDER/policies/own.toml`, policy `a`: no volume is named `nas`: \
         it does nothing until one is\n"
    );
    assert!(place.ok(&["policy", "list"]).contains("encryption-recognised"));
    let text = place.ok(&["policy", "explain", "a"]);
    assert!(
        text.ends_with(
            "then the newest moment of the volume is kept. The same isn't done again on the same volume for 10 min.\n"
        ),
        "{text}"
    );
    let defaults = place.ok(&["policy", "defaults"]);
    std::fs::write(place.path("copy.toml"), defaults).unwrap();
    place.ok(&["policy", "check", "copy.toml"]);
    write_policy(
        &place,
        "[[policy]]\nname = \"a\"\nwhen = { severity = \"bad\" }\nthen = [{ do = \"pin\" }]\n",
    );
    let (code, error) = place.fails(&["policy", "check"]);
    assert_eq!(
        (code, error.lines().next().unwrap()),
        (
            7,
            "error: `FOLDER/policies/own.toml` line 3, column 21: `bad` is no severity; expected informational, low, medium, high or \
             critical"
        )
    );
    assert_eq!(place.fails(&["policy", "explain", "b"]).0, 7);
    // A daemon serves the disks all the same, and says so.
    let daemon = place.up(&["--empty"]);
    daemon.wait_for_log("`bad` is no severity");
    daemon.wait_for_log("the policies before stay in force");
}

const POLICY: &str = "[[policy]]\nname = \"spread\"\nwhen = { kind = \"fenced-by-hand\", volume = \"a\" }\nthen = [{ do = \"pin\" }, { \
                      do = \"fence\", how = \"refuse\", on = \"volume:b\" }, { do = \"sensitivity\", percent = 50, for = \"2h\", on = \
                      \"others\" }, { do = \"command\", name = \"note\" }]\n";

fn spread(name: &str, script: &str) -> Place {
    let place = Place::new(name);
    for volume in ["a", "b", "c"] {
        place.ok(&["volume", "create", volume, "64M"]);
    }
    let config = format!(
        "[respond.commands.note]\nprogram = \"/bin/sh\"\narguments = [\"-c\", {script:?}]\ntimeout = \"60s\"\n"
    );
    std::fs::write(place.path("h.toml"), config).unwrap();
    write_policy(&place, POLICY);
    place
}

#[test]
fn what_a_policy_decides_is_done_once_marked_and_on_record() {
    let place = Place::new("policy-spread");
    let noted = place.path("noted");
    drop(place);
    let place = spread(
        "policy-spread",
        &format!("echo $HOLDFAST_VOLUME $HOLDFAST_KIND $HOLDFAST_ACTION_ID >> {noted}"),
    );
    let daemon = place.up(&["--empty"]);
    place.ok(&["guard", "fence", "a", "--because", "a call"]);
    wait_until("all is done", || {
        let states = ["pin", "fence", "sensitivity", "command"].map(|kind| states(&place, kind));
        states.concat().len() == 5 && states.concat().iter().all(|state| state == "done")
    });
    let pin = pins(&place, "a").into_iter().find(|pin| pin.starts_with("action-"));
    assert!(pin.is_some());
    let status = |volume: &str| place.json(&["guard", "status", volume])["guards"][0]["status"].clone();
    assert_eq!(status("b")["fence"], "refuse");
    assert_eq!(status("c")["fence"], Value::Null);
    assert_eq!(status("c")["sensitive"]["percent"], 50);
    let text = std::fs::read_to_string(&noted).unwrap();
    assert!(
        text.starts_with("a fenced-by-hand action-") && text.lines().count() == 1,
        "{text}"
    );
    let replayed = place.ok(&["policy", "test", "--replay", "--since", "-1h"]);
    assert!(
        replayed.contains("fence `b` (refuse)") && replayed.contains("at once"),
        "{replayed}"
    );
    assert_eq!(states(&place, "fence"), ["done"], "a trial does nothing");
    drop(daemon);
}

#[test]
fn a_command_that_a_kill_interrupts_is_not_run_again() {
    let place = Place::new("policy-kill");
    let noted = place.path("noted");
    drop(place);
    let place = spread("policy-kill", &format!("echo begun >> {noted}; sleep 5"));
    let daemon = place.up(&["--empty"]);
    place.ok(&["guard", "fence", "a", "--because", "a call"]);
    wait_until("it runs", || Path::new(&noted).exists());
    daemon.kill();
    let daemon = place.up(&["--empty"]);
    wait_until("it is known", || states(&place, "command") == ["unknown"]);
    wait_until("the others are done", || {
        states(&place, "sensitivity") == ["done", "done"]
    });
    assert_eq!(std::fs::read_to_string(&noted).unwrap(), "begun\n");
    let verified = place.json(&["ledger", "verify"]);
    assert!(verified.get("error").is_none(), "{verified}");
    drop(daemon);
}

#[test]
fn killed_at_any_moment_every_action_was_done_once_in_the_end() {
    let mut rounds_known = 0;
    for (round, millis) in [0, 3, 6, 10, 15, 25, 40, 80, 500].into_iter().enumerate() {
        let place = spread(&format!("policy-kill-{round}"), "true");
        let daemon = place.up(&["--empty"]);
        place.ok(&["guard", "fence", "a", "--because", "a call"]);
        std::thread::sleep(Duration::from_millis(millis));
        daemon.kill();
        let daemon = place.up(&["--empty"]);
        // An alert that wasn't in the ledger yet when the daemon was killed is told by the guard again, as another kind.
        let is_known = !states(&place, "pin").is_empty();
        rounds_known += usize::from(is_known);
        if is_known {
            wait_until("all has ended", || {
                let ended = |kind| {
                    states(&place, kind)
                        .iter()
                        .all(|state| matches!(state.as_str(), "done" | "unknown"))
                };
                ["pin", "fence", "sensitivity", "command"].into_iter().all(ended)
            });
            assert_eq!(states(&place, "pin"), ["done"], "after {millis} ms");
            assert_eq!(states(&place, "fence"), ["done"], "after {millis} ms");
            let marked = pins(&place, "a")
                .into_iter()
                .filter(|pin| pin.starts_with("action-"))
                .count();
            assert_eq!(marked, 1, "after {millis} ms");
        }
        drop(daemon);
    }
    assert!(rounds_known > 0, "the daemon was always killed before it knew");
}

#[test]
fn a_disk_that_is_fenced_already_is_left_as_it_is() {
    let place = Place::new("policy-fenced");
    place.ok(&["volume", "create", "a", "64M"]);
    write_policy(
        &place,
        "[[policy]]\nname = \"own\"\nwhen = { kind = \"fenced-by-hand\" }\nthen = [{ do = \"fence\" }]\n",
    );
    let daemon = place.up(&["--empty"]);
    place.ok(&["guard", "fence", "a", "--how", "pause", "--because", "a call"]);
    wait_until("it has ended", || states(&place, "fence") == ["done"]);
    let list = place.json(&["actions", "list"]).to_string();
    assert!(list.contains("fenced already (pause)"), "{list}");
    drop(daemon);
}
