//! Policies: when something is noticed, then something is done, at once or after approval.
//!
//! A policy is data, read from TOML ([`Policies::parse`]) and checked as a whole before it is used. What it decides is a pure function of
//! an alert, its incident, the time, and how often its conditions were met lately ([`Recent`]). Carrying decisions out is the business of
//! [`crate::action`].

mod decide;
mod explain;
mod file;
mod glob;
mod hours;
mod known;
mod recent;
mod replay;
mod resolve;
#[cfg(test)]
mod tests;
mod values;
mod vocabulary;

pub use decide::Unmet;
pub use explain::explain;
pub(crate) use explain::span;
pub use glob::Glob;
pub use hours::Hours;
pub use known::Known;
pub(crate) use recent::SCHEMA;
pub use recent::{InLedger, InMemory, Recent};
pub use replay::{Outcome, Replayed, replay};
pub use vocabulary::{Approval, Count, Counted, Decision, Limit, Policy, Step, Target, Warning, When};

use crate::action::ActionKind;
use crate::error::Error;

/// The policies that are there without any file.
const DEFAULTS: &str = include_str!("defaults.toml");
/// What those are from.
pub const BUILT_IN: &str = "built in";

/// Policies that were checked, and what there is on the site that they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    pub(crate) all: Vec<Policy>,
    pub(crate) known: Known,
}

impl Policies {
    /// Reads a file's text; `name` is what errors call it.
    ///
    /// # Errors
    /// Text that is no policy: the error names line, column, what is wrong and what was expected.
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let (all, known) = (file::parse(text, name)?, Known::default());
        Ok(Self { all, known })
    }

    /// The policies that protect from the first minute.
    #[must_use]
    pub fn defaults() -> Self {
        // A test reads them.
        Self::parse(DEFAULTS, BUILT_IN).unwrap_or(Self {
            all: Vec::new(),
            known: Known::default(),
        })
    }

    /// The text of [`Policies::defaults`], to start one's own from.
    #[must_use]
    pub const fn defaults_text() -> &'static str {
        DEFAULTS
    }

    /// The defaults with files of one's own laid over them: a policy replaces the built-in one of the same name.
    ///
    /// # Errors
    /// When two files have policies of the same name.
    pub fn over_defaults(files: Vec<Self>) -> Result<Self, Error> {
        let mut all: Vec<Policy> = Vec::new();
        for policy in files.into_iter().flat_map(|file| file.all) {
            if let Some(other) = all.iter().find(|known| known.name == policy.name) {
                let (name, first, second) = (&policy.name, &other.source, &policy.source);
                return Err(Error::Refused {
                    what: format!(
                        "two policies are named `{name}`, one in `{first}` and one in `{second}`; give one of them another name"
                    ),
                });
            }
            all.push(policy);
        }
        let mut built_in = Self::defaults();
        built_in
            .all
            .retain(|policy| !all.iter().any(|own| own.name == policy.name));
        built_in.all.append(&mut all);
        Ok(built_in)
    }

    /// All policies, in the order in which they are asked.
    #[must_use]
    pub fn all(&self) -> &[Policy] {
        &self.all
    }

    /// The policy of a name.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<&Policy> {
        self.all.iter().find(|policy| policy.name == name)
    }

    /// The same policies for a site that has other volumes and names.
    #[must_use]
    pub fn knowing(&self, known: Known) -> Self {
        Self {
            all: self.all.clone(),
            known,
        }
    }

    /// What is suspicious about policies: names of volumes, targets, commands and groups that don't exist.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let of_policy = |policy: &Policy| {
            let texts = self.unknown(policy);
            let warn = |text| Warning {
                file: policy.source.clone(),
                policy: policy.name.clone(),
                text,
            };
            texts.into_iter().map(warn).collect::<Vec<_>>()
        };
        let enabled = self.all.iter().filter(|policy| policy.is_enabled);
        enabled.flat_map(of_policy).collect()
    }

    fn unknown(&self, policy: &Policy) -> Vec<String> {
        let known = &self.known;
        let is_volume = |glob: &Glob| known.volumes.iter().any(|name| glob.fits(name));
        let named = policy.then.iter().filter_map(|step| match &step.on {
            Target::Named(glob) => Some(glob),
            _ => None,
        });
        // With no volume at all, every name would be warned of.
        let globs = policy
            .when
            .volumes
            .iter()
            .chain(named)
            .filter(|_| !known.volumes.is_empty());
        let mut texts: Vec<String> = globs
            .filter(|glob| !is_volume(glob))
            .map(|glob| format!("no volume is named `{glob}`: it does nothing until one is"))
            .collect();
        for step in &policy.then {
            match &step.what {
                ActionKind::Command { name } if !known.commands.contains(name) => {
                    texts.push(format!(
                        "there is no command `{name}` in [respond.commands]: it can't be run"
                    ));
                }
                ActionKind::Webhook { target } if !known.webhooks.contains(target) => {
                    texts.push(format!(
                        "there is no target `{target}` in [respond.webhooks]: nothing can be sent"
                    ));
                }
                ActionKind::Notify { group: Some(group) } if !known.groups.contains(group) => {
                    texts.push(format!("there is no group `{group}` in [notices]: nobody is told"));
                }
                _ => {}
            }
        }
        texts
    }
}
