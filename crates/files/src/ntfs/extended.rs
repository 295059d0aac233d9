//! `$EA`: OS/2's extended attributes. The Windows Subsystem for Linux keeps owners, modes and device numbers in them.

use crate::little_endian::{u8_at, u16_at, u32_at};

/// What the Windows Subsystem for Linux says of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LinuxMetadata {
    pub(super) owner: Option<u32>,
    pub(super) group: Option<u32>,
    /// Type of file and permissions, as `st_mode` has them.
    pub(super) mode: Option<u32>,
    /// Major and minor.
    pub(super) device: Option<(u32, u32)>,
}

impl LinuxMetadata {
    /// Finds them among the attributes.
    ///
    /// Layout of each: 0 offset of the next, from this one on (u32), 4 flags (u8), 5 length of the name (u8), 6 length of the value (u16), 8 the name, a
    /// zero, the value.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut found = Self::default();
        while let Some((name, value)) = first(bytes) {
            match name {
                b"$LXUID" => found.owner = u32_at(value, 0),
                b"$LXGID" => found.group = u32_at(value, 0),
                b"$LXMOD" => found.mode = u32_at(value, 0),
                b"$LXDEV" => found.device = u32_at(value, 0).zip(u32_at(value, 4)),
                _ => {}
            }
            let next = u32_at(bytes, 0).filter(|next| *next != 0);
            bytes = next
                .and_then(|next| bytes.get(usize::try_from(next).ok()?..))
                .unwrap_or_default();
        }
        found
    }
}

fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let value_start = 9 + usize::from(u8_at(bytes, 5)?);
    let value_end = value_start + usize::from(u16_at(bytes, 6)?);
    Some((bytes.get(8..value_start - 1)?, bytes.get(value_start..value_end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_modes_are_found_among_others() {
        let mut bytes = Vec::new();
        for (name, value) in [
            ("OTHER", &[1, 2][..]),
            ("$LXUID", &[0xe8, 3, 0, 0]),
            ("$LXMOD", &[0xa4, 0x81, 0, 0]),
        ] {
            let length = (9 + name.len() + value.len()).next_multiple_of(4);
            let next = if name == "$LXMOD" {
                0
            } else {
                u32::try_from(length).unwrap()
            };
            let start = bytes.len();
            bytes.extend(next.to_le_bytes());
            bytes.extend([0, name.len() as u8, value.len() as u8, 0]);
            bytes.extend(name.as_bytes());
            bytes.push(0);
            bytes.extend(value);
            bytes.resize(start + length, 0);
        }
        let expected = LinuxMetadata {
            owner: Some(1000),
            mode: Some(0o100_644),
            ..LinuxMetadata::default()
        };
        assert_eq!(LinuxMetadata::parse(&bytes), expected);
        for length in 0..bytes.len() {
            LinuxMetadata::parse(&bytes[..length]);
        }
    }
}
