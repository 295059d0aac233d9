//! Makes files of others: one part of several, one index of several parts.

use std::ops::ControlFlow;
use std::path::Path;

use super::counts_file::{CountsWriter, Row};
use super::manifest;
use super::merge::Merge;
use super::range_file::{RangeFile, RangeWriter, Totals};
use super::{ImportProgress, ImportStage, RangePrefix};
use crate::Error;
use crate::hash::HashKind;

/// Prefixes between two steps: some megabytes of the largest corpus.
const STEP_PREFIXES: u32 = 64;

/// Told how far the work is; breaks to end it.
pub(super) type Step<'a> = dyn FnMut(ImportProgress) -> ControlFlow<()> + 'a;

/// A step that never ends the work.
pub(super) fn telling(progress: &mut dyn FnMut(ImportProgress)) -> impl FnMut(ImportProgress) -> ControlFlow<()> {
    move |told| {
        progress(told);
        ControlFlow::Continue(())
    }
}

/// Merges range files into one at `path`, durably; equal hashes are added up. Break: it was ended, and there is no file.
pub(super) fn write_part(
    kind: HashKind,
    files: &[&RangeFile],
    path: &Path,
    step: &mut Step<'_>,
) -> Result<ControlFlow<()>, Error> {
    let new = manifest::with_suffix(path, manifest::NEW);
    let mut writer = RangeWriter::create(kind, &new)?;
    let flow = visit(files, ImportStage::Merging, step, &mut |records| {
        records.iter().try_for_each(|record| writer.push(record))
    })?;
    if flow.is_continue() {
        writer.finish()?;
        manifest::rename(&new, path)?;
    }
    Ok(flow)
}

/// Writes the counts of what files hold together into an index at `path`, durably. Break: it was ended, and there is no file.
pub(super) fn write_index(
    kind: HashKind,
    files: &[&RangeFile],
    path: &Path,
    step: &mut Step<'_>,
) -> Result<ControlFlow<()>, Error> {
    let mut totals = Totals::default();
    if let [file] = files {
        totals = *file.totals();
    } else {
        // Equal hashes count once: the index is as large as what it holds.
        let flow = visit(files, ImportStage::Counting, step, &mut |records| {
            records.iter().for_each(|record| totals.add(record.count));
            Ok(())
        })?;
        if flow.is_break() {
            return Ok(flow);
        }
    }
    let new = manifest::with_suffix(path, manifest::NEW);
    let mut writer = CountsWriter::create(kind, &new, &totals)?;
    let flow = visit(files, ImportStage::Indexing, step, &mut |records| {
        records.iter().try_for_each(|record| {
            writer.push(Row {
                key: record.high,
                count: record.count,
            })
        })
    })?;
    if flow.is_continue() {
        writer.finish()?;
        manifest::rename(&new, path)?;
    }
    Ok(flow)
}

/// Visits the rows of all files, prefix by prefix.
fn visit(
    files: &[&RangeFile],
    stage: ImportStage,
    step: &mut Step<'_>,
    take: &mut dyn FnMut(&[super::record::Record]) -> Result<(), Error>,
) -> Result<ControlFlow<()>, Error> {
    let mut merge = Merge::new(files)?;
    let mut next_step = 0;
    while let Some(records) = merge.next_prefix()? {
        take(records)?;
        if merge.done() >= next_step {
            next_step = merge.done().saturating_add(STEP_PREFIXES);
            let progress = ImportProgress {
                stage,
                done: u64::from(merge.done()),
                total: u64::from(RangePrefix::COUNT),
            };
            if step(progress).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}
