//! What a file is, by the bytes it begins with: the signatures are those of the formats' own specifications.

/// A known kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum Kind {
    Text,
    Office,
    OldOffice,
    Zip,
    SevenZip,
    Rar,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    Lz4,
    Tar,
    Pdf,
    PostScript,
    Jpeg,
    Png,
    Gif,
    Tiff,
    Bitmap,
    Riff,
    Mp4,
    Mp3,
    Ogg,
    Flac,
    Matroska,
    Sqlite,
    Outlook,
    Elf,
    WindowsProgram,
    JavaClass,
    Qcow2,
    Vmdk,
    Vhdx,
    LuksContainer,
    OpenPgp,
    Age,
    Font,
}

/// Signatures at the start of a file. Those of two bytes alone are too short to be sure of and are checked further below.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"7z\xbc\xaf\x27\x1c", Kind::SevenZip),
    (b"Rar!\x1a\x07", Kind::Rar),
    (b"BZh", Kind::Bzip2),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"\x04\x22\x4d\x18", Kind::Lz4),
    (b"%PDF-", Kind::Pdf),
    (b"%!PS", Kind::PostScript),
    (b"\xff\xd8\xff", Kind::Jpeg),
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"GIF87a", Kind::Gif),
    (b"GIF89a", Kind::Gif),
    (b"II*\0", Kind::Tiff),
    (b"MM\0*", Kind::Tiff),
    (b"ID3", Kind::Mp3),
    (b"OggS\0", Kind::Ogg),
    (b"fLaC\0", Kind::Flac),
    (b"\x1a\x45\xdf\xa3", Kind::Matroska),
    (b"SQLite format 3\0", Kind::Sqlite),
    (b"!BDN", Kind::Outlook),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind::OldOffice),
    (b"\x7fELF", Kind::Elf),
    (b"\xca\xfe\xba\xbe", Kind::JavaClass),
    (b"QFI\xfb", Kind::Qcow2),
    (b"KDMV", Kind::Vmdk),
    (b"vhdxfile", Kind::Vhdx),
    (b"LUKS\xba\xbe", Kind::LuksContainer),
    (b"age-encryption.org/v1", Kind::Age),
    (b"wOFF", Kind::Font),
    (b"wOF2", Kind::Font),
    (b"OTTO", Kind::Font),
];

/// Names that the first member of an office document's zip begins with.
const OFFICE_MEMBERS: &[&[u8]] = &[
    b"[Content_Types].xml",
    b"mimetype",
    b"_rels/",
    b"word/",
    b"xl/",
    b"ppt/",
    b"docProps/",
];

impl Kind {
    /// The kind of a file that begins with `head`; `None` if nothing known begins so. Text is any kind of plain text.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Self> {
        let signed = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
        match signed.map(|(_, kind)| *kind) {
            Some(Self::Zip) if is_office(head) => Some(Self::Office),
            Some(Self::Bzip2) if !matches!(head.get(3), Some(b'1'..=b'9')) => None,
            Some(kind) => Some(kind),
            None => short_signature(head).or_else(|| super::text::is_text(head).then_some(Self::Text)),
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Office => "office document",
            Self::OldOffice => "office document (97-2003)",
            Self::Zip => "zip archive",
            Self::SevenZip => "7z archive",
            Self::Rar => "rar archive",
            Self::Gzip => "gzip file",
            Self::Bzip2 => "bzip2 file",
            Self::Xz => "xz file",
            Self::Zstd => "zstd file",
            Self::Lz4 => "lz4 file",
            Self::Tar => "tar archive",
            Self::Pdf => "PDF document",
            Self::PostScript => "PostScript document",
            Self::Jpeg => "JPEG picture",
            Self::Png => "PNG picture",
            Self::Gif => "GIF picture",
            Self::Tiff => "TIFF picture",
            Self::Bitmap => "bitmap picture",
            Self::Riff => "RIFF media",
            Self::Mp4 => "MP4 media",
            Self::Mp3 => "MP3 recording",
            Self::Ogg => "Ogg recording",
            Self::Flac => "FLAC recording",
            Self::Matroska => "Matroska film",
            Self::Sqlite => "SQLite database",
            Self::Outlook => "Outlook mailbox",
            Self::Elf => "ELF program",
            Self::WindowsProgram => "Windows program",
            Self::JavaClass => "Java class",
            Self::Qcow2 => "qcow2 disk",
            Self::Vmdk => "VMDK disk",
            Self::Vhdx => "VHDX disk",
            Self::LuksContainer => "LUKS container",
            Self::OpenPgp => "OpenPGP message",
            Self::Age => "age file",
            Self::Font => "font",
        }
    }

    /// Whether programs write files of this kind as a whole: a change in their midst alone is nobody's work.
    #[must_use]
    pub(crate) const fn is_written_whole(self) -> bool {
        matches!(
            self,
            Self::Office
                | Self::Zip
                | Self::SevenZip
                | Self::Rar
                | Self::Gzip
                | Self::Bzip2
                | Self::Xz
                | Self::Zstd
                | Self::Pdf
                | Self::Jpeg
                | Self::Png
                | Self::Gif
                | Self::Mp3
                | Self::Ogg
                | Self::Flac
                | Self::Elf
                | Self::WindowsProgram
        )
    }

    /// Whether such a file may well hold another one, compressed or encrypted by its user.
    #[must_use]
    pub(crate) const fn is_container(self) -> bool {
        matches!(
            self,
            Self::Zip
                | Self::SevenZip
                | Self::Rar
                | Self::Gzip
                | Self::Bzip2
                | Self::Xz
                | Self::Zstd
                | Self::Lz4
                | Self::Tar
                | Self::OpenPgp
                | Self::Age
        )
    }
}

