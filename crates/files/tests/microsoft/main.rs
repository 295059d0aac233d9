//! NTFS, FAT and exFAT made by the tools of other projects: what they wrote is what is read.
//!
//! `tests/packages` installs the tools. NTFS and exFAT are filled through FUSE, which needs root; where that isn't to be had, those tests
//! say so and end.

#[cfg(test)]
mod content;
#[cfg(test)]
mod exfat;
#[cfg(test)]
mod fat;
#[cfg(test)]
mod ntfs;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod tree;
