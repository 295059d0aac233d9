//! Fixups: how NTFS notices that a structure of several sectors was written only in part.
//!
//! The last two bytes of every 512 hold the update sequence number of the last write; what belongs there is kept in an array behind
//! the header. Layout of the header: 0 magic (4 bytes), 4 offset of the array (u16), 6 its entries (u16), the first being the number.

use crate::little_endian::{array_at, u16_at};

/// What is protected as one, whatever the disk's sectors are.
const STRIDE_BYTES: usize = 512;

/// Checks the magic and the update sequence numbers of a structure, and puts its bytes back in their places.
pub(super) fn apply(bytes: &mut [u8], magic: [u8; 4]) -> Result<(), &'static str> {
    if array_at(bytes, 0) != Some(magic) {
        return Err(match bytes.get(..4) {
            Some(b"BAAD") => "chkdsk has marked it as bad",
            Some([0, 0, 0, 0]) => "it was never written",
            _ => "its magic number is wrong",
        });
    }
    let outside = "its fixups lie outside of it";
    let start = usize::from(u16_at(bytes, 4).ok_or(outside)?);
    let entries = usize::from(u16_at(bytes, 6).ok_or(outside)?);
    if entries != bytes.len() / STRIDE_BYTES + 1 || !start.is_multiple_of(2) {
        return Err("its fixups don't match its size");
    }
    let array = bytes.get(start..start + 2 * entries).ok_or(outside)?.to_vec();
    if start + array.len() > STRIDE_BYTES - 2 {
        return Err("its fixups would replace themselves");
    }
    let (number, kept) = array.split_at_checked(2).ok_or(outside)?;
    for (stride, kept) in bytes.chunks_exact_mut(STRIDE_BYTES).zip(kept.chunks_exact(2)) {
        let end = stride.get_mut(STRIDE_BYTES - 2..).ok_or(outside)?;
        if *end != *number {
            return Err("it was written only in part (a fixup is wrong)");
        }
        end.copy_from_slice(kept);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[..8].copy_from_slice(b"FILE\x30\0\x03\0");
        bytes[48..54].copy_from_slice(&[7, 0, 1, 2, 3, 4]);
        bytes[510..512].copy_from_slice(&[7, 0]);
        bytes[1022..].copy_from_slice(&[7, 0]);
        bytes
    }

    #[test]
    fn the_bytes_come_back_to_their_places() {
        let mut bytes = record();
        apply(&mut bytes, *b"FILE").unwrap();
        assert_eq!((&bytes[510..512], &bytes[1022..]), (&[1, 2][..], &[3, 4][..]));
    }

    #[test]
    fn a_record_written_in_part_is_refused() {
        let mut bytes = record();
        bytes[1022] = 6;
        assert!(apply(&mut bytes, *b"FILE").unwrap_err().contains("in part"));
        assert!(apply(&mut record(), *b"INDX").is_err());
        let mut bytes = record();
        bytes[6] = 4;
        assert!(apply(&mut bytes, *b"FILE").is_err());
        let mut bytes = record();
        bytes[4..6].copy_from_slice(&[0xfe, 0xff]);
        assert!(apply(&mut bytes, *b"FILE").is_err());
    }
}
