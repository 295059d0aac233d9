//! From what was typed to what it means.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::ZonedDateTime;

use super::actions::ActionsCommand;
use super::alerts::AlertsCommand;
use super::approvals::ApprovalsCommand;
use super::arguments::{
    Command, ConfigCommand, GuardCommand, History, Investigate, LogFormat, Pin, Restore, Up, VolumeCommand,
};
use super::console::ConsoleCommand;
use super::drills::{self, DrillsTask};
use super::exposure::ExposureCommand;
use super::files::{self, FilesTask};
use super::incidents::IncidentsCommand;
use super::ledger::LedgerCommand;
use super::notices::NoticesCommand;
use super::policy::PolicyCommand;
use super::threat::ThreatCommand;
use crate::aftermath::{InvestigateTask, KeepGoodTask, Span};
use crate::config::Listen;
use crate::control::{AnnouncedWork, DivertedWrites, Request};
use crate::failure::Failure;
use crate::names::{is_name, split_moment};
use crate::size::parse_size;
use crate::span::{format_span, parse_span};
use crate::when::{FORMS, When, parse_when, reads_as_time};
use image::Format;

/// The longest time for which work is announced at once.
const ANNOUNCED_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The longest reason of announced work.
const REASON_BYTES_MAX: usize = 200;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Be the daemon.
    Up(UpTask),
    /// Play the demo.
    Demo {
        /// Whether nothing is slowed down.
        fast: bool,
    },
    /// Have a request carried out.
    Ask(Ask),
    /// Find out what happened to files.
    Investigate(InvestigateTask),
    /// Restore without losing good work.
    KeepGood(KeepGoodTask),
    /// Look at files.
    Files(FilesTask),
    /// Show drills.
    Drills(DrillsTask),
    /// Accounts, tokens and the certificate of the console.
    Console(ConsoleCommand),
    /// Work with the breach monitor.
    Exposure(ExposureCommand),
    /// Logs are searched, or rules looked at.
    Threat(ThreatCommand),
    /// Check or try policies.
    Policy(PolicyCommand),
    /// Ask for approvals, or decide about them.
    Approvals(ApprovalsCommand),
    /// Show actions.
    Actions(ActionsCommand),
    /// Show alerts.
    Alerts(AlertsCommand),
    /// Show or change incidents.
    Incidents(IncidentsCommand),
    /// Check, read or copy the ledger.
    Ledger(LedgerCommand),
    /// Look at notices, send or settle them.
    Notices(NoticesCommand),
    /// Say what a configuration file means.
    CheckConfig(Option<PathBuf>),
    /// Print the default configuration file.
    PrintConfig,
    /// Print completions.
    Completions(clap_complete::Shell),
    /// Print or write manual pages.
    Manual(Option<PathBuf>),
}

/// What the daemon is to do beyond its configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UpTask {
    pub(super) listen: Vec<Listen>,
    pub(super) tcp: bool,
    pub(super) create: Vec<(String, u64)>,
    pub(super) empty: bool,
    pub(super) json_log: bool,
    pub(super) verbose: bool,
}

/// A request, and the image that it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) request: Request,
    pub(super) image: Option<Image>,
    /// Whether the exit code tells what the report says.
    pub(super) check: bool,
}

/// An image file, opened with the rights of whoever typed the command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// Is read.
    From(PathBuf),
    /// Is made.
    To {
        /// The file.
        path: PathBuf,
        /// Whether it may be replaced.
        force: bool,
    },
}

impl From<Request> for Task {
    fn from(request: Request) -> Self {
        Self::Ask(Ask {
            request,
            image: None,
            check: false,
        })
    }
}

