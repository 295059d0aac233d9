//! `holdfast console link`

use clap::Args;
use respond::people::{self, LinkFor};
use serde_json::json;

use super::Scene;
use super::people::find;
use crate::console_site::{random, set_up_link};
use crate::desk;
use crate::failure::Failure;

/// How long a link for somebody with an account is valid: a day.
const VALID_MS: i64 = 86_400_000;

/// Who gets a link that isn't for an account, in the request for its approval: no account has such a name.
const NEW_ADMIN: &str = "new administrator";

/// `holdfast console link`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Link {
    /// The account of whoever gets it; a new administrator, who chooses a name, if none is named
    #[arg(long = "for", value_name = "NAME")]
    account: Option<String>,
}

pub(super) fn run(scene: &Scene<'_>, task: &Link) -> Result<u8, Failure> {
    let failed = |error: respond::Error| desk::failed(&error);
    let settings = scene.place.config()?.console;
    let mut ledger = scene.ledger()?;
    let (for_whom, name) = match &task.account {
        Some(name) => {
            let account = find(&ledger, name)?;
            (LinkFor::Account(account.id), account.name)
        }
        None => (LinkFor::NewAdmin, NEW_ADMIN.to_owned()),
    };
    let expires = task.account.as_ref().map(|_| scene.now.plus_millis(VALID_MS));
    let random = random()?;
    let secret = ledger
        .write(|w| {
            people::allow_change(w, scene.now, &scene.by, &name, "make a link")?;
            people::make_link(w, scene.now, &scene.by, for_whom, expires, random)
        })
        .map_err(failed)?;
    let link = set_up_link(&settings.address(settings.listen), &secret);
    let object = json!({ "link": link, "for": task.account, "expires": expires });
    let valid = if expires.is_some() {
        "once, within a day"
    } else {
        "once"
    };
    Ok(scene.tell(
        &object,
        &format!("{link}\nWhoever opens it first gets the account: it works {valid}."),
    ))
}
