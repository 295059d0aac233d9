//! What is on a disk, at any moment: the work behind `holdfast files`.
//!
//! Everything read here is foreign: names and times, links and sizes are whatever somebody wrote onto the disk, an attacker perhaps.
//! Names are shown with what could move a cursor or turn the direction of writing escaped ([`text`]); what is copied out is confined to
//! the folder it is copied to by the way it is opened ([`copy`]).

pub mod changed;
pub mod content;
pub mod copy;
pub mod difference;
pub mod failures;
pub mod glob;
pub mod list;
pub mod opened;
pub mod row;
pub mod search;
pub mod target;
pub mod text;
pub mod versions;
