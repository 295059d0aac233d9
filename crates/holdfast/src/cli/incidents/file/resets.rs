//! `holdfast incidents file N resets`: the affected data, joined with what the breach monitor knows.
//!
//! The list is written row by row: whatever its length, it takes no memory but that of the tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use exposure::accounts::{Accounts, Breach, BreachId};
use exposure::address::Identity;
use exposure::hash::HashKind;
use exposure::ledger::Ledger;
use exposure::passwords::Passwords;
use respond::case_file::timeline::csv_cell;
use serde_json::json;

use super::scene::Scene;
use crate::cli::exposure::{FOLDER, PASSWORDS_FOLDER};
use crate::cli::show::count;
use crate::exposure_delivery::failed;
use crate::failure::Failure;
use crate::hex;
use crate::new_file::{Existing, NewFile};

pub(super) const HELP: &str = "\
A file has an address a line; behind a comma or a tab the hash of its password may stand (SHA-1 or
NTLM, hexadecimal). Those to be reset first: 1 - the password itself is in a leak; 2 - another breach
with passwords has the account; 3 - another breach has it; 4 - only this one.

Examples:
  holdfast incidents file 7 resets --addresses accounts.txt --to resets.csv
  holdfast incidents file 7 resets --breach OurShop --to resets.csv";

/// Longest line of a list.
const LINE_BYTES_MAX: u64 = 4096;

/// `holdfast incidents file N resets`
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct ResetsArguments {
    /// Where the list is written
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Whose accounts
    #[command(flatten)]
    whose: Whose,
}

/// Where the affected accounts come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(super) struct Whose {
    /// A list of the affected accounts
    #[arg(long, value_name = "FILE", required_unless_present = "breach")]
    pub(super) addresses: Option<PathBuf>,
    /// The breach of the breach monitor that holds the affected list; with --addresses: one that doesn't count as another
    #[arg(long, value_name = "NAME")]
    pub(super) breach: Option<String>,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    accounts: u64,
    by_priority: [u64; 4],
    /// Lines that have no address.
    unread: u64,
}

pub(super) fn run(scene: &Scene<'_>, task: &ResetsArguments) -> Result<u8, Failure> {
    let counts = write_list(scene, &task.whose, &task.to, task.force)?;
    let [first, second, third, fourth] = counts.by_priority;
    let text = format!(
        "wrote {} into `{}`: {first} whose password is in a leak, {second} in another breach with passwords, {third} in another breach, \
         {fourth} only here\n{}",
        count(counts.accounts, "account"),
        task.to.display(),
        unread(counts.unread)
    );
    let object = json!({ "accounts": counts.accounts, "by_priority": counts.by_priority, "unread": counts.unread, "file": task.to });
    Ok(scene.tell(&object, &text))
}

fn unread(lines: u64) -> String {
    if lines == 0 {
        return String::new();
    }
    format!("note: {} had no address\n", count(lines, "line"))
}

/// Writes the list into a new file, which only its owner can read.
pub(super) fn write_list(scene: &Scene<'_>, whose: &Whose, to: &Path, force: bool) -> Result<Counts, Failure> {
    let monitor = Monitor::open(scene, whose.breach.as_deref())?;
    let file = NewFile::make_private(to, Existing::forced(force))?;
    let mut out = std::io::BufWriter::new(file.file());
    let mut list = List {
        monitor: &monitor,
        counts: Counts::default(),
        problem: None,
    };
    let heading = "address,priority,password_in_leaks,other_breaches_with_passwords,other_breaches\r\n";
    out.write_all(heading.as_bytes())
        .map_err(|error| file.write_failed(&error))?;
    match (&whose.addresses, monitor.own) {
        (Some(path), _) => list.add_file(path, &mut out)?,
        (None, Some(own)) => {
            let visited = monitor
                .accounts
                .members(own, &mut |address| list.add(address, None, &mut out));
            visited.map_err(|error| failed(&error))?;
        }
        (None, None) => return Err(Failure::usage("no list of accounts is named")),
    }
    let counts = list.counts;
    if let Some(problem) = list.problem {
        return Err(problem);
    }
    out.flush().map_err(|error| file.write_failed(&error))?;
    drop(out);
    file.keep()?;
    Ok(counts)
}

/// What the breach monitor knows.
struct Monitor {
    accounts: Accounts,
    breaches: BTreeMap<BreachId, Breach>,
    /// The breach that holds the own list.
    own: Option<BreachId>,
    passwords: Option<Passwords>,
}

