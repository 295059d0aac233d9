//! The image file of an import or export, opened with the rights of whoever typed the command: the daemon is handed
//! the open file, and never opens a path on somebody's behalf.

use std::fs::File;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::resolve::Image;
use crate::failure::Failure;
use crate::new_file::{Existing, NewFile};

/// An open image.
#[derive(Debug)]
pub(super) enum ImageFile {
    /// Of an import.
    From(File),
    /// Of an export; removed when this is dropped without [`ImageFile::keep`].
    To(NewFile),
}

impl ImageFile {
    pub(super) fn open(image: Image) -> Result<Self, Failure> {
        match image {
            Image::From(path) => {
                let file = File::open(&path)
                    .map_err(|error| Failure::io(format!("open the image `{}`", path.display()), &error))?;
                Ok(Self::From(file))
            }
            Image::To { path, .. } if is_block_device(&path) => {
                Err(Failure::refused(format!("`{}` is not a file", path.display()))
                    .hint("copy onto a device with `nbdcopy 'nbd+unix:///VOLUME@MOMENT?socket=NBD_SOCKET' DEVICE`"))
            }
            Image::To { path, force } => Ok(Self::To(NewFile::make(&path, Existing::forced(force))?)),
        }
    }

    pub(super) const fn file(&self) -> &File {
        match self {
            Self::From(file) => file,
            Self::To(new) => new.file(),
        }
    }

    /// Gives a complete export its final name.
    pub(super) fn keep(self) -> Result<(), Failure> {
        match self {
            Self::From(_) => Ok(()),
            Self::To(new) => new.keep(),
        }
    }
}

fn is_block_device(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_block_device())
}