/// What a command means for someone for whom it is `now`.
pub(super) fn resolve(command: Command, now: &ZonedDateTime) -> Result<Task, Failure> {
    Ok(match command {
        Command::Up(up) => Task::Up(resolve_up(up)?),
        Command::Demo { fast } => Task::Demo { fast },
        Command::Status { check } => Task::Ask(Ask {
            request: Request::Status,
            image: None,
            check,
        }),
        Command::Volume(command) => resolve_volume(command, now)?,
        Command::History(history) => resolve_history(history, now)?.into(),
        Command::Pin(pin) => resolve_pin(pin, now)?.into(),
        Command::Unpin { volume, pin } => Request::Unpin { name: volume, pin }.into(),
        Command::Fork { source, fork } => {
            let (name, when) = split_moment(&source, now)?;
            Request::Fork {
                name,
                when,
                fork: new_name(fork)?,
            }
            .into()
        }
        Command::Restore(restore) if restore.keep_good => Task::KeepGood(resolve_keep_good(restore, now)?),
        Command::Restore(restore) => resolve_restore(restore, now)?.into(),
        Command::Investigate(investigate) => Task::Investigate(resolve_investigate(investigate, now)?),
        Command::Files(command) => Task::Files(files::resolve(command, now)?),
        Command::Guard(command) => resolve_guard(command)?.into(),
        Command::Drill(command) => drills::resolve(command),
        Command::Console(command) => Task::Console(command),
        Command::Exposure(command) => Task::Exposure(command),
        Command::Threat(command) => Task::Threat(command),
        Command::Alerts(command) => Task::Alerts(command),
        Command::Policy(command) => Task::Policy(command),
        Command::Approvals(command) => Task::Approvals(command),
        Command::Actions(command) => Task::Actions(command),
        Command::Incidents(command) => Task::Incidents(command),
        Command::Ledger(command) => Task::Ledger(command),
        Command::Notices(command) => Task::Notices(command),
        Command::Config(ConfigCommand::Check { file }) => Task::CheckConfig(file),
        Command::Config(ConfigCommand::Default) => Task::PrintConfig,
        Command::Completions { shell } => Task::Completions(shell),
        Command::Man { dir } => Task::Manual(dir),
    })
}

fn resolve_up(up: Up) -> Result<UpTask, Failure> {
    let listen = up
        .listen
        .iter()
        .map(|place| Listen::parse(place).map_err(Failure::usage))
        .collect::<Result<_, _>>()?;
    let create = up
        .create
        .iter()
        .map(|text| name_and_size(text))
        .collect::<Result<_, _>>()?;
    Ok(UpTask {
        listen,
        tcp: up.tcp,
        create,
        empty: up.empty,
        json_log: up.log_format == LogFormat::Json,
        verbose: up.verbose,
    })
}

fn name_and_size(text: &str) -> Result<(String, u64), Failure> {
    let (name, size) = text
        .split_once('=')
        .ok_or_else(|| Failure::usage(format!("`{text}` lacks a size")).hint("write it like `--create disk=10G`"))?;
    Ok((new_name(name.to_owned())?, resolve_size(size)?))
}

fn resolve_volume(command: VolumeCommand, now: &ZonedDateTime) -> Result<Task, Failure> {
    let request = match command {
        VolumeCommand::Create { name, size } => Request::Create {
            name: new_name(name)?,
            size_bytes: resolve_size(&size)?,
        },
        VolumeCommand::List => Request::List,
        VolumeCommand::Show { name } => Request::Show { name },
        VolumeCommand::Resize { name, size, shrink } => Request::Resize {
            name,
            size_bytes: resolve_size(&size)?,
            shrink,
        },
        VolumeCommand::Delete { name, yes } => {
            if !yes {
                confirm_deletion(&name)?;
            }
            Request::Delete { name }
        }
        VolumeCommand::Import { name, file, format } => {
            let request = Request::Import {
                name: new_name(name)?,
                format,
            };
            return Ok(Task::Ask(Ask {
                request,
                image: Some(Image::From(file)),
                check: false,
            }));
        }
        VolumeCommand::Export {
            source,
            file,
            format,
            force,
        } => {
            let (name, when) = split_moment(&source, now)?;
            let format = format.map_or_else(|| format_by_name(&file), Ok)?;
            let request = Request::Export { name, when, format };
            return Ok(Task::Ask(Ask {
                request,
                image: Some(Image::To { path: file, force }),
                check: false,
            }));
        }
        VolumeCommand::Verify { name } => Request::Verify { name },
        VolumeCommand::Repair { name } => Request::Repair { name },
    };
    Ok(request.into())
}

