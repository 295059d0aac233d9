//! Asking the tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::BreachId;
use crate::Error;
use crate::address::Identity;

/// The accounts of all breaches that are loaded. People who were erased, and rows of breaches that were imported again since, are
/// left out of every answer.
#[derive(Debug)]
pub struct Accounts {
    _folder: PathBuf,
}

impl Accounts {
    /// Opens the accounts of the breach monitor in `folder`: the one that holds `ledger.sqlite` and `accounts/`, because the ledger says
    /// which tables count and who was erased. Missing is empty.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            _folder: folder.to_owned(),
        })
    }

    /// Notices imports and erasures of other processes; cheap when nothing changed.
    ///
    /// # Errors
    /// When a file can't be read or is damaged; then answers stay as they were.
    pub fn refresh(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The breaches that an account is in, in order of their ids: empty if none.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn breaches_of(&self, _identity: Identity) -> Result<Vec<BreachId>, Error> {
        Ok(Vec::new())
    }

    /// Visits all identities whose top `bits` (1 to 64) bits are those of `prefix`, right-aligned, in order.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn with_prefix(
        &self,
        _bits: u32,
        _prefix: u64,
        _visit: &mut dyn FnMut(Identity, &[BreachId]),
    ) -> Result<(), Error> {
        Ok(())
    }

    /// Visits the part before the `@` of every address at a domain (not at those below it), in order.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn domain(&self, _domain: &str, _visit: &mut dyn FnMut(&str, &[BreachId])) -> Result<(), Error> {
        Ok(())
    }

    /// The websites into which malware saw an address being typed, sorted.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn stealer_logs_by_email(&self, _address: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// The addresses that malware saw being typed into a website, sorted.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn stealer_logs_by_website(&self, _domain: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// For every address at a domain the websites into which malware saw it being typed, sorted. Keys are what stands before the `@`.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn stealer_logs_by_email_domain(&self, _domain: &str) -> Result<BTreeMap<String, Vec<String>>, Error> {
        Ok(BTreeMap::new())
    }

    /// Visits all identities in order; how many there were.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn identities(&self, _visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<u64, Error> {
        Ok(0)
    }

    /// Visits the addresses in a breach, by domain. Accounts that are no addresses (telephone numbers, user names) are known by their key
    /// alone, and not visited. It reads all domains: seconds for tens of millions of rows.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn members(&self, _breach: BreachId, _visit: &mut dyn FnMut(&str)) -> Result<(), Error> {
        Ok(())
    }
}
