//! A value that is read piece by piece and may be longer than memory should hold.

use super::VALUE_BYTES_MAX;
use crate::Error;
use crate::address::is_address_byte;
use crate::ingest::gather::Gatherer;

/// The longest address, and some: what is kept back when a value is cut.
const KEPT_BYTES: usize = 1024;

/// A value that is being filled.
#[derive(Debug, Default)]
pub(super) struct Value {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Value {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.is_cut = false;
    }

    /// Adds bytes. What gets too long is searched for addresses and let go, up to where an address may be in the middle.
    pub(super) fn extend(&mut self, bytes: &[u8], gatherer: &mut Gatherer) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > VALUE_BYTES_MAX {
            let inside = self
                .bytes
                .iter()
                .rev()
                .take(KEPT_BYTES)
                .take_while(|byte| is_address_byte(**byte))
                .count();
            let end = self.bytes.len() - inside;
            gatherer.scan(self.bytes.get(..end).unwrap_or_default())?;
            self.bytes.drain(..end);
            self.is_cut = true;
        }
        Ok(())
    }

    /// The value, or what is left of one that is too long.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is only the end of a longer one.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }
}
