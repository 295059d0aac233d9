//! The image file of an import or export, opened with the rights of whoever typed the command: the daemon is handed
//! the open file, and never opens a path on somebody's behalf.
//!
//! An export is written beside its final name and renamed when it is complete, so that an image that was cut short is
//! never mistaken for a whole one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::resolve::Image;
use crate::failure::Failure;

/// An open image. What was made for an export is removed when this is dropped without [`ImageFile::keep`].
#[derive(Debug)]
pub(super) struct ImageFile {
    file: File,
    export: Option<Export>,
}

#[derive(Debug)]
struct Export {
    partial: PathBuf,
    path: PathBuf,
    force: bool,
}

impl ImageFile {
    pub(super) fn open(image: Image) -> Result<Self, Failure> {
        match image {
            Image::From(path) => {
                let file = File::open(&path)
                    .map_err(|error| Failure::io(format!("open the image `{}`", path.display()), &error))?;
                Ok(Self { file, export: None })
            }
            Image::To { path, force } => Self::make(path, force),
        }
    }

    fn make(path: PathBuf, force: bool) -> Result<Self, Failure> {
        match std::fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(not_a_file(&path, metadata.file_type().is_block_device()));
            }
            Ok(_) if !force => return Err(taken(&path)),
            _ => {}
        }
        let mut partial = path.clone().into_os_string();
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = PathBuf::from(partial);
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&partial);
        let file = file.map_err(|error| Failure::io(format!("make the image `{}`", path.display()), &error))?;
        Ok(Self {
            file,
            export: Some(Export { partial, path, force }),
        })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives a complete export its final name.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        let Some(export) = self.export.take() else {
            return Ok(());
        };
        let renamed = if export.force {
            std::fs::rename(&export.partial, &export.path)
        } else {
            // Unlike a rename, a link never replaces a file that appeared meanwhile.
            std::fs::hard_link(&export.partial, &export.path).and_then(|()| std::fs::remove_file(&export.partial))
        };
        renamed.map_err(|error| {
            let _ = std::fs::remove_file(&export.partial);
            match error.kind() {
                io::ErrorKind::AlreadyExists => taken(&export.path),
                _ => Failure::io(format!("name the image `{}`", export.path.display()), &error),
            }
        })
    }
}

impl Drop for ImageFile {
    fn drop(&mut self) {
        if let Some(export) = &self.export {
            // What can't be removed is named `.partial`, which tells what it is.
            let _ = std::fs::remove_file(&export.partial);
        }
    }
}

fn taken(path: &Path) -> Failure {
    Failure::refused(format!("`{}` exists already", path.display())).hint("`--force` replaces it")
}

fn not_a_file(path: &Path, is_device: bool) -> Failure {
    let failure = Failure::refused(format!("`{}` is not a file", path.display()));
    if !is_device {
        return failure;
    }
    failure.hint("copy onto a device with `nbdcopy 'nbd+unix:///VOLUME@MOMENT?socket=NBD_SOCKET' DEVICE`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("holdfast-image-file-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn an_export_that_fails_leaves_nothing_behind() {
        let folder = folder("fails");
        let path = folder.join("x.raw");
        drop(ImageFile::open(Image::To { path, force: false }).unwrap());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_exists_is_replaced_only_on_demand() {
        let folder = folder("exists");
        let path = folder.join("x.raw");
        let _ = std::fs::remove_file(&path);
        let image = ImageFile::open(Image::To {
            path: path.clone(),
            force: false,
        })
        .unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(image.keep().unwrap_err().hint.unwrap(), "`--force` replaces it");
        assert!(
            ImageFile::open(Image::To {
                path: path.clone(),
                force: false
            })
            .is_err()
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        ImageFile::open(Image::To {
            path: path.clone(),
            force: true,
        })
        .unwrap()
        .keep()
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }
}
