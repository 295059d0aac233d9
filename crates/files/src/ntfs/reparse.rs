//! What a file is: links, devices, and files whose content isn't where it seems to be.
//!
//! `$REPARSE_POINT` holds a tag that says which driver of Windows handles the file, and data for it: 0 tag (u32), 4 length of the data (u16),
//! 8 the data. ntfs-3g also makes links, sockets and devices as Services for UNIX did: system files with a magic content.

use super::mft::Mft;
use super::node::Node;
use super::record::kind;
use super::stream::{self, Stream};
use crate::error::Error;
use crate::filesystem::NodeKind;
use crate::little_endian::{u16_at, u32_at, u64_at, utf8_from_utf16, utf16_units};

/// Longest data of a reparse point, with its header.
const REPARSE_BYTES_MAX: u64 = (16 << 10) + 8;
/// Longest target of a link as Services for UNIX stored it, in bytes.
const INTERIX_BYTES_MAX: u64 = 8 + 2 * 4096;
/// Flags of files, in `$STANDARD_INFORMATION`.
const HIDDEN: u32 = 0x2;
const SYSTEM: u32 = 0x4;
const OFFLINE: u32 = 0x1000;
const RECALL_ON_OPEN: u32 = 0x4_0000;
const RECALL_ON_DATA_ACCESS: u32 = 0x40_0000;

/// What a file is, beyond what its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// A file or folder like others.
    Plain,
    /// A symbolic link or mount point, and where it leads.
    Symlink(Vec<u8>),
    /// A pipe, socket or device; device numbers if they are stored with it.
    Special(NodeKind, Option<(u32, u32)>),
    /// Its content is in the stream `WofCompressedData`, compressed.
    WindowsOverlay,
    /// Its content can't be had: why.
    Unreadable(&'static str),
}

impl Nature {
    /// Looks at a file. `flags` are those of its `$STANDARD_INFORMATION`.
    pub(super) fn of(mft: &Mft, node: &Node, flags: u32) -> Result<Self, Error> {
        if let Some(reparse) = Stream::find(mft, node, kind::REPARSE_POINT, &[])? {
            let data = whole(mft, node, &reparse, REPARSE_BYTES_MAX)?;
            let nature = of_tag(&data, flags);
            return nature.ok_or_else(|| node.record.damaged("its reparse point contradicts itself"));
        }
        if flags & SYSTEM != 0 && !node.record.is_folder {
            return of_system_file(mft, node, flags);
        }
        Ok(Self::Plain)
    }
}

/// All of a short stream.
fn whole(mft: &Mft, node: &Node, stream: &Stream, bytes_max: u64) -> Result<Vec<u8>, Error> {
    if stream.size_bytes > bytes_max {
        return Err(node.record.damaged("an attribute is longer than it can be"));
    }
    let mut data = vec![0; usize::try_from(stream.size_bytes).unwrap_or_default()];
    stream.read(mft, &mft.disk, node, 0, &mut data)?;
    Ok(data)
}

/// The tags are those of `winnt.h` and of \[MS-FSCC\] 2.1.2.1.
fn of_tag(data: &[u8], flags: u32) -> Option<Nature> {
    let length = usize::from(u16_at(data, 4)?);
    let value = data.get(8..8 + length)?;
    Some(match u32_at(data, 0)? {
        // The path follows a flag that says whether it is relative.
        0xa000_000c => Nature::Symlink(windows_target(value, 12, u32_at(value, 8)? & 1 != 0)?),
        0xa000_0003 => Nature::Symlink(windows_target(value, 8, false)?),
        // Of the Windows Subsystem for Linux: a version, and the path in UTF-8.
        0xa000_001d => Nature::Symlink(value.get(4..)?.to_vec()),
        0x8000_0023 => Nature::Special(NodeKind::Socket, None),
        0x8000_0024 => Nature::Special(NodeKind::Fifo, None),
        0x8000_0025 => Nature::Special(NodeKind::CharacterDevice, None),
        0x8000_0026 => Nature::Special(NodeKind::BlockDevice, None),
        0x8000_0017 => Nature::WindowsOverlay,
        0x8000_0013 => Nature::Unreadable("it is deduplicated by Windows Server, its content is in the chunk store"),
        0xc000_0004 | 0x8000_0006 => Nature::Unreadable("it was moved to remote storage"),
        // Files of OneDrive and its like have sixteen tags.
        tag if tag & 0xffff_0fff == 0x9000_001a => {
            if flags & (OFFLINE | RECALL_ON_OPEN | RECALL_ON_DATA_ACCESS) == 0 {
                Nature::Plain
            } else {
                Nature::Unreadable("it is in the cloud only, a placeholder is here")
            }
        }
        // The storage of packaged applications: nothing but a mark.
        0x8000_001b => Nature::Plain,
        _ => Nature::Unreadable("it is a reparse point of a kind that isn't known"),
    })
}

