//! What can be typed. Nothing is interpreted here beyond the shape of the command line.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use guard::Fence;

use super::actions::ActionsCommand;
use super::alerts::AlertsCommand;
use super::approvals::ApprovalsCommand;
use super::arguments_drill::DrillCommand;
use super::console::ConsoleCommand;
use super::exposure::ExposureCommand;
use super::files::FilesCommand;
use super::help;
use super::incidents::IncidentsCommand;
use super::ledger::LedgerCommand;
use super::notices::NoticesCommand;
use super::policy::PolicyCommand;
use super::threat::ThreatCommand;
use image::Format;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    about = "Disks that forget nothing: every second of the past is one command away",
    help_template = help::TEMPLATE,
    after_help = help::AFTER_HELP,
    after_long_help = help::AFTER_LONG_HELP,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(super) struct Arguments {
    /// Options that every command takes.
    #[command(flatten)]
    pub(super) common: Common,
    /// The command.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub(super) struct Common {
    /// The data folder [default: /var/lib/holdfast for root, else ~/.local/share/holdfast]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "HOLDFAST_DATA",
        hide_env_values = true
    )]
    pub(super) data: Option<PathBuf>,
    /// The configuration file [default: /etc/holdfast/holdfast.toml for root, else ~/.config/holdfast/holdfast.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HOLDFAST_CONFIG",
        hide_env_values = true
    )]
    pub(super) config: Option<PathBuf>,
    /// Print JSON: one object, also for errors; progress as lines before it
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve all volumes until stopped
    #[command(after_help = help::UP)]
    Up(Up),
    /// See it work: a scratch disk, an attack, the way back; needs no root, leaves nothing behind
    #[command(after_help = help::DEMO)]
    Demo {
        /// As fast as it goes, without slowing down for somebody who looks on
        #[arg(long)]
        fast: bool,
    },
    /// What is served, who is connected, how the volumes are
    #[command(after_help = help::STATUS)]
    Status {
        /// For monitoring: exit with a code of its own unless a daemon runs and every volume is well
        #[arg(long)]
        check: bool,
    },
    /// Make, change, check, import and export volumes
    #[command(subcommand, disable_help_subcommand = true)]
    Volume(VolumeCommand),
    /// When the disk was written to, and what was done with it
    #[command(after_help = help::HISTORY)]
    History(History),
    /// Keep a moment under a name, beyond the retention time
    #[command(after_help = help::PIN)]
    Pin(Pin),
    /// Remove a pin
    Unpin {
        /// The volume
        volume: String,
        /// The pin
        pin: String,
    },
    /// Make a writable volume that starts at a moment of another, at once and without a copy
    #[command(after_help = help::FORK)]
    Fork {
        /// The volume, or a moment of it
        #[arg(value_name = "VOLUME[@MOMENT]")]
        source: String,
        /// The new volume's name
        #[arg(value_name = "NEW")]
        fork: String,
    },
    /// Return a disk to a moment, or take that back
    #[command(after_help = help::RESTORE)]
    Restore(Restore),
    /// After an attack: which files were damaged, which were only read, whose data was in them
    #[command(after_help = help::INVESTIGATE)]
    Investigate(Investigate),
    /// See what is on a disk at any moment, and copy files out
    #[command(subcommand, disable_help_subcommand = true)]
    Files(FilesCommand),
    /// See, set and release the guards that watch disks for encryption
    #[command(subcommand, disable_help_subcommand = true)]
    Guard(GuardCommand),
    /// Try the defence out on a throw-away fork of a volume, and tell how that went
    #[command(subcommand, disable_help_subcommand = true)]
    Drill(DrillCommand),
    /// Search logs for attacks: Windows, directories, clouds, hypervisors
    #[command(subcommand, disable_help_subcommand = true)]
    Threat(ThreatCommand),
    /// A private breach monitor: leaked passwords and accounts, watched domains, the Have I Been Pwned API
    #[command(subcommand, disable_help_subcommand = true)]
    Exposure(ExposureCommand),
    /// What the layers noticed
    #[command(subcommand, disable_help_subcommand = true)]
    Alerts(AlertsCommand),
    /// What belongs together of it, and what people do about it
    #[command(subcommand, disable_help_subcommand = true)]
    Incidents(IncidentsCommand),
    /// The record of everything that was noticed, decided and done: check it, read it, copy it
    #[command(subcommand, disable_help_subcommand = true)]
    Ledger(LedgerCommand),
    /// Who was told of what is noticed, and whether it arrived; try a way out, acknowledge
    #[command(subcommand, disable_help_subcommand = true)]
    Notices(NoticesCommand),
    /// What is done when something is noticed: check policies, try them out on the past
    #[command(subcommand, disable_help_subcommand = true)]
    Policy(PolicyCommand),
    /// What is dangerous needs a second person: ask, approve, refuse
    #[command(subcommand, disable_help_subcommand = true)]
    Approvals(ApprovalsCommand),
    /// What policies had done, and how it went
    #[command(subcommand, disable_help_subcommand = true)]
    Actions(ActionsCommand),
    /// The web pages and the API: accounts, tokens, the way in
    #[command(subcommand, disable_help_subcommand = true)]
    Console(ConsoleCommand),
    /// Check or print configuration files
    #[command(subcommand, disable_help_subcommand = true)]
    Config(ConfigCommand),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them into a folder
    Man {
        /// Write a page for every command into this folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// `holdfast up`
#[derive(Debug, Args)]
pub(super) struct Up {
    /// Listen here instead of where the configuration says; `unix:PATH` or `ADDRESS:PORT`; repeatable
    #[arg(long, value_name = "PLACE")]
    pub(super) listen: Vec<String>,
    /// Listen on 127.0.0.1:10809 as well
    #[arg(long)]
    pub(super) tcp: bool,
    /// Make this volume unless it exists; repeatable [default: disk=10G if there are no volumes]
    #[arg(long, value_name = "NAME=SIZE")]
    pub(super) create: Vec<String>,
    /// Don't make a first volume
    #[arg(long, conflicts_with = "create")]
    pub(super) empty: bool,
    /// How the log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(super) log_format: LogFormat,
    /// Log connections and other everyday events too
    #[arg(long, short)]
    pub(super) verbose: bool,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people; with priorities where the journal reads them
    Text,
    /// A JSON object a line
    Json,
}

/// `holdfast volume ...`
#[derive(Debug, Subcommand)]
pub(super) enum VolumeCommand {
    /// Make an empty volume
    #[command(after_help = help::SIZES)]
    Create {
        /// Its name
        name: String,
        /// Its size, such as 10G or 1.5TiB
        size: String,
    },
    /// List all volumes
    List,
    /// Show one volume with its pins
    Show {
        /// The volume
        name: String,
    },
    /// Change a volume's size
    #[command(after_help = help::SIZES)]
    Resize {
        /// The volume
        name: String,
        /// Its new size
        size: String,
        /// Allow it to become smaller; what is cut off stays in the past
        #[arg(long)]
        shrink: bool,
    },
    /// Delete a volume with all its history and pins
    Delete {
        /// The volume
        name: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a volume from a disk image or a block device
    Import {
        /// The new volume's name
        name: String,
        /// The image
        file: PathBuf,
        /// The image's format [default: qcow2 if it starts like one, else raw]
        #[arg(long)]
        format: Option<Format>,
    },
    /// Write a volume, or a moment of it, into a new disk image
    #[command(after_help = help::EXPORT)]
    Export {
        /// The volume, or a moment of it
        #[arg(value_name = "VOLUME[@MOMENT]")]
        source: String,
        /// The image to be made
        file: PathBuf,
        /// The image's format [default: by the file's name: qcow2, raw or img; raw without an ending]
        #[arg(long)]
        format: Option<Format>,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
    /// Check everything that is stored: every checksum and the hash chain
    Verify {
        /// The volume
        name: String,
    },
    /// Make a volume with a damaged log usable again, without what is damaged
    Repair {
        /// The volume
        name: String,
    },
}

/// `holdfast history`
#[derive(Debug, Args)]
pub(super) struct History {
    /// The volume
    pub(super) volume: String,
    /// Show from this moment on [default: the oldest kept]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) since: Option<String>,
    /// Show up to this moment [default: now]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) until: Option<String>,
    /// Length of a row, such as 10s, 5m or 1h [default: about 24 rows]
    #[arg(long, value_name = "SPAN")]
    pub(super) bucket: Option<String>,
}

/// `holdfast pin`
#[derive(Debug, Args)]
pub(super) struct Pin {
    /// The volume
    pub(super) volume: String,
    /// The pin's name
    pub(super) pin: String,
    /// The moment to keep [default: now]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) at: Option<String>,
}

/// `holdfast restore`
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The volume
    pub(super) volume: String,
    /// The moment to return to
    #[arg(
        allow_hyphen_values = true,
        required_unless_present_any = ["undo", "before_attack"],
        conflicts_with_all = ["undo", "before_attack"]
    )]
    pub(super) moment: Option<String>,
    /// Return to the restore point that the guard made before the attack
    #[arg(long, conflicts_with = "undo")]
    pub(super) before_attack: bool,
    /// Bring every damaged file back and keep good work since: only the damaged files' blocks go back where that is enough, else the
    /// whole disk, with good work set aside in an archive and a volume
    #[arg(long, conflicts_with = "undo")]
    pub(super) keep_good: bool,
    /// The folder for the archive of what is set aside
    #[arg(long, value_name = "DIR", requires = "keep_good", default_value = ".")]
    pub(super) to_folder: PathBuf,
    /// Say what --keep-good would do, and do nothing
    #[arg(long, requires = "keep_good")]
    pub(super) dry_run: bool,
    /// Take the newest restore back; once more takes that back
    #[arg(long)]
    pub(super) undo: bool,
}

