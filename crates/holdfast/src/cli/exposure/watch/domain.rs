//! `holdfast exposure watch domain`

use exposure::ledger::{About, Asked, Delivery, Domain, Ledger, Proof, Subject};
use exposure::watch::{DomainName, Link, MailAddress};
use hibp::dns::{TxtProof, proof, txt_records_blocking};
use serde_json::{Value, json};

use super::{DomainCommand, Scene, ledger, ours, settings_with_mail};
use crate::browse::text::printable;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::exposure_delivery::{link_secret, now, random};
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::when::utc;

/// The addresses of a domain that only its owner reads (RFC 2142).
pub(super) const MAIL_ALIASES: [&str; 4] = ["security", "hostmaster", "postmaster", "webmaster"];

pub(super) fn run(scene: &Scene<'_>, command: DomainCommand) -> Result<u8, Failure> {
    match command {
        DomainCommand::Add { name, tell, how } => add(scene, &name, &tell, how.delivery()),
        DomainCommand::Verify {
            name,
            mail: Some(alias),
        } => verify_by_mail(scene, &name, &alias),
        DomainCommand::Verify { name, mail: None } => verify_by_dns(scene, &name),
        DomainCommand::List => list(scene),
        DomainCommand::Remove { name } => remove(scene, &name),
        DomainCommand::Feed { name } => feed(scene, &name),
    }
}

fn parse(name: &str) -> Result<DomainName, Failure> {
    DomainName::parse(name).map_err(|error| Failure::usage(format!("`{name}`: {error}")))
}

fn asked_for(ledger: &Ledger, name: &DomainName) -> Result<Domain, Failure> {
    ledger.domain(name).map_err(ours)?.ok_or_else(|| {
        Failure::not_found(format!("the domain `{name}` isn't watched")).hint(format!(
            "`holdfast exposure watch domain add {name}` asks for the proof that it is yours"
        ))
    })
}

fn add(scene: &Scene<'_>, name: &str, tell: &[String], delivery: Delivery) -> Result<u8, Failure> {
    let name = parse(name)?;
    let recipients = tell
        .iter()
        .map(|text| MailAddress::parse(text).map_err(|error| Failure::usage(format!("--tell: {error}"))));
    let recipients: Vec<MailAddress> = recipients.collect::<Result<_, _>>()?;
    if !recipients.is_empty() {
        settings_with_mail(scene)?;
    }
    let mut ledger = ledger(scene)?;
    let domain = ledger.ask_for_domain(&name, now(), random()).map_err(ours)?;
    let mut confirmations = 0;
    let mut unwanted = 0;
    for recipient in recipients {
        let subject = Subject::Domain(name.clone(), recipient);
        match ledger.ask_for_watch(&subject, delivery, now()).map_err(ours)? {
            Asked::Waiting(watch) => {
                ledger
                    .enqueue_again(&About::Confirm { watch: watch.id }, now())
                    .map_err(ours)?;
                confirmations += 1;
            }
            Asked::Confirmed(_) => {}
            Asked::OptedOut => unwanted += 1,
        }
    }
    if scene.common.json {
        let mut object = object(&domain);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("confirmations".to_owned(), confirmations.into());
            fields.insert("opted_out".to_owned(), unwanted.into());
        }
        return Ok(print(&(object.to_string() + "\n")));
    }
    let mut text = described(&domain);
    if confirmations > 0 {
        text += &format!("{confirmations} of those to be told get a link to confirm, with the next delivery\n");
    }
    if unwanted > 0 {
        text += &format!("{unwanted} of those to be told don't want mail from here, and get none\n");
    }
    Ok(print(&text))
}

fn described(domain: &Domain) -> String {
    let name = &domain.name;
    match domain.verified {
        Some((_, by)) => format!("`{name}` is verified (by {})\n", by.name()),
        None => format!(
            "make this TXT record of `{name}`, then run `holdfast exposure watch domain verify {name}`:\n\n  {name}.  IN  TXT  \"{}\"\n\n",
            domain.txt_record()
        ),
    }
}

fn verify_by_dns(scene: &Scene<'_>, name: &str) -> Result<u8, Failure> {
    let name = parse(name)?;
    let settings = scene.place.config()?.exposure;
    let mut ledger = ledger(scene)?;
    let domain = asked_for(&ledger, &name)?;
    if domain.verified.is_none() {
        let records = txt_records_blocking(&name, settings.resolver)
            .map_err(|error| Failure::new(FailureCode::Failure, error.to_string()))?;
        let expected = domain.txt_record();
        match proof(&domain, &records) {
            TxtProof::Proved => {}
            TxtProof::None => {
                return Err(
                    Failure::refused(format!("no TXT record of `{name}` begins with `hibp-verify=`")).hint(format!(
                        "make one with the value `{expected}`; a new record may take some minutes to be seen"
                    )),
                );
            }
            TxtProof::Other(found) => {
                // Whoever runs the name server chose these words.
                let found = printable(found.as_bytes());
                return Err(
                    Failure::refused(format!("the TXT record of `{name}` is `{found}`, not `{expected}`"))
                        .hint("change it; an old record may be seen for some minutes more"),
                );
            }
        }
        ledger.mark_domain_verified(&name, Proof::Dns, now()).map_err(ours)?;
    }
    show(scene, &ledger, &name)
}

