//! `holdfast exposure check`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use exposure::accounts::{Accounts, BreachId};
use exposure::address::Identity;
use exposure::hash::HashKind;
use exposure::ledger::Ledger;
use exposure::passwords::Passwords;
use serde_json::json;

use super::Scene;
use super::exports::{self, Entry, Export};
use super::failures::failure;
use super::import_passwords::FOLDER;
use crate::browse::text::printable;
use crate::cli::output::print;
use crate::cli::show::count;
use crate::cli::table::{Align, Table};
use crate::cli::unseen::read_lines;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::hex;

/// Most passwords or hashes from standard input.
const LINES_MAX: usize = 1_000_000;
/// Most bytes of an export.
const EXPORT_BYTES_MAX: u64 = 256 << 20;

/// `holdfast exposure check`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Check {
    /// An export of a password manager, or a list of addresses; without it, passwords are typed or come from standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What is typed or comes from standard input are hashes: 40 (SHA-1) or 32 (NTLM) hexadecimal digits
    #[arg(long, conflicts_with = "file")]
    hash: bool,
}

const HELP: &str = "\
A password is typed without being shown, or comes from standard input, one a line; it is never an
argument, which others on the machine could see, and is never printed. Recognised are exports of
KeePass and KeePassXC (CSV, XML), Bitwarden (JSON, CSV), Chrome and Firefox (CSV): delete them
afterwards. Works on the files of this machine: no server is needed or asked.

Exit code 10: something that was checked is leaked; 0: nothing is.

Examples:
  holdfast exposure check
  holdfast exposure check bitwarden_export.json
  holdfast exposure check addresses.txt
  pass show shop | head -n 1 | holdfast exposure check";

/// Something that was checked, and how often it was seen.
struct Checked {
    name: String,
    user: String,
    count: u64,
}

