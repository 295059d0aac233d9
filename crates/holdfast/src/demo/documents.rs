//! What the scratch disk is filled with: documents that every machine has (package documentation, manuals, headers,
//! pictures), copied; nobody's own files are touched. Where a machine has little of them, as a slim container, documents
//! are made up from the program's own texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::made;

/// A file to be put on the scratch disk.
pub(super) struct Document {
    /// Its path there.
    pub(super) path: String,
    /// Where its content comes from.
    pub(super) source: Source,
}

/// Where a document's content comes from.
pub(super) enum Source {
    /// A file of this machine, to be read.
    Machine(PathBuf),
    /// Made up.
    Made(Vec<u8>),
}

/// Places of a machine with documents, the folder they go to, and the most files and MiB that are taken from there.
pub(super) const PLACES: [(&str, &str, usize, u64); 8] = [
    ("/usr/share/doc", "documents", 300, 40),
    ("/usr/share/man", "manuals", 160, 10),
    ("/usr/include", "projects", 120, 10),
    ("/usr/share/common-licenses", "licences", 20, 1),
    ("/usr/share/icons", "pictures/icons", 60, 8),
    ("/usr/share/pixmaps", "pictures", 20, 4),
    ("/usr/share/backgrounds", "pictures/backgrounds", 20, 16),
    ("/usr/share/fonts", "fonts", 20, 8),
];
/// All of these MiB.
const PLACES_MIB: u64 = 97;
/// Documents are made up until there are so many ...
const FILES_LEAST: usize = 600;
/// ... of so many bytes.
const BYTES_LEAST: u64 = 104 << 20;
/// Sizes of files that are taken.
const SIZES: std::ops::RangeInclusive<u64> = 600..=(4 << 20);
/// Files looked at in one place, and files taken from one folder: for variety, and so that nobody waits.
const LOOKED_AT_MOST: usize = 6_000;
const OF_FOLDER_MOST: usize = 12;

/// Gathers what the disk is filled with, from such places: at most `bytes_most`. `texts` is what documents are made up from.
pub(super) fn gather(places: &[(&str, &str, usize, u64)], texts: &str, bytes_most: u64) -> Vec<Document> {
    let mut names = Names::default();
    let mut documents = Vec::new();
    let mut bytes = 0;
    for (place, folder, files_most, mib_most) in places {
        let found = found_in(Path::new(place));
        // Where there is little room, every place gives less.
        let most = bytes_most / PLACES_MIB * mib_most;
        for (source, size) in chosen(found, *files_most, most) {
            let path = path_on_disk(&source, Path::new(place), folder);
            if let Some(path) = path.filter(|path| names.take(path)) {
                bytes += size;
                documents.push(Document {
                    path,
                    source: Source::Machine(source),
                });
            }
        }
    }
    made::add(&mut documents, texts, FILES_LEAST, BYTES_LEAST.min(bytes_most), bytes);
    documents
}

/// Regular files in a place, with their sizes. Links aren't followed.
fn found_in(place: &Path) -> Vec<(PathBuf, u64)> {
    let mut folders = vec![place.to_owned()];
    let mut found = Vec::new();
    let mut looked_at = 0;
    while let Some(folder) = folders.pop() {
        // What can't be read isn't taken.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            looked_at += 1;
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() && SIZES.contains(&metadata.len()) {
                found.push((entry.path(), metadata.len()));
            }
        }
        if looked_at > LOOKED_AT_MOST {
            break;
        }
    }
    found.sort();
    found
}

/// Of what was found, large files for half of the bytes and a selection of the others, in the order of their names.
fn chosen(found: Vec<(PathBuf, u64)>, files_most: usize, bytes_most: u64) -> Vec<(PathBuf, u64)> {
    let mut of_folder = BTreeMap::new();
    let mut found: Vec<_> = found
        .into_iter()
        .filter(|(path, _)| {
            let count = of_folder.entry(path.parent().map(Path::to_owned)).or_insert(0);
            *count += 1;
            *count <= OF_FOLDER_MOST
        })
        .collect();
    found.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let large = files_most / 3;
    let rest = found.split_off(large.min(found.len()));
    let step = (rest.len() / (files_most - large).max(1)).max(1);
    let mut chosen = fitting(found.into_iter(), bytes_most / 2);
    let left = bytes_most - chosen.iter().map(|(_, size)| size).sum::<u64>();
    chosen.extend(fitting(rest.into_iter().step_by(step).take(files_most - large), left));
    chosen.sort();
    chosen
}

