//! What a table of a file of policies means: defaults filled in, keys checked against each other.

use toml::Spanned;

use super::file::{ApprovalTable, ApprovalValue, PolicyTable, StepTable, WhenTable, Wrong};
use super::glob::Glob;
use super::hours::Hours;
use super::vocabulary::{Approval, Count, Counted, Limit, Policy, Step, Target, When};
use crate::action::ActionKind;

/// For how long the same action isn't done again on the same volume, unless a policy says otherwise.
const COOLDOWN_MILLIS: i64 = 600_000;
/// Actions of one policy.
const STEPS_MAX: usize = 32;
/// The longest description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 1000;
/// How often something can be asked to have happened, and how often a policy may act.
const COUNT_MAX: u32 = 1000;
/// People who can be asked to approve.
const QUORUM_MAX: u32 = 20;
/// How long a guard can be made more suspicious: a week, as long as work can be announced.
const SENSITIVITY_MILLIS_MAX: i64 = 7 * 86_400_000;

/// The keys of an action beside `do` and `on`.
const KEYS: [&str; 7] = ["how", "diverted", "percent", "for", "group", "target", "name"];

pub(super) fn policy(table: &Spanned<PolicyTable>, file: &str) -> Result<Policy, Wrong> {
    let policy = table.get_ref();
    let is_enabled = policy.enabled.unwrap_or(true);
    if policy.description.len() > DESCRIPTION_BYTES_MAX {
        let cause = format!("a description has at most {DESCRIPTION_BYTES_MAX} bytes");
        return Err(Wrong::at(&policy.name, cause));
    }
    let then = policy.then.as_deref().unwrap_or(&[]);
    if is_enabled && (policy.when.is_none() || then.is_empty()) {
        let cause = "a policy needs `when = { ... }` and `then = [{ do = ... }, ...]`, unless it has `enabled = false`";
        return Err(Wrong::at(&policy.name, cause));
    }
    if let Some(step) = then.get(STEPS_MAX) {
        return Err(Wrong::at(step, format!("a policy has at most {STEPS_MAX} actions")));
    }
    let limit = policy.limit.as_ref().map(|limit| {
        let most = within(&limit.most, "most", 1, COUNT_MAX)?;
        let within_millis = limit.within.0.0;
        Ok(Limit { most, within_millis })
    });
    Ok(Policy {
        name: policy.name.get_ref().0.0.clone(),
        description: policy.description.clone(),
        is_enabled,
        when: policy.when.as_ref().map_or_else(|| Ok(When::default()), when)?,
        then: then.iter().map(step).collect::<Result<_, _>>()?,
        approval: policy.approval.as_ref().map_or(Ok(None), approval)?,
        limit: limit.transpose()?,
        cooldown_millis: policy.cooldown.as_ref().map_or(COOLDOWN_MILLIS, |span| span.0.0),
        source: file.to_owned(),
    })
}

fn when(table: &Spanned<WhenTable>) -> Result<When, Wrong> {
    let when = table.get_ref();
    let score = when.score.as_ref().map(|score| within(score, "score", 1, 100));
    Ok(When {
        layers: when.layer.0.clone(),
        kinds: when.kind.0.clone(),
        severity: when.severity.as_ref().map(|severity| severity.0),
        score: score.transpose()?,
        volumes: when.volume.0.clone(),
        hosts: when.host.0.clone(),
        identities: when.identity.0.clone(),
        hours: hours(when)?,
        count: count(when)?,
    })
}

fn hours(when: &WhenTable) -> Result<Option<Hours>, Wrong> {
    let span = when.hours.as_ref().map(|span| span.0.0);
    let days = (!when.weekdays.0.is_empty()).then(|| {
        let mut days = [false; 7];
        for day in &when.weekdays.0 {
            if let Some(named) = days.get_mut(day.0) {
                *named = true;
            }
        }
        days
    });
    let zone = when.zone.as_ref();
    match (span, days, zone) {
        (None, None, Some(zone)) => Err(Wrong::at(zone, "`zone` needs `hours` or `weekdays` that it is for")),
        (None, None, None) => Ok(None),
        (span, days, zone) => Ok(Some(Hours {
            span,
            days,
            zone: zone.map(|zone| zone.get_ref().0.clone()),
        })),
    }
}

