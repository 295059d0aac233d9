//! The file `volume` in a volume's directory: what never changes about it. Its presence makes the directory a volume.

use crate::format::bytes::{Bytes, put_short_string, seal, unseal};
use crate::format::entry::Segment;
use crate::time::Timestamp;

const MAGIC: [u8; 8] = *b"holdvol1";

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
    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(MAGIC);
        body.extend(self.id);
        body.extend(self.created.as_unix_nanos().to_le_bytes());
        body.extend(self.first_segment.0.to_le_bytes());
        body.push(u8::from(self.parent.is_some()));
        if let Some(parent) = &self.parent {
            put_short_string(&mut body, &parent.name);
            body.extend(parent.id);
        }
        seal(body)
    }

    /// Parses the file.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(unseal(bytes)?);
        if bytes.array()? != MAGIC {
            return None;
        }
        let mut file = Self {
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
        (bytes.remaining() == 0).then_some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_file_survives_a_round_trip_and_no_flipped_bit() {
        let parent = Some(Parent {
            name: "disk".into(),
            id: [3; 16],
        });
        let file = VolumeFile {
            id: [9; 16],
            created: Timestamp::from_unix_seconds(3),
            first_segment: Segment(4),
            parent,
        };
        let bytes = file.encode();
        assert_eq!(VolumeFile::parse(&bytes), Some(file));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(VolumeFile::parse(&damaged), None);
        }
    }
}
