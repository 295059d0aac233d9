//! Logical volumes of a group that the real LVM2 made: see `tests/images/make-lvm`.

use files::{Content, Error, areas};

use crate::tools::{divided, ext4, image, label, put, seen, shared};

/// The physical volume of 64 MiB, with a file system in its logical volume of two segments.
fn physical_volume() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = image("lvm.zst");
    disk.resize(64 << 20, 0);
    let root = ext4(&folder, 32, "root");
    // Extents of 4 MiB from 1 MiB on: the volume has 0 to 4, and 7 to 9.
    put(&mut disk, 1, &root[..20 << 20]);
    put(&mut disk, 1 + 28, &root[20 << 20..]);
    disk
}

#[test]
fn logical_volumes_of_several_segments_are_read() {
    let disk = physical_volume();
    let expected = [
        (String::new(), 0, 64, "LVM2 physical volume"),
        ("vg0/root".to_owned(), 1, 32, "ext4"),
        ("vg0/swap".to_owned(), 21, 8, ""),
        ("vg0/striped".to_owned(), 0, 0, ""),
        ("vg0/elsewhere".to_owned(), 0, 0, ""),
    ];
    assert_eq!(seen(&disk), expected);
    assert_eq!(label(&disk, "vg0/root"), "root");
    let all = areas(&shared(&disk)).unwrap();
    assert_eq!(all[1].to_disk(25 << 20), Some((1 + 28 + 5) << 20));
    assert_eq!(all[1].from_disk((1 + 28 + 5) << 20), Some(25 << 20));
    assert_eq!(all[1].from_disk(22 << 20), None);
}

#[test]
fn volumes_that_are_not_supported_say_why() {
    let disk = shared(&physical_volume());
    let all = areas(&disk).unwrap();
    for (index, feature) in [
        (3, "an LVM volume in stripes"),
        (4, "an LVM volume that is partly on another disk"),
    ] {
        match all[index].disk(&disk).map(|_| ()) {
            Err(Error::Unsupported { feature: told }) => assert_eq!(told, feature),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn logical_volumes_in_a_partition_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = divided(&folder, 80, "label: gpt\nstart=3MiB, size=64MiB, type=V\n");
    put(&mut disk, 3, &physical_volume());
    let listed = seen(&disk);
    assert_eq!(listed[0], ("1".to_owned(), 3, 64, "LVM2 physical volume"));
    assert_eq!(listed[1], ("vg0/root".to_owned(), 4, 32, "ext4"));
    assert_eq!(label(&disk, "vg0/root"), "root");
}

#[test]
fn a_damaged_text_yields_no_volumes() {
    let whole = physical_volume();
    let area = 4096;
    let text = area + usize::try_from(u64::from_le_bytes(whole[area + 40..area + 48].try_into().unwrap())).unwrap();
    // The label, the header of the text's ring, and the text.
    for at in [512 + 40, area + 45, text + 100] {
        let mut disk = whole.clone();
        disk[at] ^= 1;
        let all = areas(&shared(&disk)).unwrap();
        assert_eq!(all.len(), 1, "{at}");
        assert_eq!(all[0].content, Some(Content::Other("LVM2 physical volume")));
    }
}
