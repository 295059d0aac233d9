//! All file systems of a disk at one moment.

use std::sync::Arc;

use files::Disk;

use super::side::{AreaPiece, Side};

/// The file systems that can be read, and what to tell of others.
pub(crate) fn sides(disk: &Arc<dyn Disk>) -> (Vec<Side>, Vec<String>) {
    match files::open(Arc::clone(disk)) {
        Ok(file_system) => {
            let whole = AreaPiece {
                logical: 0,
                physical: 0,
                length: disk.size_bytes(),
            };
            let side = Side {
                name: String::new(),
                file_system: file_system.into(),
                pieces: vec![whole],
            };
            (vec![side], Vec::new())
        }
        Err(error) => (Vec::new(), vec![error.to_string()]),
    }
}
