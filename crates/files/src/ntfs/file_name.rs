//! `$FILE_NAME`: a name, as files have it and as folders sort by it.

use crate::filesystem::NodeKind;
use crate::little_endian::{u8_at, u32_at, utf8_from_utf16, utf16_units};

/// Flag of a file: used by the system. Services for UNIX made links and devices with it.
const SYSTEM: u32 = 0x4;
/// Flag of a file: a link, or another thing with a handler of its own.
const REPARSE_POINT: u32 = 0x400;
/// Flag in a name: a folder.
const FOLDER: u32 = 0x1000_0000;
/// The kind of name that exists for DOS beside a longer one.
const DOS: u8 = 2;

/// A name and what the folder keeps with it.
///
/// Layout: 56 flags (u32), 64 code units (u8), 65 kind (u8), 66 the name in UTF-16.
pub(super) struct FileName {
    /// In UTF-8.
    pub(super) name: Vec<u8>,
    /// Whether it is the short one for DOS, beside another one.
    pub(super) is_for_dos: bool,
    /// What it names, unless only the file itself tells.
    pub(super) kind: Option<NodeKind>,
}

impl FileName {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let flags = u32_at(bytes, 56)?;
        let units = usize::from(u8_at(bytes, 64)?);
        let name = bytes.get(66..66 + 2 * units)?;
        Some(Self {
            name: utf8_from_utf16(&utf16_units(name)),
            is_for_dos: u8_at(bytes, 65)? == DOS,
            kind: match flags & (FOLDER | REPARSE_POINT | SYSTEM) {
                0 => Some(NodeKind::File),
                folder if folder & (FOLDER | REPARSE_POINT) == FOLDER => Some(NodeKind::Folder),
                _ => None,
            },
        })
    }
}
