//! What to do next, by what was seen and what is at stake.

use super::tactic::Tactic;
use crate::entity::{EntityKind, Tier};

/// Who takes part in a story, for advice.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) kind: EntityKind,
    pub(super) tiers: &'a [Tier],
}

/// Steps at most: who is woken at night reads no more.
const STEPS_MAX: usize = 6;

/// What to do next about a finding that belongs to no story.
#[must_use]
pub fn advice(tactics: &[Tactic], machine: Option<&str>, person: Option<&str>) -> Vec<String> {
    let part = |name, kind| Part { name, kind, tiers: &[] };
    let machine = machine.map(|name| part(name, EntityKind::Machine));
    let parts: Vec<Part<'_>> = machine
        .into_iter()
        .chain(person.map(|name| part(name, EntityKind::Person)))
        .collect();
    let mut steps = steps(tactics, &parts);
    // The last is about stories.
    steps.pop();
    steps
}

/// What to do next, the most urgent first.
pub(super) fn steps(tactics: &[Tactic], parts: &[Part<'_>]) -> Vec<String> {
    let mut steps = Vec::new();
    let late = tactics.iter().any(|tactic| *tactic >= Tactic::Exfiltration);
    let machines = names(parts, EntityKind::Machine, 4);
    let people = names(parts, EntityKind::Person, 4);
    let precious: Vec<&str> = parts
        .iter()
        .filter(|part| part.tiers.iter().any(|tier| tier.is_tier_zero()))
        .map(|part| part.name)
        .take(4)
        .collect();
    if tactics.contains(&Tactic::Impact) && !machines.is_empty() {
        steps.push(format!("Take {machines} off the network now; pin the restore points from before this story began, and don't switch off: memory is evidence."));
    }
    if !precious.is_empty() {
        let precious = precious.join(", ");
        steps.push(format!("{precious}: whoever has this has everything. Check who signed in there since the story began, and prepare to change its credentials."));
    }
    if !people.is_empty() {
        steps.push(format!("Call {people} on a number that you know already, not on one from a ticket; end the sessions and reset password and factors if the deeds aren't theirs."));
    }
    if !machines.is_empty() && !late {
        steps.push(format!(
            "Look at {machines} in the order of the stages; isolate what can't be explained."
        ));
    }
    for tactic in tactics.iter().rev() {
        if let Some(step) = about(*tactic) {
            steps.push(step.to_owned());
        }
    }
    steps.truncate(STEPS_MAX);
    steps.push("If it's ordinary work after all, say so with `holdfast threat mark`: the same findings on the same entities are then left out until the mark ends.".to_owned());
    steps
}

const fn about(tactic: Tactic) -> Option<&'static str> {
    Some(match tactic {
        Tactic::Impact => {
            "Check that backups and snapshots are still there, from an account that isn't part of this story."
        }
        Tactic::Exfiltration => {
            "Find out what left and to where: flows of these machines since the story began; the data protection officer has 72 hours."
        }
        Tactic::CommandAndControl => {
            "Block the addresses and tools of the remote control at the edge, after they are written down."
        }
        Tactic::LateralMovement => {
            "List where the accounts of this story signed in since, and look at those machines too."
        }
        Tactic::CredentialAccess => {
            "Treat every credential used on these machines as known to the attacker; change the strongest first."
        }
        Tactic::Persistence => {
            "Look for what was installed to stay: services, tasks, keys, factors, applications with consent."
        }
        Tactic::PrivilegeEscalation => "Check which rights were gained, and take them back.",
        Tactic::DefenseEvasion => {
            "Check that logging and protection still run on these machines: what is silent may have been silenced."
        }
        Tactic::InitialAccess => "Close the way in: the service, account or factor of the first stage.",
        Tactic::Reconnaissance
        | Tactic::ResourceDevelopment
        | Tactic::Execution
        | Tactic::Discovery
        | Tactic::Collection => return None,
    })
}

fn names(parts: &[Part<'_>], kind: EntityKind, max: usize) -> String {
    let names: Vec<&str> = parts
        .iter()
        .filter(|part| part.kind == kind)
        .map(|part| part.name)
        .collect();
    let more = names.len().saturating_sub(max);
    let shown = names.iter().take(max).copied().collect::<Vec<_>>().join(", ");
    if more > 0 {
        format!("{shown} and {more} more")
    } else {
        shown
    }
}
