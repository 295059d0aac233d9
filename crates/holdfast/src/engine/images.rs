//! Import and export. The image comes as an open file, whose path the engine never learns.

use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;

use volume::{Device, Moment, Volume, WriteRequest};

use super::Engine;
use super::failures::{failure, image_failure};
use super::imports::{UNFINISHED, unusable};
use super::volumes::moment_report;
use crate::control::{CopyReport, ImportReport, Progress};
use crate::failure::{Failure, FailureCode};
use crate::when::When;
use image::qcow2::{Qcow2Sink, Qcow2Source};
use image::{
    CopySummary, Format, ImageError, ImageSink, ImageSource, RawSink, RawSource, detect, export_device, import_into,
};

/// The smallest disk, and what its size is a multiple of.
const SIZE_BYTES_MIN: u64 = 1 << 20;
const SECTOR_BYTES: u64 = 512;

impl Engine {
    /// Makes a volume from an image. A volume that couldn't be filled is deleted again.
    pub(super) fn import(
        &self,
        name: &str,
        format: Option<Format>,
        file: Option<File>,
        progress: &mut dyn Progress,
    ) -> Result<CopyReport, Failure> {
        let file = readable(file)?;
        let named = |error| image_failure(name, error);
        let format = format.map_or_else(|| detect(&file), Ok).map_err(named)?;
        let mut source = open(file, format).map_err(named)?;
        let size_bytes = source.size_bytes().max(SIZE_BYTES_MIN).next_multiple_of(SECTOR_BYTES);
        let running = self.imports.begin(name);
        let _running = running.ok_or_else(|| unusable(name, ImportReport::Running))?;
        let volume = self
            .store
            .create(name, size_bytes, self.now())
            .map_err(|error| failure(name, &error))?;
        let filled = self.fill(&volume, source.as_mut(), progress);
        drop(volume);
        let summary = filled.map_err(|error| self.undo_import(name, named(error)))?;
        Ok(copy_report(name, format, CopySummary { size_bytes, ..summary }))
    }

    /// Copies an image into a new volume, which is marked as unfinished until everything in it is durable.
    fn fill(
        &self,
        volume: &Arc<Volume>,
        source: &mut dyn ImageSource,
        progress: &mut dyn Progress,
    ) -> Result<CopySummary, ImageError> {
        volume.pin(UNFINISHED, None, self.now())?;
        let disk = volume.attach(self.clock_for_volumes());
        let mut write = |writes: &[WriteRequest<'_>]| disk.write_observed(writes, &mut guard::Classes);
        let summary = import_into(&mut write, source, &mut |done, total| progress.update(done, total))?;
        disk.flush()?;
        volume.unpin(UNFINISHED, self.now())?;
        Ok(summary)
    }

    /// The failure of an import, after the half-filled volume was deleted.
    fn undo_import(&self, name: &str, cause: Failure) -> Failure {
        match self.delete_patiently(name) {
            Ok(()) => cause,
            Err(error) => cause.hint(format!(
                "volume `{name}` is incomplete and couldn't be deleted ({error}); delete it"
            )),
        }
    }

    pub(super) fn export(
        &self,
        name: &str,
        when: Option<&When>,
        format: Format,
        file: Option<File>,
        progress: &mut dyn Progress,
    ) -> Result<CopyReport, Failure> {
        let file = writable(file)?;
        let named = |error| image_failure(name, error);
        let volume = self.whole_volume(name)?;
        let moment = match when {
            Some(when) => when.resolve(self.now())?,
            // A view even of now: the image must be of one moment while clients go on writing.
            None => Moment::After(volume.newest().sequence),
        };
        let view = self.view(&volume, &moment)?;
        let exported = volume::MomentInfo {
            sequence: view.sequence(),
            time: view.time(),
        };
        let size_bytes = view.size_bytes();
        let mut sink: Box<dyn ImageSink> = match format {
            Format::Raw => Box::new(RawSink::create(file, size_bytes).map_err(named)?),
            Format::Qcow2 => Box::new(Qcow2Sink::create(file, size_bytes).map_err(named)?),
        };
        let summary = export_device(&view, sink.as_mut(), &mut |done, total| progress.update(done, total));
        let summary = summary.map_err(named).inspect_err(|failure| {
            if failure.code == FailureCode::Damage {
                self.note_damage(name);
            }
        });
        let report = copy_report(name, format, summary?);
        Ok(CopyReport {
            moment: Some(moment_report(exported)),
            ..report
        })
    }

    fn clock_for_volumes(&self) -> Arc<dyn volume::Clock> {
        Arc::clone(&self.clock) as Arc<dyn volume::Clock>
    }
}

fn copy_report(name: &str, format: Format, summary: CopySummary) -> CopyReport {
    CopyReport {
        volume: name.to_owned(),
        format,
        size_bytes: summary.size_bytes,
        data_bytes: summary.data_bytes,
        moment: None,
    }
}

fn open(file: File, format: Format) -> Result<Box<dyn ImageSource>, ImageError> {
    Ok(match format {
        Format::Raw => Box::new(RawSource::open(file)?),
        Format::Qcow2 => Box::new(Qcow2Source::open(file)?),
    })
}

/// A file whose reading can't hang or fail in surprising ways: pipes, sockets and terminals are refused.
fn readable(file: Option<File>) -> Result<File, Failure> {
    let file = file.ok_or_else(|| Failure::usage("the request came without its image"))?;
    let kind = file
        .metadata()
        .map_err(|error| Failure::io("use the image", &error))?
        .file_type();
    if kind.is_file() || kind.is_block_device() {
        return Ok(file);
    }
    Err(Failure::refused("the image is neither a file nor a block device"))
}

fn writable(file: Option<File>) -> Result<File, Failure> {
    let file = file.ok_or_else(|| Failure::usage("the request came without its image"))?;
    let metadata = file.metadata().map_err(|error| Failure::io("use the image", &error))?;
    if metadata.is_file() && metadata.len() == 0 {
        return Ok(file);
    }
    Err(Failure::refused("the image to be made is not an empty file"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::ops::ControlFlow;

    use super::*;
    use crate::config::Config;

    struct Silent;

    impl Progress for Silent {
        fn update(&mut self, _done: u64, _total: u64) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn imported_blocks_have_the_class_that_the_guard_would_have_given_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("volumes")).unwrap();
        let mut image = tempfile::tempfile().unwrap();
        image.write_all(&b"words and words. ".repeat(1000)).unwrap();
        image.set_len(1 << 20).unwrap();
        let engine = Engine::open(folder.path(), Config::default()).unwrap();
        engine
            .import("disk", Some(Format::Raw), Some(image), &mut Silent)
            .unwrap();
        let volume = engine.volume("disk").unwrap();
        let mut classes = Vec::new();
        let (from, to) = (volume.oldest().sequence, volume.newest().sequence);
        let seen = volume.changes(from, to, &mut |change| {
            classes.push((change.first_block, change.kind));
            ControlFlow::Continue(())
        });
        seen.unwrap();
        let text = volume::Observer::classify(&mut guard::Classes, &b"words and words. ".repeat(1000)[..4096]);
        assert_ne!(text, 0);
        assert_eq!(classes.first(), Some(&(0, volume::ChangeKind::Written { class: text })));
    }
}