/// The path for people; else that for the system, without its prefix `\??\`. A relative one with slashes, as it means the same then elsewhere.
fn windows_target(value: &[u8], path_start: usize, is_relative: bool) -> Option<Vec<u8>> {
    let path = value.get(path_start..)?;
    let name = |offset: usize| {
        let start = usize::from(u16_at(value, offset)?);
        let end = start + usize::from(u16_at(value, offset + 2)?);
        Some(utf8_from_utf16(&utf16_units(path.get(start..end)?)))
    };
    let mut target = name(4).filter(|name| !name.is_empty()).or_else(|| name(0))?;
    if let Some(rest) = target.strip_prefix(br"\??\") {
        target = rest.to_vec();
    }
    if is_relative {
        for byte in target.iter_mut().filter(|byte| **byte == b'\\') {
            *byte = b'/';
        }
    }
    Some(target)
}

/// Services for UNIX: an empty system file is a pipe and one of one byte a socket, if they aren't hidden; links and devices have a magic
/// number.
fn of_system_file(mft: &Mft, node: &Node, flags: u32) -> Result<Nature, Error> {
    let Some(content) = stream::content(mft, node)? else {
        return Ok(Nature::Plain);
    };
    match content.size_bytes {
        0 if flags & HIDDEN == 0 => return Ok(Nature::Special(NodeKind::Fifo, None)),
        1 if flags & HIDDEN == 0 => return Ok(Nature::Special(NodeKind::Socket, None)),
        8..=INTERIX_BYTES_MAX => {}
        _ => return Ok(Nature::Plain),
    }
    let data = whole(mft, node, &content, INTERIX_BYTES_MAX)?;
    let rest = data.get(8..).unwrap_or_default();
    let device = || {
        let number = |offset| u64_at(rest, offset).and_then(|number| u32::try_from(number).ok());
        number(0).zip(number(8))
    };
    Ok(match data.get(..8) {
        Some(b"IntxLNK\x01") => Nature::Symlink(utf8_from_utf16(&utf16_units(rest))),
        Some(b"IntxCHR\0") => Nature::Special(NodeKind::CharacterDevice, device()),
        Some(b"IntxBLK\0") => Nature::Special(NodeKind::BlockDevice, device()),
        _ => Nature::Plain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link as Windows stores it: the names' places, the flag, the names.
    fn link(tag: u32, substitute: &str, print: &str, flag: Option<u32>) -> Vec<u8> {
        let [substitute, print] =
            [substitute, print].map(|name| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        let lengths = [0, substitute.len(), substitute.len(), print.len()];
        let mut value: Vec<u8> = lengths
            .iter()
            .flat_map(|length| (*length as u16).to_le_bytes())
            .collect();
        value.extend(flag.map(u32::to_le_bytes).iter().flatten());
        value.extend(substitute.iter().chain(&print));
        [
            &tag.to_le_bytes()[..],
            &(value.len() as u16).to_le_bytes(),
            &[0, 0],
            &value,
        ]
        .concat()
    }

    #[test]
    fn links_of_windows_lead_where_people_read() {
        let absolute = link(0xa000_000c, r"\??\C:\Users\All", r"C:\Users\All", Some(0));
        assert_eq!(of_tag(&absolute, 0), Some(Nature::Symlink(br"C:\Users\All".to_vec())));
        let relative = link(0xa000_000c, r"..\a\b", r"..\a\b", Some(1));
        assert_eq!(of_tag(&relative, 0), Some(Nature::Symlink(b"../a/b".to_vec())));
        let mount_point = link(0xa000_0003, r"\??\D:\", "", None);
        assert_eq!(of_tag(&mount_point, 0), Some(Nature::Symlink(br"D:\".to_vec())));
        for length in 0..relative.len() {
            of_tag(&relative[..length], 0);
        }
    }

    #[test]
    fn files_whose_content_is_elsewhere_say_so() {
        let tagged = |tag: u32| [&tag.to_le_bytes()[..], &[0; 4]].concat();
        assert_eq!(of_tag(&tagged(0x9000_701a), 0), Some(Nature::Plain));
        assert!(matches!(
            of_tag(&tagged(0x9000_701a), OFFLINE),
            Some(Nature::Unreadable(_))
        ));
        assert!(matches!(of_tag(&tagged(0x8000_0013), 0), Some(Nature::Unreadable(_))));
        assert!(matches!(of_tag(&tagged(0x1234_5678), 0), Some(Nature::Unreadable(_))));
        assert_eq!(of_tag(&tagged(0x8000_0017), 0), Some(Nature::WindowsOverlay));
    }
}
