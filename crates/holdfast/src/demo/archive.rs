//! Archives as people make them: tar, compressed with zstd.

use std::io;

/// Bytes of a tar record.
const RECORD_BYTES: usize = 512;
/// Level of zstd: its default.
const LEVEL: i32 = 3;

/// Packs files, given by name and content, into a `.tar.zst`.
pub(super) fn pack<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    let mut tar = Vec::new();
    for (name, content) in files {
        tar.extend(header(name, content.len()));
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(RECORD_BYTES), 0);
    }
    tar.resize(tar.len() + 2 * RECORD_BYTES, 0);
    compress(&tar)
}

/// Compresses one file.
pub(super) fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(content, LEVEL)
}

/// The header of a file in the format of POSIX.1-1988 (`ustar`). Names are cut at 100 bytes.
fn header(name: &str, length: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(RECORD_BYTES);
    let mut field = |text: &str, width: usize| {
        header.extend(text.bytes().take(width));
        header.resize(header.len() + width.saturating_sub(text.len()), 0);
    };
    field(name, 100);
    field("0000644", 8);
    field("0000000", 8);
    field("0000000", 8);
    field(&format!("{length:011o}"), 12);
    field("00000000000", 12);
    // The checksum is computed as if its field held spaces.
    field("        ", 8);
    field("0", 1);
    field("", 100);
    field("ustar", 6);
    field("00", 2);
    field("", 247);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let checksum = format!("{sum:06o}\0 ");
    for (to, from) in header.iter_mut().skip(148).zip(checksum.bytes()) {
        *to = from;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn tar_lists_what_was_packed() {
        let folder = tempfile::tempdir().unwrap();
        let packed = pack([("a.txt", b"hello".as_slice()), ("b/c", &[7; 1000])].into_iter()).unwrap();
        let tar = zstd::bulk::decompress(&packed, 1 << 20).unwrap();
        let file = folder.path().join("x.tar");
        std::fs::write(&file, tar).unwrap();
        let listed = Command::new("tar").arg("-tvf").arg(&file).output().unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        let sizes: Vec<_> = text
            .lines()
            .map(|line| line.split_whitespace().nth(2).unwrap())
            .collect();
        assert_eq!(sizes, ["5", "1000"], "{text}");
        assert!(text.contains("a.txt") && text.ends_with("b/c\n"), "{text}");
    }
}
