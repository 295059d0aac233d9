//! What becomes of a volume when the file that makes it one is damaged.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use volume::{Error, Moment, OsDirectory, Settings, Store, Timestamp, WriteRequest, os_random};

const MIB: u64 = 1 << 20;
const COPY: usize = 4096;

fn at(second: u64) -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000 + second)
}

struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder with a volume `disk`, closed in good order.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        let store = folder.store();
        let disk = store.create("disk", MIB, at(0)).expect("created");
        let data = [7; 4096];
        disk.write(
            &[WriteRequest {
                offset: 8192,
                data: &data,
            }],
            at(1),
        )
        .expect("written");
        drop(disk);
        store.close(at(2)).expect("closed");
        folder
    }

    fn with_fork() -> Self {
        let folder = Self::new();
        let store = folder.store();
        store.fork("disk", &Moment::At(at(1)), "copy", at(3)).expect("forked");
        store.close(at(4)).expect("closed");
        folder
    }

    fn store(&self) -> Arc<Store> {
        let directory = Arc::new(OsDirectory::open(self.0.path()).expect("the folder"));
        Store::open(directory, Box::new(|_| Settings::default()), Box::new(os_random))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path(name).join("volume");
        let mut bytes = fs::read(&path).expect("the file");
        change(&mut bytes);
        fs::write(&path, bytes).expect("changed");
    }

    fn damage_both(&self, name: &str) {
        self.change(name, |bytes| {
            flip(bytes, 20);
            flip(bytes, COPY + 21);
        });
    }
}

fn flip(bytes: &mut [u8], at: usize) {
    *bytes.get_mut(at).expect("within the file") ^= 1;
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn a_volume_opens_with_either_copy_of_its_file_damaged_and_mends_it() {
    let folder = Folder::new();
    let whole = fs::read(folder.path("disk/volume")).expect("the file");
    assert_eq!(whole.len(), 2 * COPY);
    let damages: [Damage; 5] = [
        |bytes| bytes[..COPY].fill(0),
        |bytes| bytes[COPY..].fill(0xff),
        |bytes| bytes[30] ^= 4,
        |bytes| bytes[2 * COPY - 1] ^= 4,
        |bytes| bytes.truncate(COPY + 100),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        folder.change("disk", damage);
        let store = folder.store();
        let volume = store.volume("disk", at(10)).expect("one copy is enough");
        let mut data = [0; 4096];
        let read = volume.read(8192, &mut data, volume::Wait::Allowed);
        assert!(read.is_ok() && data == [7; 4096], "damage {number}");
        drop(volume);
        store.close(at(11)).expect("closed");
        assert_eq!(
            fs::read(folder.path("disk/volume")).expect("the file"),
            whole,
            "damage {number}"
        );
    }
}

#[test]
fn a_volume_whose_file_is_beyond_repair_is_named_and_can_be_deleted() {
    let folder = Folder::new();
    folder.damage_both("disk");
    let store = folder.store();
    let error = store.volume("disk", at(10)).map(drop).expect_err("damaged");
    assert!(error.to_string().starts_with("`disk/volume` is not usable"), "{error}");
    let segments = fs::read_dir(folder.path("disk")).expect("the directory").count();
    store
        .repair("disk", at(11))
        .map(drop)
        .expect_err("what it held can't be known");
    assert_eq!(
        fs::read_dir(folder.path("disk")).expect("the directory").count(),
        segments
    );
    store.delete("disk", at(12)).expect("deleted");
    assert_eq!(store.names().expect("listed"), Vec::<String>::new());
    assert!(!folder.path("disk").exists());
}

#[test]
fn a_fork_names_the_file_of_its_parent_that_is_beyond_repair_and_is_deleted_before_it() {
    let folder = Folder::with_fork();
    folder.damage_both("disk");
    let store = folder.store();
    let error = store.volume("copy", at(10)).map(drop).expect_err("needs its parent");
    assert!(
        matches!(&error, Error::ParentUnusable { parent, .. } if parent == "disk"),
        "{error}"
    );
    assert!(error.to_string().contains("`disk/volume` is not usable"), "{error}");
    let refused = store.delete("disk", at(11));
    assert!(
        matches!(&refused, Err(Error::HasForks { fork, .. }) if fork == "copy"),
        "{refused:?}"
    );
    store.delete("copy", at(12)).expect("deleted");
    store.delete("disk", at(13)).expect("deleted");
    assert!(!folder.path("disk").exists() && !folder.path("copy").exists());
}

#[test]
fn deleting_a_fork_that_is_beyond_repair_lets_its_start_go() {
    let folder = Folder::with_fork();
    folder.damage_both("copy");
    let store = folder.store();
    let disk = store.volume("disk", at(10)).expect("not concerned");
    assert_eq!(disk.pins().len(), 1, "a fork that can't be read is a fork still");
    store.delete("copy", at(11)).expect("deleted");
    assert_eq!(disk.pins().len(), 0);
}

#[test]
fn the_file_of_another_volume_is_not_believed() {
    let folder = Folder::new();
    let store = folder.store();
    store.create("other", MIB, at(3)).map(drop).expect("created");
    store.close(at(4)).expect("closed");
    let own = fs::read(folder.path("disk/volume")).expect("the file");
    let others = fs::read(folder.path("other/volume")).expect("the file");
    folder.change("disk", |bytes| bytes[..COPY].copy_from_slice(&others[..COPY]));
    let store = folder.store();
    store
        .volume("disk", at(5))
        .map(drop)
        .expect("the segments tell which copy is right");
    store.close(at(6)).expect("closed");
    assert_eq!(fs::read(folder.path("disk/volume")).expect("the file"), own, "mended");

    folder.change("disk", |bytes| bytes.copy_from_slice(&others));
    let names = |path| -> Vec<_> {
        let entries = fs::read_dir(path).expect("the directory");
        entries.map(|entry| entry.expect("an entry").file_name()).collect()
    };
    let before = names(folder.path("disk"));
    let error = folder.store().volume("disk", at(7)).map(drop).expect_err("not its own");
    assert!(matches!(error, Error::BadFile { .. }), "{error}");
    assert_eq!(names(folder.path("disk")), before, "nothing was removed");
}
