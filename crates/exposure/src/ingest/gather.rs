//! Where everything that is found ends up: keys for the tables of accounts, hashes of passwords, and counts.

use std::borrow::Cow;
use std::path::Path;

use super::about::{About, PasswordForm};
use super::columns::{Column, Columns};
use super::record::Record;
use crate::Error;
use crate::accounts::{Kind, SEPARATOR, Sorted, Sorters};
use crate::address::{Address, Identity, TopLevelDomains, find_addresses, normalise};
use crate::hash::HashKind;
use crate::hexadecimal;

/// The longest password, user name or telephone number that is one.
const VALUE_BYTES_MAX: usize = 256;
/// The sorters of hashes, behind those of the kinds of tables.
const SHA1: usize = Kind::ALL.len();
const NTLM: usize = SHA1 + 1;

/// How much was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Files, and members of archives.
    pub files: u64,
    /// Lines, rows and objects.
    pub records: u64,
    /// Addresses, each as often as it is there.
    pub addresses: u64,
    /// Passwords, each as often as it is there.
    pub passwords: u64,
    /// Telephone numbers.
    pub phones: u64,
    /// User names.
    pub user_names: u64,
    /// Pairs of an address and a website.
    pub stealer_logs: u64,
}

/// Takes what is found.
pub(super) struct Gatherer {
    pub(super) counts: Counts,
    pub(super) columns: Columns,
    pub(super) known: TopLevelDomains,
    passwords: PasswordForm,
    stealer_log: Option<bool>,
    sorters: Sorters,
    address: Address,
    /// Addresses of a record with a website, until all of it was looked at.
    owners: Vec<(String, usize)>,
}

/// What was gathered, sorted.
pub(super) struct Gathered {
    pub(super) tables: Vec<(Kind, Sorted)>,
    pub(super) sha1: Option<Sorted>,
    pub(super) ntlm: Option<Sorted>,
}

impl Gatherer {
    /// Sorts in `folder` with so much memory.
    pub(super) fn new(about: &About, folder: &Path, memory_bytes: usize) -> Result<Self, Error> {
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        names.extend(HashKind::ALL.map(HashKind::name));
        Ok(Self {
            counts: Counts::default(),
            columns: about.columns()?,
            known: about.top_level_domains(),
            passwords: about.passwords,
            stealer_log: about.stealer_log,
            sorters: Sorters::new(folder, &names, memory_bytes),
            address: Address::default(),
            owners: Vec::new(),
        })
    }

    /// Counts, and keeps nothing.
    pub(super) fn counting(about: &About) -> Result<Self, Error> {
        let gatherer = Self::new(about, Path::new(""), usize::MAX)?;
        Ok(Self {
            sorters: Sorters::discarding(),
            ..gatherer
        })
    }

    /// All of it, sorted.
    pub(super) fn finish(self) -> Result<Gathered, Error> {
        let mut sorted = self.sorters.finish()?.into_iter();
        let tables = Kind::ALL.into_iter().zip(sorted.by_ref()).collect();
        Ok(Gathered {
            tables,
            sha1: sorted.next(),
            ntlm: sorted.next(),
        })
    }

    /// Takes the addresses in a text: whether there are any.
    pub(super) fn scan(&mut self, text: &[u8]) -> Result<bool, Error> {
        let (mut result, mut found) = (Ok(()), 0);
        let sorters = &mut self.sorters;
        find_addresses(text, &self.known, &mut self.address, &mut |address, _| {
            found += 1;
            if result.is_ok() {
                result = add_address(sorters, address);
            }
        });
        self.counts.addresses += found;
        result.map(|()| found > 0)
    }

    /// Takes a record.
    pub(super) fn record(&mut self, record: &Record, from: usize) -> Result<(), Error> {
        self.counts.records += 1;
        let fields = record.fields(from);
        for (column, value) in fields.clone() {
            match column {
                Column::Password => self.password(value)?,
                Column::Phone => self.account(value, true)?,
                Column::UserName => self.account(value, false)?,
                Column::Other | Column::Website => drop(self.scan(value)?),
            }
        }
        let website = fields.clone().find(|(column, _)| *column == Column::Website);
        if let (Some(true), Some((_, website))) = (self.stealer_log, website) {
            for (column, value) in fields {
                if !matches!(column, Column::Password | Column::Website) {
                    self.pair(value, website)?;
                }
            }
        }
        Ok(())
    }

    /// Takes what was typed into a website, as malware logs it: also without an address, because the password counts.
    pub(super) fn credentials(&mut self, website: Option<&[u8]>, login: &[u8], password: &[u8]) -> Result<(), Error> {
        self.counts.records += 1;
        self.scan(login)?;
        self.password(password)?;
        if let Some(website) = website.filter(|_| self.stealer_log != Some(false)) {
            self.pair(login, website)?;
        }
        Ok(())
    }