pub(super) fn run(scene: &Scene<'_>, task: &Check) -> Result<u8, Failure> {
    let Some(file) = &task.file else {
        let corpus = Corpus::open(scene)?;
        let checked = if task.hash { hashes(&corpus)? } else { typed(&corpus)? };
        return Ok(tell(scene, &checked, "line", "password"));
    };
    let unusable = |what: String| Failure::usage(format!("`{}` {what}", file.display()));
    match exports::read(&read(file)?).map_err(unusable)? {
        Export::Entries(form, entries) => {
            let corpus = Corpus::open(scene)?;
            let checked: Result<Vec<Checked>, Failure> = entries.iter().map(|entry| corpus.check(entry)).collect();
            Ok(tell(scene, &checked?, form, "password"))
        }
        Export::Addresses(addresses) => check_addresses(scene, &addresses),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::io(format!("read `{}`", path.display()), &error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(EXPORT_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > EXPORT_BYTES_MAX {
        return Err(Failure::usage(format!("`{}` is larger than 256 MiB", path.display())));
    }
    Ok(bytes)
}

/// The passwords that are loaded.
struct Corpus {
    passwords: Passwords,
    kinds: Vec<HashKind>,
}

impl Corpus {
    fn open(scene: &Scene<'_>) -> Result<Self, Failure> {
        let passwords = Passwords::open(&scene.folder.join(FOLDER)).map_err(|error| failure(&error))?;
        let loaded = passwords.statistics().map_err(|error| failure(&error))?;
        let is_loaded = |kind: &HashKind| loaded.iter().any(|corpus| corpus.kind == *kind);
        let kinds: Vec<HashKind> = HashKind::ALL.into_iter().filter(is_loaded).collect();
        if kinds.is_empty() {
            return Err(Failure::not_found("no leaked passwords are loaded")
                .hint("`holdfast exposure import passwords` loads them"));
        }
        Ok(Self { passwords, kinds })
    }

    /// How often a password was seen, where it was seen most: each kind of hash may come from other sources.
    fn count(&self, password: &str) -> Result<u64, Failure> {
        let counts = self
            .kinds
            .iter()
            .map(|kind| self.passwords.count(*kind, &kind.hash(password)));
        let counts = counts
            .collect::<Result<Vec<u64>, _>>()
            .map_err(|error| failure(&error))?;
        Ok(counts.into_iter().max().unwrap_or(0))
    }

    fn check(&self, entry: &Entry) -> Result<Checked, Failure> {
        Ok(Checked {
            name: entry.name.clone(),
            user: entry.user.clone(),
            count: self.count(&entry.password)?,
        })
    }
}

fn typed(corpus: &Corpus) -> Result<Vec<Checked>, Failure> {
    let lines = read_lines("Password (it isn't shown)", LINES_MAX)?;
    let checked = (1_u64..).zip(&lines).map(|(line, password)| {
        Ok(Checked {
            name: line.to_string(),
            user: String::new(),
            count: corpus.count(password)?,
        })
    });
    checked.collect()
}

fn hashes(corpus: &Corpus) -> Result<Vec<Checked>, Failure> {
    let lines = read_lines("Hash (it isn't shown)", LINES_MAX)?;
    let checked = (1_u64..).zip(&lines).map(|(line, digits)| {
        let hash = hex::bytes(digits.trim()).unwrap_or_default();
        let kind = HashKind::ALL.into_iter().find(|kind| kind.bytes() == hash.len());
        let kind =
            kind.ok_or_else(|| Failure::usage(format!("line {line} is no hash of 40 or 32 hexadecimal digits")))?;
        Ok(Checked {
            name: line.to_string(),
            user: String::new(),
            count: corpus.passwords.count(kind, &hash).map_err(|error| failure(&error))?,
        })
    });
    checked.collect()
}

/// Prints what is leaked, never a password, and chooses the exit code.
fn tell(scene: &Scene<'_>, checked: &[Checked], form: &str, what: &str) -> u8 {
    let leaked: Vec<&Checked> = checked.iter().filter(|one| one.count > 0).collect();
    let text = if scene.common.json {
        let rows = leaked
            .iter()
            .map(|one| json!({ "name": one.name, "user": one.user, "count": one.count }));
        let rows: Vec<_> = rows.collect();
        json!({ "checked": checked.len(), "form": form, "leaked": rows }).to_string() + "\n"
    } else {
        text(checked.len(), &leaked, form, what)
    };
    print(text.as_bytes());
    exit_code(!leaked.is_empty())
}

fn text(checked: usize, leaked: &[&Checked], form: &str, what: &str) -> String {
    if let (1, "line") = (checked, form) {
        return match leaked.first() {
            Some(one) => format!(
                "leaked: this {what} was seen {}; use it nowhere any more\n",
                count(one.count, "time")
            ),
            None => format!("not found: this {what} is in none of the corpora that are loaded\n"),
        };
    }
    let mut text = String::new();
    if !leaked.is_empty() {
        let name = if form == "line" { "LINE" } else { "NAME" };
        let mut table = Table::new(&[("SEEN", Align::Right), (name, Align::Left), ("USER", Align::Left)]);
        for one in leaked {
            table.row(vec![
                one.count.to_string(),
                printable(one.name.as_bytes()),
                printable(one.user.as_bytes()),
            ]);
        }
        text = table.render();
    }
    text + &format!("{} of {checked} {what}s are leaked\n", leaked.len())
}

fn check_addresses(scene: &Scene<'_>, addresses: &[String]) -> Result<u8, Failure> {
    let failed = |error| failure(&error);
    if !scene.folder.is_dir() {
        return Err(Failure::not_found("no breaches are loaded").hint("`holdfast exposure import breach` loads one"));
    }
    let accounts = Accounts::open(&scene.folder).map_err(failed)?;
    let breaches = Ledger::open(&scene.folder)
        .and_then(|ledger| ledger.breaches())
        .map_err(failed)?;
    let names: BTreeMap<BreachId, String> = breaches.into_iter().map(|(id, breach)| (id, breach.name)).collect();
    let mut found = Vec::new();
    for address in addresses {
        let of_address = accounts.breaches_of(Identity::of(address)).map_err(failed)?;
        if !of_address.is_empty() {
            let named: Vec<&str> = of_address
                .iter()
                .filter_map(|id| names.get(id))
                .map(String::as_str)
                .collect();
            found.push((address, named));
        }
    }
    let text = if scene.common.json {
        let rows = found
            .iter()
            .map(|(address, named)| json!({ "address": address, "breaches": named }));
        json!({ "checked": addresses.len(), "form": "addresses", "leaked": rows.collect::<Vec<_>>() }).to_string()
            + "\n"
    } else {
        let mut table = Table::new(&[("ADDRESS", Align::Left), ("BREACHES", Align::Left)]);
        for (address, named) in &found {
            table.row(vec![printable(address.as_bytes()), named.join(" ")]);
        }
        let table = if found.is_empty() {
            String::new()
        } else {
            table.render()
        };
        format!(
            "{table}{} of {} addresses are in a breach\n",
            found.len(),
            addresses.len()
        )
    };
    print(text.as_bytes());
    Ok(exit_code(!found.is_empty()))
}

fn exit_code(is_leaked: bool) -> u8 {
    if is_leaked {
        FailureCode::Leaked.exit_code()
    } else {
        EXIT_OK
    }
}
