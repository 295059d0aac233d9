//! `holdfast files cat`

use std::io::{self, Write};

use files::{Flow, NodeKind};

use super::open;
use super::resolve::CatTask;
use crate::browse::content::chunks;
use crate::browse::failures::failure;
use crate::failure::{EXIT_OK, Failure};
use crate::place::Place;

pub(super) fn run(place: &Place, task: &CatTask) -> Result<u8, Failure> {
    let (_past, disk) = open(place, &task.at.target)?;
    let inside = disk.enter(&task.at.target.path, task.at.area.as_deref())?;
    let node = inside.node()?;
    let failed = |error| failure(&inside.path, error);
    let metadata = inside.fs.metadata(node).map_err(failed)?;
    if metadata.kind != NodeKind::File {
        let hint = if metadata.kind == NodeKind::Folder {
            "`holdfast files ls` lists a folder, `holdfast files cp` copies it"
        } else {
            "only files have a content; `holdfast files ls -l` shows where a link leads"
        };
        return Err(Failure::usage(format!("`{}` is no file", inside.shown())).hint(hint));
    }
    let length = metadata.size_bytes.saturating_sub(task.offset);
    let length = task.length.map_or(length, |asked| asked.min(length));
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let mut buffer = Vec::new();
    let fs = inside.fs.as_ref();
    chunks(fs, node, task.offset, length, &mut buffer, &mut |_, bytes| {
        written = out.write_all(bytes);
        if written.is_err() {
            Flow::Break(())
        } else {
            Flow::Continue(())
        }
    })
    .map_err(failed)?;
    match written.and_then(|()| out.flush()) {
        // A reader that went away (`| head`) is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io("print the file", &error)),
        _ => Ok(EXIT_OK),
    }
}
