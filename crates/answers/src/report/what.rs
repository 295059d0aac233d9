//! What happened to a file, in one word.

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// Overwritten with random bytes where it lies.
    EncryptedInPlace,
    /// Overwritten with random bytes in places.
    PartlyEncrypted,
    /// Another file of random bytes has its path.
    ReplacedByEncrypted,
    /// Gone, with a file of random bytes beside it that took its place.
    DeletedAfterCopying,
    /// Overwritten with one value.
    Wiped,
    /// Emptied.
    Truncated,
    /// Deleted with many others.
    Deleted,
    /// Still on the disk in whole or in part, but damage keeps it from being reached.
    Unreachable,
    /// A ransom note.
    Note,
    /// A new file of random bytes that holds another one in encrypted form.
    EncryptedCopy,
    /// Read, in whole or for the most part, and not changed.
    Read,
    /// Read in part, and not changed.
    ReadInPart,
    /// Its blocks were read, perhaps along with those of other files or of a folder, and not changed.
    PerhapsRead,
    /// Changed or replaced as programs do.
    Changed,
    /// Renamed or moved, its content as it was.
    Renamed,
    /// New.
    Created,
    /// Deleted.
    Removed,
}

impl What {
    /// All, in the order of their weight.
    pub const ALL: [Self; 17] = [
        Self::EncryptedInPlace,
        Self::PartlyEncrypted,
        Self::ReplacedByEncrypted,
        Self::DeletedAfterCopying,
        Self::Wiped,
        Self::Truncated,
        Self::Deleted,
        Self::Unreachable,
        Self::Note,
        Self::EncryptedCopy,
        Self::Read,
        Self::ReadInPart,
        Self::PerhapsRead,
        Self::Changed,
        Self::Renamed,
        Self::Created,
        Self::Removed,
    ];

    /// Whether a file was lost by it.
    #[must_use]
    pub const fn is_damage(self) -> bool {
        matches!(
            self,
            Self::EncryptedInPlace
                | Self::PartlyEncrypted
                | Self::ReplacedByEncrypted
                | Self::DeletedAfterCopying
                | Self::Wiped
                | Self::Truncated
                | Self::Deleted
                | Self::Unreachable
        )
    }

    /// The word in JSON and CSV.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EncryptedInPlace => "encrypted-in-place",
            Self::PartlyEncrypted => "partly-encrypted",
            Self::ReplacedByEncrypted => "replaced-by-encrypted",
            Self::DeletedAfterCopying => "deleted-after-copying",
            Self::Wiped => "wiped",
            Self::Truncated => "truncated",
            Self::Deleted => "deleted",
            Self::Unreachable => "unreachable",
            Self::Note => "note",
            Self::EncryptedCopy => "encrypted-copy",
            Self::Read => "read",
            Self::ReadInPart => "read-in-part",
            Self::PerhapsRead => "perhaps-read",
            Self::Changed => "changed",
            Self::Renamed => "renamed",
            Self::Created => "created",
            Self::Removed => "removed",
        }
    }

    /// As a sentence says it of files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::EncryptedInPlace => "encrypted where they lay",
            Self::PartlyEncrypted => "encrypted in part",
            Self::ReplacedByEncrypted => "replaced by encrypted ones",
            Self::DeletedAfterCopying => "deleted after an encrypted copy was made",
            Self::Wiped => "wiped",
            Self::Truncated => "emptied",
            Self::Deleted => "deleted",
            Self::Unreachable => "out of reach behind damage",
            Self::Note => "ransom notes",
            Self::EncryptedCopy => "encrypted copies",
            Self::Read => "read, not changed",
            Self::ReadInPart => "read in part, not changed",
            Self::PerhapsRead => "perhaps read, along with others, not changed",
            Self::Changed => "changed by ordinary work",
            Self::Renamed => "renamed",
            Self::Created => "new",
            Self::Removed => "removed by ordinary work",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for what in What::ALL {
            assert_eq!(serde_json::to_value(what).unwrap(), what.name());
        }
    }
}
