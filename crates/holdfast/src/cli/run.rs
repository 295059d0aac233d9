//! Runs a command: parse, resolve, act, show; and chooses the exit code.

use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use jiff::ZonedDateTime;

use super::arguments::{Arguments, Common};
use super::image_file::ImageFile;
use super::progress::Shown;
use super::resolve::{Ask, Task, UpTask, resolve};
use super::{
    actions, alerts, approvals, check, console, drills, exposure, files, incidents, ledger, manual, notices, output,
    policy, show, threat,
};
use crate::aftermath::{self, InvestigateTask, KeepGoodTask};
use crate::config::{self, Config, DEFAULT_TEXT, Listen};
use crate::control::{Request, Response};
use crate::daemon;
use crate::demo;
use crate::desk::deliver;
use crate::examiner;
use crate::failure::{EXIT_OK, Failure, FailureCode};
use crate::guards;
use crate::lost_files;
use crate::place::{Place, Surroundings};
use crate::reach;

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    if lost_files::is_meant() {
        return lost_files::main();
    }
    if examiner::is_meant() {
        return examiner::main();
    }
    let code = match Arguments::try_parse() {
        Ok(arguments) => {
            let json = arguments.common.json;
            run(arguments).unwrap_or_else(|failure| output::failure(&failure, json))
        }
        Err(error) => misunderstood(&error),
    };
    ExitCode::from(code)
}

fn run(arguments: Arguments) -> Result<u8, Failure> {
    let common = arguments.common;
    match resolve(arguments.command, &ZonedDateTime::now())? {
        Task::Up(task) => up(&common, task),
        Task::Demo { fast } => demo(&common, fast),
        Task::Ask(ask) => self::ask(&common, ask),
        Task::Investigate(task) => investigate(&common, &task),
        Task::KeepGood(task) => keep_good(&common, &task),
        Task::Files(task) => files::run(&place(&common)?, &common, task),
        Task::Drills(task) => drills::show(&place(&common)?, common.json, task),
        Task::Console(command) => console::run(&place(&common)?, &common, command),
        Task::Exposure(command) => exposure::run(&place(&common)?, &common, command),
        Task::Threat(command) => threat::run(&place(&common)?, &common, command),
        Task::Policy(command) => policy::run(&place(&common)?, &common, command),
        Task::Approvals(command) => approvals::run(&place(&common)?, &common, command),
        Task::Actions(command) => actions::run(&place(&common)?, &common, command),
        Task::Alerts(command) => alerts::run(&place(&common)?, &common, command),
        Task::Incidents(command) => incidents::run(&place(&common)?, &common, command),
        Task::Ledger(command) => ledger::run(&place(&common)?, &common, command),
        Task::Notices(command) => notices::run(&place(&common)?, &common, command),
        Task::CheckConfig(file) => check_config(&common, file.as_deref()),
        Task::PrintConfig => Ok(print_text(&common, DEFAULT_TEXT.as_bytes())),
        Task::Completions(shell) => Ok(print_text(&common, &manual::completions(shell))),
        Task::Manual(None) => Ok(print_text(&common, &manual::page()?)),
        Task::Manual(Some(folder)) => {
            let count = manual::write_pages(&folder)?;
            if common.json {
                return Ok(output::json(&serde_json::json!({ "folder": folder, "pages": count })));
            }
            Ok(print(
                format!("wrote {count} manual pages into `{}`\n", folder.display()).as_bytes(),
            ))
        }
    }
}

fn place(common: &Common) -> Result<Place, Failure> {
    Place::resolve(common.data.as_deref(), common.config.as_deref(), &Surroundings::read())
}

fn print(bytes: &[u8]) -> u8 {
    output::print(bytes);
    EXIT_OK
}

/// A text that is the result itself; with `--json` as the field of an object.
fn print_text(common: &Common, text: &[u8]) -> u8 {
    if common.json {
        return output::json(&serde_json::json!({ "text": String::from_utf8_lossy(text) }));
    }
    print(text)
}