/// `holdfast investigate`
#[derive(Debug, Args)]
pub(super) struct Investigate {
    /// The volume
    pub(super) volume: String,
    /// From before what the guard suspects until now; also into the fork that writes were diverted to [default without --from]
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub(super) incident: bool,
    /// The moment before
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) from: Option<String>,
    /// The last moment [default: now]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true, requires = "from")]
    pub(super) to: Option<String>,
    /// Write one page that opens in any browser and needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write a table, a line a file
    #[arg(long, value_name = "FILE")]
    pub(super) csv: Option<PathBuf>,
    /// Replace these files if they exist
    #[arg(long)]
    pub(super) force: bool,
    /// Don't search the files touched for personal data
    #[arg(long)]
    pub(super) no_personal_data: bool,
}

/// `holdfast guard ...`
#[derive(Debug, Subcommand)]
pub(super) enum GuardCommand {
    /// What the guards see, and what they did
    #[command(after_help = help::GUARD_STATUS)]
    Status {
        /// Only this volume, with everything that is known
        volume: Option<String>,
    },
    /// Change what a volume's guard does, until the configuration does
    #[command(after_help = help::GUARD_SET, group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Set {
        /// The volume
        volume: String,
        /// What happens to writes once encryption was recognised
        #[arg(long, group = "change", value_parser = fence())]
        fence: Option<Fence>,
        /// Watch the disk
        #[arg(long, group = "change", conflicts_with = "off")]
        on: bool,
        /// Don't watch the disk
        #[arg(long, group = "change")]
        off: bool,
    },
    /// Take a fence down
    #[command(after_help = help::GUARD_RELEASE)]
    Release {
        /// The volume
        volume: String,
        /// Of a diverted disk: take over what was written since the fence went up
        #[arg(long, conflicts_with = "drop")]
        keep: bool,
        /// Of a diverted disk: forget what was written since the fence went up
        #[arg(long)]
        drop: bool,
    },
    /// Fence a volume now, as if an attack had been recognised: its writes are stopped, the moment before is kept
    Fence {
        /// The volume
        volume: String,
        /// What happens to writes [default: as the guard is set]
        #[arg(long, value_parser = stopping_fence())]
        how: Option<Fence>,
        /// Why, for whoever reads the log
        #[arg(long, default_value = "by hand")]
        because: String,
    },
    /// Have a guard act at less suspicion than usual for a while
    Sensitivity {
        /// The volume; `all` for every one
        volume: String,
        /// Per cent of the usual suspicion, 10 to 99; 100 ends it
        percent: u32,
        /// For how long, such as 30m or 2h
        #[arg(long = "for", value_name = "SPAN", default_value = "2h")]
        span: String,
    },
    /// Announce work that looks like an attack: for a while nothing is fenced
    #[command(after_help = help::GUARD_ANNOUNCE)]
    Announce {
        /// What will be done, for whoever reads the log
        #[arg(required_unless_present = "end", conflicts_with = "end")]
        reason: Option<String>,
        /// For how long, such as 30m or 2h
        #[arg(
            long = "for",
            value_name = "SPAN",
            required_unless_present = "end",
            conflicts_with = "end"
        )]
        span: Option<String>,
        /// The volume; repeatable [default: all volumes]
        #[arg(long, value_name = "VOLUME")]
        name: Vec<String>,
        /// It is done: watch as before
        #[arg(long)]
        end: bool,
    },
}

