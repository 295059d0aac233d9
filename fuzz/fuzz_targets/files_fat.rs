//! FAT and exFAT with damage anywhere: whatever is asked of it ends, and takes no more memory than it should. The first byte chooses the image,
//! the others are a list of changes.

#![no_main]

#[path = "shared/damaged.rs"]
mod damaged;

use std::sync::LazyLock;

use damaged::{Damaged, Image, exercise};
use libfuzzer_sys::fuzz_target;

static IMAGES: LazyLock<[Image; 4]> = LazyLock::new(|| {
    let packed: [&[u8]; 4] = [
        include_bytes!("../images/fat/exfat.zst"),
        include_bytes!("../images/fat/fat12.zst"),
        include_bytes!("../images/fat/fat16.zst"),
        include_bytes!("../images/fat/fat32.zst"),
    ];
    packed.map(|packed| Image::new(packed, |_| false))
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    let damaged = Damaged::new(&IMAGES[usize::from(choice % 4)], input);
    let is_exfat = choice % 4 == 0;
    exercise(if is_exfat && choice & 4 == 0 {
        damaged.with_exfat_checksums()
    } else {
        damaged
    });
});
