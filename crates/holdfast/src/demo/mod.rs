//! `holdfast demo`: a scratch disk, ordinary work, an attack that is recognised and fenced, the way back, and the comparison
//! of every file. It needs no root and nothing but the program, and leaves nothing behind.
//!
//! What it shows is real: a guarded volume, served by the NBD server to a client of the demo's own (`client`) with
//! a cache as a kernel has one (`cache`) and FAT32 on it (`files`). The attack (`attack`) is a workload that has only that
//! file system in hand: it can't name anything outside the scratch disk.

mod archive;
mod attack;
mod cache;
mod client;
mod clock;
mod compare;
mod disk;
mod documents;
mod files;
mod fill;
mod inventory;
mod lines;
mod made;
mod meter;
mod picture;
mod random;
mod report;
mod run;
mod screen;
mod show;
mod stage;
mod stop;
mod style;
mod words;
mod work;

pub use run::{Options, run};
