//! LVM2: a label on each physical volume, and text on (some of) them that tells what the volume group is.
//!
//! The format is that of `format_text` in LVM2's sources. Linear volumes are read, in any number of segments, whose physical volumes are all on
//! this disk; others are named.

mod label;
mod text;
mod volumes;

pub(super) use volumes::volumes;
