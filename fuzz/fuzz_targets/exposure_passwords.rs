//! Passwords of the breach monitor: hostile inputs of imports, and stored files that were changed. Whatever the bytes, an import ends with a
//! report or an error, and a question with an answer or an error.
//!
//! The first byte chooses what the rest is: an input whose form is recognised or given, or changes to stored files. Of those, checksums are made
//! right, so that the fuzzer gets past them.

#![no_main]

use std::fs::{File, OpenOptions};
use std::io::Cursor;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use exposure::hash::HashKind;
use exposure::passwords::{Encoding, Existing, Format, ImportOptions, Input, Padding, Passwords, RangePrefix, import};
use libfuzzer_sys::fuzz_target;

const PAGE_BYTES: usize = 4096;
const TRAILER_BYTES: usize = 320;
const DIRECTORY_PAGE_BYTES: usize = 2064;
const DIRECTORY_PAGES: usize = 2048;
const HEADER_BYTES: usize = 16;
/// Hashes of the store: all of one prefix, so that there is one block, and many in one page.
const ROWS: u64 = 3000;

/// A store, its two files and their bytes. The files are four megabytes long: only what is changed is written, and put right again.
struct Store {
    folder: PathBuf,
    range: (File, Vec<u8>),
    counts: (File, Vec<u8>),
}

static STORE: LazyLock<Store> = LazyLock::new(|| {
    let folder = own_folder("stored");
    let lines: String = (0..ROWS)
        .map(|row| format!("5BAA6{:035X}:{}\n", u128::from(row) << 68 | 7, row * row + 1))
        .collect();
    load(
        &folder,
        lines.as_bytes(),
        &options(Some(Format::Hashes), Some(HashKind::Sha1)),
    )
    .unwrap();
    let file = |ending: &str| {
        let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let path = paths
            .into_iter()
            .find(|path| path.to_str().unwrap().ends_with(ending))
            .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        (OpenOptions::new().write(true).open(&path).unwrap(), bytes)
    };
    Store {
        range: file(".range"),
        counts: file(".counts"),
        folder: folder.clone(),
    }
});

fn own_folder(name: &str) -> PathBuf {
    // Imports wait for the disk many times: a file system in memory doesn't.
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let folder = place.join(format!("fuzz-passwords-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn options(format: Option<Format>, kind: Option<HashKind>) -> ImportOptions {
    ImportOptions {
        source: None,
        kind,
        format,
        memory_bytes: 1 << 20,
        existing: Existing::Replace,
        now: 0,
    }
}

fn load(folder: &Path, bytes: &[u8], options: &ImportOptions) -> Result<(), exposure::Error> {
    let input = Input::Stream(Box::new(Cursor::new(bytes.to_vec())));
    import(folder, input, options, &mut |_| {}).map(|_| ())
}

fn import_input(choice: u8, input: &[u8]) {
    let format = [
        None,
        Some(Format::Hashes),
        Some(Format::Binary),
        Some(Format::Passwords),
    ][usize::from(choice >> 1) % 4];
    let kind = [None, Some(HashKind::Sha1), Some(HashKind::Ntlm)][usize::from(choice >> 3) % 3];
    let folder = own_folder("imported");
    let result = load(&folder, input, &options(format, kind));
    let loaded = Passwords::open(&folder).unwrap().statistics().unwrap();
    assert_eq!(result.is_ok(), !loaded.is_empty());
    let _ = std::fs::remove_dir_all(&folder);
}

/// Puts the checksum of what follows before it; of a block, behind its prefix.
fn seal(bytes: &mut [u8], prefix: &[u8]) {
    let sum = crc32c::crc32c_append(crc32c::crc32c(prefix), &bytes[4..]);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
}

fn change(bytes: &mut [u8], input: &[u8], end: usize) {
    for change in input.chunks_exact(4).take(32) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) * 3 % end;
        bytes[place] = change[2];
        bytes[(place + 1) % end] ^= change[3];
    }
}

fn ask_changed(choice: u8, input: &[u8]) {
    let store = &*STORE;
    let (range, counts) = (&store.range.1, &store.counts.1);
    let directory = range.len() - TRAILER_BYTES - DIRECTORY_PAGES * DIRECTORY_PAGE_BYTES;
    let (file, bytes, changed, prefix) = match choice >> 1 & 3 {
        0 => {
            let page = usize::from(choice >> 3) % (counts.len() / PAGE_BYTES) * PAGE_BYTES;
            (&store.counts.0, counts, page..page + PAGE_BYTES, None)
        }
        1 => (
            &store.range.0,
            range,
            HEADER_BYTES..directory,
            Some(0x5_baa6_u32.to_le_bytes()),
        ),
        2 => {
            let at = directory + 0x5_baa6 / 512 * DIRECTORY_PAGE_BYTES;
            (&store.range.0, range, at..at + DIRECTORY_PAGE_BYTES, None)
        }
        _ => (&store.range.0, range, range.len() - TRAILER_BYTES..range.len(), None),
    };
    let offset = changed.start as u64;
    let good = &bytes[changed];
    let mut bad = good.to_vec();
    change(&mut bad, input, good.len());
    seal(&mut bad, prefix.as_ref().map_or(&[], |prefix| prefix));
    file.write_all_at(&bad, offset).unwrap();
    ask(store);
    file.write_all_at(good, offset).unwrap();
}

fn ask(store: &Store) {
    let Ok(passwords) = Passwords::open(&store.folder) else {
        return;
    };
    for row in (0..ROWS).step_by(37) {
        let mut hash = [0; 20];
        hash[..3].copy_from_slice(&[0x5b, 0xaa, 0x60]);
        hash[3..11].copy_from_slice(&(row << 40).to_be_bytes());
        let _ = passwords.count(HashKind::Sha1, &hash);
    }
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Brotli] {
        for padding in [None, Some(Padding { seed: 1 })] {
            for prefix in [0x5_baa6, 0x5_baa7].map(|number| RangePrefix::new(number).unwrap()) {
                let _ = passwords.range(HashKind::Sha1, prefix, encoding, padding, &mut Vec::new());
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    if choice & 1 == 0 {
        import_input(*choice, input);
    } else {
        ask_changed(*choice, input);
    }
});
