//! What a document may cost to read, whatever its bytes say.

/// Limits for one document. All work is proportional to what is bounded here, so time is bounded too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a document, or of a member of an archive, that are held in memory. Text of any size is read in parts of 1 MiB instead.
    pub memory_bytes: u64,
    /// Bytes of text looked at.
    pub text_bytes: u64,
    /// Bytes that all compressed parts together may unpack to.
    pub unpacked_bytes: u64,
    /// A compressed part that becomes more than this many times as large, and larger than 1 MiB, is taken for a bomb.
    pub expansion_ratio: u64,
    /// Members of archives, parts of mails, streams of PDFs, pages of databases.
    pub members: u64,
    /// Documents within documents within documents: an attachment in a mail in an archive is at depth 2.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 128 << 20,
            text_bytes: 16 << 30,
            unpacked_bytes: 512 << 20,
            expansion_ratio: 1000,
            members: 100_000,
            depth: 3,
        }
    }
}
