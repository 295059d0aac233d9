//! `CMD_BLOCK_STATUS`.

use volume::{Device, Error, Extent};

use crate::protocol::numbers::ErrorCode;
use crate::protocol::{ContextSelection, MetaContext, Rejection, ReplyBuffer, ReplyTo};

/// Extents asked of the disk at once.
const EXTENTS_AT_ONCE: usize = 4096;
/// Extents of the disk that a reply is made of. A client asks again for what isn't covered.
const EXTENTS_MAX: usize = 64 << 10;
/// How often the disk is asked for one reply. It may look at a bounded piece each time, however alike the blocks are,
/// and other requests of the connection wait meanwhile.
const LOOKUPS_MAX: usize = 64;

/// The contexts a request is about, out of those that were `negotiated`.
pub(super) fn select(
    negotiated: &[MetaContext],
    selection: ContextSelection<'_>,
) -> Result<Vec<MetaContext>, Rejection> {
    let invalid = |message| Rejection {
        code: ErrorCode::Invalid,
        message,
    };
    if negotiated.is_empty() {
        return Err(invalid("no metadata context was chosen"));
    }
    let Some(listed) = selection.listed() else {
        return Ok(negotiated.to_vec());
    };
    let mut selected = Vec::with_capacity(negotiated.len());
    for id in listed {
        match negotiated.iter().find(|context| context.id() == id) {
            Some(context) if !selected.contains(context) => selected.push(*context),
            _ => return Err(invalid("a metadata context is unknown or listed twice")),
        }
    }
    if selected.is_empty() {
        Err(invalid("no metadata context is listed"))
    } else {
        Ok(selected)
    }
}

/// Appends the description of a range of `length > 0` bytes, a chunk for each context.
pub(super) fn describe(
    device: &dyn Device,
    to: &ReplyTo,
    length: u64,
    single: bool,
    contexts: &[MetaContext],
    out: &mut ReplyBuffer,
) -> Result<(), Error> {
    let extents = collect(device, to.offset, length, single)?;
    for (index, context) in contexts.iter().enumerate() {
        to.block_status(out, *context, &extents, single, index + 1 == contexts.len());
    }
    Ok(())
}

/// Describes the range from its start, as far as the limits allow.
fn collect(device: &dyn Device, offset: u64, length: u64, single: bool) -> Result<Vec<Extent>, Error> {
    let mut extents = device.extents(offset, length, EXTENTS_AT_ONCE)?;
    assert!(
        !extents.is_empty(),
        "the disk says nothing of {length} bytes at {offset}"
    );
    let covered = |extents: &[Extent]| extents.iter().map(|extent| extent.length).fold(0, u64::saturating_add);
    let mut position = covered(&extents);
    for _ in 1..LOOKUPS_MAX {
        if single || position >= length || extents.len() >= EXTENTS_MAX {
            break;
        }
        // What was found before an error is told; who asks for the rest gets the error.
        let Ok(more) = device.extents(offset + position, length - position, EXTENTS_AT_ONCE) else {
            break;
        };
        position = position.saturating_add(covered(&more));
        extents.extend(more);
    }
    Ok(extents)
}
