//! ATT&CK tactics in the order in which attacks usually have them.

use serde::{Deserialize, Serialize};

/// What an attacker is after with a step. In the order in which steps usually follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tactic {
    /// Finding out about the organisation from outside.
    Reconnaissance,
    /// Getting hold of domains, accounts or tools.
    ResourceDevelopment,
    /// Getting in.
    InitialAccess,
    /// Running programs.
    Execution,
    /// Staying.
    Persistence,
    /// Getting more rights.
    PrivilegeEscalation,
    /// Not being noticed.
    DefenseEvasion,
    /// Getting passwords, tickets and keys.
    CredentialAccess,
    /// Finding out about the network from inside.
    Discovery,
    /// Getting to other machines.
    LateralMovement,
    /// Gathering data.
    Collection,
    /// Steering from outside.
    CommandAndControl,
    /// Taking data out.
    Exfiltration,
    /// Encrypting, deleting, stopping.
    Impact,
}

/// Techniques whose tag often comes without a tactic's, and the tactic that they mostly serve: the number of the technique without what
/// follows its dot.
const TECHNIQUES: &[(&str, Tactic)] = &[
    ("t1003", Tactic::CredentialAccess),
    ("t1005", Tactic::Collection),
    ("t1006", Tactic::CredentialAccess),
    ("t1018", Tactic::Discovery),
    ("t1021", Tactic::LateralMovement),
    ("t1027", Tactic::DefenseEvasion),
    ("t1036", Tactic::DefenseEvasion),
    ("t1041", Tactic::Exfiltration),
    ("t1046", Tactic::Discovery),
    ("t1047", Tactic::Execution),
    ("t1048", Tactic::Exfiltration),
    ("t1053", Tactic::Persistence),
    ("t1055", Tactic::PrivilegeEscalation),
    ("t1059", Tactic::Execution),
    ("t1068", Tactic::PrivilegeEscalation),
    ("t1069", Tactic::Discovery),
    ("t1070", Tactic::DefenseEvasion),
    ("t1071", Tactic::CommandAndControl),
    ("t1078", Tactic::InitialAccess),
    ("t1087", Tactic::Discovery),
    ("t1090", Tactic::CommandAndControl),
    ("t1098", Tactic::Persistence),
    ("t1105", Tactic::CommandAndControl),
    ("t1110", Tactic::CredentialAccess),
    ("t1112", Tactic::DefenseEvasion),
    ("t1114", Tactic::Collection),
    ("t1133", Tactic::InitialAccess),
    ("t1136", Tactic::Persistence),
    ("t1190", Tactic::InitialAccess),
    ("t1204", Tactic::Execution),
    ("t1213", Tactic::Collection),
    ("t1218", Tactic::DefenseEvasion),
    ("t1219", Tactic::CommandAndControl),
    ("t1484", Tactic::PrivilegeEscalation),
    ("t1485", Tactic::Impact),
    ("t1486", Tactic::Impact),
    ("t1489", Tactic::Impact),
    ("t1490", Tactic::Impact),
    ("t1505", Tactic::Persistence),
    ("t1528", Tactic::CredentialAccess),
    ("t1529", Tactic::Impact),
    ("t1530", Tactic::Collection),
    ("t1539", Tactic::CredentialAccess),
    ("t1543", Tactic::Persistence),
    ("t1547", Tactic::Persistence),
    ("t1548", Tactic::PrivilegeEscalation),
    ("t1550", Tactic::LateralMovement),
    ("t1552", Tactic::CredentialAccess),
    ("t1555", Tactic::CredentialAccess),
    ("t1556", Tactic::CredentialAccess),
    ("t1558", Tactic::CredentialAccess),
    ("t1562", Tactic::DefenseEvasion),
    ("t1564", Tactic::DefenseEvasion),
    ("t1566", Tactic::InitialAccess),
    ("t1567", Tactic::Exfiltration),
    ("t1569", Tactic::Execution),
    ("t1570", Tactic::LateralMovement),
    ("t1572", Tactic::CommandAndControl),
    ("t1578", Tactic::DefenseEvasion),
    ("t1583", Tactic::ResourceDevelopment),
    ("t1589", Tactic::Reconnaissance),
    ("t1595", Tactic::Reconnaissance),
    ("t1598", Tactic::Reconnaissance),
    ("t1621", Tactic::CredentialAccess),
    ("t1656", Tactic::InitialAccess),
    ("t1685", Tactic::DefenseEvasion),
    ("t1686", Tactic::DefenseEvasion),
];