/// `holdfast config ...`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether a configuration file is usable, and what it means
    Check {
        /// The file [default: the one that would be used]
        file: Option<PathBuf>,
    },
    /// Print a configuration file with every setting and its default
    Default,
}

/// Reads a fence by its name.
fn fence() -> impl TypedValueParser<Value = Fence> {
    PossibleValuesParser::new(Fence::ALL.map(Fence::name)).try_map(|name| name.parse::<Fence>())
}

/// Reads a fence that stops something.
fn stopping_fence() -> impl TypedValueParser<Value = Fence> {
    let stopping = Fence::ALL.into_iter().filter(|fence| *fence != Fence::Alert);
    PossibleValuesParser::new(stopping.map(Fence::name)).try_map(|name| name.parse::<Fence>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn moments_that_start_with_a_dash_are_no_options() {
        let parsed = Arguments::try_parse_from(["holdfast", "restore", "disk", "-15m"]).unwrap();
        let Command::Restore(restore) = parsed.command else {
            panic!("{:?}", parsed.command)
        };
        assert_eq!((restore.moment.as_deref(), restore.undo), (Some("-15m"), false));
        let parsed = Arguments::try_parse_from(["holdfast", "restore", "disk", "--undo", "--json"]).unwrap();
        assert!(parsed.common.json);
        let Command::Restore(restore) = parsed.command else {
            panic!("{:?}", parsed.command)
        };
        assert_eq!((restore.moment, restore.undo), (None, true));
        let parsed = Arguments::try_parse_from(["holdfast", "history", "disk", "--since", "-1d"]).unwrap();
        let Command::History(history) = parsed.command else {
            panic!("{:?}", parsed.command)
        };
        assert_eq!(history.since.as_deref(), Some("-1d"));
    }

    #[test]
    fn restore_wants_a_moment_or_undo() {
        assert!(Arguments::try_parse_from(["holdfast", "restore", "disk"]).is_err());
        assert!(Arguments::try_parse_from(["holdfast", "restore", "disk", "-1h", "--undo"]).is_err());
        assert!(Arguments::try_parse_from(["holdfast", "restore", "disk", "-1h", "--before-attack"]).is_err());
        assert!(Arguments::try_parse_from(["holdfast", "restore", "disk", "--undo", "--before-attack"]).is_err());
        assert!(Arguments::try_parse_from(["holdfast", "restore", "disk", "--before-attack"]).is_ok());
    }

    #[test]
    fn guard_commands_want_what_they_need_and_nothing_that_contradicts() {
        let parses = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
        for line in [
            "holdfast guard status",
            "holdfast guard status disk",
            "holdfast guard set disk --fence pause",
            "holdfast guard set disk --on --fence divert",
            "holdfast guard set disk --off",
            "holdfast guard release disk",
            "holdfast guard release disk --keep",
            "holdfast guard announce bitlocker --for 2h",
            "holdfast guard announce bitlocker --for 2h --name a --name b",
            "holdfast guard announce --end",
        ] {
            assert!(parses(line), "{line}");
        }
        for line in [
            "holdfast guard set disk",
            "holdfast guard set disk --on --off",
            "holdfast guard set disk --fence electric",
            "holdfast guard release disk --keep --drop",
            "holdfast guard announce bitlocker",
            "holdfast guard announce --for 2h",
            "holdfast guard announce bitlocker --for 2h --end",
        ] {
            assert!(!parses(line), "{line}");
        }
    }

    #[test]
    fn the_overview_names_every_command() {
        for command in Arguments::command().get_subcommands() {
            assert!(
                help::TEMPLATE.contains(&format!("  {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
        for group in ["volume", "files", "guard", "drill"] {
            for command in Arguments::command().find_subcommand(group).unwrap().get_subcommands() {
                assert!(help::TEMPLATE.contains(command.get_name()), "{}", command.get_name());
            }
        }
    }
}
