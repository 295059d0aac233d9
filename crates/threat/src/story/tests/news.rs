//! What is a line of its own once people know of a story, and what is added to the line that told of it.

use super::*;

/// Somebody whose account was given away: a story that people were told of, about `anna` and `desk1`.
fn told() -> Watch {
    let mut watch = Watch::new();
    let change = watch.take(START, "chain", Level::Critical, "initial-access", by("anna", "desk1"));
    assert_eq!(change.map(|change| change.kind), Some(ChangeKind::Told));
    assert_eq!(change.map(|change| change.news), Some(News::New(New::Story)));
    watch
}

impl Watch {
    fn news(&mut self, after: i64, rule: &str, level: Level, tag: &str, facts: Facts) -> News {
        let change = self.take(START + after, rule, level, tag, facts);
        change.expect("it belongs to the story").news
    }

    fn is_of_tier(&mut self, machine: &str, tier: &str) {
        let list = format!("host,tier\n{machine},{tier}\n");
        self.directory.load_csv(&list, START).unwrap();
    }
}

#[test]
fn what_comes_again_within_the_hour_is_nothing_and_later_it_is_more() {
    let mut watch = told();
    let mut again = |after| watch.news(after, "macro", Level::High, "initial-access", by("anna", "desk1"));
    assert_eq!(again(MINUTE), News::More);
    assert_eq!(again(HOUR), News::Again);
    assert_eq!(again(3 * HOUR), News::More);
}

#[test]
fn a_step_of_another_kind_is_told_once() {
    let mut watch = told();
    let mut news = |after, rule, tag| watch.news(after, rule, Level::High, tag, by("anna", "desk1"));
    let new = News::New(New::Tactic(Tactic::Discovery));
    assert_eq!(news(MINUTE, "map the directory", "discovery"), new);
    assert_eq!(news(2 * MINUTE, "list the shares", "discovery"), News::More);
    assert_eq!(news(3 * MINUTE, "open a mail", "initial-access"), News::More);
}

#[test]
fn what_nobody_was_told_of_is_not_taken_for_known() {
    let mut watch = told();
    let mut news = |after, level| watch.news(after, &format!("{level:?}"), level, "exfiltration", by("anna", "desk1"));
    assert_eq!(news(MINUTE, Level::Medium), News::More);
    assert_eq!(
        news(2 * MINUTE, Level::High),
        News::New(New::Tactic(Tactic::Exfiltration))
    );
}

#[test]
fn of_a_finding_that_serves_several_ends_the_furthest_counts() {
    let mut watch = told();
    let mut news = |after, rule, tags| {
        let alert = watch.alert(START + after, rule, Level::High, tags, by("anna", "desk1"));
        watch.stories.take(&alert, &mut watch.directory).change().unwrap().news
    };
    assert_eq!(
        news(MINUTE, "role", &["persistence", "privilege-escalation"]),
        News::New(New::Tactic(Tactic::PrivilegeEscalation))
    );
    assert_eq!(news(HOUR, "service", &["execution", "persistence"]), News::More);
    assert_eq!(
        news(2 * HOUR, "copies", &["persistence", "impact"]),
        News::New(New::Tactic(Tactic::Impact))
    );
}

#[test]
fn another_machine_is_told_if_more_is_at_stake_on_it_and_a_second_one_like_it_is_not() {
    let mut watch = told();
    for (machine, tier) in [
        ("dc1", "domain-controller"),
        ("dc2", "dc"),
        ("vc", "vcenter"),
        ("esx1", "esxi"),
    ] {
        watch.is_of_tier(machine, tier);
    }
    let mut news =
        |hours, rule, machine| watch.news(hours * HOUR, rule, Level::High, "initial-access", by("anna", machine));
    assert_eq!(news(1, "a", "desk2"), News::More);
    assert_eq!(news(2, "b", "dc1"), News::New(New::Tier(Tier::DomainController)));
    assert_eq!(news(3, "c", "dc2"), News::More);
    assert_eq!(news(4, "d", "esx1"), News::New(New::Tier(Tier::Hypervisor)));
    assert_eq!(news(5, "e", "vc"), News::More, "whoever has one has the other");
}

