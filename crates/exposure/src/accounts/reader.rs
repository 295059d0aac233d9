//! Asking the tables.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::BreachId;
use super::folder;
use super::kind::{Kind, SEPARATOR};
use super::loads::{KeepLive, decode};
use super::merge::{Fold, Merge};
use super::table::Table;
use crate::Error;
use crate::address::{Identity, normalise};
use crate::ledger::{AccountsState, Ledger, TableEntry};

/// How often files may be replaced by a merge while they are being opened, before that is an error.
const ATTEMPTS: u32 = 10;

/// The accounts of all breaches that are loaded. People who were erased, and rows of breaches that were imported again since, are
/// left out of every answer.
#[derive(Debug)]
pub struct Accounts {
    folder: PathBuf,
    /// The connection, and the version of the ledger that `view` shows.
    ledger: Mutex<(Ledger, i64)>,
    view: RwLock<Arc<View>>,
}

/// Takes a key, and the list of breaches that it is in.
type VisitKey<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Tables of one moment.
#[derive(Debug, Default)]
struct View {
    state: AccountsState,
    tables: BTreeMap<TableEntry, Arc<Table>>,
}

impl Accounts {
    /// Opens the accounts of the breach monitor in `folder`: the one that holds `ledger.sqlite` and `accounts/`, because the ledger says
    /// which tables count and who was erased. What is missing is made, and empty.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut ledger = Ledger::open(folder)?;
        let version = ledger.version()?;
        let view = View::open(folder, &mut ledger, &View::default())?;
        Ok(Self {
            folder: folder.to_owned(),
            ledger: Mutex::new((ledger, version)),
            view: RwLock::new(Arc::new(view)),
        })
    }

    /// Notices imports and erasures of other processes; cheap when nothing changed.
    ///
    /// # Errors
    /// When a file can't be read or is damaged; then answers stay as they were.
    pub fn refresh(&self) -> Result<(), Error> {
        let mut guard = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let (ledger, seen) = &mut *guard;
        // Asked before reading, so that what changes meanwhile is noticed the next time.
        let version = ledger.version()?;
        if version == *seen {
            return Ok(());
        }
        let view = View::open(&self.folder, ledger, &self.view())?;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        *seen = version;
        Ok(())
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The breaches that an account is in, in order of their ids: empty if none.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn breaches_of(&self, identity: Identity) -> Result<Vec<BreachId>, Error> {
        let view = self.view();
        let mut fold = KeepLive::breaches(Kind::Identities, &view.state.live, &view.state.erased);
        for table in view.tables(Kind::Identities) {
            let mut problem = None;
            table.find(&identity.0, &mut |value| problem = fold.add(value).err())?;
            if let Some(what) = problem {
                return Err(table.damaged_value(what));
            }
        }
        let mut value = Vec::new();
        fold.end(&identity.0, &mut value);
        Ok(breaches(&value))
    }

    /// Visits all identities whose top `bits` (1 to 64) bits are those of `prefix`, right-aligned, in order.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn with_prefix(
        &self,
        bits: u32,
        prefix: u64,
        visit: &mut dyn FnMut(Identity, &[BreachId]),
    ) -> Result<(), Error> {
        let shift = 64_u32.saturating_sub(bits.clamp(1, 64));
        let first = prefix.checked_shl(shift).unwrap_or(0);
        let is_inside = |key: &[u8]| {
            let top = key.first_chunk().map_or(0, |top| u64::from_be_bytes(*top));
            top.checked_shr(shift) == first.checked_shr(shift)
        };
        self.view()
            .rows(Kind::Identities, &first.to_be_bytes(), &mut |key, value| {
                if !is_inside(key) {
                    return ControlFlow::Break(());
                }
                if let Ok(key) = key.try_into() {
                    visit(Identity(key), &breaches(value));
                }
                ControlFlow::Continue(())
            })
    }

    /// Visits the part before the `@` of every address at a domain (not at those below it), in order.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn domain(&self, domain: &str, visit: &mut dyn FnMut(&str, &[BreachId])) -> Result<(), Error> {
        self.view().below(Kind::Domains, domain, &mut |alias, value| {
            visit(alias, &breaches(value))
        })
    }

    /// The websites into which malware saw an address being typed, sorted.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn stealer_logs_by_email(&self, address: &str) -> Result<Vec<String>, Error> {
        self.view().list_below(Kind::MailSites, address)
    }

    /// The addresses that malware saw being typed into a website, sorted.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn stealer_logs_by_website(&self, domain: &str) -> Result<Vec<String>, Error> {
        self.view().list_below(Kind::SiteMails, domain)
    }

    /// For every address at a domain the websites into which malware saw it being typed, sorted. Keys are what stands before the `@`.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn stealer_logs_by_email_domain(&self, domain: &str) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        self.view().below(Kind::DomainSites, domain, &mut |rest, _| {
            if let Some((alias, website)) = rest.split_once(char::from(SEPARATOR)) {
                found.entry(alias.to_owned()).or_default().push(website.to_owned());
            }
        })?;
        Ok(found)
    }

    /// Visits all identities in order; how many there were.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn identities(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<u64, Error> {
        let mut count = 0;
        self.view().rows(Kind::Identities, &[], &mut |key, value| {
            if let Ok(key) = key.try_into() {
                visit(Identity(key), &breaches(value));
                count += 1;
            }
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// Visits the addresses in a breach, by domain. Accounts that are no addresses (telephone numbers, user names) are known by their key
    /// alone, and not visited. It reads all domains: seconds for tens of millions of rows.
    ///
    /// # Errors
    /// When a file can't be read or is damaged.
    pub fn members(&self, breach: BreachId, visit: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let mut address = String::new();
        self.view().rows(Kind::Domains, &[], &mut |key, value| {
            let parts = std::str::from_utf8(key)
                .ok()
                .and_then(|key| key.split_once(char::from(SEPARATOR)));
            if let (Some((domain, alias)), true) = (parts, breaches(value).contains(&breach)) {
                address.clear();
                address.extend([alias, "@", domain]);
                visit(&address);
            }
            ControlFlow::Continue(())
        })
    }
}

impl View {
    /// What the ledger names now; tables that `former` has open already are taken over.
    fn open(folder: &Path, ledger: &mut Ledger, former: &Self) -> Result<Self, Error> {
        let accounts = folder::accounts(folder);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let state = ledger.accounts_state()?;
            let tables = state.tables.iter().map(|entry| {
                let table = match former.tables.get(entry) {
                    Some(table) => Arc::clone(table),
                    None => Arc::new(Table::open(&folder::table(&accounts, entry), entry.kind.byte())?),
                };
                Ok((*entry, table))
            });
            match tables.collect::<Result<_, Error>>() {
                Ok(tables) => return Ok(Self { state, tables }),
                // A merge put another in its place since the ledger was read.
                Err(Error::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && attempts < ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn tables(&self, kind: Kind) -> impl Iterator<Item = &Arc<Table>> {
        self.tables
            .iter()
            .filter(move |(entry, _)| entry.kind == kind)
            .map(|(_, table)| table)
    }

    /// Visits rows of a kind from a key on, with lists of breaches as their values.
    fn rows(&self, kind: Kind, from: &[u8], visit: &mut VisitKey<'_>) -> Result<(), Error> {
        let mut fold = KeepLive::breaches(kind, &self.state.live, &self.state.erased);
        Merge::from(self.tables(kind), from)?.visit(&mut fold, &mut |key, value| Ok(visit(key, value)))
    }

    /// Visits the rows whose key has `first` as its first part, by the rest of the key.
    fn below(&self, kind: Kind, first: &str, visit: &mut dyn FnMut(&str, &[u8])) -> Result<(), Error> {
        let mut from = normalise(first).into_bytes();
        from.push(SEPARATOR);
        self.rows(kind, &from, &mut |key, value| {
            let Some(rest) = key.strip_prefix(from.as_slice()) else {
                return ControlFlow::Break(());
            };
            if let Ok(rest) = std::str::from_utf8(rest) {
                visit(rest, value);
            }
            ControlFlow::Continue(())
        })
    }

    fn list_below(&self, kind: Kind, first: &str) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        self.below(kind, first, &mut |rest, _| found.push(rest.to_owned()))?;
        Ok(found)
    }
}

/// A list that [`KeepLive`] made.
fn breaches(value: &[u8]) -> Vec<BreachId> {
    let mut numbers = Vec::new();
    // It was made a moment ago, in memory.
    let _ = decode(value, &mut numbers);
    numbers.into_iter().map(BreachId).collect()
}