fn show(scene: &Scene<'_>, ledger: &Ledger, name: &DomainName) -> Result<u8, Failure> {
    let domain = asked_for(ledger, name)?;
    Ok(print(&if scene.common.json {
        object(&domain).to_string() + "\n"
    } else {
        described(&domain)
    }))
}

fn verify_by_mail(scene: &Scene<'_>, name: &str, alias: &str) -> Result<u8, Failure> {
    let name = parse(name)?;
    settings_with_mail(scene)?;
    let mut ledger = ledger(scene)?;
    let domain = asked_for(&ledger, &name)?;
    if domain.verified.is_some() {
        return show(scene, &ledger, &name);
    }
    let about = About::DomainProof {
        domain: domain.id,
        alias: alias.to_owned(),
    };
    ledger.enqueue_again(&about, now()).map_err(ours)?;
    if scene.common.json {
        return Ok(print(&(object(&domain).to_string() + "\n")));
    }
    Ok(print(&format!(
        "a link goes to {alias}@{name} with the next delivery; `{name}` is verified once it is opened and confirmed\n"
    )))
}

fn list(scene: &Scene<'_>) -> Result<u8, Failure> {
    let domains = ledger(scene)?.domains().map_err(ours)?;
    if scene.common.json {
        let domains: Vec<Value> = domains.iter().map(object).collect();
        return Ok(print(&(json!({ "domains": domains }).to_string() + "\n")));
    }
    if domains.is_empty() {
        return Ok(print(
            "no domain is watched; `holdfast exposure watch domain add NAME` begins\n",
        ));
    }
    let mut table = Table::new(&[
        ("DOMAIN", Align::Left),
        ("VERIFIED", Align::Left),
        ("BY", Align::Left),
        ("TXT RECORD", Align::Left),
    ]);
    for domain in &domains {
        let (at, by) = match domain.verified {
            Some((at, by)) => (time(at), by.name()),
            None => ("-".to_owned(), "-"),
        };
        table.row(vec![domain.name.clone(), at, by.to_owned(), domain.txt_record()]);
    }
    Ok(print(&table.render()))
}

fn remove(scene: &Scene<'_>, name: &str) -> Result<u8, Failure> {
    let name = parse(name)?;
    let mut ledger = ledger(scene)?;
    let domain = asked_for(&ledger, &name)?;
    ledger.remove_domain(&name).map_err(ours)?;
    Ok(print(&if scene.common.json {
        json!({ "removed": domain.name }).to_string() + "\n"
    } else {
        format!("`{name}` is no longer watched, and nobody is told of it\n")
    }))
}

fn feed(scene: &Scene<'_>, name: &str) -> Result<u8, Failure> {
    let name = parse(name)?;
    let Some(public_url) = scene.place.config()?.exposure.public_url else {
        return Err(Failure::new(
            FailureCode::Config,
            "a feed has no address without [exposure] public_url",
        ));
    };
    let mut ledger = ledger(scene)?;
    let domain = asked_for(&ledger, &name)?;
    if domain.verified.is_none() {
        return Err(Failure::refused(format!("`{name}` isn't verified"))
            .hint(format!("`holdfast exposure watch domain verify {name}`")));
    }
    let token = link_secret(&mut ledger)?.token(&Link::Feed(domain.id), &domain.token);
    let url = format!("{public_url}/watch/feed/{token}");
    Ok(print(&if scene.common.json {
        json!({ "domain": domain.name, "feed": url }).to_string() + "\n"
    } else {
        format!("{url}\nwhoever knows this address can read the feed\n")
    }))
}

fn object(domain: &Domain) -> Value {
    json!({
        "domain": domain.name,
        "txt_record": domain.txt_record(),
        "asked": time(domain.asked),
        "verified": domain.verified.map(|(at, _)| time(at)),
        "verified_by": domain.verified.map(|(_, by)| by.name()),
    })
}

/// A time in UTC.
pub(super) fn time(seconds: i64) -> String {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let text = utc(volume::Timestamp::from_unix_seconds(seconds));
    text.split_once('.')
        .map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

fn print(text: &str) -> u8 {
    output::print(text.as_bytes());
    EXIT_OK
}
