//! What is at stake on a person or machine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shown::Sign;
use crate::event::{Event, HandleKind};

/// Why an entity matters more than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Tier {
    /// Holds the directory: whoever has it has every account.
    DomainController,
    /// Manages the hypervisors.
    Vcenter,
    /// Runs virtual machines.
    Hypervisor,
    /// Makes or keeps backups.
    Backup,
    /// Signs people in: an identity provider's agent, federation or certificate server.
    Identity,
    /// Resets other people's passwords and factors.
    HelpDesk,
    /// Has rights over others.
    Administrator,
    /// Is worth impersonating.
    Vip,
}

impl Tier {
    /// The name in lists: `domain-controller`, `vcenter`, `esxi`, `backup`, `identity`, `help-desk`, `admin`, `vip`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "domain-controller" | "domain controller" | "dc" => Self::DomainController,
            "vcenter" => Self::Vcenter,
            "esxi" | "hypervisor" => Self::Hypervisor,
            "backup" => Self::Backup,
            "identity" | "adfs" => Self::Identity,
            "help-desk" | "help desk" | "helpdesk" => Self::HelpDesk,
            "admin" | "administrator" => Self::Administrator,
            "vip" => Self::Vip,
            _ => return None,
        })
    }

    /// The name in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DomainController => "domain-controller",
            Self::Vcenter => "vcenter",
            Self::Hypervisor => "esxi",
            Self::Backup => "backup",
            Self::Identity => "identity",
            Self::HelpDesk => "help-desk",
            Self::Administrator => "admin",
            Self::Vip => "vip",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::DomainController => "domain controller",
            Self::Vcenter => "vCenter",
            Self::Hypervisor => "hypervisor",
            Self::Backup => "backup",
            Self::Identity => "identity server",
            Self::HelpDesk => "help desk",
            Self::Administrator => "administrator",
            Self::Vip => "VIP",
        }
    }

    /// Whether whoever has it has the organisation.
    #[must_use]
    pub const fn is_tier_zero(self) -> bool {
        matches!(
            self,
            Self::DomainController | Self::Vcenter | Self::Hypervisor | Self::Backup | Self::Identity
        )
    }
}

/// What an event proves of the machine that it is from: tickets are issued by domain controllers alone.
pub(super) fn proven_by(event: &Event) -> Option<Tier> {
    if (event.logsource.product, event.logsource.service) != ("windows", Some("security")) {
        return None;
    }
    let id = event.fields.get("EventID").and_then(number)?;
    matches!(id, 4768 | 4769 | 4771).then_some(Tier::DomainController)
}

/// What an event shows, together with others, of the machine that it is from: hypervisors and vCenter have logs of their own, of several
/// programs. Not of the machines that a vCenter or cloud tells of.
pub(super) fn sign(event: &Event) -> Option<Sign<'_>> {
    match (event.logsource.product, event.logsource.service) {
        ("windows", _) => Some(Sign::Windows),
        ("linux", Some("auditd")) => Some(Sign::Audit),
        ("linux", Some("esxi")) => Some(Sign::Claims(Tier::Hypervisor, "shell")),
        ("esxi", service) => Some(Sign::Claims(Tier::Hypervisor, service?)),
        ("vcenter", service) if is_appliance(event) => {
            // Many send nothing but its events: those differ by their type.
            let kind = event.fields.get("eventTypeId").and_then(Value::as_str).or(service);
            Some(Sign::Claims(Tier::Vcenter, kind?))
        }
        _ => None,
    }
}

/// A vCenter tells of virtual machines and hosts too: only what is about itself has its own name as the machine's.
fn is_appliance(event: &Event) -> bool {
    let own = event
        .fields
        .get("vcenter")
        .and_then(Value::as_str)
        .map(str::to_lowercase);
    own.is_some_and(|own| {
        event
            .facts
            .machine
            .iter()
            .any(|handle| handle.kind == HandleKind::Host && handle.name == own)
    })
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}
