//! Operations in words, and what is asked for.

use super::operation::Operation;

/// What somebody wants to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What.
    pub operation: Operation,
    /// To what: a volume's name, an account's.
    pub subject: String,
    /// How exactly, as the gate says it; empty if there is nothing more to say. What is approved is this and nothing else.
    pub detail: String,
    /// Why.
    pub because: String,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::DeleteVolume,
        Self::DeleteHistory,
        Self::ShortenRetention,
        Self::ReleaseFence,
        Self::DisarmGuard,
        Self::Restore,
        Self::ChangePolicies,
        Self::ChangeApprovals,
        Self::ChangePeople,
        Self::SendLetter,
        Self::PolicyAction,
    ];

    /// Its name on command lines and in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeleteVolume => "delete-volume",
            Self::DeleteHistory => "delete-history",
            Self::ShortenRetention => "shorten-retention",
            Self::ReleaseFence => "release-fence",
            Self::DisarmGuard => "disarm-guard",
            Self::Restore => "restore",
            Self::ChangePolicies => "change-policies",
            Self::ChangeApprovals => "change-approvals",
            Self::ChangePeople => "change-people",
            Self::SendLetter => "send-letter",
            Self::PolicyAction => "policy-action",
        }
    }

    /// What it does, as a part of a sentence: `deleting a volume with its history`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::DeleteVolume => "deleting a volume with its history",
            Self::DeleteHistory => "giving up a part of the past",
            Self::ShortenRetention => "keeping less of the past",
            Self::ReleaseFence => "taking down a fence",
            Self::DisarmGuard => "disarming a guard",
            Self::Restore => "returning a disk to another moment",
            Self::ChangePolicies => "changing policies",
            Self::ChangeApprovals => "changing the rules of approvals",
            Self::ChangePeople => "changing accounts and roles",
            Self::SendLetter => "sending a letter or a report",
            Self::PolicyAction => "an action that a policy wants approved",
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|operation| operation.name() == text);
        known.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("`{text}` is no operation; expected one of {}", names.join(", "))
        })
    }
}

/// The detail of a release: what becomes of diverted writes.
#[must_use]
pub fn release_detail(diverted: Option<&str>) -> String {
    diverted.unwrap_or("").to_owned()
}

impl Wish {
    /// What is wanted, in a few words: `delete-volume disk`, `restore disk (2026-11-23T10:15:00Z)`.
    #[must_use]
    pub fn text(&self) -> String {
        text(self.operation, &self.subject, &self.detail)
    }
}

pub(super) fn text(operation: Operation, subject: &str, detail: &str) -> String {
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    };
    format!("{operation} {subject}{detail}")
}