#[test]
fn what_is_critical_is_told_each_time_unless_two_rules_notice_one_deed() {
    let mut watch = told();
    let mut news = |after, rule, tag| watch.news(after, rule, Level::Critical, tag, by("anna", "esx1"));
    assert_eq!(news(HOUR, "off", "initial-access"), News::New(New::Critical));
    assert_eq!(news(HOUR + 2, "all off", "initial-access"), News::More, "one deed");
    assert_eq!(
        news(HOUR + 3 * MINUTE, "password", "initial-access"),
        News::New(New::Critical)
    );
    assert_eq!(
        news(3 * HOUR, "off", "initial-access"),
        News::New(New::Critical),
        "again, hours later"
    );
    assert_eq!(
        news(3 * HOUR + 2, "encrypt", "impact"),
        News::New(New::Tactic(Tactic::Impact))
    );
}

#[test]
fn what_is_graver_than_what_was_just_told_or_on_others_is_another_deed() {
    let mut watch = told();
    for (after, person) in [(HOUR, "anna"), (HOUR + 1, "bert")] {
        watch.take(START + after, "look", Level::High, "initial-access", by(person, "esx1"));
    }
    let mut news = |after, rule, level, tag, facts| watch.news(after, rule, level, tag, facts);
    let (high, critical) = (Level::High, Level::Critical);
    assert_eq!(
        news(2 * HOUR, "map", high, "discovery", on("desk1")),
        News::New(New::Tactic(Tactic::Discovery))
    );
    assert_eq!(
        news(2 * HOUR + 1, "off", critical, "discovery", on("desk1")),
        News::New(New::Critical)
    );
    assert_eq!(
        news(2 * HOUR + 2, "all off", critical, "discovery", on("esx1")),
        News::New(New::Critical)
    );
}

#[test]
fn nobody_hides_behind_a_story_that_they_have_no_part_in() {
    let mut watch = told();
    let mut change = |after, rule, facts| {
        watch
            .take(START + after, rule, Level::High, "initial-access", facts)
            .unwrap()
    };
    let first = change(MINUTE, "tool", by("anna", "desk1"));
    let joined = change(2 * MINUTE, "tool", by("carl", "desk9"));
    assert_eq!(joined.story, first.story, "by its rarity");
    assert_eq!(joined.news, News::New(New::Elsewhere));
    let other = change(3 * MINUTE, "another tool", by("dora", "desk7"));
    assert_ne!(other.story, first.story);
    assert_eq!(
        other.news,
        News::New(New::Story),
        "a story of its own, that nobody was told of"
    );
}

#[test]
fn after_a_day_in_which_nothing_happened_whatever_comes_is_told() {
    let mut watch = told();
    let mut news = |after| watch.news(after, "macro", Level::High, "initial-access", by("anna", "desk1"));
    assert_eq!(news(DAY - HOUR), News::More);
    assert_eq!(news(2 * DAY), News::New(New::Resumed));
    assert_eq!(news(2 * DAY + 2 * HOUR), News::More);
}

#[test]
fn once_a_finding_of_a_story_was_marked_the_others_are_told_by_themselves() {
    let mut watch = told();
    let story = &watch.list()[0];
    let anna = story
        .entities
        .iter()
        .find(|who| who.name == "anna@acme.example")
        .unwrap()
        .id;
    let chain = Finder::Rule(Arc::from("chain"));
    assert!(watch.stories.mark(&chain, "chain", anna, &said("olga")).is_some());
    let news = watch.news(MINUTE, "macro", Level::High, "initial-access", by("anna", "desk1"));
    assert_eq!(news, News::New(New::Doubted));
}

#[test]
fn what_people_know_of_a_story_survives_a_restart() {
    let mut watch = told();
    let saved = serde_json::to_string(&watch.stories).unwrap();
    watch.stories = serde_json::from_str(&saved).unwrap();
    let mut news = |after, tag| watch.news(after, tag, Level::High, tag, by("anna", "desk1"));
    assert_eq!(news(MINUTE, "initial-access"), News::More);
    assert_eq!(news(2 * MINUTE, "impact"), News::New(New::Tactic(Tactic::Impact)));
}
