//! What a document is, by its content, and the text in it.

mod aligned;
mod archive;
mod csv;
mod encoding;
mod flow;
mod mail;
mod markup;
mod office;
mod pdf;
mod rich_text;
mod sheet;
mod sqlite;
mod strings;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use text::{TextStream, Writing};

use flow::Dialect;

use crate::collector::Collector;
use crate::report::{Format, Reason};

/// Bytes in which the beginning of a PDF is looked for: readers forgive as many before it.
const PDF_HEAD_BYTES: usize = 1024;

/// What a document is, by how it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recognised {
    /// Of any kind: markup and mail, too.
    Text(Writing),
    Other(Format),
}

/// Reads a document, or a part of one. Tells what it is.
pub(crate) fn document(collector: &mut Collector<'_>, name: &str, bytes: &[u8]) -> Format {
    read(collector, name, recognise(name, bytes), bytes)
}

/// The same for one that is recognised already.
pub(crate) fn read(collector: &mut Collector<'_>, name: &str, recognised: Recognised, bytes: &[u8]) -> Format {
    if collector.is_stopped() {
        return Format::Unknown;
    }
    match recognised {
        Recognised::Text(writing) => {
            text(collector, &writing, bytes);
            writing.format
        }
        Recognised::Other(format) => other(collector, name, format, bytes),
    }
}

fn text(collector: &mut Collector<'_>, writing: &Writing, bytes: &[u8]) {
    match writing.format {
        Format::Html => flow::read(collector, Dialect::Html, &writing.decode(bytes)),
        Format::Xml => flow::read(collector, Dialect::Xml, &writing.decode(bytes)),
        Format::Rtf => aligned::read(collector, &rich_text::text(bytes)),
        Format::Mail => mail::read(collector, bytes),
        Format::Mailbox => mail::read_mailbox(collector, bytes),
        _ => {
            let mut stream = TextStream::new(writing);
            stream.push(collector, bytes);
            stream.finish(collector);
        }
    }
}

fn other(collector: &mut Collector<'_>, name: &str, format: Format, bytes: &[u8]) -> Format {
    match format {
        Format::Empty => {}
        Format::Sqlite => sqlite::read(collector, bytes),
        Format::Pdf => pdf::read(collector, bytes),
        Format::Gzip => archive::read_gzip(collector, name, bytes),
        Format::Tar => archive::read_tar(collector, bytes),
        Format::Zip | Format::Docx | Format::Xlsx | Format::Pptx | Format::OpenDocument => {
            return archive::read_zip(collector, bytes);
        }
        Format::CompoundFile if has_wide(bytes, "EncryptedPackage") => collector.unread(Reason::Encrypted),
        Format::CompoundFile | Format::SqliteLog => strings(collector, bytes, Reason::OnlyStrings),
        _ => match media(bytes) {
            Some(reason) => collector.unread(reason),
            None => strings(collector, bytes, Reason::UnknownFormat),
        },
    }
    format
}

/// What a document is, by its first bytes. A ZIP archive may turn out to be an office document.
pub(crate) fn recognise(name: &str, bytes: &[u8]) -> Recognised {
    let head = bytes.get(..PDF_HEAD_BYTES).unwrap_or(bytes);
    let format = if bytes.is_empty() {
        Format::Empty
    } else if bytes.starts_with(sqlite::MAGIC) {
        Format::Sqlite
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        Format::Zip
    } else if bytes.starts_with(b"\x1f\x8b\x08") {
        Format::Gzip
    } else if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        Format::CompoundFile
    } else if bytes.starts_with(b"\x37\x7f\x06\x82") || bytes.starts_with(b"\x37\x7f\x06\x83") {
        Format::SqliteLog
    } else if head.windows(5).any(|window| window == b"%PDF-") {
        Format::Pdf
    } else if archive::is_tar(bytes) {
        Format::Tar
    } else {
        return Writing::of(name, bytes).map_or(Recognised::Other(Format::Unknown), Recognised::Text);
    };
    Recognised::Other(format)
}

fn strings(collector: &mut Collector<'_>, bytes: &[u8], reason: Reason) {
    collector.unread(reason);
    strings::read(bytes, |text| {
        collector.text(text);
        !collector.is_stopped()
    });
}

fn has_wide(bytes: &[u8], wanted: &str) -> bool {
    let wide: Vec<u8> = wanted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(wide.len()).any(|window| window == wide)
}

/// What is known by its first bytes, and can't be read. Encrypted and compressed bytes have no text to pick out.
fn media(bytes: &[u8]) -> Option<Reason> {
    const PICTURES: &[&[u8]] = &[
        b"\x89PNG",
        b"\xff\xd8\xff",
        b"GIF8",
        b"II*\0",
        b"MM\0*",
        b"ID3",
        b"OggS",
        b"fLaC",
        b"\x1a\x45\xdf\xa3",
        b"BM",
    ];
    const PACKED: &[&[u8]] = &[
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
        b"\xfd7zXZ\0",
        b"BZh",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"LUKS\xba\xbe",
    ];
    let is_film = bytes.get(4..8) == Some(b"ftyp")
        || (bytes.starts_with(b"RIFF")
            && bytes
                .get(8..12)
                .is_some_and(|kind| [b"WEBP", b"WAVE", b"AVI "].iter().any(|known| kind == known.as_slice())));
    if is_film || PICTURES.iter().any(|magic| bytes.starts_with(magic)) {
        Some(Reason::Picture)
    } else if PACKED.iter().any(|magic| bytes.starts_with(magic)) {
        Some(Reason::UnknownFormat)
    } else {
        None
    }
}
