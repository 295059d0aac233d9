//! Names of accounts and machines. The same person is `ACME\anna`, `anna@acme.example` and `S-1-5-21-...-1104`; which handles belong
//! together is for `entity` to find out.

use serde::{Deserialize, Serialize};

/// A name by which a log calls an account or a machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle {
    /// What kind of name it is.
    pub kind: HandleKind,
    /// The name, without white space around it, in lower case unless the kind tells capitals apart.
    pub name: String,
}

/// Kinds of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandleKind {
    /// A mail address or user principal name: `anna@acme.example`.
    Mail,
    /// A domain's or machine's short name and a SAM account name: `acme\anna`. Machine accounts end with `$`.
    Sam,
    /// A name without any domain: `anna`, `root`.
    User,
    /// A Windows security identifier.
    Sid,
    /// An identity provider's own number of a person, such as `00u1abcd` of Okta or a GUID of Entra.
    ProviderId,
    /// An Amazon resource name.
    Arn,
    /// A person's name as displayed.
    DisplayName,
    /// A group, role or application.
    Group,
    /// A machine's name, with or without a domain.
    Host,
    /// An address of a machine.
    Address,
    /// A virtual machine's name or path in its hypervisor's inventory.
    VirtualMachine,
    /// A datastore's name.
    Datastore,
}

impl HandleKind {
    /// Whether names of this kind that differ in capitals alone are different names.
    const fn tells_capitals_apart(self) -> bool {
        matches!(self, Self::ProviderId | Self::Datastore)
    }
}

impl Handle {
    /// A name as a log has it; none if it says nothing, as `-` and the empty text don't.
    #[must_use]
    pub fn new(kind: HandleKind, name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name == "-" {
            return None;
        }
        let name = if kind.tells_capitals_apart() {
            name.to_owned()
        } else {
            name.to_lowercase()
        };
        Some(Self { kind, name })
    }
}
