"""Ordinary care of disks and file systems: images, virtual machines, defragmentation, discards, resizing, encryption that was
announced."""

import os
import shutil

import attacks_device
import programs
from case import case
from programs import MACHINES, MIB, work


def place_machines(scratch, rng):
    programs.place_machine_disks(scratch, rng)


@case("disk-encryption-announced", "ordinary", on_device=True, announced=True, seconds=8)
def encrypt_disk(raw, rng, deadline):
    """The administrator turns disk encryption on, having said so: the same work as its misuse."""
    attacks_device.rewrite_in_order(raw, deadline, MIB, 0)


@case("image-copy", "ordinary", prepare=place_machines)
def copy_image(scratch, rng, deadline):
    for number in range(100):
        source = scratch.root / MACHINES / rng.choice(["files.raw", "mail.qcow2"])
        target = scratch.root / MACHINES / f"copy-{number % 2}"
        if deadline.is_over() or not work(
            scratch, deadline, "dd", f"if={source}", f"of={target}", "bs=1M", "conv=notrunc,fsync", accept=(0, 1)
        ):
            break


@case("image-conversion", "ordinary", prepare=place_machines)
def convert_image(scratch, rng, deadline):
    for number in range(100):
        command = [
            "qemu-img",
            "convert",
            "-O",
            "qcow2",
            *(["-c"] if number % 2 else []),
            "files.raw",
            f"converted-{number % 2}.qcow2",
        ]
        if deadline.is_over() or not work(scratch, deadline, *command, inside=MACHINES, accept=(0, 1)):
            break


@case("snapshot-merge", "ordinary", prepare=place_machines, seconds=8)
def merge_snapshot(scratch, rng, deadline):
    """A guest wrote into a snapshot's overlay; the overlay is merged into its base, in place, and deleted."""
    for number in range(100):
        overlay = f"overlay-{number}.qcow2"
        if deadline.is_over() or not work(
            scratch,
            deadline,
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-b",
            "mail.qcow2",
            "-F",
            "qcow2",
            overlay,
            inside=MACHINES,
        ):
            break
        writes = [
            f"write -P {rng.randrange(256)} {rng.randrange(100 * 16) * 65536} {rng.choice([64, 128, 256])}k" for _ in range(150)
        ]
        words = [word for write in writes for word in ("-c", write)]
        if not work(scratch, deadline, "qemu-io", "-f", "qcow2", *words, overlay, inside=MACHINES, accept=(0, 1)):
            break
        if not work(scratch, deadline, "qemu-img", "commit", "-q", overlay, inside=MACHINES, accept=(0, 1)):
            break
        (scratch.root / MACHINES / overlay).unlink()


def guest(name, content, **options):
    """Registers a virtual machine at work inside an image: blocks are read, changed, written back and synced."""

    @case(name, "ordinary", prepare=place_machines, **options)
    def run(scratch, rng, deadline):
        path = scratch.root / MACHINES / "files.raw"
        handle = os.open(path, os.O_RDWR)
        try:
            blocks = path.stat().st_size // 4096
            while not deadline.is_over():
                length = rng.choice([1, 1, 2, 4, 16])
                start = rng.randrange(blocks - length) * 4096
                former = os.pread(handle, length * 4096, start)
                if rng.random() < 0.5:
                    os.pwrite(handle, content(former, rng), start)
                if rng.random() < 0.02:
                    os.fsync(handle)
        finally:
            os.close(handle)


def changed(former, rng):
    """A database page or a document that changed a little."""
    data = bytearray(former)
    at = rng.randrange(len(data) - 256)
    data[at : at + 200] = b"changed by a guest of the lab ".ljust(200, b".")
    return bytes(data)


guest("virtual-machine-at-work", changed)
guest("virtual-machine-with-encrypted-disk", lambda former, rng: os.urandom(len(former)))


