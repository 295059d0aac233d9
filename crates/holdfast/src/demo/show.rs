//! What a display is: told of scenes, of what goes on in them and of what they found out.

use std::io;

use super::disk::Watch;
use super::meter::Content;
use super::report::{Report, Step};

/// The scenes, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    Fill,
    Work,
    Attack,
    Damage,
    Restore,
    Compare,
}

impl Scene {
    /// Its number, from 1 on.
    pub(super) const fn number(self) -> usize {
        self as usize + 1
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Fill => "A scratch disk, filled with documents",
            Self::Work => "Ordinary work",
            Self::Attack => "The attack",
            Self::Damage => "The damage",
            Self::Restore => "The way back",
            Self::Compare => "Every file compared",
        }
    }

    /// What will be seen, in a sentence.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Fill => "FAT32 on a guarded volume, over NBD. The disk's clock says: last month.",
            Self::Work => "Documents are edited, copied, packed, removed. The disk's clock says: this morning.",
            Self::Attack => "Files are read and overwritten with noise, one after the other. The clock says: now.",
            Self::Damage => "A client reads every file again.",
            Self::Restore => "holdfast restore disk --before-attack",
            Self::Compare => "Every file against the hash it had before the attack.",
        }
    }
}

/// What passed in a short time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    /// Bytes read a second.
    pub(super) read: u64,
    /// Bytes written a second.
    pub(super) written: u64,
    /// Blocks written that look random.
    pub(super) random: u64,
    /// Blocks written that don't.
    pub(super) structured: u64,
}

/// What goes on.
pub(super) struct Live<'a> {
    /// How much of the scene is done, from 0 to 1.
    pub(super) share: f64,
    /// What is being done.
    pub(super) what: &'a str,
    /// Newest last.
    pub(super) rates: &'a [Rates],
    /// What every block of the disk holds.
    pub(super) contents: &'a [Content],
    pub(super) watch: &'a Watch,
}

/// A display. Errors mean that nobody sees it any more.
pub(super) trait Show {
    /// Whether [`Show::live`] does anything.
    fn is_live(&self) -> bool;

    /// A scene begins.
    fn scene(&mut self, scene: Scene);

    /// What goes on in it.
    fn live(&mut self, live: &Live<'_>) -> io::Result<()>;

    /// What it found out.
    fn step(&mut self, scene: Scene, step: &Step) -> io::Result<()>;

    /// How the demo went.
    fn report(&mut self, report: &Report) -> io::Result<()>;
}