fn count(when: &WhenTable) -> Result<Option<Count>, Wrong> {
    let of = when.of.as_ref().map(|of| match of.get_ref().as_str() {
        "alerts" => Ok(Counted::Alerts),
        "volumes" => Ok(Counted::Volumes),
        "hosts" => Ok(Counted::Hosts),
        "identities" => Ok(Counted::Identities),
        other => {
            let cause = format!("`{other}` can't be counted; expected alerts, volumes, hosts or identities");
            Err(Wrong::at(of, cause))
        }
    });
    match (&when.count, &when.within, &when.of) {
        (Some(count), Some(span), _) => Ok(Some(Count {
            least: within(count, "count", 2, COUNT_MAX)?,
            within_millis: span.get_ref().0.0,
            of: of.transpose()?.unwrap_or_default(),
        })),
        (Some(count), None, _) => Err(Wrong::at(count, "`count` needs `within`, like `within = \"10m\"`")),
        (None, Some(span), _) => Err(Wrong::at(span, "`within` needs `count`, like `count = 3`")),
        (None, None, Some(of)) => Err(Wrong::at(of, "`of` needs `count` and `within`")),
        (None, None, None) => Ok(None),
    }
}

fn step(table: &Spanned<StepTable>) -> Result<Step, Wrong> {
    let step = table.get_ref();
    let volume = String::new();
    let (what, keys): (ActionKind, &[&str]) = match step.what.get_ref().as_str() {
        "pin" => (ActionKind::Pin { volume }, &[]),
        "fence" => (
            ActionKind::Fence {
                volume,
                how: how(step)?,
            },
            &["how"],
        ),
        "release" => {
            let diverted = step.diverted.as_ref().map(|value| one_of(value, &["keep", "drop"]));
            let diverted = diverted.transpose()?;
            (ActionKind::Release { volume, diverted }, &["diverted"])
        }
        "sensitivity" => (sensitivity(step)?, &["percent", "for"]),
        "drill" => (ActionKind::Drill { volume }, &[]),
        "notify" => {
            let group = step.group.as_ref().map(|group| group.get_ref().0.0.clone());
            (ActionKind::Notify { group }, &["group"])
        }
        "webhook" => {
            let target = needed(step, &step.target, "target", "\"siem\"")?;
            let target = target.get_ref().0.0.clone();
            (ActionKind::Webhook { target }, &["target"])
        }
        "command" => {
            let name = needed(step, &step.name, "name", "\"isolate-host\"")?;
            let name = name.get_ref().0.0.clone();
            (ActionKind::Command { name }, &["name"])
        }
        other => {
            let cause = format!(
                "`{other}` is no action; expected pin, fence, release, sensitivity, drill, notify, webhook or command"
            );
            return Err(Wrong::at(&step.what, cause));
        }
    };
    check_keys(step, keys)?;
    Ok(Step {
        on: target(step, &what)?,
        what,
    })
}

/// Refuses keys that say something of another action: nobody may think that they are obeyed.
fn check_keys(step: &StepTable, allowed: &[&str]) -> Result<(), Wrong> {
    let given = [
        step.how.as_ref().map(Spanned::span),
        step.diverted.as_ref().map(Spanned::span),
        step.percent.as_ref().map(Spanned::span),
        step.lasting.as_ref().map(Spanned::span),
        step.group.as_ref().map(Spanned::span),
        step.target.as_ref().map(Spanned::span),
        step.name.as_ref().map(Spanned::span),
    ];
    let mut foreign = KEYS.iter().zip(given).filter(|(key, _)| !allowed.contains(key));
    match foreign.find_map(|(key, at)| Some((key, at?))) {
        None => Ok(()),
        Some((key, at)) => Err(Wrong {
            at,
            cause: format!("`{key}` says nothing about `{}`", step.what.get_ref()),
        }),
    }
}

