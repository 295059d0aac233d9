//! `holdfast console status`

use respond::people;
use serde_json::json;

use super::Scene;
use crate::control::Client;
use crate::desk;
use crate::failure::Failure;

pub(super) fn run(scene: &Scene<'_>) -> Result<u8, Failure> {
    let failed = |error: respond::Error| desk::failed(&error);
    let settings = scene.place.config()?.console;
    let is_running = Client::connect(&scene.place.data)?.is_some();
    let ledger = respond::Ledger::open_existing(&scene.folder()).map_err(failed)?;
    let accounts = ledger
        .as_ref()
        .map_or(Ok(Vec::new()), people::accounts)
        .map_err(failed)?;
    let may_enter = accounts.iter().filter(|account| {
        account.disabled.is_none() && (account.passkeys > 0 || account.has_password || account.provider.is_some())
    });
    let count = may_enter.count();
    let address = settings.is_enabled.then(|| settings.address(settings.listen));
    let socket = scene.place.data.join(crate::control::SOCKET_NAME);
    let object = json!({
        "running": is_running,
        "address": address,
        "socket": socket,
        "tls": settings.is_tls,
        "people": accounts.len(),
        "can_sign_in": count,
    });
    let mut text = match (&address, is_running) {
        (Some(address), true) => format!("pages and API: {address}\n"),
        (Some(address), false) => format!("no daemon runs; with one, pages and API are at {address}\n"),
        (None, _) => "pages and API aren't answered over a network: `enabled` in [console]\n".to_owned(),
    };
    text += &format!(
        "on this machine: curl --unix-socket {} http://holdfast/api/v1/volumes\n",
        socket.display()
    );
    text += &match count {
        0 => "nobody can sign in yet: `holdfast console link` prints a link that makes the first account".to_owned(),
        count => format!("{count} of {} accounts can be signed in to", accounts.len()),
    };
    Ok(scene.tell(&object, &text))
}
