//! NTFS with damage anywhere: whatever is asked of it ends, and takes no more memory than it should. The input is a list of changes.

#![no_main]

#[path = "shared/damaged.rs"]
mod damaged;

use std::sync::LazyLock;

use damaged::{Damaged, Image, exercise};
use libfuzzer_sys::fuzz_target;

static NTFS: LazyLock<Image> = LazyLock::new(|| {
    let packed = include_bytes!("../images/ntfs/ntfs.zst");
    Image::new(packed, |sector| {
        sector.starts_with(b"FILE") || sector.starts_with(b"INDX")
    })
});

fuzz_target!(|input: &[u8]| exercise(Damaged::new(&NTFS, input)));
