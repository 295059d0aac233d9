//! `holdfast threat entities import`: people and machines of an LDAP directory, as the list that `[threat] entities` reads.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use threat::entity::{LdapError, LdapList, Listed, Tier, csv};
use threat::event::HandleKind;

use crate::cli::arguments::Common;
use crate::cli::output::{self, print};
use crate::cli::show::count;
use crate::cli::unseen;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::ldap::{Server, Told};
use crate::new_file::{Existing, NewFile};

/// The longest password.
const PASSWORD_BYTES_MAX: u64 = 1_024;
/// Groups that can be named.
const GROUPS_MAX: usize = 64;

const HELP: &str = "\
Reads the directory and changes nothing there: any account that may read it is enough. In Active Directory, domain controllers and
the members of Domain Admins, Enterprise Admins, Schema Admins and Administrators are known by themselves, groups in groups too;
other groups are named with --tier: domain-controller, vcenter, esxi, backup, identity, help-desk, admin, vip.

The connection is encrypted and the server's certificate checked; ldap:// without --starttls is for this machine alone. The password
comes from a file or is asked for, and is never an argument.

Examples:
  holdfast threat entities import --ldap ldaps://dc01.corp.example --bind reader@corp.example \\
      --tier 'Service Desk=help-desk' --output /etc/holdfast/entities.csv
  holdfast threat entities import --ldap ldap://ldap.example --starttls --ca ca.pem --base dc=example --tier wheel=admin";

/// `holdfast threat entities ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum EntitiesCommand {
    /// Make a list of people and machines from a directory (LDAP), as `[threat] entities` reads it
    Import(Import),
}

/// `holdfast threat entities import`
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Import {
    /// The directory: `ldaps://HOST[:PORT]`, or `ldap://HOST[:PORT]` with --starttls
    #[arg(long, value_name = "URL")]
    ldap: String,
    /// Begin TLS within the connection
    #[arg(long)]
    starttls: bool,
    /// The authority of the server's certificate (PEM), besides those that this machine trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Sign in as this entry; Active Directory takes a user principal name, too
    #[arg(long, value_name = "DN")]
    bind: Option<String>,
    /// A file with the password; without it, it is asked for
    #[arg(long, value_name = "FILE", requires = "bind")]
    password_file: Option<PathBuf>,
    /// Search below this entry instead of the directory's root
    #[arg(long, value_name = "DN")]
    base: Option<String>,
    /// The domain's name in front of account names, where the directory doesn't say it
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// What is at stake on the members of a group; can be given several times
    #[arg(long, value_name = "GROUP=TIER", value_parser = tier)]
    tier: Vec<(String, Tier)>,
    /// Write the list into this file, for its owner only; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn tier(text: &str) -> Result<(String, Tier), String> {
    // A group's distinguished name has `=` in it, too.
    let (group, name) = text.rsplit_once('=').ok_or("write GROUP=TIER")?;
    let tier = Tier::parse(name).ok_or_else(|| {
        format!("no tier is called `{name}`: domain-controller, vcenter, esxi, backup, identity, help-desk, admin, vip")
    })?;
    Ok((group.trim().to_owned(), tier))
}

pub(super) fn run(common: &Common, task: &Import) -> Result<u8, Failure> {
    if task.tier.len() > GROUPS_MAX {
        return Err(Failure::usage(format!("`--tier` names more than {GROUPS_MAX} groups")));
    }
    let mut server = Server::at(&task.ldap, task.starttls)?;
    let file = task
        .output
        .as_deref()
        .map(|path| NewFile::make_private(path, Existing::Replaced))
        .transpose()?;
    server.authority.clone_from(&task.ca);
    server.base.clone_from(&task.base);
    server.login = task
        .bind
        .as_ref()
        .map(|name| Ok::<_, Failure>((name.clone(), password(task.password_file.as_deref())?)))
        .transpose()?;
    let listed = listed(task, server)?;
    let text = csv(&listed);
    match file {
        Some(file) => {
            file.fill(|out| out.write_all(text.as_bytes()))?;
            told(common, task, &listed);
        }
        None if common.json => return Ok(output::json(&json!({ "entities": listed }))),
        None => print(text.as_bytes()),
    }
    Ok(EXIT_OK)
}

