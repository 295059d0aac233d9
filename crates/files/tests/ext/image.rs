//! Images made by the real `mke2fs`, filled from a folder without being mounted.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use files::ext::{Ext, open};
use tempfile::TempDir;

/// A folder of one test: what goes into images, and the images.
pub(crate) struct Workshop {
    folder: TempDir,
}

/// Bytes that differ from one place to the next and from one seed to the next.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Runs a tool of e2fsprogs, which distributions keep where ordinary users don't look for programs.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    output.unwrap_or_else(|error| panic!("`{program}`, of e2fsprogs, can't be run: {error}"))
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tree")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What goes into images.
    pub(crate) fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    /// Makes an image of the tree.
    pub(crate) fn make(&self, name: &str, options: &str, size: &str) -> PathBuf {
        let image = self.path(name);
        let tree = self.tree();
        let mut arguments = vec!["-q", "-F", "-d", tree.to_str().unwrap()];
        arguments.extend(options.split_whitespace());
        arguments.extend([image.to_str().unwrap(), size]);
        let output = run("mke2fs", &arguments);
        assert!(output.status.success(), "mke2fs {arguments:?}: {output:?}");
        image
    }

    /// Files of all shapes.
    pub(crate) fn fill(&self) {
        let tree = self.tree();
        for (name, length) in [
            ("empty", 0),
            ("tiny", 40),
            ("small", 110),
            ("block", 4096),
            ("odd", 100_001),
            ("big", 3_000_000),
        ] {
            fs::write(tree.join(name), noise(length as u64 + 1, length)).unwrap();
        }
        self.sparse();
        fs::create_dir_all(tree.join("deep/er/and/deeper")).unwrap();
        fs::write(tree.join("deep/er/and/deeper/file"), b"at the bottom").unwrap();
        fs::create_dir(tree.join("few")).unwrap();
        for index in 0..3 {
            fs::write(tree.join(format!("few/{index}")), [index; 3]).unwrap();
        }
        fs::create_dir(tree.join("many")).unwrap();
        for index in 0..700 {
            let name = format!("many/a name that is rather long, so that folders grow {index}");
            fs::write(tree.join(name), index.to_string()).unwrap();
        }
        symlink("tiny", tree.join("short link")).unwrap();
        symlink("deep/".repeat(40), tree.join("long link")).unwrap();
        symlink("x".repeat(59), tree.join("link of 59")).unwrap();
        symlink("x".repeat(60), tree.join("link of 60")).unwrap();
        fs::hard_link(tree.join("small"), tree.join("second name")).unwrap();
        fs::write(tree.join("private"), b"secret").unwrap();
        fs::set_permissions(tree.join("private"), fs::Permissions::from_mode(0o4601)).unwrap();
    }

    /// A file with holes, whose blocks need every level of block pointers and several of extents.
    fn sparse(&self) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::create(self.tree().join("sparse")).unwrap();
        for piece in 0..400 {
            file.write_all_at(&noise(piece, 4096), 20_000_000 + piece * 12_288)
                .unwrap();
        }
        for offset in [0, 20_480, 327_680, 10_485_760, 73_400_320] {
            file.write_all_at(&noise(offset, 4096), offset).unwrap();
        }
        let file = fs::File::create(self.tree().join("hole at the end")).unwrap();
        file.write_all_at(&noise(7, 5000), 50_000).unwrap();
        file.set_len(1_000_000).unwrap();
    }
}

/// The bytes of an image, as a disk in memory.
pub(crate) fn disk(image: &Path) -> Arc<Vec<u8>> {
    Arc::new(fs::read(image).unwrap())
}

pub(crate) fn open_image(image: &Path) -> Ext {
    open(disk(image)).unwrap()
}

/// Runs commands of `debugfs` that change an image.
pub(crate) fn debugfs(image: &Path, commands: &str) {
    let script = image.with_extension("commands");
    fs::write(&script, commands).unwrap();
    let output = run(
        "debugfs",
        &["-w", "-f", script.to_str().unwrap(), image.to_str().unwrap()],
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = errors.lines().filter(|line| !line.starts_with("debugfs 1."));
    assert_eq!(told.collect::<Vec<_>>(), Vec::<&str>::new(), "debugfs: {commands}");
}
