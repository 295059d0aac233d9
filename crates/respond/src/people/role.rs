//! What people and programs may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees how things are.
    Viewer,
    /// Sees how things are, and acts: restores, releases, approves.
    Operator,
    /// May do everything.
    Admin,
    /// Sees everything, the records of who did what included, and changes nothing.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Auditor];

    /// The name in commands, in the API and in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// Whether somebody with this role may do what `needed` may.
    #[must_use]
    pub const fn may(self, needed: Self) -> bool {
        match needed {
            Self::Viewer => true,
            Self::Operator => matches!(self, Self::Operator | Self::Admin),
            Self::Admin => matches!(self, Self::Admin),
            Self::Auditor => matches!(self, Self::Auditor | Self::Admin),
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or(())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_sees_all_and_changes_nothing() {
        use Role::{Admin, Auditor, Operator, Viewer};
        let may = |role: Role| Role::ALL.map(|needed| role.may(needed));
        // Viewer, operator, admin, auditor.
        assert_eq!(may(Viewer), [true, false, false, false]);
        assert_eq!(may(Operator), [true, true, false, false]);
        assert_eq!(may(Admin), [true, true, true, true]);
        assert_eq!(may(Auditor), [true, false, false, true]);
    }

    #[test]
    fn roles_have_names() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert_eq!("root".parse::<Role>(), Err(()));
    }
}