/// The format that a name stands for. One that stands for another format isn't taken for raw silently.
fn format_by_name(file: &Path) -> Result<Format, Failure> {
    let Some(extension) = file.extension() else {
        return Ok(Format::Raw);
    };
    if extension.eq_ignore_ascii_case("qcow2") {
        return Ok(Format::Qcow2);
    }
    if ["raw", "img"].iter().any(|raw| extension.eq_ignore_ascii_case(raw)) {
        return Ok(Format::Raw);
    }
    Err(Failure::usage(format!(
        "`{}` doesn't tell a format that can be written",
        file.display()
    ))
    .hint("add `--format raw` or `--format qcow2`; `qemu-img convert` makes other formats of these"))
}

fn resolve_history(history: History, now: &ZonedDateTime) -> Result<Request, Failure> {
    let when = |text: Option<String>| text.map(|text| parse_when(&text, now)).transpose();
    let bucket_seconds = match history.bucket {
        Some(text) => {
            let span = parse_span(&text).map_err(|error| Failure::usage(error.to_string()))?;
            if span.is_zero() {
                return Err(Failure::usage(format!("a row of `{text}` would be empty"))
                    .hint("write it like `10s`, `5m` or `1h`"));
            }
            Some(span.as_secs())
        }
        None => None,
    };
    Ok(Request::History {
        name: history.volume,
        since: when(history.since)?,
        until: when(history.until)?,
        bucket_seconds,
    })
}

fn resolve_pin(pin: Pin, now: &ZonedDateTime) -> Result<Request, Failure> {
    let when = pin.at.map(|text| parse_when(&text, now)).transpose()?;
    let name = new_name(pin.pin)?;
    if reads_as_time(&name) {
        return Err(
            Failure::usage(format!("`{name}` can't name a pin, because it reads as a time"))
                .hint(format!("choose a name such as `before-{name}`")),
        );
    }
    Ok(Request::Pin {
        name: pin.volume,
        pin: name,
        when,
    })
}

fn resolve_restore(restore: Restore, now: &ZonedDateTime) -> Result<Request, Failure> {
    if restore.before_attack {
        return Ok(Request::RestoreBeforeAttack { name: restore.volume });
    }
    let Some(moment) = restore.moment else {
        return Ok(Request::RestoreUndo { name: restore.volume });
    };
    match parse_when(&moment, now)? {
        When::Now => Err(Failure::usage("`now` is what the disk is already").hint(FORMS)),
        when => Ok(Request::Restore {
            name: restore.volume,
            when,
        }),
    }
}

fn resolve_keep_good(restore: Restore, now: &ZonedDateTime) -> Result<KeepGoodTask, Failure> {
    let span = match restore.moment {
        Some(moment) => Span::Between {
            from: parse_when(&moment, now)?,
            to: When::Now,
        },
        None => Span::Incident,
    };
    Ok(KeepGoodTask {
        volume: restore.volume,
        span,
        to_folder: restore.to_folder,
        dry_run: restore.dry_run,
    })
}

/// How long personal data is searched for at most, in seconds.
const PERSONAL_SECONDS: u64 = 300;

fn resolve_investigate(investigate: Investigate, now: &ZonedDateTime) -> Result<InvestigateTask, Failure> {
    let to = investigate.to.map(|text| parse_when(&text, now)).transpose()?;
    let span = match investigate.from {
        Some(text) => Span::Between {
            from: parse_when(&text, now)?,
            to: to.unwrap_or(When::Now),
        },
        None => Span::Incident,
    };
    Ok(InvestigateTask {
        volume: investigate.volume,
        span,
        personal_seconds: (!investigate.no_personal_data).then_some(PERSONAL_SECONDS),
        html: investigate.html,
        csv: investigate.csv,
        force: investigate.force,
    })
}

