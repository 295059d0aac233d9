//! `holdfast files ls`: the names in a folder, sorted.

use files::{NodeKind, Onward, Step, Tour, tour};

use super::failures::{failure, reason};
use super::opened::Inside;
use super::row::Row;
use crate::failure::Failure;

/// Names of one folder that are sorted; more are shown in several sorted parts, so that a folder of any size takes little memory.
const SORTED_MAX: usize = 1 << 17;

/// How a folder is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What is in the folders in it, too.
    pub recursive: bool,
    /// Sizes, times and so on.
    pub with_metadata: bool,
}

/// A line of a list.
#[derive(Debug)]
pub enum Line<'a> {
    /// What follows is in this folder.
    Folder(&'a [u8]),
    /// A name.
    Row(&'a Row),
    /// Something can't be read.
    Unreadable {
        /// Its path.
        path: &'a [u8],
        /// Why.
        reason: String,
    },
}

/// Lists a folder, or a file alone. The visitor says whether to go on.
pub fn list(inside: &Inside, listing: Listing, visit: &mut dyn FnMut(Line<'_>) -> bool) -> Result<(), Failure> {
    let node = inside.node()?;
    let fs = inside.fs.as_ref();
    let failed = |error| failure(&inside.path, error);
    let kind = fs.metadata(node).map_err(failed)?.kind;
    if kind != NodeKind::Folder {
        let row = Row::whole(fs, inside.path.clone(), node, kind);
        visit(Line::Row(&row));
        return Ok(());
    }
    let mut sorter = Sorter {
        visit,
        rows: Vec::new(),
        goes_on: true,
    };
    tour(fs, node, &inside.path, &mut |at| {
        match at {
            Tour::Enter { path, .. } => {
                sorter.flush();
                if listing.recursive {
                    sorter.say(Line::Folder(path));
                }
            }
            Tour::Step(Step::Found(found)) => {
                sorter.add(Row::of(fs, &found, listing.with_metadata));
                if !listing.recursive {
                    return sorter.onward(Onward::Past);
                }
            }
            Tour::Step(Step::Unreadable { path, error, .. }) => {
                sorter.flush();
                let reason = reason(error);
                sorter.say(Line::Unreadable { path, reason });
            }
            Tour::Leave { .. } => {}
        }
        sorter.onward(Onward::Into)
    })
    .map_err(failed)?;
    sorter.flush();
    Ok(())
}

/// Collects the names of a folder and shows them sorted.
struct Sorter<'a> {
    visit: &'a mut dyn FnMut(Line<'_>) -> bool,
    rows: Vec<Row>,
    goes_on: bool,
}

impl Sorter<'_> {
    fn add(&mut self, row: Row) {
        self.rows.push(row);
        if self.rows.len() >= SORTED_MAX {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.rows.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        for row in std::mem::take(&mut self.rows) {
            self.say(Line::Row(&row));
        }
    }

    fn say(&mut self, line: Line<'_>) {
        self.goes_on = self.goes_on && (self.visit)(line);
    }

    const fn onward(&self, onward: Onward) -> Onward {
        if self.goes_on { onward } else { Onward::Stop }
    }
}
