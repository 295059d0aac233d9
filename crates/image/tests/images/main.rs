//! Images against QEMU: what it writes is read, and what is written it reads and finds free of errors.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails shall panic"
)]

mod memory_disk;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::qcow2::{Qcow2Sink, Qcow2Source};
use image::{ImageSink, ImageSource, RawSink, RawSource, export_device, import_into};
use memory_disk::MemoryDisk;
use volume::Device;

const MIB: u64 = 1 << 20;

/// A folder of its own for a test, emptied first.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn qemu_img(arguments: &[&str]) -> String {
    let output = Command::new("qemu-img")
        .args(arguments)
        .output()
        .expect("qemu-img (package qemu-utils) is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "qemu-img {arguments:?}: {text}");
    text
}

fn new_file(path: &Path) -> File {
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap()
}

fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A disk with data at its start, at its end, across clusters and L2 tables, and much nothing.
fn sample(size: u64) -> MemoryDisk {
    let disk = MemoryDisk::new(size);
    disk.fill(0, 512);
    disk.fill(64 * 1024 - 100, 200);
    disk.fill(5 * MIB + 4096, 3 << 20);
    if size > 600 * MIB {
        disk.fill(512 * MIB - 4096, 8192);
    }
    disk.fill(size - 700, 700);
    disk
}

fn export_raw(disk: &MemoryDisk, path: &Path) {
    let mut sink = RawSink::create(new_file(path), disk.size_bytes()).unwrap();
    export_device(disk, &mut sink, &mut go_on).unwrap();
}