impl Monitor {
    fn open(scene: &Scene<'_>, own: Option<&str>) -> Result<Self, Failure> {
        let folder = scene.noted.place.data.join(FOLDER);
        if !folder.is_dir() {
            return Err(Failure::not_found("the breach monitor has nothing to compare with")
                .hint("`holdfast exposure import breach` and `import passwords` load something"));
        }
        let breaches = Ledger::open(&folder)
            .and_then(|ledger| ledger.breaches())
            .map_err(|error| failed(&error))?;
        let breaches: BTreeMap<BreachId, Breach> = breaches.into_iter().collect();
        let own = match own {
            None => None,
            Some(name) => {
                let found = breaches
                    .iter()
                    .find(|(_, breach)| breach.name.eq_ignore_ascii_case(name));
                let missing = || {
                    Failure::not_found(format!("no breach is named `{name}`"))
                        .hint("`holdfast exposure stats` lists them")
                };
                Some(*found.ok_or_else(missing)?.0)
            }
        };
        let passwords = folder.join(PASSWORDS_FOLDER);
        let passwords = passwords.is_dir().then(|| Passwords::open(&passwords)).transpose();
        Ok(Self {
            accounts: Accounts::open(&folder).map_err(|error| failed(&error))?,
            breaches,
            own,
            passwords: passwords.map_err(|error| failed(&error))?,
        })
    }

    /// In how many leaks a password of this hash was seen; `None` if that can't be told.
    fn seen(&self, digits: &str) -> Result<Option<u64>, Failure> {
        let (Some(passwords), Some(bytes)) = (&self.passwords, hex::bytes(digits)) else {
            return Ok(None);
        };
        let Some(kind) = HashKind::ALL.into_iter().find(|kind| kind.bytes() == bytes.len()) else {
            return Ok(None);
        };
        passwords.count(kind, &bytes).map(Some).map_err(|error| failed(&error))
    }
}

struct List<'a> {
    monitor: &'a Monitor,
    counts: Counts,
    /// What went wrong with a row.
    problem: Option<Failure>,
}

impl List<'_> {
    fn add_file(&mut self, path: &Path, out: &mut impl Write) -> Result<(), Failure> {
        let unreadable = |error| Failure::io(format!("read `{}`", path.display()), &error);
        let mut lines = BufReader::new(File::open(path).map_err(unreadable)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines
                .by_ref()
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)
                .map_err(unreadable)?;
            if read == 0 || self.problem.is_some() {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            let mut parts = text.trim().splitn(2, [',', ';', '\t']);
            let (address, hash) = (parts.next().unwrap_or("").trim(), parts.next().map(str::trim));
            if address.contains('@') {
                self.add(address, hash, out);
            } else if !address.is_empty() {
                self.counts.unread += 1;
            }
        }
    }

    fn add(&mut self, address: &str, hash: Option<&str>, out: &mut impl Write) {
        if self.problem.is_none() {
            self.problem = self.try_add(address, hash, out).err();
        }
    }

    fn try_add(&mut self, address: &str, hash: Option<&str>, out: &mut impl Write) -> Result<(), Failure> {
        let monitor = self.monitor;
        let found = monitor
            .accounts
            .breaches_of(Identity::of(address))
            .map_err(|error| failed(&error))?;
        let others = found
            .iter()
            .filter(|id| Some(**id) != monitor.own)
            .filter_map(|id| monitor.breaches.get(id));
        let others: Vec<&Breach> = others.filter(|breach| !breach.is_retired).collect();
        let with_passwords = others
            .iter()
            .filter(|breach| breach.data_classes.iter().any(|class| class == "Passwords"))
            .count();
        let seen = hash.map(|hash| monitor.seen(hash)).transpose()?.flatten();
        let priority = match (seen, with_passwords, others.len()) {
            (Some(1..), _, _) => 1,
            (_, 1.., _) => 2,
            (_, _, 1..) => 3,
            _ => 4,
        };
        let seen = match (hash, seen) {
            (None, _) => "not given".to_owned(),
            (Some(_), None) => "not known".to_owned(),
            (Some(_), Some(seen)) => seen.to_string(),
        };
        let names: Vec<&str> = others.iter().map(|breach| breach.name.as_str()).collect();
        let row = [
            csv_cell(address),
            priority.to_string(),
            seen,
            with_passwords.to_string(),
            csv_cell(&names.join(" ")),
        ];
        out.write_all((row.join(",") + "\r\n").as_bytes())
            .map_err(|error| Failure::io("write the list", &error))?;
        self.counts.accounts += 1;
        if let Some(counted) = self.counts.by_priority.get_mut(priority - 1) {
            *counted += 1;
        }
        Ok(())
    }
}
