//! What can't be read is named.

use files::{Content, FileSystemKind, areas, recognise};

use crate::tools::{run, seen, shared};

fn content(disk: &[u8]) -> &'static str {
    let [(name, .., content)] = &seen(disk)[..] else {
        panic!("more than one area");
    };
    assert_eq!(name, "");
    content
}

#[test]
fn what_cannot_be_read_is_named() {
    for (offset, magic, name) in [
        (0, &b"LUKS\xba\xbe\0\x02"[..], "LUKS encryption"),
        (3, b"-FVE-FS-", "BitLocker encryption"),
        (3, b"ReFS\0\0\0\0", "ReFS"),
        (0x1_0040, b"_BHRfS_M", "btrfs"),
        (32, b"NXSB", "APFS"),
        (0x2_0000 + 5 * 1024, b"\x0c\xb1\xba\0\0\0\0\0", "ZFS"),
        (4096, b"\xfc\x4e\x2b\xa9", "Linux RAID member"),
    ] {
        let mut disk = vec![0; 2 << 20];
        disk[offset..offset + magic.len()].copy_from_slice(magic);
        // BitLocker and ReFS have a boot sector, with the signature that partition tables have.
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(content(&disk), name);
        assert!(recognise(&disk).is_none());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swap");
    std::fs::write(&path, vec![0; 2 << 20]).unwrap();
    run("mkswap", &["-q", path.to_str().unwrap()], "");
    assert_eq!(content(&std::fs::read(&path).unwrap()), "swap");
}

#[test]
fn boot_sectors_are_told_from_partition_tables() {
    let mut sector = vec![0; 2 << 20];
    sector[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mut ntfs = sector.clone();
    ntfs[..11].copy_from_slice(b"\xeb\x52\x90NTFS    ");
    // What would be an entry of a table.
    ntfs[446..462].copy_from_slice(&[0x80, 0, 0, 0, 7, 0, 0, 0, 63, 0, 0, 0, 9, 0, 0, 0]);
    let disk = shared(&ntfs);
    let found = areas(&disk).unwrap();
    assert_eq!(found[0].content, Some(Content::FileSystem(FileSystemKind::Ntfs)));
    assert_eq!(found.len(), 1);
    // Code in the place of a table.
    let mut code = sector;
    code[446..510].fill(0x90);
    assert_eq!(content(&code), "");
}
