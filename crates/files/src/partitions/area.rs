//! A part of a disk that is a disk itself.

use std::sync::Arc;

use crate::content::Content;
use crate::disk::{Disk, ReadFailed};
use crate::error::Error;

/// Consecutive bytes of an area that are consecutive on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// First byte within the area.
    pub logical: u64,
    /// First byte within the disk.
    pub physical: u64,
    /// Bytes.
    pub length: u64,
}

/// A partition, a logical volume, or a whole disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// The partition's number (`1`), the logical volume's group and name (`vg0/root`), or nothing for a whole disk.
    pub name: String,
    /// What the table says that it is, for people.
    pub description: String,
    /// Where it is: ascending in the area from 0 on, without gaps, and within the disk.
    pub pieces: Vec<Piece>,
    /// What it holds, as far as that is known.
    pub content: Option<Content>,
    /// Why it can't be opened, if it can't: the feature that isn't supported.
    pub unsupported: Option<&'static str>,
}

impl Area {
    /// An area in one piece.
    pub(super) fn single(name: String, description: String, physical: u64, length: u64) -> Self {
        let logical = 0;
        let piece = Piece {
            logical,
            physical,
            length,
        };
        Self {
            name,
            description,
            pieces: vec![piece],
            content: None,
            unsupported: None,
        }
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.pieces
            .last()
            .map_or(0, |last| last.logical.saturating_add(last.length))
    }

    /// The area as a disk of its own.
    ///
    /// # Errors
    ///
    /// It is a logical volume of a kind that isn't supported.
    pub fn disk(&self, disk: &Arc<dyn Disk>) -> Result<Arc<dyn Disk>, Error> {
        if let Some(feature) = self.unsupported {
            return Err(Error::Unsupported { feature });
        }
        Ok(Arc::new(AreaDisk {
            disk: Arc::clone(disk),
            size_bytes: self.size_bytes(),
            pieces: self.pieces.clone(),
        }))
    }

    /// Where a byte of the area is on the disk.
    #[must_use]
    pub fn to_disk(&self, offset: u64) -> Option<u64> {
        at(&self.pieces, offset).map(|(physical, _)| physical)
    }

    /// Which byte of the area a byte of the disk is, if it is one of it.
    #[must_use]
    pub fn from_disk(&self, offset: u64) -> Option<u64> {
        let inside = |piece: &&Piece| {
            offset
                .checked_sub(piece.physical)
                .is_some_and(|within| within < piece.length)
        };
        let piece = self.pieces.iter().find(inside)?;
        piece.logical.checked_add(offset - piece.physical)
    }
}

/// Where a byte is on the disk, and how many bytes from there on are in the same piece.
fn at(pieces: &[Piece], offset: u64) -> Option<(u64, u64)> {
    let behind = pieces.partition_point(|piece| piece.logical <= offset);
    let piece = pieces.get(behind.checked_sub(1)?)?;
    let within = offset - piece.logical;
    let left = piece.length.checked_sub(within).filter(|left| *left > 0)?;
    Some((piece.physical.checked_add(within)?, left))
}

struct AreaDisk {
    disk: Arc<dyn Disk>,
    size_bytes: u64,
    pieces: Vec<Piece>,
}

impl Disk for AreaDisk {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadFailed> {
        let outside = ReadFailed::outside(offset, buffer.len() as u64);
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size_bytes) {
            return Err(outside);
        }
        let mut offset = offset;
        let mut rest = buffer;
        while !rest.is_empty() {
            let Some((physical, left)) = at(&self.pieces, offset) else {
                return Err(outside);
            };
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            self.disk.read_at(physical, part)?;
            offset = offset.saturating_add(length as u64);
            rest = after;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_lead_to_the_disk_and_back() {
        let bytes: Vec<u8> = (0..100).collect();
        let disk: Arc<dyn Disk> = Arc::new(bytes);
        let mut area = Area::single("vg/lv".to_owned(), String::new(), 50, 10);
        let second = Piece {
            logical: 10,
            physical: 20,
            length: 5,
        };
        area.pieces.push(second);
        assert_eq!(area.size_bytes(), 15);
        let mapped: Vec<_> = [0, 9, 10, 14, 15, u64::MAX].map(|offset| area.to_disk(offset)).into();
        assert_eq!(mapped, [Some(50), Some(59), Some(20), Some(24), None, None]);
        let mapped: Vec<_> = [19, 20, 24, 25, 49, 50, 59, 60]
            .map(|offset| area.from_disk(offset))
            .into();
        assert_eq!(mapped, [None, Some(10), Some(14), None, None, Some(0), Some(9), None]);
        let part = area.disk(&disk).unwrap();
        let mut buffer = [0; 6];
        part.read_at(8, &mut buffer).unwrap();
        assert_eq!(buffer, [58, 59, 20, 21, 22, 23]);
        assert!(part.read_at(10, &mut buffer).is_err());
        assert!(part.read_at(u64::MAX, &mut buffer).is_err());
    }
}