fn export_qcow2(disk: &MemoryDisk, path: &Path) {
    let mut sink = Qcow2Sink::create(new_file(path), disk.size_bytes()).unwrap();
    export_device(disk, &mut sink, &mut go_on).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn written_images_are_free_of_errors_and_equal() {
    // The second size is no multiple of the cluster's or the block's size.
    for (name, size) in [("even", 1024 * MIB), ("odd", 9 * MIB + 512)] {
        let folder = folder(&format!("written-{name}"));
        let (raw, qcow2) = (folder.join("disk.raw"), folder.join("disk.qcow2"));
        let disk = sample(size);
        export_raw(&disk, &raw);
        export_qcow2(&disk, &qcow2);
        assert_eq!(raw.metadata().unwrap().len(), size);
        let check = qemu_img(&["check", "-f", "qcow2", text(&qcow2)]);
        assert!(check.starts_with("No errors were found on the image."), "{check}");
        let compare = qemu_img(&["compare", "-f", "raw", "-F", "qcow2", text(&raw), text(&qcow2)]);
        assert!(compare.contains("Images are identical."), "{compare}");
    }
}

#[test]
fn holes_stay_holes() {
    use std::os::unix::fs::MetadataExt;
    let folder = folder("holes");
    let (raw, qcow2) = (folder.join("disk.raw"), folder.join("disk.qcow2"));
    let disk = sample(64 << 30);
    export_raw(&disk, &raw);
    export_qcow2(&disk, &qcow2);
    assert!(raw.metadata().unwrap().blocks() * 512 < 4 * MIB);
    assert!(qcow2.metadata().unwrap().len() < 5 * MIB);
    let back = MemoryDisk::new(64 << 30);
    let mut source = RawSource::open(File::open(&raw).unwrap()).unwrap();
    let summary = import_into(&mut |writes| back.write(writes), &mut source, &mut go_on).unwrap();
    assert_eq!(summary.data_bytes, 4096 * disk.blocks_written() as u64);
    assert_eq!(back.blocks_written(), disk.blocks_written());
}

#[test]
fn an_empty_disk_of_64_tib_is_exported_at_once() {
    let folder = folder("largest");
    let qcow2 = folder.join("disk.qcow2");
    export_qcow2(&MemoryDisk::new(64 << 40), &qcow2);
    assert!(qemu_img(&["check", text(&qcow2)]).starts_with("No errors"));
    assert!(qemu_img(&["info", text(&qcow2)]).contains("64 TiB"));
    let mut source = Qcow2Source::open(File::open(&qcow2).unwrap()).unwrap();
    assert_eq!(source.run_at(0).unwrap().length, 64 << 40);
}

/// Every kind of image that QEMU writes reads back as the disk it was made from.
#[test]
fn images_of_every_kind_are_read() {
    let folder = folder("kinds");
    let raw = folder.join("disk.raw");
    let disk = sample(700 * MIB);
    export_raw(&disk, &raw);
    for (name, options) in [
        ("v2", vec!["-o", "compat=0.10"]),
        ("v3", vec!["-o", "compat=1.1"]),
        ("smallest-clusters", vec!["-o", "cluster_size=512"]),
        ("largest-clusters", vec!["-o", "cluster_size=2M"]),
        ("deflate", vec!["-c"]),
        ("deflate-small", vec!["-c", "-o", "cluster_size=4096"]),
        ("zstd", vec!["-c", "-o", "compression_type=zstd"]),
        ("zstd-large", vec!["-c", "-o", "compression_type=zstd,cluster_size=2M"]),
        ("metadata", vec!["-o", "preallocation=metadata"]),
        ("lazy", vec!["-o", "lazy_refcounts=on"]),
        ("narrow-refcounts", vec!["-o", "refcount_bits=1"]),
    ] {
        let image = folder.join(format!("{name}.qcow2"));
        let mut arguments = vec!["convert", "-f", "raw", "-O", "qcow2"];
        arguments.extend(options);
        arguments.extend([text(&raw), text(&image)]);
        qemu_img(&arguments);
        let mut source = Qcow2Source::open(File::open(&image).unwrap()).unwrap();
        let back = MemoryDisk::new(source.size_bytes());
        import_into(&mut |writes| back.write(writes), &mut source, &mut go_on).unwrap();
        let again = folder.join(format!("{name}.raw"));
        export_raw(&back, &again);
        let compare = qemu_img(&["compare", "-f", "raw", "-F", "raw", text(&raw), text(&again)]);
        assert!(compare.contains("Images are identical."), "{name}: {compare}");
        assert_eq!(back.blocks_written(), disk.blocks_written(), "{name}");
    }
}

#[test]
fn images_with_unsupported_features_are_refused() {
    let folder = folder("unsupported");
    let base = folder.join("base.qcow2");
    qemu_img(&["create", "-q", "-f", "qcow2", text(&base), "10M"]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        text(&base),
        "-F",
        "qcow2",
        &path("backed"),
    ]);
    qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "extended_l2=on",
        &path("extended"),
        "10M",
    ]);
    let external = format!("data_file={},data_file_raw=on", path("data"));
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", &external, &path("external"), "10M"]);
    for (name, expected) in [
        (
            "backed",
            "the image has a backing file (flatten it with `qemu-img convert`), which isn't supported",
        ),
        (
            "extended",
            "the image uses extended L2 entries (convert it with `qemu-img convert`), which isn't supported",
        ),
        (
            "external",
            "the image keeps its data in another file, which isn't supported",
        ),
    ] {
        let error = Qcow2Source::open(File::open(path(name)).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

/// Every single changed byte of the metadata gives an error or other data, never a panic or an endless loop.
#[test]
fn damaged_images_never_do_worse_than_an_error() {
    let folder = folder("damaged");
    let (raw, image) = (folder.join("disk.raw"), folder.join("disk.qcow2"));
    let disk = MemoryDisk::new(64 << 10);
    disk.fill(0, 12_000);
    export_raw(&disk, &raw);
    qemu_img(&[
        "convert",
        "-f",
        "raw",
        "-O",
        "qcow2",
        "-c",
        "-o",
        "cluster_size=512",
        text(&raw),
        text(&image),
    ]);
    let bytes = std::fs::read(&image).unwrap();
    for at in (0..112).chain((512..bytes.len()).step_by(3)) {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let Ok(mut source) = Qcow2Source::open(damaged.as_slice()) else {
                continue;
            };
            let mut offset = 0;
            while offset < source.size_bytes().min(MIB) {
                let Ok(run) = source.run_at(offset) else { break };
                assert!(run.length > 0);
                let mut buffer = vec![0; usize::try_from(run.length.min(MIB)).unwrap()];
                let _ = source.read(offset, &mut buffer);
                offset += run.length;
            }
        }
    }
}

#[test]
fn an_image_cut_short_while_written_is_no_image() {
    let folder = folder("cut-short");
    let path = folder.join("disk.qcow2");
    let mut sink = Qcow2Sink::create(new_file(&path), 10 * MIB).unwrap();
    sink.write(0, &[1; 1 << 20]).unwrap();
    drop(sink);
    let error = Qcow2Source::open(File::open(&path).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the file is not a qcow2 image");
}