/// Those files that fit, one after the other.
fn fitting(files: impl Iterator<Item = (PathBuf, u64)>, bytes_most: u64) -> Vec<(PathBuf, u64)> {
    let mut left = bytes_most;
    let fits = |file: &(PathBuf, u64)| {
        let fits = file.1 <= left;
        left -= if fits { file.1 } else { 0 };
        fits
    };
    files.filter(fits).collect()
}

/// Names that are taken on the disk. FAT doesn't tell capitals from small letters.
#[derive(Debug, Default)]
struct Names {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Names {
    /// Takes a path, unless a file has it, or a folder, or a file has the name of one of its folders.
    fn take(&mut self, path: &str) -> bool {
        let path = path.to_lowercase();
        let folders = || path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        if self.files.contains(&path)
            || self.folders.contains(&path)
            || folders().any(|folder| self.files.contains(folder))
        {
            return false;
        }
        self.folders.extend(folders().map(str::to_owned));
        self.files.insert(path)
    }
}

/// A file's path on the scratch disk: its folder's first two names, and its own. `None` where FAT has no such name.
fn path_on_disk(file: &Path, place: &Path, folder: &str) -> Option<String> {
    let within = file.strip_prefix(place).ok()?;
    let mut parts: Vec<&str> = within.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    let name = parts.pop()?;
    let folders = parts.into_iter().take(2);
    let parts: Vec<&str> = std::iter::once(folder).chain(folders).chain([name]).collect();
    let is_usable = parts.iter().all(|part| is_usable(part));
    is_usable.then(|| parts.join("/"))
}

/// Whether FAT can have a name, and every reader of it agrees which.
fn is_usable(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+/".contains(c);
    (1..=100).contains(&name.len()) && name.chars().all(is_plain) && !name.starts_with('.') && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_the_disk_have_at_most_two_of_the_folders() {
        let path = |text: &str| path_on_disk(Path::new(text), Path::new("/usr/share/doc"), "documents");
        assert_eq!(path("/usr/share/doc/a/b/c/d.gz").as_deref(), Some("documents/a/b/d.gz"));
        assert_eq!(path("/usr/share/doc/d").as_deref(), Some("documents/d"));
        for unusable in [
            "/usr/share/doc/a/b:c",
            "/usr/share/doc/.hidden",
            "/usr/share/doc/a./b",
            "/etc/x",
        ] {
            assert_eq!(path(unusable), None, "{unusable}");
        }
    }

    #[test]
    fn no_two_names_differ_only_in_their_capitals() {
        let mut names = Names::default();
        for (path, is_taken) in [
            ("a/b/c", true),
            ("a/B/C", false),
            ("a/b", false),
            ("A", false),
            ("a/b/C/d", false),
            ("a/b/d", true),
        ] {
            assert_eq!(names.take(path), is_taken, "{path}");
        }
    }

    #[test]
    fn the_places_add_up() {
        assert_eq!(PLACES.iter().map(|place| place.3).sum::<u64>(), PLACES_MIB);
    }

    #[test]
    fn what_is_chosen_keeps_within_its_limits() {
        let found: Vec<_> = (0..1000_u64)
            .map(|n| (PathBuf::from(format!("/{}/{n}", n % 200)), 1000 + n))
            .collect();
        let chosen = chosen(found, 90, 150_000);
        assert!(chosen.len() <= 90 && chosen.len() > 60, "{}", chosen.len());
        assert!(chosen.iter().map(|(_, size)| size).sum::<u64>() <= 150_000);
        assert!(chosen.iter().any(|(_, size)| *size > 1900) && chosen.iter().any(|(_, size)| *size < 1200));
    }

    #[test]
    fn a_machine_without_documents_gets_made_up_ones() {
        let documents = gather(&[], "the one text\nand another\n", 64 << 20);
        assert!(
            (FILES_LEAST..FILES_LEAST + 20).contains(&documents.len()),
            "{}",
            documents.len()
        );
        let bytes = |document: &Document| match &document.source {
            Source::Made(content) => content.len() as u64,
            Source::Machine(path) => panic!("{}", path.display()),
        };
        let total: u64 = documents.iter().map(bytes).sum();
        assert!((60 << 20..70 << 20).contains(&total), "{total}");
        let paths: BTreeSet<_> = documents.iter().map(|document| document.path.to_lowercase()).collect();
        assert_eq!(paths.len(), documents.len(), "paths are distinct");
    }
}
