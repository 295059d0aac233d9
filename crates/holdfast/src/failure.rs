//! Why a command failed, in the form in which it reaches a person or a program: a code, a message and a hint.

use serde::{Deserialize, Serialize};

/// The kinds of failure, each with an exit code of its own. The names are part of the `--json` output and of the
/// control protocol; the numbers are documented in `docs/operations.md` and in `holdfast help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// Something below failed: a disk, a file, the daemon.
    Failure,
    /// What was typed can't be understood.
    Usage,
    /// There is no such volume, pin, moment or file.
    NotFound,
    /// The request is understood and refused: a name is taken, something is in use, the moment lies in the future.
    Refused,
    /// Stored bytes are damaged.
    Damage,
    /// There is no room.
    NoSpace,
    /// The configuration file can't be used.
    Config,
    /// A guard recognised an attack and fenced a volume.
    Fenced,
    /// A drill failed, or is missed.
    Drill,
    /// Something that was checked is leaked: the result of a check, not a failure of the command.
    Leaked,
    /// It needs the approval of others.
    Approval,
}

/// Exit code of a command that did what it was asked to do.
pub const EXIT_OK: u8 = 0;

impl FailureCode {
    /// Every code, in the order of the exit codes.
    pub const ALL: [Self; 11] = [
        Self::Failure,
        Self::Usage,
        Self::NotFound,
        Self::Refused,
        Self::Damage,
        Self::NoSpace,
        Self::Config,
        Self::Fenced,
        Self::Drill,
        Self::Leaked,
        Self::Approval,
    ];

    /// The exit code of a command that failed this way.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Damage => 5,
            Self::NoSpace => 6,
            Self::Config => 7,
            Self::Fenced => 8,
            Self::Drill => 9,
            Self::Leaked => 10,
            Self::Approval => 11,
        }
    }

    /// What the exit code tells a script.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Failure => "failed: a disk, a file or the daemon gave an error",
            Self::Usage => "the command line can't be understood",
            Self::NotFound => "no such volume, pin, moment or file",
            Self::Refused => "refused: in use, taken, or not allowed now",
            Self::Damage => "stored bytes are damaged",
            Self::NoSpace => "no space",
            Self::Config => "the configuration file can't be used",
            Self::Fenced => "a volume is fenced: an attack was recognised",
            Self::Drill => "a drill failed, or is overdue",
            Self::Leaked => "something that was checked is leaked",
            Self::Approval => "it needs the approval of others",
        }
    }
}

/// A failure as it is shown: `error: {message}`, then `hint: {hint}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure; decides the exit code.
    pub code: FailureCode,
    /// What happened: a lowercase fragment with values in backticks.
    pub message: String,
    /// What to do next, if there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// A failure of the kind [`FailureCode::Usage`].
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureCode::Usage, message)
    }

    /// A failure of the kind [`FailureCode::NotFound`].
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureCode::NotFound, message)
    }

    /// A failure of the kind [`FailureCode::Refused`].
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureCode::Refused, message)
    }

    /// A system call that failed: `what` says what was attempted, with its object in backticks.
    #[must_use]
    pub fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => FailureCode::NotFound,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FailureCode::NoSpace,
            std::io::ErrorKind::AlreadyExists => FailureCode::Refused,
            _ => FailureCode::Failure,
        };
        Self::new(code, format!("{what}: {error}"))
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Message and advice in one line, for a log or a client.
    #[must_use]
    pub fn with_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_exit_code_of_its_own() {
        let codes: Vec<u8> = FailureCode::ALL.iter().map(|code| code.exit_code()).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn failures_cross_the_socket_unchanged() {
        let failure = Failure::not_found("no volume is named `x`").hint("`holdfast volume list` shows them");
        let text = serde_json::to_string(&failure).unwrap();
        assert_eq!(
            text,
            r#"{"code":"not-found","message":"no volume is named `x`","hint":"`holdfast volume list` shows them"}"#
        );
        assert_eq!(serde_json::from_str::<Failure>(&text).unwrap(), failure);
    }
}
