//! The stages of an attack by ransomware, as rules name them with `holdfast: stage:`.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use yaml_serde::Value;

/// What happens in each stage, the first first.
const STAGES: [&str; 22] = [
    "identity data is bought",
    "a look-alike domain is set up",
    "a password is reset by the help desk",
    "a second factor is reset, or a temporary pass given",
    "a new factor or device is enrolled",
    "push messages wear somebody down",
    "the attacker signs in",
    "the way in is complete: reset, factor and sign-in in order",
    "federation, an identity provider or an application is changed",
    "an administrator's role is taken",
    "mail, files and secrets are searched",
    "VPN or remote desktop brings the attacker inside",
    "the network is explored",
    "remote control, tunnels and remote execution",
    "protection and recording are switched off",
    "the directory's accounts, hashes and rights are taken",
    "disks and copies of virtual machines are taken",
    "vCenter's appliance is taken over",
    "ESXi hosts are opened",
    "backups and snapshots are deleted",
    "data is copied out",
    "machines are stopped and data is encrypted",
];

/// A stage of an attack: from 1, identity data is bought, to 22, data is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Stage(u8);

impl Stage {
    /// The stage that a rule's own fields name, if they do.
    pub(super) fn of(fields: &HashMap<String, Value>) -> Option<Self> {
        let number = u8::try_from(fields.get("holdfast")?.get("stage")?.as_u64()?).ok()?;
        (1..=STAGES.len())
            .contains(&usize::from(number))
            .then_some(Self(number))
    }

    /// What happens in it.
    #[must_use]
    pub fn words(self) -> &'static str {
        let place = usize::from(self.0).checked_sub(1);
        place.and_then(|place| STAGES.get(place)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{load, pack};

    #[test]
    fn every_stage_that_the_pack_names_is_known() {
        let loaded = load(pack::RULES.iter().copied());
        let texts = pack::RULES.iter().map(|(_, text)| text.matches("\n  stage: ").count());
        let known = loaded.rules.iter().filter(|rule| rule.stage.is_some()).count();
        assert_eq!(known, texts.sum::<usize>());
        let last = loaded.rules.iter().filter_map(|rule| rule.stage).max().unwrap();
        assert_eq!(last.words(), "machines are stopped and data is encrypted");
    }

    #[test]
    fn what_is_no_stage_is_none() {
        for value in ["0", "23", "-1", "300", "sometime", "[1]"] {
            let fields = yaml_serde::from_str(&format!("holdfast: {{stage: {value}}}")).unwrap();
            assert_eq!(Stage::of(&fields), None, "{value}");
        }
    }
}
