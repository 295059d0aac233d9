//! Messages that go to a web server: to the webhook, and to whoever is called back about prefixes.

use std::path::Path;

use exposure::accounts::Accounts;
use exposure::ledger::{About, Channel, Ledger, Outgoing};
use exposure::watch::suffixes;
use serde_json::json;

use super::rounds::{BATCH, Delivered, put_off};
use super::{failed, now, webhook};
use crate::config::ExposureSettings;
use crate::failure::Failure;
use crate::webhook::{NotTaken, Target};

/// Where messages of a channel go; `None` if nowhere.
pub(super) fn load_target(channel: Channel, settings: &ExposureSettings) -> Result<Option<Target>, Failure> {
    match (channel, &settings.webhook, &settings.callback) {
        (Channel::Webhook, Some(webhook), _) => Target::load(webhook, "[exposure]").map(Some),
        (Channel::Callback, _, Some(callback)) => {
            Target::with_token(&callback.url, &callback.token_file, "[exposure.callback]").map(Some)
        }
        _ => Ok(None),
    }
}

/// How a channel's server is called in messages.
const fn called(channel: Channel) -> &'static str {
    match channel {
        Channel::Callback => "callback",
        _ => "webhook",
    }
}

/// Sends what is due on a channel until nothing is, or the server takes nothing.
pub(super) fn send_posts(
    channel: Channel,
    settings: &ExposureSettings,
    folder: &Path,
    ledger: &mut Ledger,
    delivered: &mut Delivered,
) -> Result<(), Failure> {
    let problem = |error: exposure::Error| failed(&error);
    // Most rounds have nothing for it: its secret and the machine's authorities are read when there is something.
    if ledger
        .outgoing_due(channel, now(), i64::MAX, 1)
        .map_err(problem)?
        .is_empty()
    {
        return Ok(());
    }
    let target = load_target(channel, settings)?;
    let accounts = Accounts::open(folder).map_err(problem)?;
    loop {
        let due = ledger.outgoing_due(channel, now(), i64::MAX, BATCH).map_err(problem)?;
        if due.is_empty() {
            return Ok(());
        }
        for message in due {
            let Some(target) = &target else {
                // Whoever sets one later doesn't want to hear of the past year.
                let why = format!("there was no {}", called(channel));
                ledger.give_up(&[message.id], now(), &why).map_err(problem)?;
                continue;
            };
            let Some(body) = body(ledger, &accounts, &message).map_err(problem)? else {
                let why = "what it is about is gone";
                ledger.give_up(&[message.id], now(), why).map_err(problem)?;
                delivered.moot += 1;
                continue;
            };
            let outcome = target.post(&body);
            if !settle(channel, ledger, &message, outcome, delivered).map_err(problem)? {
                return Ok(());
            }
        }
    }
}

/// Writes down what became of a message; false if the server takes nothing at the moment.
fn settle(
    channel: Channel,
    ledger: &mut Ledger,
    message: &Outgoing,
    outcome: Result<(), NotTaken>,
    delivered: &mut Delivered,
) -> Result<bool, exposure::Error> {
    match outcome {
        Ok(()) => {
            match channel {
                Channel::Callback => delivered.callbacks += 1,
                _ => delivered.webhook += 1,
            }
            ledger.mark_sent(&[message.id], now())?;
        }
        Err(NotTaken::Refused(why)) => {
            delivered.refused += 1;
            let told = format!("the {} refused a message for good: {why}", called(channel));
            if !delivered.problems.contains(&told) {
                delivered.problems.push(told);
            }
            ledger.give_up(&[message.id], now(), &why)?;
        }
        Err(NotTaken::Failed(why)) => {
            put_off(ledger, &[message.id], message.attempts, &why, delivered)?;
            delivered.problems.push(format!(
                "the {} takes nothing: {why}; messages wait and are tried again",
                called(channel)
            ));
            return Ok(false);
        }
    }
    Ok(true)
}

/// The body of a message; `None` if what it is about is gone.
fn body(ledger: &Ledger, accounts: &Accounts, message: &Outgoing) -> Result<Option<String>, exposure::Error> {
    let About::Callback { breach, load, prefix } = message.about else {
        return webhook::body(ledger, message);
    };
    let Some(record) = ledger.breach_numbered(breach)?.filter(|record| !record.is_retired) else {
        return Ok(None);
    };
    if ledger.load_of(breach)? != load {
        // It was imported again, which has its own call.
        return Ok(None);
    }
    let suffixes = suffixes(accounts, prefix, breach)?;
    if suffixes.is_empty() {
        return Ok(None);
    }
    let body = json!({
        "breachName": record.name,
        "hashPrefix": prefix.to_string(),
        "hashSuffixes": suffixes,
    });
    Ok(Some(body.to_string()))
}
