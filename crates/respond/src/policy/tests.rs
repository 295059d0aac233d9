//! Policies are read, refused with the place of what is wrong, and decide what they say.

use jiff::tz::TimeZone;

use super::*;
use crate::alert::{Alert, AlertId, Layer, NewAlert, Severity};
use crate::time::Time;

const START: i64 = 1_795_428_900_000;

fn at(second: i64) -> Time {
    Time::from_unix_millis(START + 1000 * second)
}

pub(crate) fn alert(id: i64, second: i64, kind: &str, volume: &str) -> Alert {
    Alert {
        id: AlertId(id),
        noticed: NewAlert {
            time: at(second),
            layer: Layer::Guard,
            kind: kind.to_owned(),
            severity: Severity::Critical,
            volume: Some(volume.to_owned()),
            host: None,
            identity: None,
            title: "Encryption recognised".to_owned(),
            text: "Encryption recognised on a disk.".to_owned(),
            facts: serde_json::Map::new(),
        },
        last: at(second),
        count: 1,
        incident: None,
        part_of: None,
        parts: crate::alert::Parts::default(),
    }
}

fn parse(text: &str) -> Policies {
    Policies::parse(text, "p.toml").unwrap()
}

fn error(text: &str) -> String {
    Policies::parse(text, "p.toml").unwrap_err().to_string()
}

fn volumes(names: &[&str]) -> Known {
    Known {
        volumes: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Known::default()
    }
}

fn decided(policies: &Policies, alert: &Alert, recent: &dyn Recent) -> Vec<String> {
    let decisions = policies
        .decide(alert, None, recent, alert.last, &TimeZone::UTC)
        .unwrap();
    decisions.iter().map(|decision| decision.action.text()).collect()
}

#[test]
fn the_built_in_policies_are_read_and_explained() {
    let policies = Policies::defaults();
    assert_eq!(policies.all().len(), 11);
    assert_eq!(Policies::parse(Policies::defaults_text(), BUILT_IN).unwrap(), policies);
    for policy in policies.all() {
        assert!(!policy.description.is_empty(), "{}", policy.name);
    }
    assert_eq!(
        explain(policies.of_name("several-volumes-attacked").unwrap()),
        "When `fenced` or `diverted` or `would-fence` is noticed, by the layer guard, for at least 2 volumes within 1 h, then the \
         newest moment of every volume is kept; the guard of every other volume acts at 50 % of the usual suspicion for 12 h; people \
         are told. The same isn't done again on the same volume for 1 h."
    );
}

/// A policy with these conditions and this action.
fn rule(when: &str, then: &str) -> String {
    format!("[[policy]]\nname = \"a\"\nwhen = {{ {when} }}\nthen = [{{ {then} }}]\n")
}

fn assert_refused(cases: &[(String, &str)]) {
    for (text, expected) in cases {
        let error = error(text);
        assert!(
            error.starts_with("`p.toml` line ") && error.contains(expected),
            "{error}\nexpected {expected}\n{text}"
        );
    }
}