/// Whether a zip's first member has the name of an office document's. Its name begins at byte 30 of the local header (APPNOTE 4.3.7).
fn is_office(head: &[u8]) -> bool {
    let name = head.get(30..).unwrap_or_default();
    OFFICE_MEMBERS.iter().any(|member| name.starts_with(member))
}

/// Signatures that need a second look.
fn short_signature(head: &[u8]) -> Option<Kind> {
    let word = |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>());
    let number = |at: usize| word(at).map(|bytes| u32::from_le_bytes(*bytes));
    match head {
        // RFC 1952: method 8, the three upper flags are reserved.
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Kind::Gzip),
        [b'R', b'I', b'F', b'F', ..] if matches!(word(8), Some(b"WAVE" | b"AVI " | b"WEBP" | b"ACON")) => {
            Some(Kind::Riff)
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Kind::Mp4),
        // The offset of the PE header lies within the first page, and what it points to says so.
        [b'M', b'Z', ..] if number(60).is_some_and(|at| word(at.min(1 << 20) as usize) == Some(b"PE\0\0")) => {
            Some(Kind::WindowsProgram)
        }
        // A bitmap's reserved words are zero.
        [b'B', b'M', ..] if number(6) == Some(0) && number(10).is_some_and(|at| at < 4096) => Some(Kind::Bitmap),
        [0xff, second, third, ..] if is_mp3_frame(*second, *third) => {
            let (long, short) = mp3_frame_bytes(*third);
            let follows = |at: usize| matches!(head.get(at..), Some([0xff, next, ..]) if next == second);
            (follows(long) || follows(short)).then_some(Kind::Mp3)
        }
        [0, 1, 0, 0, 0, tables, ..] if *tables < 64 => Some(Kind::Font),
        _ if head.get(257..262) == Some(b"ustar") => Some(Kind::Tar),
        _ if head.starts_with(b"-----BEGIN PGP") || is_openpgp(head) => Some(Kind::OpenPgp),
        _ => None,
    }
}

/// Whether a message in binary form begins with a session key for a password or a public key (RFC 9580, 5.1 and 5.3), in packets of either
/// format (4.2).
fn is_openpgp(head: &[u8]) -> bool {
    const PUBLIC_KEY: u8 = 1;
    const PASSWORD: u8 = 3;
    let (kind, length, body) = match head {
        [tag @ (0x84 | 0x8c), length, body @ ..] => (tag >> 2 & 15, usize::from(*length), body),
        [tag @ (0x85 | 0x8d), high, low, body @ ..] => {
            (tag >> 2 & 15, usize::from(u16::from_be_bytes([*high, *low])), body)
        }
        [tag @ (0xc1 | 0xc3), length @ ..192, body @ ..] => (tag & 63, usize::from(*length), body),
        [tag @ (0xc1 | 0xc3), high @ 192..224, low, body @ ..] => (
            tag & 63,
            (usize::from(*high) - 192) * 256 + usize::from(*low) + 192,
            body,
        ),
        _ => return false,
    };
    match (kind, body) {
        // Version, the key's number, algorithm.
        (PUBLIC_KEY, [3, _, _, _, _, _, _, _, _, 1..=3 | 16..=18 | 25..=26, ..]) => (20..=1100).contains(&length),
        (PUBLIC_KEY, [6, ..]) => (40..=1100).contains(&length),
        // Version, cipher, how the key is made from the password, hash.
        (PASSWORD, [4, 1..=13, 0 | 1 | 3 | 4, 1..=14, ..]) => (4..=64).contains(&length),
        (PASSWORD, [5 | 6, ..]) => (20..=96).contains(&length),
        _ => false,
    }
}

/// MPEG audio, version 1 or 2, layer III (ISO 11172-3, 2.4.1.3).
const fn is_mp3_frame(second: u8, third: u8) -> bool {
    let (bit_rate, sampling) = (third >> 4, (third >> 2) & 3);
    matches!(second, 0xfa | 0xfb | 0xf2 | 0xf3) && bit_rate != 0 && bit_rate != 15 && sampling != 3
}

/// The length of a frame of this bit rate and sampling rate: (version 1, version 2).
fn mp3_frame_bytes(third: u8) -> (usize, usize) {
    const KBIT_1: [usize; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const KBIT_2: [usize; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    const HERTZ_1: [usize; 4] = [44_100, 48_000, 32_000, 44_100];
    let padding = usize::from((third >> 1) & 1);
    let (rate, sampling) = (usize::from(third >> 4), usize::from((third >> 2) & 3));
    let kbit = |table: &[usize; 16]| table.get(rate).copied().unwrap_or(0);
    let hertz = HERTZ_1.get(sampling).copied().unwrap_or(44_100);
    (
        144_000 * kbit(&KBIT_1) / hertz + padding,
        72_000 * kbit(&KBIT_2) / (hertz / 2) + padding,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        let mut docx = b"PK\x03\x04".to_vec();
        docx.resize(30, 0);
        docx.extend_from_slice(b"[Content_Types].xml");
        assert_eq!(Kind::of(&docx), Some(Kind::Office));
        assert_eq!(
            Kind::of(b"PK\x03\x04 something else that is long enough"),
            Some(Kind::Zip)
        );
        assert_eq!(Kind::of(b"%PDF-1.7\n%\xe2\xe3"), Some(Kind::Pdf));
        assert_eq!(Kind::of(b"\x1f\x8b\x08\x00\x00\x00\x00\x00"), Some(Kind::Gzip));
        assert_eq!(Kind::of(b"Dear all,\nplease find attached\n"), Some(Kind::Text));
        assert_eq!(Kind::of(b"\x93\x01\x80garbage\x00\xff\xfe"), None);
        assert_eq!(Kind::of(b""), None);
    }
}