fn resolve_guard(command: GuardCommand) -> Result<Request, Failure> {
    Ok(match command {
        GuardCommand::Status { volume } => Request::GuardStatus { name: volume },
        GuardCommand::Set { volume, fence, on, off } => Request::GuardSet {
            name: volume,
            fence,
            enabled: (on || off).then_some(on),
        },
        GuardCommand::Release { volume, keep, drop } => Request::GuardRelease {
            name: volume,
            diverted: match (keep, drop) {
                (true, _) => Some(DivertedWrites::Keep),
                (_, true) => Some(DivertedWrites::Drop),
                _ => None,
            },
        },
        GuardCommand::Fence { volume, how, because } => Request::GuardFence {
            name: volume,
            how,
            because,
        },
        GuardCommand::Sensitivity { volume, percent, span } => Request::GuardSensitivity {
            name: (volume != "all").then_some(volume),
            percent,
            seconds: parse_span(&span)
                .map_err(|error| Failure::usage(error.to_string()))?
                .as_secs(),
        },
        GuardCommand::Announce { reason, span, name, .. } => Request::GuardAnnounce {
            names: name,
            work: reason
                .zip(span)
                .map(|(reason, span)| announced(reason, &span))
                .transpose()?,
        },
    })
}

/// Work that is about to begin.
fn announced(reason: String, span: &str) -> Result<AnnouncedWork, Failure> {
    let length = parse_span(span).map_err(|error| Failure::usage(error.to_string()))?;
    if length.is_zero() || length > ANNOUNCED_MAX {
        return Err(Failure::usage(format!(
            "work can't be announced for `{span}`: from 1 s to {}",
            format_span(ANNOUNCED_MAX)
        ))
        .hint("announce it again when it takes longer; `holdfast guard set VOLUME --off` watches nothing at all"));
    }
    let is_usable = !reason.trim().is_empty() && reason.len() <= REASON_BYTES_MAX && !reason.contains(char::is_control);
    if !is_usable {
        return Err(Failure::usage(format!(
            "a reason is one line of 1 to {REASON_BYTES_MAX} bytes"
        )));
    }
    Ok(AnnouncedWork {
        reason,
        seconds: length.as_secs(),
    })
}

/// A name for something new; others are checked by looking them up.
fn new_name(name: String) -> Result<String, Failure> {
    if is_name(&name) {
        return Ok(name);
    }
    Err(Failure::usage(format!("`{name}` can't be used as a name"))
        .hint("1 to 64 of a-z, A-Z, 0-9, `-`, `_` and `.`, starting with a letter or digit"))
}

fn resolve_size(text: &str) -> Result<u64, Failure> {
    let bytes = parse_size(text).map_err(|error| Failure::usage(error.to_string()))?;
    let allowed = (1 << 20)..=(64 << 40);
    if allowed.contains(&bytes) && bytes.is_multiple_of(512) {
        return Ok(bytes);
    }
    Err(Failure::usage(format!("`{text}` can't be a disk's size")).hint("1 MiB to 64 TiB, in steps of 512 bytes"))
}

