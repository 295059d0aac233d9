//! Puts transactions together from their operations, which lie in one or several records, mixed with those of others.

use std::collections::HashMap;

use super::record::{Lsn, Operation, Record};
use crate::error::Error;
use crate::xfs::fields::Fields;

const FLAG_START: u8 = 0x01;
const FLAG_COMMIT: u8 = 0x02;
const FLAG_CONTINUES: u8 = 0x04;
const FLAG_CONTINUED: u8 = 0x08;
const FLAG_END: u8 = 0x10;
const FLAG_UNMOUNT: u8 = 0x20;

/// "TRAN".
const HEADER_MAGIC: u32 = 0x5452_414e;
const HEADER_BYTES: usize = 16;
/// Linux's limit: a buffer of 64 KiB with every other chunk of 128 bytes changed, and the description.
const REGIONS_MAX: u16 = 257;
/// Memory for transactions whose commit wasn't seen yet, and their number.
const OPEN_BYTES_MAX: usize = 256 * 1024 * 1024;
const OPEN_MAX: usize = 4096;
/// What a region takes beside its bytes.
const REGION_OVERHEAD_BYTES: usize = 64;

/// A thing that changed: its description, then what of it.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) regions: Vec<Vec<u8>>,
    /// How many regions the description says there are; 0 as long as it isn't here.
    expected: u16,
}

impl Item {
    /// The description, which begins with the type and the number of regions, in the byte order of the machine that wrote it.
    pub(super) fn description(&self) -> Fields<'_> {
        Fields::new(
            "log item",
            0,
            self.regions.first().map(Vec::as_slice).unwrap_or_default(),
        )
    }
}

/// Changes that happened together.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Of the record in which it began: what orders it among others.
    pub(super) lsn: Lsn,
    pub(super) items: Vec<Item>,
    /// Bytes of its header that were seen, which are 16 when it is whole.
    header_bytes: usize,
    bytes: usize,
}

impl Transaction {
    const fn new(lsn: Lsn) -> Self {
        Self {
            lsn,
            items: Vec::new(),
            header_bytes: 0,
            bytes: 0,
        }
    }

    /// A region that begins here: the header's, or the next of an item.
    fn begin(&mut self, data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        if self.header_bytes == 0 {
            if Fields::new("log transaction", 0, data).little_u32(0)? != HEADER_MAGIC || data.len() > HEADER_BYTES {
                return Err(damaged("a transaction doesn't begin with its header"));
            }
            self.header_bytes = data.len();
            return Ok(());
        }
        let is_whole = |item: &Item| item.regions.len() >= usize::from(item.expected);
        if self.items.last().is_none_or(is_whole) {
            let expected = Fields::new("log item", 0, data).little_u16(2)?;
            if expected == 0 || expected > REGIONS_MAX {
                return Err(damaged("an item has an impossible number of regions"));
            }
            self.items.push(Item {
                regions: Vec::new(),
                expected,
            });
        }
        if let Some(item) = self.items.last_mut() {
            item.regions.push(data.to_vec());
        }
        Ok(())
    }

    /// More of a region, or of the header.
    fn go_on(&mut self, data: &[u8]) -> Result<(), Error> {
        match self.items.last_mut().and_then(|item| item.regions.last_mut()) {
            Some(region) => region.extend_from_slice(data),
            None => {
                self.header_bytes += data.len();
                if self.header_bytes > HEADER_BYTES {
                    return Err(damaged("a transaction's header is too long"));
                }
            }
        }
        Ok(())
    }
}

/// Transactions that are being put together, by their number.
#[derive(Default)]
pub(super) struct Assembly {
    open: HashMap<u32, Transaction>,
    bytes: usize,
}

impl Assembly {
    /// Takes a record's operations, and shows the transactions that they commit.
    pub(super) fn take(
        &mut self,
        record: &Record,
        visit: &mut dyn FnMut(&Transaction) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !record.is_little_endian {
            return Err(damaged("it was written by a machine with another byte order"));
        }
        for operation in record.operations() {
            if let Some(transaction) = self.operation(record.lsn, operation?)? {
                visit(&transaction)?;
            }
        }
        Ok(())
    }

    /// Returns the transaction if the operation commits it.
    fn operation(&mut self, lsn: Lsn, operation: Operation<'_>) -> Result<Option<Transaction>, Error> {
        let Some(transaction) = self.open.get_mut(&operation.transaction) else {
            if operation.flags & FLAG_START != 0 {
                self.start(lsn, operation.transaction)?;
            }
            // Otherwise it began before the tail: all of it is in its places.
            return Ok(None);
        };
        let mut flags = operation.flags & !FLAG_END;
        if flags & FLAG_CONTINUED != 0 {
            flags &= !FLAG_CONTINUES;
        }
        match flags {
            0 | FLAG_CONTINUES => transaction.begin(operation.data)?,
            FLAG_CONTINUED => transaction.go_on(operation.data)?,
            FLAG_COMMIT => {
                let transaction = self.open.remove(&operation.transaction);
                self.bytes -= transaction.as_ref().map_or(0, |transaction| transaction.bytes);
                return Ok(transaction);
            }
            FLAG_UNMOUNT => return Ok(None),
            _ => return Err(damaged("an operation has impossible flags")),
        }
        let added = operation.data.len() + REGION_OVERHEAD_BYTES;
        transaction.bytes += added;
        self.bytes += added;
        if self.bytes > OPEN_BYTES_MAX {
            return Err(damaged("transactions of more than 256 MiB are open"));
        }
        Ok(None)
    }

    fn start(&mut self, lsn: Lsn, number: u32) -> Result<(), Error> {
        if self.open.len() >= OPEN_MAX {
            return Err(damaged("too many transactions are open"));
        }
        self.open.insert(number, Transaction::new(lsn));
        Ok(())
    }
}

const fn damaged(detail: &'static str) -> Error {
    Error::Damaged {
        structure: "log",
        offset: 0,
        detail,
    }
}
