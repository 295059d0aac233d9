//! How much is read of what lies in files, so that no file can take all memory or time.

/// Limits on what is opened. The defaults are far beyond ordinary logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files taken from all folders together.
    pub files_max: usize,
    /// Folders one in the other.
    pub folders_deep_max: usize,
    /// Members of one archive.
    pub members_max: usize,
    /// Archives one in the other: `.tar.gz` are two.
    pub archives_deep_max: u32,
    /// Bytes that one file may unpack to.
    pub unpacked_bytes_max: u64,
    /// How many times its own size a file may unpack to, once it has unpacked to [`Limits::ratio_free_bytes`].
    pub ratio_max: u64,
    /// Bytes that a file may unpack to whatever its own size.
    pub ratio_free_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files_max: 200_000,
            folders_deep_max: 32,
            members_max: 200_000,
            archives_deep_max: 3,
            unpacked_bytes_max: 1 << 40,
            // Logs are packed to a twentieth, very uniform ones to a hundredth.
            ratio_max: 400,
            ratio_free_bytes: 64 << 20,
        }
    }
}
