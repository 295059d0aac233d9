//! The policies of a site: read from their folder, in force until others are read.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use respond::Actor;
use respond::approval::{self, Operation, Wish};
use respond::intake::Rules;
use respond::policy::{Known, Policies, Warning};
use ring::digest::{Context, SHA256};

use super::{Engine, read};
use crate::config::{Config, RespondSettings};
use crate::desk;
use crate::failure::{Failure, FailureCode};
use crate::hex::hex;

/// Files with policies in a folder.
const FILES_MAX: usize = 100;
/// What the digest of policies that were approved is kept as.
const KEPT: &str = "policies";
/// The longest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads the policies that a configuration names, over those that are built in. A folder that isn't there has none.
///
/// # Errors
/// When a file can't be read or isn't right: the failure names file, line, column, what is wrong and what was expected.
pub fn load(config: &Config) -> Result<Policies, Failure> {
    load_with_digest(config).map(|(policies, _)| policies)
}

/// The same, with the SHA-256 of all files in hexadecimal, each behind its length; of none, that of nothing.
fn load_with_digest(config: &Config) -> Result<(Policies, String), Failure> {
    let mut digest = Context::new(&SHA256);
    let mut parsed = Vec::new();
    if let Some(folder) = &config.respond.policies {
        for file in files(folder)? {
            let text = text(&file)?;
            digest.update(&(text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
            parsed.push(policies_of(&text, &file)?);
        }
    }
    let policies =
        Policies::over_defaults(parsed).map_err(|error| Failure::new(FailureCode::Config, error.to_string()))?;
    Ok((policies, hex(digest.finish().as_ref())))
}

/// Reads one file.
///
/// # Errors
/// When it can't be read or isn't right.
pub fn parse(file: &Path) -> Result<Policies, Failure> {
    policies_of(&text(file)?, file)
}

fn text(file: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let failed =
        |error: std::io::Error| Failure::new(FailureCode::Config, format!("can't read `{}`: {error}", file.display()));
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened
        .take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}

fn policies_of(text: &str, file: &Path) -> Result<Policies, Failure> {
    Policies::parse(text, &file.display().to_string()).map_err(|error| {
        desk::failed(&error).hint("`holdfast policy defaults` prints the policies that are built in, as an example")
    })
}

/// The files with policies in a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            FailureCode::Config,
            format!("can't read the folder `{}`: {error}", folder.display()),
        )
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    if files.len() > FILES_MAX {
        return Err(Failure::new(
            FailureCode::Config,
            format!("`{}` has more than {FILES_MAX} files with policies", folder.display()),
        ));
    }
    files.sort();
    Ok(files)
}

/// What policies may name.
#[must_use]
pub fn known(config: &Config, volumes: Vec<String>) -> Known {
    Known {
        volumes,
        commands: config.respond.commands.keys().cloned().collect(),
        webhooks: config.respond.webhooks.keys().cloned().collect(),
        groups: config.notices.who.groups.keys().cloned().collect(),
    }
}

impl Engine {
    /// Reads the policies anew and puts them in force; those before stay if one isn't right.
    ///
    /// # Errors
    /// When one isn't right.
    pub fn load_policies(&self) -> Result<Vec<Warning>, Failure> {
        let (policies, digest) = load_with_digest(&read(&self.config))?;
        self.check_approved(&digest)?;
        self.apply_rules(&policies);
        Ok(self.front().rules().policies.warnings())
    }

    /// Refuses policies that changed, where a rule wants that approved: those that were approved last stay in force, and after a restart
    /// those that are built in.
    fn check_approved(&self, digest: &str) -> Result<(), Failure> {
        if !self.approvals_are_on()? {
            return Ok(());
        }
        let kept = self.read_ledger(|ledger| approval::kept(ledger, KEPT));
        if kept.map_err(|error| desk::failed(&error))?.as_deref() == Some(digest) {
            return Ok(());
        }
        let wish = Wish {
            operation: Operation::ChangePolicies,
            subject: KEPT.to_owned(),
            detail: digest.to_owned(),
            because: String::new(),
        };
        self.use_up(&Actor::System("configuration".to_owned()), &wish)?;
        self.write_ledger(|w| approval::keep(w, KEPT, digest))
            .map_err(|error| desk::failed(&error))
    }

    /// What policies may send and run.
    #[must_use]
    pub fn respond_settings(&self) -> RespondSettings {
        read(&self.config).respond.clone()
    }

    /// Has policies follow what volumes there are now.
    pub fn refresh_policies(&self) {
        let rules = self.front().rules();
        self.apply_rules(&rules.policies);
    }

    /// What policies may name now.
    #[must_use]
    pub fn known_names(&self) -> Known {
        let mut volumes = self.names().unwrap_or_default();
        volumes.retain(|name| !super::is_diverted_name(name));
        known(&read(&self.config), volumes)
    }

    /// Has what is noticed from now on dealt with by these policies and the configuration in force.
    pub(super) fn apply_rules(&self, policies: &Policies) {
        let rules = Rules {
            policies: policies.knowing(self.known_names()),
            notices: read(&self.config).notices.who.clone(),
            zone: TimeZone::system(),
        };
        if *self.front().rules() != rules {
            self.front().set_rules(rules);
        }
    }
}