    /// Keeps that the addresses in a field were typed into a website.
    fn pair(&mut self, field: &[u8], website: &[u8]) -> Result<(), Error> {
        let Some(website) = website_host(website).filter(|host| self.known.has_domain(host)) else {
            return Ok(());
        };
        self.owners.clear();
        let owners = &mut self.owners;
        find_addresses(field, &self.known, &mut self.address, &mut |address, _| {
            owners.push((address.text().to_owned(), address.alias().len()));
        });
        for (address, at) in &self.owners {
            let (alias, domain) = (
                address.get(..*at).unwrap_or_default(),
                address.get(at + 1..).unwrap_or_default(),
            );
            let (address, alias, domain, site) = (
                address.as_bytes(),
                alias.as_bytes(),
                domain.as_bytes(),
                website.as_bytes(),
            );
            self.sorters.push(2, &[address, &[SEPARATOR], site])?;
            self.sorters.push(3, &[site, &[SEPARATOR], address])?;
            self.sorters
                .push(4, &[domain, &[SEPARATOR], alias, &[SEPARATOR], site])?;
            self.counts.stealer_logs += 1;
        }
        Ok(())
    }

    /// Takes a telephone number or a user name.
    fn account(&mut self, value: &[u8], is_phone: bool) -> Result<(), Error> {
        let text = decoded(value.trim_ascii());
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let is_one = if is_phone { digits >= 7 } else { !text.is_empty() };
        if !is_one || text.len() > VALUE_BYTES_MAX || is_nothing(value) {
            return Ok(());
        }
        // A number that has its country's code without a mark is asked for with or without it.
        let account = if is_phone && !text.starts_with('+') && !text.starts_with("00") {
            normalise(&format!("+{text}"))
        } else {
            normalise(&text)
        };
        self.sorters
            .push(0, &[&Identity::of_normalised(&[account.as_bytes()]).0])?;
        let count = if is_phone {
            &mut self.counts.phones
        } else {
            &mut self.counts.user_names
        };
        *count += 1;
        Ok(())
    }

    /// Takes a password, of which only hashes are kept.
    pub(super) fn password(&mut self, value: &[u8]) -> Result<(), Error> {
        if value.is_empty() || value.len() > VALUE_BYTES_MAX || is_nothing(value) {
            return Ok(());
        }
        match self.passwords {
            PasswordForm::None => return Ok(()),
            PasswordForm::Plain if is_hash(value) => return Ok(()),
            PasswordForm::Plain => {
                let password = decoded(value);
                for (sorter, kind) in [(SHA1, HashKind::Sha1), (NTLM, HashKind::Ntlm)] {
                    self.sorters.push(sorter, &[&kind.hash(&password)])?;
                }
            }
            PasswordForm::Sha1 | PasswordForm::Ntlm => {
                let (sorter, kind) = if self.passwords == PasswordForm::Sha1 {
                    (SHA1, HashKind::Sha1)
                } else {
                    (NTLM, HashKind::Ntlm)
                };
                let Some(hash) = hexadecimal::vector(value).filter(|hash| hash.len() == kind.bytes()) else {
                    return Ok(());
                };
                self.sorters.push(sorter, &[&hash])?;
            }
        }
        self.counts.passwords += 1;
        Ok(())
    }
}

fn add_address(sorters: &mut Sorters, address: &Address) -> Result<(), Error> {
    sorters.push(0, &[&Identity::of_normalised(&[address.text().as_bytes()]).0])?;
    sorters.push(
        1,
        &[address.domain().as_bytes(), &[SEPARATOR], address.alias().as_bytes()],
    )?;
    Ok(())
}

/// A text that is UTF-8, or else Latin-1.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// How databases write that there is nothing.
fn is_nothing(value: &[u8]) -> bool {
    matches!(value, b"NULL" | b"null" | b"\\N" | b"None" | b"(null)")
}

/// Whether a value looks like a hash of a password: digits of one, or the marks of a known scheme.
fn is_hash(value: &[u8]) -> bool {
    let is_hexadecimal = value.iter().all(u8::is_ascii_hexdigit);
    let schemes: [&[u8]; 8] = [b"$2", b"$1$", b"$5$", b"$6$", b"$P$", b"$argon2", b"pbkdf2", b"{SSHA"];
    (is_hexadecimal && matches!(value.len(), 32 | 40 | 48 | 56 | 64 | 96 | 128))
        || (value.len() >= 20 && schemes.iter().any(|scheme| value.starts_with(scheme)))
}

/// The host of a website's address, in lower case, without `www.`: nothing for applications (`android://`) and the like.
pub(super) fn website_host(website: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(website).ok()?.trim();
    let rest = match text.split_once("://") {
        Some((scheme, rest))
            if ["http", "https", "ftp"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known)) =>
        {
            rest
        }
        Some(_) => return None,
        None => text,
    };
    let authority = rest.split(['/', '?', '#', ' ']).next()?;
    let host = authority
        .rsplit('@')
        .next()?
        .split(':')
        .next()?
        .trim_end_matches('.')
        .to_ascii_lowercase();
    Some(host.strip_prefix("www.").map_or(host.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_website_is_found() {
        for (website, expected) in [
            ("https://WWW.Example.com:8443/login?x=1", Some("example.com")),
            ("http://ann:secret@shop.example.com", Some("shop.example.com")),
            ("shop.example.com/path", Some("shop.example.com")),
            ("android://hash==@com.example.app/", None),
        ] {
            assert_eq!(website_host(website.as_bytes()).as_deref(), expected, "{website}");
        }
    }

    #[test]
    fn hashes_are_told_from_passwords() {
        for hash in [
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8",
            "$2y$10$abcdefghijklmnopqrstuv",
        ] {
            assert!(is_hash(hash.as_bytes()), "{hash}");
        }
        for password in ["password", "deadbeef", "$1$", "12345678"] {
            assert!(!is_hash(password.as_bytes()), "{password}");
        }
    }
}