impl Tactic {
    /// The tactics that tags of a rule name, the earliest first. Techniques count only if no tactic is named.
    #[must_use]
    pub fn of_tags(tags: &[Box<str>]) -> Vec<Self> {
        let mut tactics: Vec<Self> = tags.iter().filter_map(|tag| Self::named(tag)).collect();
        if tactics.is_empty() {
            tactics = tags.iter().filter_map(|tag| Self::of_technique(tag)).collect();
        }
        tactics.sort_unstable();
        tactics.dedup();
        tactics
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reconnaissance => "Reconnaissance",
            Self::ResourceDevelopment => "Preparation",
            Self::InitialAccess => "Getting in",
            Self::Execution => "Running programs",
            Self::Persistence => "Staying",
            Self::PrivilegeEscalation => "More rights",
            Self::DefenseEvasion => "Hiding",
            Self::CredentialAccess => "Stealing credentials",
            Self::Discovery => "Looking around",
            Self::LateralMovement => "Moving on",
            Self::Collection => "Gathering data",
            Self::CommandAndControl => "Remote control",
            Self::Exfiltration => "Taking data out",
            Self::Impact => "Damage",
        }
    }

    fn named(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase().replace('_', "-");
        Some(match tag.as_str() {
            "reconnaissance" => Self::Reconnaissance,
            "resource-development" => Self::ResourceDevelopment,
            "initial-access" => Self::InitialAccess,
            "execution" => Self::Execution,
            "persistence" => Self::Persistence,
            "privilege-escalation" => Self::PrivilegeEscalation,
            // ATT&CK 19 has two tactics in its place.
            "defense-evasion" | "stealth" | "defense-impairment" => Self::DefenseEvasion,
            "credential-access" => Self::CredentialAccess,
            "discovery" => Self::Discovery,
            "lateral-movement" => Self::LateralMovement,
            "collection" => Self::Collection,
            "command-and-control" => Self::CommandAndControl,
            "exfiltration" => Self::Exfiltration,
            "impact" => Self::Impact,
            _ => return None,
        })
    }

    fn of_technique(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase();
        let technique = tag.split('.').next()?;
        TECHNIQUES
            .iter()
            .find(|(known, _)| *known == technique)
            .map(|(_, tactic)| *tactic)
    }
}

/// How many different tactics follow each other in the usual order, of steps in the order of their times.
pub(super) fn steps_in_order(tactics: &[Tactic]) -> usize {
    // The longest rising subsequence: for each tactic the longest that ends with it. Fourteen tactics bound the inner loop.
    let mut best: std::collections::BTreeMap<Tactic, usize> = std::collections::BTreeMap::new();
    for tactic in tactics {
        let before = best.range(..tactic).map(|(_, length)| *length).max().unwrap_or(0);
        let length = best.entry(*tactic).or_insert(0);
        *length = (*length).max(before + 1);
    }
    best.values().copied().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tactics_are_named_by_tags_and_techniques_stand_in_for_them() {
        let tags: Vec<Box<str>> = vec!["t1003.006".into(), "credential_access".into()];
        assert_eq!(Tactic::of_tags(&tags), [Tactic::CredentialAccess]);
        let tags: Vec<Box<str>> = vec!["T1486".into(), "g1015".into()];
        assert_eq!(Tactic::of_tags(&tags), [Tactic::Impact]);
    }

    #[test]
    fn steps_count_only_in_the_order_of_an_attack() {
        use Tactic::{Discovery, Execution, Impact, InitialAccess};
        assert_eq!(steps_in_order(&[InitialAccess, Execution, Discovery, Impact]), 4);
        assert_eq!(steps_in_order(&[Impact, Discovery, Execution, InitialAccess]), 1);
        assert_eq!(steps_in_order(&[Impact, InitialAccess, Impact, Impact]), 2);
        assert_eq!(steps_in_order(&[]), 0);
    }
}