fn how(step: &StepTable) -> Result<String, Wrong> {
    match &step.how {
        None => Ok("divert".to_owned()),
        Some(how) => one_of(how, &["refuse", "pause", "divert"]),
    }
}

fn sensitivity(step: &StepTable) -> Result<ActionKind, Wrong> {
    let percent = within(needed(step, &step.percent, "percent", "50")?, "percent", 10, 99)?;
    let lasting = needed(step, &step.lasting, "for", "\"2h\"")?;
    let (at, lasting) = (lasting, lasting.get_ref().0.0);
    if lasting > SENSITIVITY_MILLIS_MAX {
        return Err(Wrong::at(
            at,
            "a guard can be made more suspicious `for` up to seven days",
        ));
    }
    Ok(ActionKind::Sensitivity {
        volume: String::new(),
        percent,
        seconds: u64::try_from(lasting / 1000).unwrap_or(0),
    })
}

fn target(step: &StepTable, what: &ActionKind) -> Result<Target, Wrong> {
    let Some(on) = &step.on else {
        return Ok(Target::Volume);
    };
    if what.volume().is_none() {
        let cause = format!(
            "`on` says nothing about `{}`, which concerns no volume",
            step.what.get_ref()
        );
        return Err(Wrong::at(on, cause));
    }
    match on.get_ref().as_str() {
        "volume" => Ok(Target::Volume),
        "incident" => Ok(Target::Incident),
        "others" => Ok(Target::Others),
        "all" => Ok(Target::All),
        name => {
            let glob = name.strip_prefix("volume:").ok_or_else(|| {
                let cause =
                    format!("`{name}` names no volumes; expected volume, incident, others, all or `volume:NAME`");
                Wrong::at(on, cause)
            })?;
            let glob = Glob::parse(glob).map_err(|cause| Wrong::at(on, cause))?;
            Ok(Target::Named(glob))
        }
    }
}

fn approval(value: &ApprovalValue) -> Result<Option<Approval>, Wrong> {
    let table = match value {
        ApprovalValue::Plain(false) => return Ok(None),
        ApprovalValue::Plain(true) => &ApprovalTable::default(),
        ApprovalValue::Table(table) => table,
    };
    let quorum = table
        .quorum
        .as_ref()
        .map(|quorum| within(quorum, "quorum", 1, QUORUM_MAX));
    Ok(Some(Approval {
        quorum: quorum.transpose()?,
        expires_millis: table.expires.as_ref().map(|span| span.0.0),
    }))
}

fn needed<'s, T>(
    step: &StepTable,
    value: &'s Option<Spanned<T>>,
    key: &str,
    example: &str,
) -> Result<&'s Spanned<T>, Wrong> {
    value.as_ref().ok_or_else(|| {
        let cause = format!("`{}` needs `{key}`, like `{key} = {example}`", step.what.get_ref());
        Wrong::at(&step.what, cause)
    })
}

fn one_of(value: &Spanned<String>, words: &[&str]) -> Result<String, Wrong> {
    let text = value.get_ref();
    if words.contains(&text.as_str()) {
        return Ok(text.clone());
    }
    Err(Wrong::at(
        value,
        format!("`{text}` isn't known here; expected one of {}", words.join(", ")),
    ))
}

fn within(value: &Spanned<u32>, key: &str, least: u32, most: u32) -> Result<u32, Wrong> {
    let number = *value.get_ref();
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(Wrong::at(
        value,
        format!("{key}: `{number}` is not within {least} to {most}"),
    ))
}
