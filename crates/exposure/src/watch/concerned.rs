//! Whom a breach concerns, and the notices that they get.

use std::collections::BTreeMap;

use serde_json::json;

use crate::Error;
use crate::accounts::{Accounts, BreachId};
use crate::address::Identity;
use crate::ledger::{About, HashPrefix, Ledger, Watch, WatchKind};

/// What [`breach_loaded`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Watches that the breach concerns: people, and those who look after domains.
    pub watches: u64,
    /// Verified domains that are in the breach.
    pub domains: u64,
    /// Notices that were written now; those that were there before aren't counted.
    pub notices: u64,
    /// How many of them are for the webhook, which a server without one gives up.
    pub webhook: u64,
    /// Callbacks that were written now, which aren't among the notices.
    pub callbacks: u64,
}

/// Who is in which breach: what [`breach_loaded`] needs to know.
pub trait WhoIsIn {
    /// The breaches that a person is in; nobody who was erased is in any.
    ///
    /// # Errors
    /// When the tables can't be read.
    fn breaches_of(&self, identity: Identity) -> Result<Vec<BreachId>, Error>;

    /// The aliases of a domain and the breaches that each is in.
    ///
    /// # Errors
    /// When the tables can't be read.
    fn domain(&self, domain: &str, visit: &mut dyn FnMut(&str, &[BreachId])) -> Result<(), Error>;

    /// Everybody whose hash begins with a prefix, and the breaches that each is in.
    ///
    /// # Errors
    /// When the tables can't be read.
    fn with_prefix(&self, prefix: HashPrefix, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error>;
}

impl WhoIsIn for Accounts {
    fn breaches_of(&self, identity: Identity) -> Result<Vec<BreachId>, Error> {
        Self::breaches_of(self, identity)
    }

    fn domain(&self, domain: &str, visit: &mut dyn FnMut(&str, &[BreachId])) -> Result<(), Error> {
        Self::domain(self, domain, visit)
    }

    fn with_prefix(&self, prefix: HashPrefix, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
        Self::with_prefix(self, HashPrefix::BITS, u64::from(prefix.number()), visit)
    }
}

/// Writes a notice for everybody whom a breach concerns, once: people who confirmed (or are customers) and are in it, those who look after
/// a verified domain that is in it, and the webhook.
///
/// Sensitive breaches go the same way: everybody is told of their own address only, or of a domain that was shown to be theirs. What goes
/// to the webhook has numbers, and no address. Of a breach that was taken back nobody is told. To be called again after a crash, or when
/// the breach was loaded again: whoever was told isn't told again.
///
/// # Errors
/// When the ledger can't be written or the tables can't be read.
pub fn breach_loaded(ledger: &mut Ledger, who: &impl WhoIsIn, breach: BreachId, now: i64) -> Result<Told, Error> {
    let mut told = Told::default();
    let Some(record) = ledger.breach_numbered(breach)?.filter(|breach| !breach.is_retired) else {
        ledger.mark_told(breach, now)?;
        return Ok(told);
    };
    let domains = verified_domains(ledger, who, breach)?;
    let mut after = 0;
    loop {
        let watches = ledger.watches_after(after)?;
        let Some(last) = watches.last() else { break };
        after = last.id;
        let mut messages = Vec::new();
        for watch in watches.iter().filter(|watch| watch.confirmed.is_some()) {
            if let Some(detail) = concerns(who, watch, breach, &domains)? {
                let about = About::Breach {
                    watch: watch.id,
                    breach,
                    delivery: watch.delivery,
                };
                messages.push((about, detail));
                told.watches += 1;
            }
        }
        told.notices += ledger.enqueue_all(&messages, now)?;
    }
    told.domains = domains.len() as u64;
    let detail = json!({ "watches": told.watches, "domains": domains }).to_string();
    told.webhook = u64::from(ledger.enqueue(&About::BreachWebhook { breach }, &detail, now)?);
    told.notices += told.webhook;
    // As the search by prefix, which leaves sensitive breaches out.
    if !record.is_sensitive {
        told.callbacks = call_back(ledger, who, breach, now)?;
    }
    ledger.mark_told(breach, now)?;
    Ok(told)
}

/// Writes a callback for each prefix that somebody subscribed to and that somebody in the breach has: how many are new.
fn call_back(ledger: &mut Ledger, who: &impl WhoIsIn, breach: BreachId, now: i64) -> Result<u64, Error> {
    let load = ledger.load_of(breach)?;
    let (mut added, mut after) = (0, None);
    loop {
        let prefixes = ledger.subscribed_prefixes(after)?;
        let Some(last) = prefixes.last() else { return Ok(added) };
        after = Some(*last);
        let mut messages = Vec::new();
        for prefix in prefixes {
            if !suffixes(who, prefix, breach)?.is_empty() {
                messages.push((About::Callback { breach, load, prefix }, "{}".to_owned()));
            }
        }
        added += ledger.enqueue_all(&messages, now)?;
    }
}

/// What stands behind a prefix in the hashes of those who are in a breach, in order and upper case: what a callback tells.
///
/// # Errors
/// When the tables can't be read.
pub fn suffixes(who: &impl WhoIsIn, prefix: HashPrefix, breach: BreachId) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    who.with_prefix(prefix, &mut |identity, breaches| {
        if breaches.contains(&breach) {
            found.push(HashPrefix::suffix(identity));
        }
    })?;
    Ok(found)
}

