//! Policies in words.

use super::decide::word;
use super::vocabulary::{Policy, Step, Target, When};
use super::{Approval, Glob};
use crate::action::ActionKind;

/// What a policy does, in sentences.
#[must_use]
pub fn explain(policy: &Policy) -> String {
    let mut text = String::new();
    if !policy.is_enabled {
        text += "It is turned off. ";
    }
    text += &format!("When {}, then ", when(&policy.when));
    let steps: Vec<String> = policy.then.iter().map(step).collect();
    text += &match steps.as_slice() {
        [] => "nothing is done".to_owned(),
        steps => steps.join("; "),
    };
    text += match policy.approval {
        None => ".",
        Some(Approval { quorum: None, .. }) => ", once that is approved.",
        Some(_) => ", once enough people have approved that.",
    };
    if let Some(count) = policy.approval.and_then(|approval| approval.quorum) {
        text += &format!(" {count} have to.");
    }
    text += &format!(
        " The same isn't done again on the same volume for {}.",
        span(policy.cooldown_millis)
    );
    if let Some(limit) = policy.limit {
        text += &format!(
            " It acts at most {} times within {}; what is more waits for an approval.",
            limit.most,
            span(limit.within_millis)
        );
    }
    text
}

fn when(when: &When) -> String {
    let mut parts = Vec::new();
    let list = |words: Vec<String>| words.join(" or ");
    let globs = |globs: &[Glob]| list(globs.iter().map(|glob| format!("`{glob}`")).collect());
    if !when.layers.is_empty() {
        parts.push(format!("by the layer {}", list(when.layers.iter().map(word).collect())));
    }
    if let Some(severity) = &when.severity {
        parts.push(format!("at least {}", word(severity)));
    }
    if let Some(score) = when.score {
        parts.push(format!("in an incident that scores {score} or more"));
    }
    for (what, names) in [
        ("on a volume named", &when.volumes),
        ("on a host named", &when.hosts),
        ("about somebody named", &when.identities),
    ] {
        if !names.is_empty() {
            parts.push(format!("{what} {}", globs(names)));
        }
    }
    if let Some(hours) = &when.hours {
        parts.push(hours.to_string());
    }
    if let Some(count) = when.count {
        let (least, of) = (count.least, count.of.name());
        parts.push(format!(
            "for at least {least} {of} within {}",
            span(count.within_millis)
        ));
    }
    let what = if when.kinds.is_empty() {
        "anything".to_owned()
    } else {
        globs(&when.kinds)
    };
    let rest: String = parts.iter().map(|part| format!(", {part}")).collect();
    format!("{what} is noticed{rest}")
}

fn step(step: &Step) -> String {
    let on = match &step.on {
        Target::Volume => "the volume".to_owned(),
        Target::Incident => "every volume of the incident".to_owned(),
        Target::Others => "every other volume".to_owned(),
        Target::All => "every volume".to_owned(),
        Target::Named(glob) => format!("volumes named `{glob}`"),
    };
    match &step.what {
        ActionKind::Pin { .. } => format!("the newest moment of {on} is kept"),
        ActionKind::Fence { how, .. } => format!("{on} is fenced ({how})"),
        ActionKind::Release { diverted: None, .. } => format!("the fence of {on} comes down"),
        ActionKind::Release {
            diverted: Some(how), ..
        } => format!("the fence of {on} comes down ({how} what was diverted)"),
        ActionKind::Sensitivity { percent, seconds, .. } => format!(
            "the guard of {on} acts at {percent} % of the usual suspicion for {}",
            span(i64::try_from(*seconds).unwrap_or(i64::MAX).saturating_mul(1000))
        ),
        ActionKind::Drill { .. } => format!("a drill is run on a fork of {on}"),
        ActionKind::Notify { group: None } => "people are told".to_owned(),
        ActionKind::Notify { group: Some(group) } => format!("the group `{group}` is told"),
        ActionKind::Webhook { target } => format!("a signed message is sent to `{target}`"),
        ActionKind::Command { name } => format!("the command `{name}` is run"),
    }
}

/// A span in its largest whole unit.
pub(crate) fn span(millis: i64) -> String {
    let seconds = millis / 1000;
    for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "min")] {
        if seconds >= unit && seconds % unit == 0 {
            return format!("{} {name}", seconds / unit);
        }
    }
    format!("{seconds} s")
}
