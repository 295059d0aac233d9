//! The files of a disk as plain bytes: what fuzzing takes apart and puts together again.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use volume::{Directory, Wait};

use crate::disk::{Geometry, SimDisk};

/// Paths with `/` between their parts, and contents.
pub type Image = BTreeMap<String, Vec<u8>>;

/// Copies every file below a directory.
///
/// # Errors
/// If the disk fails.
pub fn read_image(directory: &Arc<dyn Directory>) -> io::Result<Image> {
    let mut image = Image::new();
    collect(directory, "", &mut image)?;
    Ok(image)
}

fn collect(directory: &Arc<dyn Directory>, prefix: &str, image: &mut Image) -> io::Result<()> {
    for name in directory.list()? {
        match directory.open(&name) {
            Ok(file) => {
                let mut bytes = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
                file.read_at(0, &mut bytes, Wait::Allowed)?;
                image.insert(format!("{prefix}{name}"), bytes);
            }
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                collect(&directory.subdirectory(&name)?, &format!("{prefix}{name}/"), image)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A disk that holds the files of an image, durably.
///
/// # Errors
/// If two paths contradict each other.
pub fn disk_of(image: &Image) -> io::Result<SimDisk> {
    let disk = SimDisk::new(Geometry::default(), 0);
    for (path, bytes) in image {
        let mut directory = disk.root();
        let mut rest = path.as_str();
        while let Some((name, tail)) = rest.split_once('/') {
            directory = match directory.subdirectory(name) {
                Err(error) if error.kind() == ErrorKind::NotFound => directory.create_subdirectory(name)?,
                found => found?,
            };
            rest = tail;
        }
        let file = directory.create(rest)?;
        file.write_at(0, &mut [IoSlice::new(bytes)])?;
        file.sync()?;
        directory.sync()?;
    }
    disk.root().sync()?;
    Ok(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_as_its_image() {
        let image = Image::from([
            ("a".to_owned(), vec![1, 2, 3]),
            ("b/c".to_owned(), vec![4; 5000]),
            ("b/d/e".to_owned(), Vec::new()),
        ]);
        assert_eq!(read_image(&disk_of(&image).unwrap().root()).unwrap(), image);
    }
}
