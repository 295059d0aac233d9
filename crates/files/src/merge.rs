//! Extents joined with their neighbours before they are shown.

use crate::filesystem::{Extent, Flow};

/// Joins extents that follow each other in the file and on the disk. What was pushed last is shown by `finish`.
pub(crate) struct Merging<'visit> {
    pending: Option<Extent>,
    visit: &'visit mut dyn FnMut(Extent) -> Flow,
}

impl<'visit> Merging<'visit> {
    pub(crate) fn new(visit: &'visit mut dyn FnMut(Extent) -> Flow) -> Self {
        Self { pending: None, visit }
    }

    /// Takes the next extent, ascending in the file.
    pub(crate) fn push(&mut self, extent: Extent) -> Flow {
        match &mut self.pending {
            Some(before)
                if before.kind == extent.kind
                    && before.logical.checked_add(before.length) == Some(extent.logical)
                    && before.physical.checked_add(before.length) == Some(extent.physical) =>
            {
                before.length = before.length.saturating_add(extent.length);
                Flow::Continue(())
            }
            pending => pending
                .replace(extent)
                .map_or(Flow::Continue(()), |before| (self.visit)(before)),
        }
    }

    /// Shows the last one.
    pub(crate) fn finish(mut self) {
        if let Some(last) = self.pending.take() {
            let _ = (self.visit)(last);
        }
    }
}
