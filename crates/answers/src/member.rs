//! Members of a tar archive: POSIX headers, with PAX records for what they can't hold as it is.

use std::io::{self, Read, Write};

use tar::{Builder, Header};

/// Bytes of a header's field for a name.
const NAME_BYTES: usize = 100;

/// PAX records: names and values.
pub type Records = Vec<(String, Vec<u8>)>;

/// Puts a name into a header's field. One that is cut there, or no ASCII, is told by a record, which says in which characters it is.
pub fn put_name(field: &mut [u8; NAME_BYTES], name: &[u8], record: &str, records: &mut Records) {
    field.fill(0);
    for (to, from) in field.iter_mut().zip(name) {
        *to = *from;
    }
    if name.len() >= NAME_BYTES || !name.is_ascii() {
        records.push((record.to_owned(), name.to_vec()));
    }
}

/// Appends a member whose header has its name.
///
/// # Errors
///
/// What the writer or `content` reports.
pub fn append(
    archive: &mut Builder<impl Write>,
    header: &mut Header,
    mut records: Records,
    content: impl Read,
) -> io::Result<()> {
    let is_text = |(_, value): &(String, Vec<u8>)| std::str::from_utf8(value).is_ok();
    if !records.iter().all(is_text) {
        records.insert(0, ("hdrcharset".to_owned(), b"BINARY".to_vec()));
    }
    header.set_cksum();
    let records = records.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    archive.append_pax_extensions(records)?;
    archive.append(header, content)
}
