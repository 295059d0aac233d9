//! The file `volume` in a volume's directory: what never changes about it, but for the version of the format, which may
//! go up. Its presence makes the directory a volume.
//!
//! Two copies, at 0 and at 4096, because nothing else tells what is in them: without the id no segment can be used, of
//! this volume or of its forks. A copy is a sector of its own, so that a bad one is written anew without touching the other.

use crate::format::bytes::{Bytes, put_short_string, seal, unseal};
use crate::format::entry::Segment;
use crate::time::Timestamp;

/// Bytes of a volume file.
pub const VOLUME_FILE_BYTES: usize = 2 * VOLUME_FILE_COPY_BYTES;
/// Bytes of one of its copies.
pub const VOLUME_FILE_COPY_BYTES: usize = 4096;

/// What a program must know to read a volume. The lowest that does is written, so that older programs can read what they know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VolumeVersion {
    /// The first.
    Two,
    /// Checkpoints may tell of restores in part.
    Three,
    /// Blocks may have been moved.
    Four,
}

impl VolumeVersion {
    const fn magic(self) -> [u8; 8] {
        match self {
            Self::Two => *b"holdvol2",
            Self::Three => *b"holdvol3",
            Self::Four => *b"holdvol4",
        }
    }

    fn of_magic(magic: [u8; 8]) -> Option<Self> {
        [Self::Two, Self::Three, Self::Four]
            .into_iter()
            .find(|version| version.magic() == magic)
    }
}

/// The volume that a fork shares segments with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: [u8; 16],
}

/// A volume's fixed properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFile {
    /// What a program must know to read the volume: the one thing that changes.
    pub version: VolumeVersion,
    /// Made up at creation; part of every segment header.
    pub id: [u8; 16],
    /// When the volume was created.
    pub created: Timestamp,
    /// The number of its first own segment. Smaller numbers are the parent's.
    pub first_segment: Segment,
    /// The volume it was forked from.
    pub parent: Option<Parent>,
}

impl VolumeFile {
    /// The file's [`VOLUME_FILE_BYTES`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let copy = self.encode_copy();
        [copy.as_slice(), copy.as_slice()].concat()
    }

    /// One copy: fields, then zeros, all of them under the checksum.
    #[must_use]
    pub fn encode_copy(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(VOLUME_FILE_COPY_BYTES);
        body.extend(self.version.magic());
        body.extend(self.id);
        body.extend(self.created.as_unix_nanos().to_le_bytes());
        body.extend(self.first_segment.0.to_le_bytes());
        body.push(u8::from(self.parent.is_some()));
        if let Some(parent) = &self.parent {
            put_short_string(&mut body, &parent.name);
            body.extend(parent.id);
        }
        body.resize(VOLUME_FILE_COPY_BYTES - 4, 0);
        seal(body)
    }

    /// Parses one copy.
    #[must_use]
    pub fn parse_copy(copy: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(unseal(copy.get(..VOLUME_FILE_COPY_BYTES)?)?);
        let mut file = Self {
            version: VolumeVersion::of_magic(bytes.array()?)?,
            id: bytes.array()?,
            created: Timestamp::from_unix_nanos(bytes.u64()?),
            first_segment: Segment(bytes.u32()?),
            parent: None,
        };
        if bytes.u8()? == 1 {
            file.parent = Some(Parent {
                name: bytes.short_string()?,
                id: bytes.array()?,
            });
        }
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_survives_a_round_trip_and_no_flipped_bit() {
        let parent = Some(Parent {
            name: "disk".into(),
            id: [3; 16],
        });
        let file = VolumeFile {
            version: VolumeVersion::Three,
            id: [9; 16],
            created: Timestamp::from_unix_seconds(3),
            first_segment: Segment(4),
            parent,
        };
        let mut copy = file.encode_copy();
        assert_eq!([copy.as_slice(), copy.as_slice()].concat(), file.encode());
        assert_eq!(VolumeFile::parse_copy(&copy), Some(file));
        for bit in 0..copy.len() * 8 {
            copy[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(VolumeFile::parse_copy(&copy), None, "bit {bit}");
            copy[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(VolumeFile::parse_copy(&copy[..VOLUME_FILE_COPY_BYTES - 1]), None);
    }
}
