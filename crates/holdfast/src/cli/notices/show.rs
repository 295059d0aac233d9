//! `holdfast notices show`

use respond::notice::{Content, Notice, NoticeId};

use super::Scene;
use super::list::local;
use crate::browse::text::printable;
use crate::cli::output;
use crate::desk;
use crate::desk::deliver;
use crate::failure::{EXIT_OK, Failure};

pub(super) fn run(scene: &Scene<'_>, id: i64) -> Result<u8, Failure> {
    let ledger = scene.existing_ledger()?;
    let found = ledger.notice(NoticeId(id)).map_err(|error| desk::failed(&error))?;
    let (notice, content) = found.ok_or_else(|| {
        Failure::not_found(format!("there is no notice `{id}`")).hint("`holdfast notices list` shows them")
    })?;
    if scene.common.json {
        return Ok(output::json(
            &serde_json::json!({ "notice": notice, "content": content }),
        ));
    }
    output::print(text(&notice, &content).as_bytes());
    Ok(EXIT_OK)
}

fn text(notice: &Notice, content: &Content) -> String {
    let to = if notice.name.is_empty() {
        String::new()
    } else {
        format!(" to {}", notice.name)
    };
    let mut text = format!(
        "notice {} ({}), by {}{to}, made {}\n",
        notice.id,
        notice.telling.name(),
        notice.way,
        local(notice.created)
    );
    text += &match (notice.sent, notice.next) {
        (Some(sent), _) => format!("sent {}", local(sent)),
        (None, Some(next)) => format!("waits, is tried {} next", local(next)),
        (None, None) => format!(
            "couldn't be sent; `holdfast notices retry {}` tries it again",
            notice.id
        ),
    };
    text += &format!("; tried {} times\n", notice.attempts);
    if let Some(answer) = &notice.answer {
        text += &format!("answer: {}\n", printable(answer.as_bytes()));
    }
    text += &format!("\n{}\n\n", printable(content.title.as_bytes()));
    for line in deliver::plain(content).lines() {
        text += &format!("{}\n", printable(line.as_bytes()));
    }
    text
}
