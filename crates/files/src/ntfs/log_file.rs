//! `$LogFile`: whether changes wait in it. They aren't replayed.
//!
//! It starts with two restart pages, of which the newer counts. Layout of a page: 0 magic `RSTR`, 16 bytes of a page (u32), 24 offset of the
//! restart area (u16). Of the area: 0 newest record (u64), 12 first client at work (u16, all ones if there is none), 14 flags (u16: 2 if the
//! volume was unmounted). ntfs-3g and mkfs.ntfs leave a log of nothing but ones.

use super::mft::Mft;
use super::node::Node;
use super::stream;
use crate::error::Error;
use crate::filesystem::NodeId;
use crate::little_endian::{u16_at, u32_at, u64_at};

/// Record of the log.
const LOG_FILE: NodeId = NodeId(2);
/// Bytes of a page that matter here.
const HEAD_BYTES: usize = 512;
/// Pages of other sizes aren't known.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=64 << 10;
const UNMOUNTED: u16 = 2;
const NO_CLIENT: u16 = 0xffff;

/// Whether the volume was in use, so that changes may wait in the log.
pub(super) fn is_in_use(mft: &Mft) -> Result<bool, Error> {
    let node = Node::read(mft, LOG_FILE)?;
    let Some(content) = stream::content(mft, &node)? else {
        return Ok(false);
    };
    let page_at = |offset: u64| {
        let mut head = vec![0; HEAD_BYTES];
        content.read(mft, &mft.disk, &node, offset, &mut head)?;
        Ok::<_, Error>(head)
    };
    let first = page_at(0)?;
    let page_bytes = u32_at(&first, 16)
        .filter(|bytes| PAGE_BYTES.contains(bytes))
        .unwrap_or(4096);
    let states = [first, page_at(page_bytes.into())?];
    let newest = states
        .iter()
        .filter_map(|page| parse(page))
        .max_by_key(|state| state.newest_record);
    Ok(newest.is_some_and(|state| state.is_in_use))
}

/// What a restart page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    newest_record: u64,
    is_in_use: bool,
}

fn parse(page: &[u8]) -> Option<State> {
    if !page.starts_with(b"RSTR") {
        return None;
    }
    let area = page.get(usize::from(u16_at(page, 24)?)..)?;
    Some(State {
        newest_record: u64_at(area, 0)?,
        is_in_use: u16_at(area, 12)? != NO_CLIENT && u16_at(area, 14)? & UNMOUNTED == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_in_use_if_a_client_is_at_work_and_nothing_was_unmounted() {
        let page = |client: u16, flags: u16| {
            let mut page = vec![0; HEAD_BYTES];
            page[..4].copy_from_slice(b"RSTR");
            page[24] = 48;
            page[48] = 7;
            page[60..62].copy_from_slice(&client.to_le_bytes());
            page[62..64].copy_from_slice(&flags.to_le_bytes());
            parse(&page).map(|state| (state.newest_record, state.is_in_use))
        };
        assert_eq!(page(0, 0), Some((7, true)));
        assert_eq!(page(NO_CLIENT, 0), Some((7, false)));
        assert_eq!(page(0, UNMOUNTED), Some((7, false)));
        assert_eq!(parse(&[0xff; HEAD_BYTES]), None);
    }
}
