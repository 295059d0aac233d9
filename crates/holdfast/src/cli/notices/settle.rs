//! `holdfast notices acknowledge` and `retry`

use respond::Page;
use respond::notice::{self, Filter, NoticeId, NoticeState};

use super::{Scene, now};
use crate::cli::output;
use crate::desk;
use crate::failure::{EXIT_OK, Failure};
use crate::user;

/// Notices that are tried again with one command, at most.
const RETRIED_MAX: usize = 1000;

pub(super) const ACKNOWLEDGE_HELP: &str = "\
Those who were told learn that you look after it, and the chain of [notices] goes no further. An
incident is acknowledged with it. If it gets worse, everybody is told again.";

pub(super) fn acknowledge(scene: &Scene<'_>, subject: &str) -> Result<u8, Failure> {
    let mut ledger = scene.existing_ledger()?;
    let actor = user::this_one();
    ledger
        .write(|w| notice::acknowledge(w, now(), &actor, subject))
        .map_err(|error| desk::failed(&error).hint("`holdfast notices list` shows what people were told of"))?;
    if scene.common.json {
        return Ok(output::json(
            &serde_json::json!({ "acknowledged": subject, "by": actor }),
        ));
    }
    output::print(format!("{subject} is acknowledged by {actor}: nobody else is called about it\n").as_bytes());
    Ok(EXIT_OK)
}

pub(super) fn retry(scene: &Scene<'_>, ids: &[i64], all: bool) -> Result<u8, Failure> {
    let mut ledger = scene.existing_ledger()?;
    let failed = |error: respond::Error| desk::failed(&error);
    let ids: Vec<NoticeId> = if all {
        let dead = Filter {
            state: Some(NoticeState::Dead),
            ..Filter::default()
        };
        let dead = ledger.notices(&dead, Page::newest(RETRIED_MAX)).map_err(failed)?;
        dead.into_iter().map(|notice| notice.id).collect()
    } else {
        ids.iter().copied().map(NoticeId).collect()
    };
    let actor = user::this_one();
    ledger
        .write(|w| ids.iter().try_for_each(|id| notice::retry(w, now(), &actor, *id)))
        .map_err(failed)?;
    if scene.common.json {
        return Ok(output::json(&serde_json::json!({ "tried_again": ids })));
    }
    let text = match ids.len() {
        0 => "there is nothing that couldn't be sent\n".to_owned(),
        1 => "one notice is tried again, as soon as the daemon runs\n".to_owned(),
        count => format!("{count} notices are tried again, as soon as the daemon runs\n"),
    };
    output::print(text.as_bytes());
    Ok(EXIT_OK)
}
