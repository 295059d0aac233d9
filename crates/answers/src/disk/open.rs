//! All file systems of a disk at one moment.

use std::sync::Arc;

use files::{Content, Disk};

use super::side::Side;

/// The file systems that can be read, and what to tell of areas that hold something else.
pub(crate) fn sides(disk: &Arc<dyn Disk>) -> (Vec<Side>, Vec<String>) {
    let areas = match files::areas(disk) {
        Ok(areas) => areas,
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let (mut sides, mut told) = (Vec::new(), Vec::new());
    for area in areas {
        let opened = area.disk(disk).and_then(files::open);
        match opened {
            Ok(file_system) => sides.push(Side {
                name: area.name,
                file_system: file_system.into(),
                pieces: area.pieces,
            }),
            Err(error) => told.extend(why_not(&area.name, area.content.as_ref(), &error)),
        }
    }
    (sides, told)
}

/// Why an area isn't looked at; areas that hold nothing are passed over.
fn why_not(name: &str, content: Option<&Content>, error: &files::Error) -> Option<String> {
    let place = if name.is_empty() {
        "the disk".to_owned()
    } else {
        format!("`{name}`")
    };
    match (content, error) {
        (None, files::Error::Unrecognised) => name.is_empty().then(|| error.to_string()),
        _ => Some(format!("{place} isn't looked at: {error}")),
    }
}
