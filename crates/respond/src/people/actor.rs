//! Who did something, as the ledger records it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum Actor {
    /// Holdfast itself: a layer that noticed something, or a policy (named) that decided.
    System(String),
    /// A person with an account of the console.
    Person(String),
    /// A program that holds a token.
    Token(String),
    /// Whoever uses the command line on this machine as the data folder's owner or root.
    Local(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(name) => write!(f, "holdfast ({name})"),
            Self::Person(name) => f.write_str(name),
            Self::Token(name) => write!(f, "token {name}"),
            Self::Local(name) => write!(f, "{name} on this machine"),
        }
    }
}
