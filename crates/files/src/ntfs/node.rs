//! A file or folder: its record, and the records that its attributes spread to.

use super::mft::{LIST_BYTES_MAX, Mft};
use super::record::{Attribute, Record, Reference, kind};
use crate::error::Error;
use crate::filesystem::{Flow, NodeId};
use crate::little_endian::{u8_at, u16_at, u32_at, u64_at};

/// An entry of `$ATTRIBUTE_LIST`.
///
/// Layout: 0 type (u32), 4 length (u16), 6 code units of the name (u8), 7 offset of the name (u8), 8 first cluster (u64), 16 reference
/// of the record (u64), 24 number in the file (u16).
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) kind: u32,
    pub(super) name: Vec<u8>,
    /// First cluster of the value that this piece maps.
    pub(super) first: u64,
    /// The record that it stands in.
    pub(super) reference: Reference,
    pub(super) id: u16,
}

/// The entries of a list; `None` for the first that is damaged, which is the last.
pub(super) fn parse_list(list: &[u8]) -> impl Iterator<Item = Option<Listed>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        // Behind the last entry there may be less than one.
        if rest.len() < 26 {
            return None;
        }
        let length = u16_at(rest, 4).map(usize::from).filter(|length| *length >= 26);
        let entry = length.and_then(|length| rest.get(..length));
        rest = entry.and_then(|entry| rest.get(entry.len()..)).unwrap_or_default();
        Some(entry.and_then(parse_listed))
    })
}

fn parse_listed(entry: &[u8]) -> Option<Listed> {
    let name_bytes = 2 * usize::from(u8_at(entry, 6)?);
    let name_start = usize::from(u8_at(entry, 7)?);
    let name = if name_bytes == 0 {
        Vec::new()
    } else {
        entry.get(name_start..name_start + name_bytes)?.to_vec()
    };
    Some(Listed {
        kind: u32_at(entry, 0)?,
        name,
        first: u64_at(entry, 8)?,
        reference: Reference(u64_at(entry, 16)?),
        id: u16_at(entry, 24)?,
    })
}

/// A file or folder.
pub(super) struct Node {
    pub(super) id: NodeId,
    /// Its own record.
    pub(super) record: Record,
    /// All its attributes, if they don't fit in its record.
    pub(super) list: Option<Vec<Listed>>,
}

impl Node {
    /// Reads the record of a node, and its list of attributes.
    pub(super) fn read(mft: &Mft, id: NodeId) -> Result<Self, Error> {
        let reference = Reference(id.0);
        let record = mft.record(reference.record())?;
        let is_another = reference.sequence() != 0 && reference.sequence() != record.sequence;
        // Records outlive their files: the next one takes the record for itself, or for attributes that have no room in its own.
        if !record.is_in_use || record.base != Reference(0) || is_another {
            return Err(Error::NotInUse(id));
        }
        let mut list = None;
        for attribute in record.attributes() {
            let attribute = attribute?;
            if attribute.kind == kind::ATTRIBUTE_LIST {
                let value = mft.value(&record, &attribute, LIST_BYTES_MAX)?;
                let parsed: Option<Vec<Listed>> = parse_list(&value).collect();
                list = Some(parsed.ok_or_else(|| record.damaged("the list of its attributes contradicts itself"))?);
                break;
            }
            if attribute.kind > kind::ATTRIBUTE_LIST {
                break;
            }
        }
        Ok(Self { id, record, list })
    }

    /// Shows the attributes of one type, with the records that they stand in. Pieces of one value ascend.
    pub(super) fn visit(
        &self,
        mft: &Mft,
        kind: u32,
        visit: &mut dyn FnMut(&Record, &Attribute<'_>) -> Result<Flow, Error>,
    ) -> Result<(), Error> {
        let Some(list) = &self.list else {
            for attribute in self.record.attributes() {
                let attribute = attribute?;
                if attribute.kind == kind && visit(&self.record, &attribute)?.is_break() {
                    return Ok(());
                }
            }
            return Ok(());
        };
        let mut other: Option<Record> = None;
        for listed in list.iter().filter(|listed| listed.kind == kind) {
            let record = match &mut other {
                _ if listed.reference.record() == self.record.number => &self.record,
                Some(other) if other.number == listed.reference.record() => other,
                other => other.insert(self.other_record(mft, listed.reference)?),
            };
            if visit(record, &record.attribute(kind, listed.id)?)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A record that some of its attributes stand in.
    pub(super) fn other_record(&self, mft: &Mft, reference: Reference) -> Result<Record, Error> {
        if reference.record() == self.record.number {
            return Ok(self.record.clone());
        }
        let record = mft.record(reference.record())?;
        let is_ours = record.is_in_use
            && record.base.record() == self.record.number
            && (reference.sequence() == 0 || reference.sequence() == record.sequence);
        if is_ours {
            Ok(record)
        } else {
            Err(record.damaged("it isn't part of the file that lists it"))
        }
    }

    /// The value in its record of an attribute of which a file has one.
    pub(super) fn resident(&self, mft: &Mft, kind: u32) -> Result<Option<Vec<u8>>, Error> {
        let mut value = None;
        self.visit(mft, kind, &mut |_, attribute| {
            value = attribute.resident().map(<[u8]>::to_vec);
            Ok(Flow::Break(()))
        })?;
        Ok(value)
    }
}