/// Writes the notices of breaches that were loaded while nobody could: after a crash between an import and its notices.
///
/// # Errors
/// As [`breach_loaded`].
pub fn catch_up(ledger: &mut Ledger, who: &impl WhoIsIn, now: i64) -> Result<u64, Error> {
    let mut notices = 0;
    for breach in ledger.untold_breaches()? {
        notices += breach_loaded(ledger, who, breach, now)?.notices;
    }
    Ok(notices)
}

/// The verified domains that are in a breach, and how many of their addresses are.
fn verified_domains(ledger: &Ledger, who: &impl WhoIsIn, breach: BreachId) -> Result<BTreeMap<String, u64>, Error> {
    let mut found = BTreeMap::new();
    for domain in ledger.domains()? {
        if domain.verified.is_none() {
            continue;
        }
        let mut count = 0;
        who.domain(&domain.name, &mut |_, breaches| {
            count += u64::from(breaches.contains(&breach))
        })?;
        if count > 0 {
            found.insert(domain.name, count);
        }
    }
    Ok(found)
}

/// What a watch's notice says beside the breach itself; `None` if the breach doesn't concern it.
fn concerns(
    who: &impl WhoIsIn,
    watch: &Watch,
    breach: BreachId,
    domains: &BTreeMap<String, u64>,
) -> Result<Option<String>, Error> {
    Ok(match watch.kind {
        WatchKind::Domain => domains
            .get(&watch.subject)
            .map(|count| json!({ "aliases": count }).to_string()),
        WatchKind::Address | WatchKind::Customer => who
            .breaches_of(Identity::of(&watch.subject))?
            .contains(&breach)
            .then(|| "{}".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Breach, Channel, Delivery, Proof, Subject};
    use crate::watch::{DomainName, MailAddress};

    /// Everybody who is in breaches, by address.
    struct People(Vec<(&'static str, BreachId)>);

    impl WhoIsIn for People {
        fn breaches_of(&self, identity: Identity) -> Result<Vec<BreachId>, Error> {
            let found = self.0.iter().filter(|(address, _)| Identity::of(address) == identity);
            Ok(found.map(|(_, breach)| *breach).collect())
        }

        fn domain(&self, domain: &str, visit: &mut dyn FnMut(&str, &[BreachId])) -> Result<(), Error> {
            for (address, breach) in &self.0 {
                if let Some((alias, _)) = address.split_once('@').filter(|(_, at)| *at == domain) {
                    visit(alias, &[*breach]);
                }
            }
            Ok(())
        }

        fn with_prefix(&self, prefix: HashPrefix, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
            for (address, breach) in &self.0 {
                let identity = Identity::of(address);
                if crate::hexadecimal::upper(&identity.0).starts_with(&prefix.to_string()) {
                    visit(identity, &[*breach]);
                }
            }
            Ok(())
        }
    }

    fn watch(ledger: &mut Ledger, subject: &Subject) -> i64 {
        match ledger.ask_for_watch(subject, Delivery::Now, 1).unwrap() {
            crate::ledger::Asked::Waiting(watch) => watch.id,
            other => panic!("{other:?}"),
        }
    }

    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    fn breach_named(name: &str) -> Breach {
        Breach {
            name: name.to_owned(),
            is_sensitive: true,
            ..Breach::default()
        }
    }

    #[test]
    fn those_who_confirmed_and_are_in_it_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let breach = ledger.add_breach_for_tests(&breach_named("Shop"));
        let people = People(vec![
            ("in@a.example", breach),
            ("unconfirmed@a.example", breach),
            ("other@b.example", breach),
        ]);
        let told = watch(&mut ledger, &Subject::Address(address("in@a.example")));
        watch(&mut ledger, &Subject::Address(address("unconfirmed@a.example")));
        let elsewhere = watch(&mut ledger, &Subject::Address(address("elsewhere@a.example")));
        ledger.confirm_watch(told, 2).unwrap();
        ledger.confirm_watch(elsewhere, 2).unwrap();
        let first = breach_loaded(&mut ledger, &people, breach, 10).unwrap();
        assert_eq!((first.watches, first.domains, first.notices), (1, 0, 2));
        let again = breach_loaded(&mut ledger, &people, breach, 11).unwrap();
        assert_eq!((again.watches, again.notices), (1, 0));
        let due: Vec<About> = ledger
            .outgoing_due(Channel::Mail, 10, 10, 9)
            .unwrap()
            .into_iter()
            .map(|message| message.about)
            .collect();
        assert_eq!(
            due,
            [About::Breach {
                watch: told,
                breach,
                delivery: Delivery::Now
            }]
        );
        assert_eq!(catch_up(&mut ledger, &people, 12).unwrap(), 0);
    }

    #[test]
    fn a_domain_is_told_of_only_when_it_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let breach = ledger.add_breach_for_tests(&breach_named("Shop"));
        let people = People(vec![
            ("x@a.example", breach),
            ("y@a.example", breach),
            ("z@b.example", breach),
        ]);
        let domain = DomainName::parse("a.example").unwrap();
        ledger.ask_for_domain(&domain, 1, [0; 20]).unwrap();
        let looks_after = watch(&mut ledger, &Subject::Domain(domain.clone(), address("boss@a.example")));
        ledger.confirm_watch(looks_after, 2).unwrap();
        let told = breach_loaded(&mut ledger, &people, breach, 10).unwrap();
        assert_eq!((told.watches, told.domains), (0, 0));
        ledger.mark_domain_verified(&domain, Proof::Dns, 11).unwrap();
        let told = breach_loaded(&mut ledger, &people, breach, 12).unwrap();
        assert_eq!((told.watches, told.domains, told.notices), (1, 1, 1));
        assert_eq!(
            ledger.notices_of_domain("a.example", 9).unwrap(),
            [(breach, 12, r#"{"aliases":2}"#.to_owned())]
        );
    }

    #[test]
    fn of_a_breach_that_was_taken_back_nobody_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let breach = ledger.add_breach_for_tests(&Breach {
            is_retired: true,
            ..breach_named("Gone")
        });
        let people = People(vec![("in@a.example", breach)]);
        let id = watch(&mut ledger, &Subject::Address(address("in@a.example")));
        ledger.confirm_watch(id, 2).unwrap();
        assert_eq!(
            breach_loaded(&mut ledger, &people, breach, 10).unwrap(),
            Told::default()
        );
        assert_eq!(ledger.untold_breaches().unwrap(), []);
    }

    #[test]
    fn a_subscribed_prefix_is_called_back_once_for_each_import_unless_the_breach_is_sensitive() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let open = Breach {
            name: "Open".to_owned(),
            ..Breach::default()
        };
        let breach = ledger.add_breach_for_tests(&open);
        let sensitive = ledger.add_breach_for_tests(&breach_named("Sensitive"));
        let people = People(vec![("in@a.example", breach), ("in@a.example", sensitive)]);
        let key = crate::ledger::ApiKey {
            name: "monitor".to_owned(),
            requests_per_minute: 1,
            scopes: vec![crate::ledger::Scope::Range],
        };
        let key = ledger.make_key(&key, [1; 16], 1).unwrap();
        let key = crate::ledger::KeyDigest::of(&key).unwrap();
        let whole = crate::hexadecimal::upper(&Identity::of("in@a.example").0);
        let prefix = HashPrefix::parse(&whole[..6]).unwrap();
        ledger.subscribe(&key, prefix, 1).unwrap();
        ledger.subscribe(&key, HashPrefix::parse("000000").unwrap(), 1).unwrap();
        assert_eq!(breach_loaded(&mut ledger, &people, breach, 2).unwrap().callbacks, 1);
        assert_eq!(breach_loaded(&mut ledger, &people, breach, 3).unwrap().callbacks, 0);
        assert_eq!(breach_loaded(&mut ledger, &people, sensitive, 3).unwrap().callbacks, 0);
        let due = ledger.outgoing_due(Channel::Callback, 3, 3, 9).unwrap();
        let load = 0;
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].about, About::Callback { breach, load, prefix });
        assert_eq!(suffixes(&people, prefix, breach).unwrap(), [whole[6..].to_owned()]);
    }

    #[test]
    fn what_a_crash_left_untold_is_caught_up_with() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path()).unwrap();
        let breach = ledger.add_breach_for_tests(&breach_named("Shop"));
        let people = People(vec![("in@a.example", breach)]);
        ledger
            .add_customers(&mut std::iter::once(Ok(address("in@a.example"))), Delivery::Now, 1)
            .unwrap();
        assert_eq!(catch_up(&mut ledger, &people, 10).unwrap(), 2);
        assert_eq!(catch_up(&mut ledger, &people, 11).unwrap(), 0);
    }
}