fn listed(task: &Import, server: Server) -> Result<Vec<Listed>, Failure> {
    let failed = |error: LdapError| match error {
        LdapError::NoGroup(_) => {
            Failure::not_found(error.to_string()).hint("`--tier` takes a group's name or distinguished name")
        }
        _ => Failure::refused(error.to_string()),
    };
    let mut list = LdapList::default();
    let mut below = String::new();
    server.read(&mut |told| match told {
        Told::Root(base, domains) => {
            list = LdapList::new(&task.tier, &domains, task.domain.as_deref());
            below = base;
            Ok(())
        }
        Told::Entry(entry) => list.take(&entry).map_err(failed),
    })?;
    let listed = list.finish().map_err(failed)?;
    if listed.is_empty() {
        return Err(Failure::not_found(format!("no person or machine is below `{below}`"))
            .hint("may this account read the directory? `--bind` signs in, `--base` names another part"));
    }
    Ok(listed)
}

fn told(common: &Common, task: &Import, listed: &[Listed]) {
    let file = task.output.as_deref().unwrap_or(Path::new(""));
    let machines = listed.iter().filter(|entity| is_machine(entity)).count();
    let with = |tier: Tier| listed.iter().filter(|entity| entity.tiers.contains(&tier)).count();
    let tiers: Vec<(&str, usize)> = TIERS
        .into_iter()
        .map(|tier| (tier.words(), with(tier)))
        .filter(|(_, number)| *number > 0)
        .collect();
    if common.json {
        let tiers: serde_json::Map<_, _> = tiers
            .iter()
            .map(|(tier, number)| ((*tier).to_owned(), json!(number)))
            .collect();
        output::json(
            &json!({ "output": file, "people": listed.len() - machines, "machines": machines, "tiers": tiers }),
        );
        return;
    }
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut text = format!(
        "{}, {}",
        people(listed.len() - machines),
        count(number(machines), "machine")
    );
    for (tier, number) in tiers {
        text += &format!(", {tier}: {number}");
    }
    text += &format!(
        "\nwrote `{}`: name it as `entities` in [threat], then send the daemon SIGHUP\n",
        file.display()
    );
    print(text.as_bytes());
}

fn people(number: usize) -> String {
    format!("{number} {}", if number == 1 { "person" } else { "people" })
}

fn is_machine(entity: &Listed) -> bool {
    entity.names.iter().any(|name| name.kind == HandleKind::Host)
}

const TIERS: [Tier; 8] = [
    Tier::DomainController,
    Tier::Vcenter,
    Tier::Hypervisor,
    Tier::Backup,
    Tier::Identity,
    Tier::HelpDesk,
    Tier::Administrator,
    Tier::Vip,
];

/// The password: of a file, or typed. Never an empty one: with that, a directory lets anybody in as nobody.
fn password(file: Option<&Path>) -> Result<String, Failure> {
    let Some(file) = file else {
        let mut lines = unseen::read_lines_if_any("password", 1)?;
        return lines.pop().ok_or_else(|| {
            Failure::usage("no password was typed").hint("`--password-file FILE` names a file with it")
        });
    };
    let failed = |why: &str| {
        Failure::new(
            FailureCode::Usage,
            format!("--password-file: `{}`: {why}", file.display()),
        )
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(PASSWORD_BYTES_MAX + 2).read_to_string(&mut text))
        .map_err(|error| failed(&error.to_string()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() as u64 > PASSWORD_BYTES_MAX {
        return Err(failed(&format!(
            "it doesn't hold a password of 1 to {PASSWORD_BYTES_MAX} bytes"
        )));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_s_tier_is_behind_the_last_sign() {
        assert_eq!(
            tier("Service Desk=help-desk").unwrap(),
            ("Service Desk".to_owned(), Tier::HelpDesk)
        );
        assert_eq!(
            tier("CN=x,DC=y=admin").unwrap(),
            ("CN=x,DC=y".to_owned(), Tier::Administrator)
        );
        assert!(tier("Service Desk").is_err());
        assert!(tier("x=king").unwrap_err().contains("help-desk"));
    }

    #[test]
    fn an_empty_password_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        for (text, expected) in [("secret\n", Some("secret")), ("\n", None), ("", None)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(password(Some(&file)).ok().as_deref(), expected);
        }
        std::fs::write(&file, "x".repeat(1_025)).unwrap();
        assert!(password(Some(&file)).is_err());
    }
}
