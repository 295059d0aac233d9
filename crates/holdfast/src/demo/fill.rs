//! Fills the disk with documents.

use super::documents::{Document, Source};
use super::files::Files;
use super::inventory::Inventory;
use super::stage::Stage;
use crate::failure::Failure;

/// What the disk was filled with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// Files copied from the machine.
    pub(super) copied: usize,
    /// Files made up.
    pub(super) made: usize,
}

/// Writes the documents to the disk and notes what they hold. One that can't be read any more is left out.
pub(super) fn fill(
    files: &Files,
    documents: Vec<Document>,
    inventory: &mut Inventory,
    stage: &mut Stage<'_>,
) -> Result<Filled, Failure> {
    let total = documents.len() as u64;
    let mut filled = Filled::default();
    for (done, document) in (1..).zip(documents) {
        let content = match document.source {
            Source::Made(content) => {
                filled.made += 1;
                content
            }
            Source::Machine(path) => match std::fs::read(path) {
                Ok(content) => {
                    filled.copied += 1;
                    content
                }
                Err(_) => continue,
            },
        };
        let path = &document.path;
        files
            .write(path, &content)
            .map_err(|error| Failure::io(format!("write `{path}` to the scratch disk"), &error))?;
        inventory.note(path, &content);
        stage.progress(Some(files), done, total, path)?;
    }
    files
        .sync()
        .map_err(|error| Failure::io("write to the scratch disk", &error))?;
    Ok(filled)
}
