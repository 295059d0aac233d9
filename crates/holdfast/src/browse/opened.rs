//! A disk at a moment, the areas on it, and the file system that a path is on.

use answers::PastMoment;
use files::{Area, Content, FileSystem, NodeId, areas};

use super::failures::failure;
use super::target::Target;
use super::text::printable;
use crate::failure::Failure;
use crate::past::VolumePast;

/// A disk at a moment.
#[derive(Debug)]
pub struct OpenedDisk {
    /// The moment.
    pub moment: PastMoment,
    /// What is on it, in the order of its partition table.
    pub areas: Vec<Area>,
}

/// A path on a file system at a moment.
pub struct Inside {
    /// The moment.
    pub moment: PastMoment,
    /// Where on the disk the file system is.
    pub area: Area,
    /// The file system.
    pub fs: Box<dyn FileSystem>,
    /// The path within the file system, in its plain form; `/` is the root.
    pub path: Vec<u8>,
}

impl OpenedDisk {
    /// Opens the moment that a target names.
    pub fn open(past: &VolumePast, target: &Target) -> Result<Self, Failure> {
        Self::of(past.open_when(&target.when())?)
    }

    /// Looks for areas at a moment.
    pub fn of(moment: PastMoment) -> Result<Self, Failure> {
        let areas = areas(&moment.disk).map_err(|error| failure(b"/", error))?;
        Ok(Self { moment, areas })
    }

    /// The areas with a file system that can be read.
    pub fn readable(&self) -> Vec<&Area> {
        let is_readable = |area: &&Area| matches!(area.content, Some(Content::FileSystem(_)));
        self.areas.iter().filter(is_readable).collect()
    }

    /// Opens the file system that a path is on: the only one there is, the one named, or the one that the path begins with.
    pub fn enter(&self, path: &[u8], area: Option<&str>) -> Result<Inside, Failure> {
        let (area, rest) = self.choose(path, area)?;
        let disk = area.disk(&self.moment.disk);
        let fs = disk.and_then(files::open).map_err(|error| failure(path, error))?;
        Ok(Inside {
            moment: self.moment.clone(),
            area: area.clone(),
            fs,
            path: plain(rest),
        })
    }

    fn choose<'a>(&self, path: &'a [u8], name: Option<&str>) -> Result<(&Area, &'a [u8]), Failure> {
        if let Some(name) = name {
            let area = self.areas.iter().find(|area| area.name == name);
            let area = area.ok_or_else(|| self.lacks(&format!("the disk has no area `{name}`")))?;
            return Ok((area, path));
        }
        match self.readable().as_slice() {
            [] => Err(self.nothing_readable()),
            [only] => Ok((*only, path)),
            several => {
                let led = several
                    .iter()
                    .filter_map(|area| Some((*area, within(path, area.name.as_bytes())?)));
                led.max_by_key(|(area, _)| area.name.len())
                    .ok_or_else(|| self.lacks("the disk has several file systems, and the path doesn't begin with one"))
            }
        }
    }

    fn lacks(&self, message: &str) -> Failure {
        let names: Vec<_> = self.areas.iter().map(|area| format!("`{}`", area.name)).collect();
        Failure::not_found(message).hint(format!(
            "there is {}; write a path like `/{}/home`, or add `--area NAME`",
            names.join(", "),
            self.areas.first().map_or("1", |area| area.name.as_str())
        ))
    }

    fn nothing_readable(&self) -> Failure {
        let named = self.areas.iter().filter_map(|area| area.content.map(Content::name));
        let found: Vec<_> = named.collect();
        let found = if found.is_empty() {
            "nothing is recognised".to_owned()
        } else {
            found.join(", ")
        };
        Failure::refused(format!(
            "the disk has no file system that can be read at that moment; on it: {found}"
        ))
        .hint("ext2/3/4, XFS, NTFS, FAT and exFAT are read; what is encrypted is looked at by the machine that has its key")
    }
}

impl Inside {
    /// The node at the path.
    pub fn node(&self) -> Result<NodeId, Failure> {
        files::find(self.fs.as_ref(), &self.path).map_err(|error| failure(&self.path, error))
    }

    /// The path's last component; empty for the root.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// The path as it is shown.
    #[must_use]
    pub fn shown(&self) -> String {
        printable(&self.path)
    }
}

/// What is behind an area's name in a path, if the path begins with it.
fn within<'a>(path: &'a [u8], area: &[u8]) -> Option<&'a [u8]> {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let rest = path.strip_prefix(area)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

/// A path without empty components and dots: it begins with a slash, and ends with none but the root's. `..` leaves a folder by name.
#[must_use]
pub fn plain(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    if parts.is_empty() {
        return b"/".to_vec();
    }
    parts.iter().flat_map(|part| [b"/", *part]).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_plain_form() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("home", "/home"),
            ("//home/./x/", "/home/x"),
            ("/home/../etc", "/etc"),
            ("/../..", "/"),
        ] {
            assert_eq!(plain(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_path_begins_with_whole_names_of_areas() {
        assert_eq!(within(b"/1/home", b"1"), Some(&b"/home"[..]));
        assert_eq!(within(b"vg0/root", b"vg0/root"), Some(&b""[..]));
        assert_eq!(within(b"/12/home", b"1"), None);
        assert_eq!(within(b"/home", b"1"), None);
    }
}