@case("encrypted-container-in-use", "ordinary")
def use_container(scratch, rng, deadline):
    """A user's own encrypted container, mounted all day: random bytes are read and overwritten by others, all within one file."""
    path = scratch.root / "Finance" / "private.hc"
    blocks = 24 * 256
    with open(path, "wb+", buffering=0) as file:
        for _ in range(24):
            file.write(os.urandom(MIB))
        while not deadline.is_over():
            start = rng.randrange(blocks - 32) * 4096
            length = 4096 * rng.choice([1, 2, 8, 32])
            os.pread(file.fileno(), length, start)
            if rng.random() < 0.6:
                os.pwrite(file.fileno(), os.urandom(length), start)
            if rng.random() < 0.05:
                os.fsync(file.fileno())
            deadline.rest(0.002)


@case("defragmentation", "ordinary", file_systems=("ext4", "xfs"), seconds=8)
def defragment(scratch, rng, deadline):
    if scratch.kind == "ext4":
        work(scratch, deadline, "e4defrag", scratch.root, accept=(0, 1))
    else:
        work(scratch, deadline, "find", scratch.root, "-type", "f", "-exec", "xfs_fsr", "{}", "+", accept=(0, 1))


@case("fstrim", "ordinary", discard=False)
def discard_free_space(scratch, rng, deadline):
    """Folders are deleted; the weekly fstrim follows. Discards arrive while others work."""
    for folder in ("Shared/Copies", "Marketing/Films", "Support/Calls", "Shared/Temp"):
        shutil.rmtree(scratch.root / folder, ignore_errors=True)
        scratch.sync()
        scratch.skip(3600)
        if deadline.is_over() or not work(scratch, deadline, "fstrim", scratch.root, accept=(0, 1, 32)):
            break


@case("large-deletion", "ordinary", discard=True)
def delete_much(scratch, rng, deadline):
    """Whole departments are archived elsewhere and deleted here, with online discard."""
    for folder in ("Shared/Copies", "Marketing", "Legal", "Support", "Sales"):
        if deadline.is_over() or not work(scratch, deadline, "rm", "-rf", scratch.root / folder):
            break
        scratch.sync()
        deadline.rest(0.5)


@case("resize", "ordinary", on_device=True, file_systems=("ext4", "ntfs"), seconds=10)
def resize(raw, rng, deadline):
    """Shrunk as far as it goes, which moves many blocks, and grown again."""
    if raw.kind == "ext4":
        steps = [["e2fsck", "-f", "-y"], ["resize2fs", "-M"], ["resize2fs"]]
    else:
        steps = [["ntfsresize", "-f", "-f", "-s", "960M"], ["ntfsresize", "-f", "-f"]]
    for step in steps:
        if deadline.is_over():
            break
        programs.on_device(raw, deadline, *step)


@case("file-system-check", "ordinary", on_device=True)
def check(raw, rng, deadline):
    steps = {"ext4": ["e2fsck", "-f", "-y"], "xfs": ["xfs_repair"], "ntfs": ["ntfsfix"]}
    programs.on_device(raw, deadline, *steps[raw.kind])


@case("make-file-system", "ordinary", on_device=True, announced=True, seconds=5)
def reformat(raw, rng, deadline):
    """An administrator makes a new file system over the old one: everything is discarded first."""
    with raw.released():
        raw.disk.make_file_system(raw.kind)


@case("image-backup-of-disk", "ordinary", on_device=True)
def back_up_disk(raw, rng, deadline):
    """Block-level backup: the whole disk is read in order."""
    for offset in range(0, raw.size_bytes, MIB):
        if deadline.is_over():
            break
        raw.read(offset, MIB)


@case("image-restore-of-disk", "ordinary", on_device=True, announced=True)
def restore_disk(raw, rng, deadline):
    """A block-level restore of an older image over the disk, in order, by the administrator."""
    for offset in range(0, raw.size_bytes, 4 * MIB):
        if deadline.is_over():
            break
        raw.write(offset, raw.read(offset, 4 * MIB))
