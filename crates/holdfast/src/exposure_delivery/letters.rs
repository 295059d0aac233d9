//! From a message that waits in the ledger to the letter that is sent: everything is looked up at the last moment, so that whoever opted
//! out, was erased or is no longer verified isn't written to.

use exposure::Error;
use exposure::accounts::{Accounts, Breach, BreachId};
use exposure::address::Identity;
use exposure::feeds::Match;
use exposure::ledger::{About, Delivery, Ledger, Outgoing, Watch, WatchKind};
use exposure::watch::{DomainName, Link, LinkSecret};

use super::texts::{self, Aliases};
use crate::mail::Letter;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Drafted {
    /// The letter, and the messages that it answers: several for a digest.
    Letter(Letter, Vec<i64>),
    /// Nobody is to be told any more, and why.
    Moot(&'static str),
}

/// Writes letters.
pub(super) struct Drafting<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) accounts: &'a Accounts,
    pub(super) secret: &'a LinkSecret,
    /// The address before `/watch/`.
    pub(super) public_url: &'a str,
    /// Messages for a digest that were made by then are in it.
    pub(super) digest: i64,
}

impl Drafting<'_> {
    /// The letter of a message.
    pub(super) fn draft(&self, message: &Outgoing) -> Result<Drafted, Error> {
        match &message.about {
            About::Confirm { watch } => self.confirm(message, *watch),
            About::DomainProof { domain, alias } => self.domain_proof(message, *domain, alias),
            About::Breach { watch, delivery, .. } => self.breach(message, *watch, *delivery),
            About::Post { post, recipient } => self.post(message, post, recipient),
            About::BreachWebhook { .. } | About::PostWebhook { .. } | About::Callback { .. } => {
                Ok(Drafted::Moot("it isn't a mail"))
            }
        }
    }

    fn confirm(&self, message: &Outgoing, watch: i64) -> Result<Drafted, Error> {
        let Some(watch) = self.ledger.watch(watch)?.filter(|watch| watch.confirmed.is_none()) else {
            return Ok(Drafted::Moot("it is confirmed already, or gone"));
        };
        let what = match watch.kind {
            WatchKind::Domain => watch.subject.as_str(),
            WatchKind::Address | WatchKind::Customer => "it",
        };
        let link = self.link("confirm", &Link::Confirm(watch.id), &watch.created.to_string());
        let text = texts::confirm(what, &link);
        let letter = letter(&[message], watch.recipient.clone(), text, Some(self.opt_out(&watch)));
        Ok(Drafted::Letter(letter, vec![message.id]))
    }

    fn domain_proof(&self, message: &Outgoing, domain: i64, alias: &str) -> Result<Drafted, Error> {
        let Some(domain) = self
            .ledger
            .domain_numbered(domain)?
            .filter(|domain| domain.verified.is_none())
        else {
            return Ok(Drafted::Moot("the domain is verified already, or gone"));
        };
        let link = self.link("confirm", &Link::Domain(domain.id), &domain.token);
        let text = texts::domain_proof(&domain.name, &link);
        let letter = letter(&[message], format!("{alias}@{}", domain.name), text, None);
        Ok(Drafted::Letter(letter, vec![message.id]))
    }

    fn breach(&self, message: &Outgoing, watch: i64, delivery: Delivery) -> Result<Drafted, Error> {
        let Some(watch) = self.ledger.watch(watch)?.filter(|watch| watch.confirmed.is_some()) else {
            return Ok(Drafted::Moot("it isn't confirmed, or gone"));
        };
        let messages = match delivery {
            Delivery::Now => vec![message.clone()],
            Delivery::Digest => self.ledger.digest_of_watch(watch.id, self.digest)?,
        };
        let mut breaches = Vec::new();
        for message in &messages {
            if let About::Breach { breach, .. } = &message.about
                && let Some(found) = self
                    .ledger
                    .breach_numbered(*breach)?
                    .filter(|breach| !breach.is_retired)
            {
                breaches.push((*breach, found));
            }
        }
        let opt_out = self.opt_out(&watch);
        let text = match watch.kind {
            WatchKind::Domain => self.domain_text(&watch, breaches, &opt_out)?,
            WatchKind::Address | WatchKind::Customer => self.person_text(&watch, breaches, &opt_out)?,
        };
        let Some(text) = text else {
            return Ok(Drafted::Moot("the breach was taken back, or no longer concerns them"));
        };
        let all: Vec<&Outgoing> = messages.iter().collect();
        let letter = letter(&all, watch.recipient.clone(), text, Some(opt_out));
        Ok(Drafted::Letter(
            letter,
            messages.iter().map(|message| message.id).collect(),
        ))
    }

    fn person_text(
        &self,
        watch: &Watch,
        breaches: Vec<(BreachId, Breach)>,
        opt_out: &str,
    ) -> Result<Option<texts::Text>, Error> {
        let still = self.accounts.breaches_of(Identity::of(&watch.subject))?;
        let breaches: Vec<Breach> = breaches
            .into_iter()
            .filter(|(id, _)| still.contains(id))
            .map(|(_, breach)| breach)
            .collect();
        let is_customer = watch.kind == WatchKind::Customer;
        Ok((!breaches.is_empty()).then(|| texts::person(&breaches, is_customer, opt_out)))
    }

    fn domain_text(
        &self,
        watch: &Watch,
        breaches: Vec<(BreachId, Breach)>,
        opt_out: &str,
    ) -> Result<Option<texts::Text>, Error> {
        let is_verified = match DomainName::parse(&watch.subject) {
            Ok(name) => self.ledger.is_domain_verified(&name)?,
            Err(_) => false,
        };
        if !is_verified {
            return Ok(None);
        }
        let mut found: Vec<(BreachId, Breach, Aliases)> = breaches
            .into_iter()
            .map(|(id, breach)| (id, breach, Aliases::default()))
            .collect();
        self.accounts.domain(&watch.subject, &mut |alias, in_breaches| {
            for (id, _, aliases) in &mut found {
                if in_breaches.contains(id) {
                    aliases.add(alias);
                }
            }
        })?;
        let told: Vec<(Breach, Aliases)> = found
            .into_iter()
            .filter(|(_, _, aliases)| aliases.count > 0)
            .map(|(_, breach, aliases)| (breach, aliases))
            .collect();
        Ok((!told.is_empty()).then(|| texts::domain(&watch.subject, &told, opt_out)))
    }

    fn post(&self, message: &Outgoing, post: &[u8; 32], recipient: &str) -> Result<Drafted, Error> {
        let Some(seen) = self.ledger.seen_post(post)? else {
            return Ok(Drafted::Moot("the post is gone"));
        };
        let matches: Vec<Match> = serde_json::from_str(&message.detail).unwrap_or_default();
        let letter = letter(
            &[message],
            recipient.to_owned(),
            texts::post(&seen.post, &matches),
            None,
        );
        Ok(Drafted::Letter(letter, vec![message.id]))
    }

    fn opt_out(&self, watch: &Watch) -> String {
        self.link("opt-out", &Link::OptOut(Identity::of(&watch.recipient)), "")
    }

    fn link(&self, page: &str, link: &Link, purpose: &str) -> String {
        format!("{}/watch/{page}/{}", self.public_url, self.secret.token(link, purpose))
    }
}

fn letter(messages: &[&Outgoing], to: String, (subject, text): texts::Text, opt_out: Option<String>) -> Letter {
    let first = messages.first().map_or((0, 0), |message| (message.id, message.created));
    let last = messages.last().map_or(0, |message| message.id);
    Letter {
        to,
        subject,
        text,
        opt_out,
        id: format!("holdfast.{}.{last}.{}", first.0, first.1),
        ..Letter::default()
    }
}
