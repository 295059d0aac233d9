//! How many alerts one rule may have: whoever makes up machines could otherwise fill the ledger, which forgets nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use respond::alert::NewAlert;
use threat::alert::Finder;

use super::told::ATTACKS;

/// Alerts of one rule within the span, and of all stories. Those about a disk that is here don't count: they are few.
const EACH_MAX: u32 = 1000;
const SPAN: Duration = Duration::from_secs(3600);

/// How many alerts each rule had lately. As many rules as are loaded.
#[derive(Debug)]
pub(super) struct Floods {
    began: Instant,
    /// Of stories under none.
    told: BTreeMap<Option<Finder>, u32>,
}

impl Floods {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            told: BTreeMap::new(),
        }
    }

    /// What is to be told of a finding: all, until its rule has had too many. The last one says so.
    pub(super) fn admitted(&mut self, finder: &Finder, now: Instant, mut alerts: Vec<NewAlert>) -> Vec<NewAlert> {
        if alerts.iter().any(|alert| alert.volume.is_some()) {
            return alerts;
        }
        let is_story = alerts.iter().any(|alert| ATTACKS.contains(&alert.kind.as_str()));
        if now.duration_since(self.began) >= SPAN {
            *self = Self::new(now);
        }
        let counted = (!is_story).then(|| finder.clone());
        let told = self.told.entry(counted).or_default();
        *told = told.saturating_add(1);
        match (*told).cmp(&EACH_MAX) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => alerts.iter_mut().for_each(say_that_it_is_the_last),
            std::cmp::Ordering::Greater => alerts.clear(),
        }
        alerts
    }
}

fn say_that_it_is_the_last(alert: &mut NewAlert) {
    alert.title = format!("A flood of alerts: {}", alert.title);
    alert.text = format!(
        "{EACH_MAX} alerts of this rule, or of stories, came within an hour. Further ones on machines without a disk here are kept in stories \
         alone until the hour is over. Somebody may be hiding something among them, or the rule fires on what is ordinary: look at \
         `holdfast threat stories`, and except what is ordinary in [rules].\n{}",
        alert.text
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use respond::Time;
    use respond::alert::{Layer, Severity};

    fn alert(kind: &str, volume: Option<&str>) -> Vec<NewAlert> {
        vec![NewAlert {
            time: Time::from_unix_millis(0),
            layer: Layer::Threat,
            kind: kind.to_owned(),
            severity: Severity::High,
            volume: volume.map(str::to_owned),
            host: Some("made-up".to_owned()),
            identity: None,
            title: "Found".to_owned(),
            text: "Found.".to_owned(),
            facts: serde_json::Map::new(),
        }]
    }

    #[test]
    fn a_flood_of_one_rule_ends_with_a_word_and_hides_no_disk_story_or_other_rule() {
        let now = Instant::now();
        let mut floods = Floods::new(now);
        let rule = |name: &str| Finder::Rule(name.into());
        let told: Vec<_> = (0..5_000)
            .flat_map(|_| floods.admitted(&rule("a"), now, alert("finding", None)))
            .collect();
        assert_eq!(told.len(), 1000);
        assert!(told[999].title.starts_with("A flood") && told[998].title == "Found");
        assert_eq!(
            floods.admitted(&rule("a"), now, alert("finding", Some("disk"))).len(),
            1
        );
        assert_eq!(floods.admitted(&rule("a"), now, alert("attack", None)).len(), 1);
        assert_eq!(floods.admitted(&rule("b"), now, alert("finding", None)).len(), 1);
        assert_eq!(floods.admitted(&rule("a"), now + SPAN, alert("finding", None)).len(), 1);
    }
}