fn up(common: &Common, task: UpTask) -> Result<u8, Failure> {
    let mut options = daemon::Options {
        place: place(common)?,
        listen: (!task.listen.is_empty()).then_some(task.listen),
        create: task.create,
        empty: task.empty,
        json_log: task.json_log || common.json,
        verbose: task.verbose,
    };
    if task.tcp {
        let local = Listen::Tcp(([127, 0, 0, 1], 10809).into());
        match &mut options.listen {
            Some(listen) => listen.push(local),
            None => options.listen = Some([options.place.config()?.listen, vec![local]].concat()),
        }
    }
    daemon::run(options).map(|()| EXIT_OK)
}

fn demo(common: &Common, fast: bool) -> Result<u8, Failure> {
    let options = demo::Options {
        json: common.json,
        fast: fast || common.json,
    };
    demo::run(options, &String::from_utf8_lossy(&manual::page()?))
}

fn ask(common: &Common, ask: Ask) -> Result<u8, Failure> {
    let place = place(common)?;
    let image = ask.image.map(ImageFile::open).transpose()?;
    let mut progress = Shown::new(verb(&ask.request), common.json);
    let result = reach::execute(&place, ask.request, image.as_ref().map(ImageFile::file), &mut progress);
    progress.end();
    let response = result?;
    if let Some(image) = image {
        image.keep()?;
    }
    let code = output::response(&response, common.json);
    Ok(match &response {
        Response::Status(report) if ask.check => check::status(report),
        _ => code,
    })
}

fn investigate(common: &Common, task: &InvestigateTask) -> Result<u8, Failure> {
    let place = place(common)?;
    let mut progress = Shown::counting("investigating", common.json);
    let result = aftermath::investigate(&place, task, &mut progress);
    progress.end();
    let investigation = result?;
    if common.json {
        return Ok(output::json(&investigation));
    }
    Ok(print(
        show::aftermath::investigation(&investigation, task.html.as_deref()).as_bytes(),
    ))
}

fn keep_good(common: &Common, task: &KeepGoodTask) -> Result<u8, Failure> {
    let place = place(common)?;
    let mut progress = Shown::counting("planning", common.json);
    let result = aftermath::keep_good(&place, task, &mut progress);
    progress.end();
    let report = result?;
    if common.json {
        return Ok(output::json(&report));
    }
    Ok(print(show::aftermath::keep_good(&report).as_bytes()))
}

const fn verb(request: &Request) -> &'static str {
    match request {
        Request::Import { .. } => "importing",
        Request::Export { .. } => "exporting",
        Request::Verify { .. } => "verifying",
        Request::Drill { .. } => "drilling",
        _ => "working",
    }
}

fn check_config(common: &Common, file: Option<&Path>) -> Result<u8, Failure> {
    let place = place(common)?;
    let Some(file) = file.or(place.config_file.as_deref()) else {
        if common.json {
            return Ok(output::json(&serde_json::json!({ "file": null, "warnings": [] })));
        }
        return Ok(print(b"there is no configuration file: the defaults are used\n"));
    };
    let config = Config::read(file)?;
    config::tls(&config)?;
    guards::check(&config.guard)?;
    deliver::check(&config.notices)?;
    let warnings = place.warnings(&config);
    if common.json {
        return Ok(output::json(&serde_json::json!({ "file": file, "warnings": warnings })));
    }
    let volumes: Vec<&str> = config.volumes_named().collect();
    let own = if volumes.is_empty() {
        "none".to_owned()
    } else {
        volumes.join(", ")
    };
    let mut text = format!(
        "`{}` is usable; volumes with settings of their own: {own}\n",
        file.display()
    );
    for warning in warnings {
        text += &format!("warning: {warning}\n");
    }
    Ok(print(text.as_bytes()))
}

/// A command line that clap couldn't parse, or a request for help.
fn misunderstood(error: &clap::Error) -> u8 {
    if error.kind() == ErrorKind::MissingSubcommand && std::env::args_os().len() == 1 {
        // Settings from the environment hide from clap that nothing was typed.
        let help = Arguments::command().render_help().to_string();
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), help.as_bytes());
        return FailureCode::Usage.exit_code();
    }
    let wants_json = std::env::args_os().any(|word| word == "--json");
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) || !wants_json {
        // Nothing is left to be done where even the error can't be shown.
        let _ = error.print();
        return if error.use_stderr() {
            FailureCode::Usage.exit_code()
        } else {
            EXIT_OK
        };
    }
    let text = error.render().to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    output::failure(&Failure::usage(message).hint("`holdfast --help`"), true)
}
