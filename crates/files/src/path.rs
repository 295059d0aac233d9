//! From a path to a node.

use crate::error::Error;
use crate::filesystem::{Entry, FileSystem, FileSystemKind, Flow, NodeId, NodeKind};

/// Symbolic links that are followed on the way to one node, as Linux does.
const LINKS_MAX: usize = 40;
/// Components that are looked up on the way to one node, those of links included.
const COMPONENTS_MAX: usize = 4096;

/// Finds what a path leads to, from the root on. Links on the way are followed, within the file system; one at its end isn't. `.`, empty
/// components and `..` mean what they mean everywhere. NTFS, FAT and exFAT don't tell cases apart, unless two names differ by nothing else.
pub fn find(fs: &dyn FileSystem, path: &[u8]) -> Result<NodeId, Error> {
    // The folders on the way, for `..`; the root alone can't be left.
    let mut way = vec![fs.root()];
    let mut rest = components(path);
    let mut links = 0;
    let mut steps = 0;
    while let Some(component) = rest.pop() {
        steps += 1;
        if steps > COMPONENTS_MAX {
            return Err(Error::Stopped("the path has too many components"));
        }
        if component == b".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let folder = way.last().copied().unwrap_or_else(|| fs.root());
        let entry = child(fs, folder, &component)?.ok_or_else(|| missing(path))?;
        if rest.is_empty() || !is_link(fs, &entry)? {
            way.push(entry.node);
            continue;
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(Error::Stopped("too many symbolic links lead to one another"));
        }
        let target = fs.link_target(entry.node)?;
        if target.starts_with(b"/") {
            way.truncate(1);
        }
        rest.extend(components(&target));
    }
    Ok(way.last().copied().unwrap_or_else(|| fs.root()))
}

/// The entry of a folder that has a name, or the name as this file system compares names.
fn child(fs: &dyn FileSystem, folder: NodeId, name: &[u8]) -> Result<Option<Entry>, Error> {
    let folds = folds_case(fs.kind());
    let folded = folds.then(|| fold(name));
    let mut exact = None;
    let mut alike = None;
    fs.entries(folder, &mut |entry| {
        if entry.name == name {
            exact = Some(entry);
            return Flow::Break(());
        }
        if alike.is_none() && folded.as_ref().is_some_and(|folded| fold(&entry.name) == *folded) {
            alike = Some(entry);
        }
        Flow::Continue(())
    })
    // What was found before damage was found.
    .or_else(|error| {
        if exact.is_some() || alike.is_some() {
            Ok(())
        } else {
            Err(error)
        }
    })?;
    Ok(exact.or(alike))
}

/// Whether names that differ in case alone are one name.
#[must_use]
pub const fn folds_case(kind: FileSystemKind) -> bool {
    matches!(
        kind,
        FileSystemKind::Ntfs
            | FileSystemKind::Fat12
            | FileSystemKind::Fat16
            | FileSystemKind::Fat32
            | FileSystemKind::ExFat
    )
}

/// Whether a name can stand in a path: hostile images have names that lead elsewhere.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".." && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
}

/// A name without its case.
fn fold(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}

/// The components of a path, last one first.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|byte| *byte == b'/');
    let named = parts.filter(|part| !part.is_empty() && *part != b".");
    named.rev().map(<[u8]>::to_vec).collect()
}

fn is_link(fs: &dyn FileSystem, entry: &Entry) -> Result<bool, Error> {
    let kind = match entry.kind {
        Some(kind) => kind,
        None => fs.metadata(entry.node)?.kind,
    };
    Ok(kind == NodeKind::Symlink)
}

fn missing(path: &[u8]) -> Error {
    Error::NotFound {
        path: String::from_utf8_lossy(path).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn paths_lead_where_they_lead() {
        let fs = Memory::new(FileSystemKind::Ext4)
            .folder("/a")
            .folder("/a/b")
            .file("/a/b/c", b"deep")
            .file("/A", b"upper");
        for (path, same) in [
            ("/a/b/c", "a//b/./c"),
            ("/a/b", "/a/b/c/.."),
            ("/a", "/../../a"),
            ("/A", "A"),
        ] {
            assert_eq!(
                find(&fs, same.as_bytes()).unwrap(),
                find(&fs, path.as_bytes()).unwrap(),
                "{same}"
            );
        }
        assert_eq!(find(&fs, b"").unwrap(), fs.root());
        assert_ne!(find(&fs, b"/a").unwrap(), find(&fs, b"/A").unwrap());
        assert!(matches!(find(&fs, b"/a/x/c"), Err(Error::NotFound { path }) if path == "/a/x/c"));
        assert!(matches!(find(&fs, b"/a/b/c/d"), Err(Error::NotA(_, "folder"))));
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0"] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name(b"..."));
    }

    #[test]
    fn names_of_windows_are_found_in_any_case_the_exact_one_first() {
        let fs = Memory::new(FileSystemKind::Ntfs)
            .folder("/Users")
            .file("/Users/Stra\u{df}e.TXT", b"1")
            .file("/Users/one", b"2")
            .file("/Users/ONE", b"3");
        assert!(find(&fs, "/uSERS/STRA\u{df}e.txt".as_bytes()).is_ok());
        assert_ne!(find(&fs, b"/users/one").unwrap(), find(&fs, b"/users/ONE").unwrap());
    }

    #[test]
    fn links_on_the_way_are_followed_and_the_last_is_not() {
        let fs = Memory::new(FileSystemKind::Ext4)
            .folder("/usr")
            .folder("/usr/lib")
            .file("/usr/lib/libc", b"x")
            .link("/lib", "usr/lib")
            .link("/absolute", "/usr/../lib");
        let wanted = find(&fs, b"/usr/lib/libc").unwrap();
        assert_eq!(find(&fs, b"/lib/libc").unwrap(), wanted);
        assert_eq!(find(&fs, b"/absolute/libc").unwrap(), wanted);
        let last = find(&fs, b"/lib").unwrap();
        assert_eq!(fs.metadata(last).unwrap().kind, NodeKind::Symlink);
    }

    #[test]
    fn links_in_a_circle_come_to_an_end() {
        let fs = Memory::new(FileSystemKind::Ext4).link("/a", "b/x").link("/b", "a/x");
        assert!(matches!(find(&fs, b"/a/file"), Err(Error::Stopped(_))));
    }
}
