//! `holdfast files diff`: what is different between two moments, of a file or of everything in a folder.

mod file;
mod folder;

use files::{FileSystem, NodeId};

use super::changed::{Changed, events, on_disk, restores};
use super::opened::Inside;
use crate::failure::{Failure, FailureCode};
use crate::past::VolumePast;
use crate::when::When;

pub use file::{FileDifference, compare_files, content_difference, unified};
pub use folder::{Changes, FolderDifference, compare_folders};

/// A place at a moment, with what was found there.
pub struct Side<'a> {
    /// The place.
    pub inside: &'a Inside,
    /// What is there.
    pub node: NodeId,
}

impl Side<'_> {
    fn fs(&self) -> &dyn FileSystem {
        self.inside.fs.as_ref()
    }
}

/// What the log tells of the time between two moments of one disk: that a file wasn't touched needs no reading.
#[derive(Debug)]
pub struct Between {
    changed: Option<Changed>,
    is_log_gone: bool,
}

impl Between {
    /// Nothing is known: contents are compared.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            changed: None,
            is_log_gone: false,
        }
    }

    /// What is known of the time between two moments of one volume.
    pub fn of(past: &VolumePast, a: &Inside, b: &Inside) -> Result<Self, Failure> {
        let (earlier, later) = if a.moment.sequence <= b.moment.sequence {
            (&a.moment, &b.moment)
        } else {
            (&b.moment, &a.moment)
        };
        let (from, to) = (earlier.sequence, later.sequence);
        let since = When::AtNanos(earlier.time.as_unix_nanos());
        let restored = restores(&events(past, Some(&since))?);
        // A restore changes blocks that nobody wrote.
        if restored.iter().any(|sequence| *sequence > from.0 && *sequence <= to.0) {
            return Ok(Self::unknown());
        }
        match Changed::collect(past, from, to) {
            Ok(changed) => Ok(Self {
                changed: Some(changed),
                is_log_gone: false,
            }),
            // A pin outlives the log of its time, and damage of the log is none of what the moments hold.
            Err(failure) if matches!(failure.code, FailureCode::NotFound | FailureCode::Damage) => Ok(Self {
                changed: None,
                is_log_gone: true,
            }),
            Err(failure) => Err(failure),
        }
    }

    /// Whether something is known, which spares reading.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.changed.is_some()
    }

    /// Whether the log of that time isn't kept whole any more.
    #[must_use]
    pub const fn is_log_gone(&self) -> bool {
        self.is_log_gone
    }

    /// Whether the log says that a file's content is the same at both moments: nothing of where it lies was written, and it lies where
    /// it lay.
    fn says_same(&self, old: &Side<'_>, new: &Side<'_>) -> bool {
        let Some(changed) = &self.changed else { return false };
        let places = |side: &Side<'_>| {
            let mut places = Vec::new();
            let listed = side.fs().extents(side.node, &mut |extent| {
                places.push((extent.logical, extent.physical, extent.length, extent.kind));
                let mut touched = false;
                on_disk(&side.inside.area, &extent, &mut |start, length| {
                    touched |= changed.touches(start, length);
                });
                // One piece that was touched is enough; a file in very many is compared as fast as they are.
                if touched || places.len() > PIECES_MAX {
                    places.clear();
                    return files::Flow::Break(());
                }
                files::Flow::Continue(())
            });
            listed.is_ok().then_some(places)
        };
        match (places(old), places(new)) {
            (Some(old), Some(new)) => !old.is_empty() && old == new,
            _ => false,
        }
    }
}

/// Pieces of a file that are compared instead of its content.
const PIECES_MAX: usize = 1 << 16;
