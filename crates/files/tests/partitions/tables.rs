//! GPT and MBR.

use files::{Error, areas};

use crate::tools::{divided, ext4, label, put, seen, shared};

const GPT: &str =
    "label: gpt\nstart=2048, size=16MiB, type=U, name=\"EFI here\"\nsize=20MiB, type=L\nsize=8MiB, type=S\n";

fn gpt_disk() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = divided(&folder, 64, GPT);
    put(&mut disk, 17, &ext4(&folder, 20, "second"));
    disk
}

fn expected() -> Vec<(String, u64, u64, &'static str)> {
    vec![
        ("1".to_owned(), 1, 16, ""),
        ("2".to_owned(), 17, 20, "ext4"),
        ("3".to_owned(), 37, 8, ""),
    ]
}

#[test]
fn a_guid_partition_table_is_read() {
    let disk = gpt_disk();
    assert_eq!(seen(&disk), expected());
    assert_eq!(label(&disk, "2"), "second");
    let descriptions: Vec<_> = areas(&shared(&disk))
        .unwrap()
        .into_iter()
        .map(|area| area.description)
        .collect();
    assert_eq!(descriptions, ["EFI system, `EFI here`", "Linux data", "Linux swap"]);
}

/// The same table on a disk with sectors of 4096 bytes, without the copy at its end.
fn with_long_sectors(disk: &[u8]) -> Vec<u8> {
    let mut long = vec![0; disk.len()];
    let mut entries = disk[1024..1024 + 128 * 128].to_vec();
    for entry in entries.chunks_exact_mut(128) {
        // The last sector is inclusive: the end is what is divided.
        let number = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap());
        let (first, end) = (number(32) / 8, (number(40) + 1) / 8);
        entry[32..40].copy_from_slice(&first.to_le_bytes());
        entry[40..48].copy_from_slice(&end.saturating_sub(1).to_le_bytes());
    }
    let mut header = disk[512..512 + 92].to_vec();
    header[88..92].copy_from_slice(&crc32fast::hash(&entries).to_le_bytes());
    header[16..20].fill(0);
    let sum = crc32fast::hash(&header);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
    long[4096..4096 + 92].copy_from_slice(&header);
    long[8192..8192 + entries.len()].copy_from_slice(&entries);
    long
}

#[test]
fn a_guid_partition_table_with_sectors_of_4096_bytes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = with_long_sectors(&gpt_disk());
    put(&mut disk, 17, &ext4(&folder, 20, "long"));
    assert_eq!(seen(&disk), expected());
    assert_eq!(label(&disk, "2"), "long");
}

#[test]
fn the_copy_at_the_end_serves_when_the_table_is_damaged() {
    let mut disk = gpt_disk();
    // A byte of the header, of an entry, and all of the disk's start.
    for damaged in [512 + 60..512 + 61, 1024 + 33..1024 + 34, 0..1 << 20] {
        disk[damaged].fill(0x33);
        assert_eq!(seen(&disk), expected());
    }
    let end = disk.len() - 512;
    disk[end + 60] ^= 1;
    assert_eq!(seen(&disk)[0].0, "", "a table whose checksum is wrong was read");
}

#[test]
fn a_table_that_is_damaged_twice_is_told() {
    let mut disk = gpt_disk();
    let end = disk.len() - 512;
    disk[512 + 60] ^= 1;
    disk[end + 60] ^= 1;
    let error = areas(&shared(&disk)).unwrap_err();
    assert_eq!(error.to_string(), "damaged GPT at byte 512: its checksum is wrong");
    disk[512..1024].fill(0);
    disk[end..].fill(0);
    let error = areas(&shared(&disk)).unwrap_err();
    let told = "damaged GPT at byte 512: the boot record announces it, and neither copy is there";
    assert_eq!(error.to_string(), told);
}

const MBR: &str = "label: dos\nstart=1MiB, size=20MiB, type=83\nsize=6MiB, type=7\nsize=30MiB, type=f\nsize=4MiB, type=82\n\
                   size=5MiB, type=83\nsize=7MiB, type=8e\nsize=9MiB, type=83\n";

#[test]
fn a_master_boot_record_is_read_with_its_logical_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = divided(&folder, 80, MBR);
    put(&mut disk, 1, &ext4(&folder, 20, "primary"));
    let listed = seen(&disk);
    let shape: Vec<_> = listed
        .iter()
        .map(|(name, _, size, content)| (name.as_str(), *size, *content))
        .collect();
    let expected = [
        ("1", 20, "ext4"),
        ("2", 6, ""),
        ("4", 4, ""),
        ("5", 5, ""),
        ("6", 7, ""),
        ("7", 9, ""),
    ];
    assert_eq!(shape, expected);
    put(
        &mut disk,
        usize::try_from(listed[5].1).unwrap(),
        &ext4(&folder, 9, "logical"),
    );
    assert_eq!(
        (label(&disk, "1"), label(&disk, "7")),
        ("primary".to_owned(), "logical".to_owned())
    );
}

#[test]
fn a_chain_of_logical_partitions_that_leads_in_circles_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = divided(&folder, 80, MBR);
    // The second entry of the first record in the chain leads back to that record.
    let first = usize::try_from(u32::from_le_bytes(disk[446 + 2 * 16 + 8..][..4].try_into().unwrap())).unwrap() * 512;
    assert_eq!(disk[first + 446 + 16 + 4], 5, "no link to the next record");
    disk[first + 446 + 16 + 8..][..4].fill(0);
    let names: Vec<_> = seen(&disk).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["1", "2", "4", "5"]);
}

#[test]
fn a_master_boot_record_of_a_disk_with_long_sectors_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = divided(
        &folder,
        40,
        "label: dos\nstart=1MiB, size=20MiB, type=83\nsize=6MiB, type=7\n",
    );
    // A sector of 4096 bytes counts for eight.
    for at in [446 + 8, 446 + 12, 462 + 8, 462 + 12] {
        let sectors = u32::from_le_bytes(disk[at..at + 4].try_into().unwrap());
        disk[at..at + 4].copy_from_slice(&(sectors / 8).to_le_bytes());
    }
    put(&mut disk, 1, &ext4(&folder, 20, "long"));
    assert_eq!(
        seen(&disk),
        [("1".to_owned(), 1, 20, "ext4"), ("2".to_owned(), 21, 6, "")]
    );
}

#[test]
fn a_disk_without_a_table_is_one_area() {
    let folder = tempfile::tempdir().unwrap();
    let disk = ext4(&folder, 20, "whole");
    assert_eq!(seen(&disk), [(String::new(), 0, 20, "ext4")]);
    assert_eq!(label(&disk, ""), "whole");
    assert_eq!(seen(&vec![0; 2 << 20]), [(String::new(), 0, 2, "")]);
    assert!(matches!(areas(&shared(&[0; 100])), Err(Error::Disk(_))));
}
