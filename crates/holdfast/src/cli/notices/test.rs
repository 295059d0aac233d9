//! `holdfast notices test`

use respond::Desk;
use respond::notice::NotTaken;
use serde_json::{Value, json};

use super::{Scene, now};
use crate::browse::text::printable;
use crate::cli::output;
use crate::desk;
use crate::desk::deliver::{self, Tried};
use crate::failure::{EXIT_OK, Failure, FailureCode};

pub(super) const HELP: &str = "\
The notice says that nothing happened. Each way that NAME stands for is used once, at once, also in
quiet hours; the command waits for the answers. Exit code 1: one of them wasn't taken.

Examples:
  holdfast notices test mail          everybody who is told by mail
  holdfast notices test operators     a group, all steps of its chain
  holdfast notices test anna          a person, by each of her ways";

pub(super) fn run(scene: &Scene<'_>, name: &str) -> Result<u8, Failure> {
    let settings = scene.place.config()?.notices;
    if settings.who.groups.is_empty() {
        return Err(
            Failure::new(FailureCode::Config, "[notices]: nobody is told of anything")
                .hint("name a mail server in [notices.mail] and people in `to`: docs/notices.md"),
        );
    }
    scene.place.prepare()?;
    let desk = Desk::open(&scene.folder).map_err(|error| desk::failed(&error))?;
    let tried = deliver::test(&desk, &settings, now(), name)?;
    let failed = tried.iter().filter(|tried| tried.outcome.is_err()).count();
    if scene.common.json {
        let tried: Vec<Value> = tried.iter().map(object).collect();
        output::json(&json!({ "tried": tried }));
    } else {
        output::print(tried.iter().map(line).collect::<String>().as_bytes());
    }
    Ok(if failed == 0 {
        EXIT_OK
    } else {
        FailureCode::Failure.exit_code()
    })
}

fn line(tried: &Tried) -> String {
    let to = whom(tried);
    match &tried.outcome {
        Ok(answer) => format!("{to}: taken: {}\n", printable(answer.as_bytes())),
        Err(NotTaken::Refused(why)) => format!("{to}: refused, and not tried again: {}\n", printable(why.as_bytes())),
        Err(NotTaken::Later(why) | NotTaken::Down(why)) => {
            format!("{to}: not taken, is tried again: {}\n", printable(why.as_bytes()))
        }
    }
}

fn whom(tried: &Tried) -> String {
    let recipient = &tried.recipient;
    if recipient.name.is_empty() {
        recipient.way.clone()
    } else {
        format!("{} by {}", recipient.name, recipient.way)
    }
}

fn object(tried: &Tried) -> Value {
    let (answer, is_taken) = match &tried.outcome {
        Ok(answer) => (answer, true),
        Err(NotTaken::Refused(why) | NotTaken::Later(why) | NotTaken::Down(why)) => (why, false),
    };
    json!({ "way": tried.recipient.way, "to": tried.recipient.name, "taken": is_taken, "answer": answer })
}
