//! `holdfast exposure watch`: domains (`domain`), people (`people`), and sending what is due (`deliver`).

mod deliver;
mod domain;
mod people;

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use exposure::ledger::{Delivery, Ledger};
use exposure::watch::MailAddress;

use super::Scene;
use crate::config::ExposureSettings;
use crate::exposure_delivery::{failed, open_ledger};
use crate::failure::{Failure, FailureCode};

/// `holdfast exposure watch ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum WatchCommand {
    /// Domains of your company: show that they are yours, and who is told of them
    #[command(subcommand, disable_help_subcommand = true)]
    Domain(DomainCommand),
    /// People who want to be told of their own address
    #[command(subcommand, disable_help_subcommand = true)]
    Address(AddressCommand),
    /// Load a list of your customers, who are told without having confirmed anything
    #[command(after_help = CUSTOMERS_HELP)]
    Customers {
        /// A file with an address in each line (or first in a line, before `,`, `;` or a tab); `-` reads the standard input
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Who is watched, and what waits to be sent
    List,
    /// Forget the watches of an address
    Remove(Addresses),
    /// Write down for a person that they want no mail about breaches, for ever
    OptOut(Addresses),
    /// Confirm by hand with the link of a mail, for who can't reach this machine
    Confirm {
        /// The link, or what stands behind its last slash
        link: String,
    },
    /// Send everything that is due, once (`holdfast exposure serve` does so all the time)
    #[command(after_help = DELIVER_HELP)]
    Deliver {
        /// Send the daily digest now
        #[arg(long)]
        digest: bool,
    },
}

/// `holdfast exposure watch domain ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum DomainCommand {
    /// Ask for the proof that a domain is yours, and say who is told of it
    #[command(after_help = DOMAIN_HELP)]
    Add {
        /// The domain
        name: String,
        /// Who is told by mail when a breach has addresses of it; they get a link to confirm
        #[arg(long, value_name = "ADDRESS")]
        tell: Vec<String>,
        #[command(flatten)]
        how: How,
    },
    /// Look for the proof in the DNS, or send a link by mail
    Verify {
        /// The domain
        name: String,
        /// Send a link to this address of the domain instead
        #[arg(long, value_name = "ALIAS", value_parser = domain::MAIL_ALIASES)]
        mail: Option<String>,
    },
    /// All domains, and whether they are verified
    List,
    /// Forget a domain, and who is told of it
    Remove {
        /// The domain
        name: String,
    },
    /// The address of the feed (RSS) of a verified domain
    Feed {
        /// The domain
        name: String,
    },
}

/// `holdfast exposure watch address ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum AddressCommand {
    /// Send a person a link by which they confirm that they want to be told
    Add {
        #[command(flatten)]
        addresses: Addresses,
        #[command(flatten)]
        how: How,
    },
}

/// Addresses, from the command line or the standard input.
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Addresses {
    /// The addresses; without any, one is read from each line of the standard input, where others of this machine don't see them
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,
}

/// When somebody is told.
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct How {
    /// Tell once a day, everything in one mail, instead of at once
    #[arg(long)]
    digest: bool,
}

impl How {
    const fn delivery(&self) -> Delivery {
        if self.digest { Delivery::Digest } else { Delivery::Now }
    }
}

const DOMAIN_HELP: &str = "\
A domain is verified by a TXT record that only its owner can make, or by a link in a mail to
security@, hostmaster@, postmaster@ or webmaster@ of it (`verify --mail`). Until then nobody is told
anything of it. Domains below a verified one are verified with it.

Examples:
  holdfast exposure watch domain add example.com --tell security@example.com
  holdfast exposure watch domain verify example.com";

const CUSTOMERS_HELP: &str = "\
For the company that holds the data: it tells those concerned because it has to, and needs no
consent for that. Every mail has a link by which a customer wants no more of them, which is kept for
ever: an address that opted out, or was erased, isn't added again by a later list. All of the list is
loaded, or nothing.";