/// Has the volume's name typed again: a deletion is the one thing that can't be undone.
fn confirm_deletion(name: &str) -> Result<(), Failure> {
    let refused = || Failure::refused(format!("volume `{name}` is not deleted without a confirmation"));
    if !std::io::stdin().is_terminal() {
        return Err(refused().hint("add `--yes`"));
    }
    let mut terminal = std::io::stderr().lock();
    let question =
        format!("This deletes volume `{name}` with all its history and pins, for good.\nType its name to go on: ");
    terminal
        .write_all(question.as_bytes())
        .map_err(|error| Failure::io("ask", &error))?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("read the answer", &error))?;
    if answer.trim() == name { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Arguments;
    use super::*;
    use clap::Parser;

    fn task(words: &[&str]) -> Result<Task, Failure> {
        let now: ZonedDateTime = "2026-11-23T10:30:00[UTC]".parse().unwrap();
        let words = std::iter::once("holdfast").chain(words.iter().copied());
        resolve(Arguments::try_parse_from(words).unwrap().command, &now)
    }

    fn ago(seconds: u64) -> When {
        When::Ago(Duration::from_secs(seconds))
    }

    #[test]
    fn commands_mean_requests() {
        let disk = || "disk".to_owned();
        for (words, expected) in [
            (
                vec!["volume", "create", "disk", "10G"],
                Request::Create {
                    name: disk(),
                    size_bytes: 10 << 30,
                },
            ),
            (
                vec!["volume", "resize", "disk", "1M"],
                Request::Resize {
                    name: disk(),
                    size_bytes: 1 << 20,
                    shrink: false,
                },
            ),
            (
                vec!["volume", "delete", "disk", "--yes"],
                Request::Delete { name: disk() },
            ),
            (
                vec!["restore", "disk", "-15m"],
                Request::Restore {
                    name: disk(),
                    when: ago(900),
                },
            ),
            (vec!["restore", "disk", "--undo"], Request::RestoreUndo { name: disk() }),
            (
                vec!["fork", "disk", "copy"],
                Request::Fork {
                    name: disk(),
                    when: None,
                    fork: "copy".to_owned(),
                },
            ),
            (
                vec!["fork", "disk@-1h", "copy"],
                Request::Fork {
                    name: disk(),
                    when: Some(ago(3600)),
                    fork: "copy".to_owned(),
                },
            ),
            (
                vec!["pin", "disk", "p", "--at", "#7"],
                Request::Pin {
                    name: disk(),
                    pin: "p".to_owned(),
                    when: Some(When::Sequence(7)),
                },
            ),
            (
                vec!["history", "disk", "--since", "-1d", "--bucket", "1h"],
                Request::History {
                    name: disk(),
                    since: Some(ago(86_400)),
                    until: None,
                    bucket_seconds: Some(3600),
                },
            ),
        ] {
            assert_eq!(task(&words), Ok(expected.into()), "{words:?}");
        }
    }

    #[test]
    fn images_are_opened_by_the_command() {
        let Ok(Task::Ask(ask)) = task(&["volume", "export", "disk@p", "x.qcow2"]) else {
            panic!()
        };
        assert_eq!(
            ask.image,
            Some(Image::To {
                path: "x.qcow2".into(),
                force: false
            })
        );
        let expected = Request::Export {
            name: "disk".to_owned(),
            when: Some(When::Pin("p".to_owned())),
            format: Format::Qcow2,
        };
        assert_eq!(ask.request, expected);
        let Ok(Task::Ask(ask)) = task(&["volume", "import", "disk", "x.img"]) else {
            panic!()
        };
        assert_eq!(ask.image, Some(Image::From("x.img".into())));
    }

    #[test]
    fn the_daemon_is_told_in_types() {
        let Ok(Task::Up(up)) = task(&["up", "--create", "a=1G", "--listen", "unix:x", "--listen", "[::1]:7"]) else {
            panic!()
        };
        assert_eq!(up.create, [("a".to_owned(), 1 << 30)]);
        assert_eq!(
            up.listen,
            [Listen::Unix("x".into()), Listen::Tcp("[::1]:7".parse().unwrap())]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_done() {
        for (words, expected) in [
            (vec!["volume", "create", "a/b", "1G"], "`a/b` can't be used as a name"),
            (vec!["volume", "create", "a", "100K"], "`100K` can't be a disk's size"),
            (vec!["volume", "create", "a", "65T"], "`65T` can't be a disk's size"),
            (
                vec!["pin", "a", "2026-11-23"],
                "`2026-11-23` can't name a pin, because it reads as a time",
            ),
            (
                vec!["pin", "a", "now"],
                "`now` can't name a pin, because it reads as a time",
            ),
            (vec!["restore", "a", "now"], "`now` is what the disk is already"),
            (vec!["up", "--create", "a"], "`a` lacks a size"),
            (vec!["history", "a", "--bucket", "0s"], "a row of `0s` would be empty"),
        ] {
            assert_eq!(task(&words).unwrap_err().message, expected);
        }
    }
}
