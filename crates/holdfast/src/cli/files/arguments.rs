//! What can be typed behind `holdfast files`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::help;

/// `holdfast files ...`
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum FilesCommand {
    /// List a folder, or what is on a disk
    #[command(after_help = help::LS)]
    Ls(Ls),
    /// Print a file
    #[command(after_help = help::CAT)]
    Cat(Cat),
    /// Copy files out: a file, a folder or everything, to a folder or an archive
    #[command(after_help = help::CP)]
    Cp(Cp),
    /// Find files by what they are like, or by a block of the disk
    #[command(after_help = help::FIND)]
    Find(Find),
    /// When a file changed, and how to get each version
    #[command(after_help = help::HISTORY)]
    History(History),
    /// What is different between two moments of a file or folder
    #[command(after_help = help::DIFF)]
    Diff(Diff),
}

/// A place on a disk.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The place: a volume, a moment unless it is now, and a path
    #[arg(value_name = "VOLUME[@MOMENT]:[PATH]")]
    pub(super) place: OsString,
    /// The partition or logical volume, as `holdfast files ls VOLUME:` names it; else the path begins with it, if there are several
    #[arg(long, value_name = "NAME")]
    pub(super) area: Option<String>,
}

/// `holdfast files ls`
#[derive(Debug, Args)]
pub(in crate::cli) struct Ls {
    #[command(flatten)]
    pub(super) at: Place,
    /// Show permissions, owners, sizes and times
    #[arg(long, short)]
    pub(super) long: bool,
    /// List what is in the folders, too
    #[arg(long, short)]
    pub(super) recursive: bool,
    /// Show sizes in bytes
    #[arg(long, short)]
    pub(super) bytes: bool,
}

/// `holdfast files cat`
#[derive(Debug, Args)]
pub(in crate::cli) struct Cat {
    #[command(flatten)]
    pub(super) at: Place,
    /// Begin at this byte
    #[arg(long, value_name = "SIZE")]
    pub(super) offset: Option<String>,
    /// Print as many bytes
    #[arg(long, value_name = "SIZE")]
    pub(super) length: Option<String>,
}

/// `holdfast files cp`
#[derive(Debug, Args)]
pub(in crate::cli) struct Cp {
    #[command(flatten)]
    pub(super) at: Place,
    /// A folder that is there: the copy goes into it. Else the copy's name. FILE.tar, or - for stdout: an archive
    #[arg(value_name = "TO")]
    pub(super) to: PathBuf,
    /// Make an archive, whatever its name
    #[arg(long)]
    pub(super) tar: bool,
    /// Replace what exists already
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Keep set-user-id bits, capabilities and device nodes, which give rights on this machine
    #[arg(long)]
    pub(super) privileged: bool,
}

/// `holdfast files find`
#[derive(Debug, Args)]
pub(in crate::cli) struct Find {
    #[command(flatten)]
    pub(super) at: Place,
    /// A name's pattern, with *, ? and [a-z]; repeatable: one of them fits
    #[arg(long, value_name = "PATTERN")]
    pub(super) name: Vec<String>,
    /// Upper and lower case are the same in patterns [default: as on the file system]
    #[arg(long, short)]
    pub(super) ignore_case: bool,
    /// Only these; repeatable
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub(super) kind: Vec<Kind>,
    /// At least this size, or with a minus at most, such as 10M or -1G; repeatable
    #[arg(long, value_name = "[-]SIZE", allow_hyphen_values = true)]
    pub(super) size: Vec<String>,
    /// Changed at this moment or later, by the file's own times
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) newer: Option<String>,
    /// Not changed since this moment
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) older: Option<String>,
    /// Owned by this number
    #[arg(long, value_name = "NUMBER")]
    pub(super) owner: Option<u32>,
    /// Has a part in this block of the disk: of 4096 bytes, counted from 0; repeatable
    #[arg(long, visible_alias = "contains-block", value_name = "NUMBER")]
    pub(super) block: Vec<u64>,
    /// Show permissions, owners, sizes and times
    #[arg(long, short)]
    pub(super) long: bool,
    /// Show sizes in bytes
    #[arg(long, short)]
    pub(super) bytes: bool,
}

/// What `find` can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Kind {
    /// Ordinary files
    File,
    /// Folders
    Folder,
    /// Symbolic links
    Symlink,
    /// Device nodes, pipes and sockets
    Other,
}

/// `holdfast files history`
#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    #[command(flatten)]
    pub(super) at: Place,
    /// From this moment on [default: the oldest kept]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    pub(super) since: Option<String>,
    /// Hash every version, to tell which are the same
    #[arg(long)]
    pub(super) hash: bool,
    /// Moments that are looked at, at most
    #[arg(long, value_name = "NUMBER", default_value_t = 400, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(super) looks: u32,
}

/// `holdfast files diff`
#[derive(Debug, Args)]
pub(in crate::cli) struct Diff {
    /// The earlier place: a volume, a moment and a path
    #[arg(value_name = "VOLUME@MOMENT:[PATH]")]
    pub(super) old: OsString,
    /// The later place [default: the same path now]
    #[arg(value_name = "VOLUME[@MOMENT]:[PATH]")]
    pub(super) new: Option<OsString>,
    /// The partition or logical volume, of both places
    #[arg(long, value_name = "NAME")]
    pub(super) area: Option<String>,
    /// Of files that differ, say only that they do
    #[arg(long, short)]
    pub(super) brief: bool,
}