const DELIVER_HELP: &str = "\
A message that the server refuses for now is tried again after a minute, two, four, up to six hours,
for about four days. One that is refused for good is given up and counted. Exit code 1: the server
is out of reach; nothing is lost.";

pub(super) fn run(scene: &Scene<'_>, command: WatchCommand) -> Result<u8, Failure> {
    match command {
        WatchCommand::Domain(command) => domain::run(scene, command),
        WatchCommand::Address(AddressCommand::Add { addresses, how }) => {
            people::add(scene, &addresses.read()?, how.delivery())
        }
        WatchCommand::Customers { file, how } => people::customers(scene, &file, how.delivery()),
        WatchCommand::List => people::list(scene),
        WatchCommand::Remove(addresses) => people::remove(scene, &addresses.read()?),
        WatchCommand::OptOut(addresses) => people::opt_out(scene, &addresses.read()?),
        WatchCommand::Confirm { link } => people::confirm(scene, &link),
        WatchCommand::Deliver { digest } => deliver::run(scene, digest),
    }
}

impl Addresses {
    /// The addresses, all of them right.
    fn read(&self) -> Result<Vec<MailAddress>, Failure> {
        let typed = if self.addresses.is_empty() {
            lines_of_standard_input()?
        } else {
            self.addresses.clone()
        };
        let parsed = typed.iter().enumerate().map(|(index, text)| {
            MailAddress::parse(text).map_err(|error| Failure::usage(format!("address {}: {error}", index + 1)))
        });
        let addresses: Vec<MailAddress> = parsed.collect::<Result<_, _>>()?;
        if addresses.is_empty() {
            return Err(
                Failure::usage("no address is given").hint("name one, or give one in each line of the standard input")
            );
        }
        Ok(addresses)
    }
}

/// Lines that are read at most: more is a list, for which there is `customers`.
const LINES_MAX: usize = 10_000;

/// Bytes that are read of them at most: as many of the longest addresses, in UTF-8.
const INPUT_BYTES_MAX: u64 = LINES_MAX as u64 * 400;

fn lines_of_standard_input() -> Result<Vec<String>, Failure> {
    lines_of(&mut std::io::stdin().lock())
}

fn lines_of(input: &mut dyn Read) -> Result<Vec<String>, Failure> {
    let too_many = |what: String| {
        Failure::usage(format!("more than {what} are given"))
            .hint("`holdfast exposure watch customers FILE` loads a list")
    };
    let mut text = String::new();
    input
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| Failure::io("read the standard input", &error))?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(too_many(format!("{INPUT_BYTES_MAX} bytes")));
    }
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect();
    if lines.len() > LINES_MAX {
        return Err(too_many(format!("{LINES_MAX} addresses")));
    }
    Ok(lines)
}

/// The ledger, in a data folder that is made if it is missing.
fn ledger(scene: &Scene<'_>) -> Result<Ledger, Failure> {
    scene.place.prepare()?;
    open_ledger(&scene.folder)
}

/// The settings, which have to have a mail server.
fn settings_with_mail(scene: &Scene<'_>) -> Result<ExposureSettings, Failure> {
    let settings = scene.place.config()?.exposure;
    if settings.mail.is_none() {
        return Err(
            Failure::new(FailureCode::Config, "there is no mail server to send the link with")
                .hint("set [exposure.mail] and `public_url`; `holdfast config default` shows how"),
        );
    }
    Ok(settings)
}

/// A failure of the ledger.
fn ours(error: exposure::Error) -> Failure {
    failed(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read_up_to_a_bound() {
        let lines = lines_of(&mut &b"a@b.example\r\n\n c@d.example \n"[..]).unwrap();
        assert_eq!(lines, ["a@b.example", " c@d.example "]);
        let many = "a@b.example\n".repeat(LINES_MAX + 1);
        assert!(
            lines_of(&mut many.as_bytes())
                .unwrap_err()
                .message
                .contains("10000 addresses")
        );
        let error = lines_of(&mut std::io::repeat(b'a')).unwrap_err();
        assert!(error.message.contains("4000000 bytes"), "{}", error.message);
    }
}
