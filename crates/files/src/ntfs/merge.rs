//! Extents joined with their neighbours before they are shown.

use crate::filesystem::{Extent, Flow};

/// Joins extents that follow each other in the file and on the disk. What was pushed last is shown by `finish`.
///
/// Invariant: once the visitor has asked to stop, it is shown nothing more.
pub(super) struct Merging<'visit> {
    pending: Option<Extent>,
    flow: Flow,
    visit: &'visit mut dyn FnMut(Extent) -> Flow,
}

impl<'visit> Merging<'visit> {
    pub(super) fn new(visit: &'visit mut dyn FnMut(Extent) -> Flow) -> Self {
        Self {
            pending: None,
            flow: Flow::Continue(()),
            visit,
        }
    }

    /// Takes the next extent, ascending in the file.
    pub(super) fn push(&mut self, extent: Extent) -> Flow {
        if let Some(before) = &mut self.pending
            && before.kind == extent.kind
            && before.logical.checked_add(before.length) == Some(extent.logical)
            && before.physical.checked_add(before.length) == Some(extent.physical)
        {
            before.length = before.length.saturating_add(extent.length);
            return self.flow;
        }
        if let Some(before) = self.pending.replace(extent)
            && self.flow.is_continue()
        {
            self.flow = (self.visit)(before);
        }
        self.flow
    }

    /// Shows the last one.
    pub(super) fn finish(self) {
        if let Some(last) = self.pending
            && self.flow.is_continue()
        {
            let _ = (self.visit)(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::ExtentKind;

    fn extent(logical: u64, physical: u64) -> Extent {
        Extent {
            logical,
            physical,
            length: 10,
            kind: ExtentKind::Data,
        }
    }

    #[test]
    fn neighbours_are_shown_as_one_and_nothing_after_a_stop() {
        let mut shown = Vec::new();
        let mut visit = |extent: Extent| {
            shown.push((extent.logical, extent.physical, extent.length));
            if shown.len() < 2 {
                Flow::Continue(())
            } else {
                Flow::Break(())
            }
        };
        let mut merging = Merging::new(&mut visit);
        let places = [(0, 100), (10, 110), (20, 500), (40, 520), (50, 900)];
        let flows = places.map(|(logical, physical)| merging.push(extent(logical, physical)).is_break());
        merging.finish();
        assert_eq!(flows, [false, false, false, true, true]);
        assert_eq!(shown, [(0, 100, 20), (20, 500, 10)]);
    }
}
