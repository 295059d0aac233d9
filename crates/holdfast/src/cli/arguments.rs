//! What can be typed. Nothing is interpreted here beyond the shape of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::help;
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
        required_unless_present = "undo",
        conflicts_with = "undo"
    )]
    pub(super) moment: Option<String>,
    /// Take the newest restore back; once more takes that back
    #[arg(long)]
    pub(super) undo: bool,
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
        for command in Arguments::command()
            .find_subcommand("volume")
            .unwrap()
            .get_subcommands()
        {
            assert!(help::TEMPLATE.contains(command.get_name()), "{}", command.get_name());
        }
    }
}