#[test]
fn what_is_wrong_with_conditions_is_named_with_its_place() {
    assert_refused(&[
        (
            rule("layers = \"guard\"", "do = \"pin\""),
            "line 3, column 10: unknown field `layers`, expected one of",
        ),
        (
            rule("layer = \"gard\"", "do = \"pin\""),
            "line 3, column 18: `gard` is no layer; expected volume, guard, ",
        ),
        (
            rule("severity = 4", "do = \"pin\""),
            "line 3, column 21: invalid type: integer `4`, expected a string",
        ),
        (
            rule("score = 101", "do = \"pin\""),
            "line 3, column 18: score: `101` is not within 1 to 100",
        ),
        (
            rule("count = 3", "do = \"pin\""),
            "line 3, column 18: `count` needs `within`, like `within = \"10m\"`",
        ),
        (
            rule("within = \"1h\"", "do = \"pin\""),
            "line 3, column 19: `within` needs `count`, like `count = 3`",
        ),
        (
            rule("hours = \"22-6\"", "do = \"pin\""),
            "line 3, column 18: `22-6` is not a span of a day; write it like `22:00-06:00`",
        ),
        (
            rule("weekdays = [\"mon\", \"funday\"]", "do = \"pin\""),
            "`funday` is no weekday; expected mon, tue,",
        ),
        (
            rule("zone = \"UTC\"", "do = \"pin\""),
            "line 3, column 17: `zone` needs `hours` or `weekdays` that it is for",
        ),
        (
            rule("kind = []", "do = \"pin\""),
            "line 3, column 17: an empty list fits nothing",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_actions_is_named_with_its_place() {
    assert_refused(&[
        (
            rule("", "do = \"destroy\""),
            "line 4, column 16: `destroy` is no action; expected pin, fence, release,",
        ),
        (
            rule("", "do = \"pin\", how = \"divert\""),
            "line 4, column 29: `how` says nothing about `pin`",
        ),
        (
            rule("", "do = \"fence\", how = \"alert\""),
            "line 4, column 31: `alert` isn't known here; expected one of refuse, pause, divert",
        ),
        (
            rule("", "do = \"sensitivity\", percent = 150, for = \"1h\""),
            "column 41: percent: `150` is not within 10 to 99",
        ),
        (
            rule("", "do = \"sensitivity\", percent = 50"),
            "`sensitivity` needs `for`, like `for = \"2h\"`",
        ),
        (
            rule("", "do = \"sensitivity\", percent = 50, for = \"8d\""),
            "a guard can be made more suspicious `for` up to seven days",
        ),
        (
            rule("", "do = \"command\""),
            "`command` needs `name`, like `name = \"isolate-host\"`",
        ),
        (
            rule("", "do = \"notify\", on = \"all\""),
            "`on` says nothing about `notify`, which concerns no volume",
        ),
        (
            rule("", "do = \"pin\", on = \"disk\""),
            "`disk` names no volumes; expected volume, incident, others, all or `volume:NAME`",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_a_policy_as_a_whole_is_named_with_its_place() {
    assert_refused(&[
        (
            "[[policy]]\nname = \"a b\"\n".to_owned(),
            "line 2, column 8: `a b` can't be a name",
        ),
        (
            "[[policy]]\nname = \"a\"\n".to_owned(),
            "line 2, column 8: a policy needs `when = { ... }` and `then",
        ),
        (
            "[[policies]]\nname = \"a\"\n".to_owned(),
            "line 1, column 3: unknown field `policies`, expected `policy`",
        ),
        (
            rule("", "do = \"pin\"") + "cooldown = \"soon\"\n",
            "line 5, column 12: `soon` is not a span of time",
        ),
        (
            rule("", "do = \"pin\"") + "limit = { most = 0, within = \"1h\" }\n",
            "line 5, column 18: most: `0` is not within",
        ),
        (
            rule("", "do = \"pin\"") + "approval = \"yes\"\n",
            "line 5, column 12: invalid type: string \"yes\", expected `true`, `false`",
        ),
        (
            rule("", "do = \"pin\"") + "approval = { people = 2 }\n",
            "line 5, column 14: unknown field `people`, expected `quorum`",
        ),
        (
            rule("", "do = \"pin\"") + &rule("", "do = \"pin\""),
            "line 6, column 8: another policy of this file is named `a`",
        ),
        ("[[policy\n".to_owned(), "line 1, column "),
    ]);
}

#[test]
fn conditions_hold_or_say_why_not() {
    let policies = parse(
        "[[policy]]\nname = \"a\"\nwhen = { layer = [\"guard\", \"drill\"], kind = \"fen*\", severity = \"high\", volume = \"db-*\", hours = \
         \"09:00-17:00\" }\nthen = [{ do = \"pin\" }]\n",
    );
    let when = &policies.all()[0].when;
    let unmet = |change: &dyn Fn(&mut Alert)| {
        let mut alert = alert(1, 0, "fenced", "db-1");
        change(&mut alert);
        when.unmet(&alert, None, alert.last, &TimeZone::UTC)
            .map(|unmet| unmet.to_string())
    };
    assert_eq!(unmet(&|_| ()), None);
    let layer = unmet(&|alert| alert.noticed.layer = Layer::Volume);
    assert_eq!(layer.unwrap(), "its layer is `volume`");
    assert_eq!(
        unmet(&|alert| alert.noticed.kind = "calmed".to_owned()).unwrap(),
        "its kind is `calmed`"
    );
    assert_eq!(
        unmet(&|alert| alert.noticed.severity = Severity::Medium).unwrap(),
        "its severity is `medium`"
    );
    assert_eq!(
        unmet(&|alert| alert.noticed.volume = None).unwrap(),
        "it names no volume"
    );
    assert_eq!(
        unmet(&|alert| alert.noticed.volume = Some("web".to_owned())).unwrap(),
        "its volume is `web`"
    );
    let late = unmet(&|alert| alert.last = at(12 * 3600));
    assert_eq!(late.unwrap(), "it wasn't between 09:00 and 17:00");
}

#[test]
fn actions_concern_the_volumes_that_they_name() {
    let policies = parse(
        "[[policy]]\nname = \"a\"\nwhen = { kind = \"fenced\" }\nthen = [{ do = \"pin\" }, { do = \"fence\", how = \"pause\", on = \
         \"others\" }, { do = \"drill\", on = \"volume:db-*\" }, { do = \"notify\", group = \"on-call\" }]\n",
    );
    let policies = policies.knowing(volumes(&["db-1", "db-2", "web"]));
    assert_eq!(
        decided(&policies, &alert(1, 0, "fenced", "web"), &InMemory::default()),
        [
            "keep the newest moment of `web`",
            "fence `db-1` (pause)",
            "fence `db-2` (pause)",
            "run a drill on a fork of `db-1`",
            "run a drill on a fork of `db-2`",
            "tell the group `on-call`"
        ]
    );
    assert!(decided(&policies, &alert(1, 0, "calmed", "web"), &InMemory::default()).is_empty());
}

#[test]
fn a_count_is_reached_within_its_span_and_by_different_volumes() {
    let policies = parse(
        "[[policy]]\nname = \"a\"\nwhen = { kind = \"fenced\", count = 2, within = \"1m\", of = \"volumes\" }\nthen = [{ do = \
         \"notify\" }]\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = crate::Ledger::open(folder.path()).unwrap();
    let alerts = [
        (0, "a", 0),
        (10, "a", 0),
        (50, "b", 1),
        (200, "a", 0),
        (261, "b", 0),
        (262, "a", 1),
    ];
    let memory = InMemory::default();
    for (id, (second, volume, expected)) in (1..).zip(alerts) {
        let alert = alert(id, second, "fenced", volume);
        let in_ledger = ledger
            .write(|w| Ok(decided(&policies, &alert, &InLedger::new(w)).len()))
            .unwrap();
        assert_eq!(
            (in_ledger, decided(&policies, &alert, &memory).len()),
            (expected, expected),
            "alert {id}"
        );
    }
}

#[test]
fn a_flood_of_matches_is_not_kept() {
    let count = Count {
        least: 3,
        within_millis: 86_400_000,
        of: Counted::Alerts,
    };
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = crate::Ledger::open(folder.path()).unwrap();
    let memory = InMemory::default();
    ledger
        .write(|w| {
            for number in 0..1000 {
                let reached = InLedger::new(w).note("a", &number.to_string(), at(number), count)?;
                assert_eq!(reached >= 3, number >= 2);
                assert_eq!(
                    memory.note("a", &number.to_string(), at(number), count)? >= 3,
                    number >= 2
                );
            }
            Ok(())
        })
        .unwrap();
    let rows = ledger
        .connection()
        .query_row("select count(*) from policy_match", [], |row| row.get::<_, i64>(0));
    assert!(rows.unwrap() <= 4);
}

#[test]
fn a_policy_of_ones_own_replaces_the_built_in_one_of_its_name() {
    let own =
        parse("[[policy]]\nname = \"drill-failed\"\nenabled = false\n[[policy]]\nname = \"b\"\nenabled = false\n");
    let all = Policies::over_defaults(vec![own.clone()]).unwrap();
    assert_eq!(all.all().len(), Policies::defaults().all().len() + 1);
    assert!(!all.of_name("drill-failed").unwrap().is_enabled);
    let error = Policies::over_defaults(vec![own.clone(), own]).unwrap_err().to_string();
    assert!(
        error.starts_with("two policies are named `drill-failed`, one in `p.toml`"),
        "{error}"
    );
}

#[test]
fn names_that_nothing_has_are_warned_of() {
    let policies = parse(
        "[[policy]]\nname = \"a\"\nwhen = { volume = [\"disk\", \"disc\"] }\nthen = [{ do = \"command\", name = \"c\" }, { do = \
         \"webhook\", target = \"t\" }, { do = \"notify\", group = \"g\" }, { do = \"pin\", on = \"volume:x*\" }]\n",
    );
    let warnings = policies.knowing(volumes(&["disk"])).warnings();
    let texts: Vec<&str> = warnings.iter().map(|warning| warning.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "no volume is named `disc`: it does nothing until one is",
            "no volume is named `x*`: it does nothing until one is",
            "there is no command `c` in [respond.commands]: it can't be run",
            "there is no target `t` in [respond.webhooks]: nothing can be sent",
            "there is no group `g` in [notices]: nobody is told"
        ]
    );
    assert!(Policies::defaults().warnings().is_empty());
}

#[test]
fn a_replay_tells_what_would_have_been_done_and_does_nothing() {
    let policies = parse(
        "[[policy]]\nname = \"fence-all\"\nwhen = { kind = \"fenced\" }\nthen = [{ do = \"fence\", on = \"others\" }]\ncooldown = \
         \"5m\"\n[[policy]]\nname = \"b\"\nwhen = { kind = \"calmed\" }\nthen = [{ do = \"release\" }]\napproval = true\n",
    );
    let policies = policies.knowing(volumes(&["a", "b", "c", "d", "e"]));
    let alerts = [
        alert(1, 0, "fenced", "a"),
        alert(2, 10, "fenced", "b"),
        alert(3, 20, "calmed", "a"),
    ];
    let replayed = replay(&policies, alerts.map(|alert| Ok((alert, None))), &TimeZone::UTC).unwrap();
    let lines: Vec<(String, Outcome)> = replayed.into_iter().map(|done| (done.text, done.outcome)).collect();
    assert_eq!(
        lines,
        [
            ("fence `b` (divert)".to_owned(), Outcome::AtOnce),
            ("fence `c` (divert)".to_owned(), Outcome::AtOnce),
            ("fence `d` (divert)".to_owned(), Outcome::AtOnce),
            ("fence `e` (divert)".to_owned(), Outcome::Limit),
            ("fence `a` (divert)".to_owned(), Outcome::Limit),
            ("take down the fence of `a`".to_owned(), Outcome::Approval)
        ]
    );
}
