//! `holdfast notices list`

use clap::Args;
use respond::Page;
use respond::notice::{Filter, Notice, NoticeState};

use super::Scene;
use crate::browse::text::printable;
use crate::cli::output;
use crate::cli::table::{Align, Table};
use crate::desk;
use crate::failure::{EXIT_OK, Failure};
use crate::when;

/// What is listed.
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct List {
    /// Only what couldn't be sent and isn't tried any more by itself
    #[arg(long)]
    dead: bool,
    /// Only what waits to be sent
    #[arg(long, conflicts_with = "dead")]
    waiting: bool,
    /// Only those by this way
    #[arg(long, value_name = "NAME")]
    way: Option<String>,
    /// Only those about this, like `incident/7`
    #[arg(long, value_name = "SUBJECT")]
    about: Option<String>,
    /// The newest so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    last: u16,
    /// Only those older than this number, to go on from a list before
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
}

pub(super) fn run(scene: &Scene<'_>, task: &List) -> Result<u8, Failure> {
    let filter = Filter {
        subject: task.about.clone(),
        way: task.way.clone(),
        state: match (task.dead, task.waiting) {
            (true, _) => Some(NoticeState::Dead),
            (_, true) => Some(NoticeState::Waiting),
            _ => None,
        },
        ..Filter::default()
    };
    let page = Page {
        before: task.before,
        most: usize::from(task.last),
    };
    let notices = match scene.ledger()? {
        Some(ledger) => ledger.notices(&filter, page).map_err(|error| desk::failed(&error))?,
        None => Vec::new(),
    };
    if scene.common.json {
        return Ok(output::json(&serde_json::json!({ "notices": notices })));
    }
    let text = if notices.is_empty() {
        "no such notice: nobody was told of anything, or nobody is in [notices]\n".to_owned()
    } else {
        let dead = notices.iter().filter(|notice| notice.state == NoticeState::Dead);
        table(&notices) + &dead_letters(dead.count())
    };
    output::print(text.as_bytes());
    Ok(EXIT_OK)
}

/// What is said below the table of notices that nobody got.
fn dead_letters(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "1 of these is dead: nobody got it, and it isn't tried again by itself. `holdfast notices show NUMBER` says why,\n\
              `holdfast notices retry NUMBER` tries again\n"
            .to_owned(),
        count => format!(
            "{count} of these are dead: nobody got them, and they aren't tried again by themselves. `holdfast notices show NUMBER`\n\
             says why, `holdfast notices retry --all` tries again\n"
        ),
    }
}

fn table(notices: &[Notice]) -> String {
    let mut table = Table::new(&[
        ("NUMBER", Align::Right),
        ("MADE", Align::Left),
        ("STATE", Align::Left),
        ("TRIED", Align::Right),
        ("BY", Align::Left),
        ("TO", Align::Left),
        ("NOTICE", Align::Left),
    ]);
    for notice in notices {
        table.row(vec![
            notice.id.to_string(),
            local(notice.created),
            notice.state.name().to_owned(),
            notice.attempts.to_string(),
            notice.way.clone(),
            if notice.name.is_empty() {
                "-".to_owned()
            } else {
                notice.name.clone()
            },
            printable(notice.title.as_bytes()),
        ]);
    }
    table.render()
}

/// A time as it is shown.
pub(super) fn local(time: respond::Time) -> String {
    let nanos = u64::try_from(time.unix_millis()).unwrap_or(0).saturating_mul(1_000_000);
    when::local_short(volume::Timestamp::from_unix_nanos(nanos))
}
