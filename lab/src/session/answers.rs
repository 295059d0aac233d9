//! What happened to the files of the session's disk: the product's own investigation, in the process.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use answers::{
    Investigation, Options, Part, Past, PastError, PastMoment, Reading, Way, investigate, lost_files, plan,
    write_archive, write_csv, write_html,
};
use guard::{DeviceDisk, Examined, FileExaminer, Guard, Losses, LostFile, Unexamined};
use serde_json::{Value, json};
use volume::{Change, Moment, Sequence, Timestamp, Volume};

use crate::Failure;

/// The past of the session's volume.
pub(super) struct LabPast {
    volume: Arc<Volume>,
    /// Knows what was read.
    guard: Option<Arc<Guard>>,
}

impl LabPast {
    pub(super) fn new(volume: &Arc<Volume>, guard: Option<Arc<Guard>>) -> Self {
        Self {
            volume: Arc::clone(volume),
            guard,
        }
    }

    fn look(&self, moment: &Moment) -> Result<PastMoment, volume::Error> {
        let view = self.volume.view(moment)?;
        Ok(PastMoment {
            sequence: view.sequence(),
            time: view.time(),
            disk: Arc::new(DeviceDisk(view)),
        })
    }
}

impl Past for LabPast {
    fn open(&self, moment: &Moment) -> Result<PastMoment, PastError> {
        Ok(self.look(moment)?)
    }

    fn changes(
        &self,
        from: Sequence,
        to: Sequence,
        visit: &mut dyn FnMut(&Change) -> ControlFlow<()>,
    ) -> Result<(), PastError> {
        Ok(self.volume.changes(from, to, visit)?)
    }

    fn readings(
        &self,
        from: Timestamp,
        to: Timestamp,
        visit: &mut dyn FnMut(&Reading) -> ControlFlow<()>,
    ) -> Result<Option<Timestamp>, PastError> {
        let Some(guard) = &self.guard else { return Ok(None) };
        let since = guard.readings(from, to, &mut |reading| {
            visit(&Reading {
                time: reading.time,
                first_block: reading.first_block,
                blocks: reading.blocks,
                grain_blocks: reading.grain_blocks,
            })
        });
        Ok(since?)
    }
}

/// Examines the session's disk in the process: what is on it, the lab put there.
#[derive(Debug)]
pub(super) struct LabExaminer;

impl FileExaminer for LabExaminer {
    fn examine(&self, volume: &Arc<Volume>, from: Sequence, to: Sequence) -> Examined {
        let started = Instant::now();
        let part = Part {
            past: &LabPast::new(volume, None),
            from: Moment::After(from),
            to: Moment::After(to),
        };
        let lost_file = |file: answers::Lost| LostFile {
            path: file.path,
            how: file.how,
            is_replaced: file.is_replaced,
            first: file.first.map(Sequence),
        };
        let losses = lost_files(&part, &mut ());
        Examined {
            losses: losses
                .map(|losses| Losses {
                    lost: losses.lost.into_iter().map(lost_file).collect(),
                    files: losses.files,
                    created: losses.created,
                    gone: losses.gone,
                    gone_bytes: losses.gone_bytes,
                    moved: losses.moved,
                    is_contradicted: losses.is_contradicted,
                    is_whole: losses.is_whole,
                })
                .map_err(|error| Unexamined::Failed(error.to_string())),
            took: started.elapsed(),
        }
    }
}

fn window<'a>(past: &'a LabPast, from: Sequence) -> (Part<'a>, Options) {
    let part = Part {
        past,
        from: Moment::After(from),
        to: Moment::After(past.volume.newest().sequence),
    };
    let options = Options {
        volume: past.volume.name().to_owned(),
        way_back: "keep-good".to_owned(),
        personal_seconds: None,
        reads_until: Timestamp::MAX,
    };
    (part, options)
}

/// Returns the disk with `--keep-good` from a moment until now. What is set aside becomes `set-aside.tar` in a folder. Gives the answer.
pub(super) fn keep_good(past: &LabPast, from: Sequence, folder: &Path, now: Timestamp) -> Result<Value, Failure> {
    let volume = &past.volume;
    let (part, options) = window(past, from);
    let (investigation, opened) = investigate(std::slice::from_ref(&part), &options, &mut ())?;
    let plan = plan(&investigation, &opened);
    let mut set_aside = None;
    match plan.way {
        Way::Nothing => {}
        Way::Surgical => {
            volume.restore_blocks(&plan.pieces, now)?;
        }
        Way::Rollback => {
            let mut tar = std::io::BufWriter::new(std::fs::File::create(folder.join("set-aside.tar"))?);
            set_aside = Some(write_archive(&plan, &opened, &[part], &mut tar, &mut ())?);
            volume.rollback(&Moment::After(from), now)?;
        }
    }
    Ok(json!({"way": plan.way, "reasons": plan.reasons, "files": plan.files, "set_aside": set_aside}))
}

/// Investigates from a moment until now, and writes the report in every form into a folder.
pub(super) fn investigate_into(past: &LabPast, from: Sequence, folder: &Path) -> Result<Value, Failure> {
    let started = Instant::now();
    let (part, options) = window(past, from);
    let (investigation, _opened) = investigate(&[part], &options, &mut ())?;
    write_all(&investigation, folder)?;
    Ok(json!({
        "seconds": started.elapsed().as_secs_f64(),
        "files": investigation.totals.files,
        "damaged": investigation.totals.damaged,
        "read": investigation.totals.read,
        "summary": investigation.summary,
    }))
}

fn write_all(investigation: &Investigation, folder: &Path) -> Result<(), Failure> {
    let json = std::fs::File::create(folder.join("investigation.json"))?;
    serde_json::to_writer(std::io::BufWriter::new(json), investigation)?;
    let mut csv = std::io::BufWriter::new(std::fs::File::create(folder.join("investigation.csv"))?);
    write_csv(investigation, &mut csv)?;
    let mut html = std::io::BufWriter::new(std::fs::File::create(folder.join("investigation.html"))?);
    write_html(investigation, &mut html)?;
    Ok(())
}
