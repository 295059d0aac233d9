//! LZNT1: how NTFS compresses files, 16 clusters at a time.
//!
//! A unit is a sequence of chunks, each of which stands for 4096 bytes. A chunk is a header (u16: its length less 3 in bits 0 to 11,
//! bit 15 set if it is compressed) and its data: as they are, or groups of a flag byte and eight items, of which a set bit makes a
//! reference: a u16 with a distance and a length, whose bits are shared out by the position in the chunk. Described by \[MS-XCA\] 2.5.

use crate::little_endian::u16_at;

/// What one chunk stands for.
const CHUNK_BYTES: usize = 4096;

/// Expands a unit. What its chunks don't fill reads as zeros.
pub(super) fn expand(mut packed: &[u8], unit: &mut [u8]) -> Result<(), &'static str> {
    unit.fill(0);
    for chunk in unit.chunks_mut(CHUNK_BYTES) {
        let Some(header) = u16_at(packed, 0).filter(|header| *header != 0) else {
            return Ok(());
        };
        let length = usize::from(header & 0x0fff) + 1;
        let data = packed
            .get(2..2 + length)
            .ok_or("a compressed chunk is longer than its unit")?;
        packed = packed.get(2 + length..).unwrap_or_default();
        if header & 0x8000 != 0 {
            expand_chunk(data, chunk)?;
        } else {
            chunk
                .get_mut(..length)
                .ok_or("a chunk is longer than 4096 bytes")?
                .copy_from_slice(data);
        }
    }
    Ok(())
}

fn expand_chunk(mut packed: &[u8], chunk: &mut [u8]) -> Result<(), &'static str> {
    let mut filled = 0;
    while let Some((&flags, rest)) = packed.split_first() {
        packed = rest;
        for bit in 0..8 {
            let Some((&literal, rest)) = packed.split_first() else {
                return Ok(());
            };
            if flags >> bit & 1 == 0 {
                *chunk
                    .get_mut(filled)
                    .ok_or("a compressed chunk holds more than 4096 bytes")? = literal;
                filled += 1;
                packed = rest;
                continue;
            }
            let reference = u16_at(packed, 0).ok_or("a compressed chunk ends within a reference")?;
            packed = packed.get(2..).unwrap_or_default();
            filled = copy_back(chunk, filled, usize::from(reference))?;
        }
    }
    Ok(())
}

/// Repeats what stands before; the copy may overlap itself. The number of bytes that are filled afterwards.
fn copy_back(chunk: &mut [u8], filled: usize, reference: usize) -> Result<usize, &'static str> {
    // The further on, the more bits a distance needs: 4 up to position 16, 12 from 2049 on.
    let distance_bits = filled
        .saturating_sub(1)
        .checked_ilog2()
        .map_or(4, |bits| (bits + 1).max(4));
    let length_bits = 16_u32.saturating_sub(distance_bits);
    let distance = (reference >> length_bits) + 1;
    let length = (reference & ((1 << length_bits) - 1)) + 3;
    let outside = "a compressed chunk refers to what isn't there";
    let start = filled.checked_sub(distance).ok_or(outside)?;
    let end = filled + length;
    if end > chunk.len() {
        return Err("a compressed chunk holds more than 4096 bytes");
    }
    for offset in 0..length {
        let byte = *chunk.get(start + offset).ok_or(outside)?;
        *chunk.get_mut(filled + offset).ok_or(outside)? = byte;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of \[MS-XCA\] 3.3.
    const PACKED: [u8; 59] = [
        0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2, 0x47, 0x01, 0xa0, 0x45,
        0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0, 0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4,
        0x02, 0x4a, 0x44, 0xef, 0x03, 0x58, 0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00,
        0x04, 0x01, 0x18, 0x90, 0x00,
    ];
    const PLAIN: &[u8] = b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";

    #[test]
    fn the_published_example_expands() {
        let mut unit = vec![0xee; 65536];
        expand(&PACKED, &mut unit).unwrap();
        assert_eq!(&unit[..PLAIN.len()], PLAIN);
        assert!(unit[PLAIN.len()..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn chunks_that_lie_are_refused() {
        let mut unit = vec![0; 65536];
        for (packed, why) in [
            (&[0xff, 0xbf, 0, 0][..], "longer than its unit"),
            (&[0x02, 0xb0, 0x01, 0x00, 0x10], "what isn't there"),
            (&[0x02, 0xb0, 0x02, 0x41, 0x00], "within a reference"),
            (
                &[0x05, 0xb0, 0x06, 0x41, 0xff, 0x0f, 0xff, 0x0f],
                "more than 4096 bytes",
            ),
        ] {
            let found = expand(packed, &mut unit);
            assert!(found.is_err_and(|found| found.contains(why)), "{packed:x?}: {found:?}");
        }
    }

    #[test]
    fn chunks_that_arent_compressed_are_copied() {
        let mut packed = vec![0xff, 0x3f];
        packed.extend((0..4096).map(|index| (index % 253) as u8));
        packed.extend([0x01, 0x30, 0x41, 0x42, 0, 0]);
        let mut unit = vec![0xee; 65536];
        expand(&packed, &mut unit).unwrap();
        assert_eq!(unit[..4096], packed[2..4098]);
        assert_eq!(unit[4096..4099], [0x41, 0x42, 0]);
    }
}
