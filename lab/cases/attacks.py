"""Attacks on files, as workloads: the reads, writes, deletions and discards that ransomware and wipers leave on a disk.

What is written are random bytes. There is no cipher and no key, nothing could be decrypted: this can't be used to encrypt anything.
And there's nothing to point at anybody's files: every function takes a `volumes.Scratch`, which only a lab volume can become.
"""

import base64
import os
import subprocess

from case import Deadline, case, in_parallel

EXTENSION = ".locked"
BLOCK = 4096
NOTE = b"All your files were part of an exercise on a scratch volume.\n" * 20


# What is written in place of the former bytes. Always as long as they were.


def random_bytes(former):
    return os.urandom(len(former))


def every_other_16(former):
    """Half of each 32 bytes stays: no block looks fully random, and every file is useless."""
    out, fresh = bytearray(former), os.urandom(len(former))
    for offset in range(16):
        out[offset::32] = fresh[offset::32]
    return bytes(out)


def base64_text(former):
    return base64.b64encode(os.urandom(-(-len(former) * 3 // 4) + 3))[: len(former)]


def digits(former):
    return os.urandom(len(former)).translate(bytes(48 + value % 10 for value in range(256)))


def padded(former):
    """As many zeros as random bytes."""
    out = bytearray(len(former))
    fresh = os.urandom(len(former))
    for offset in range(16):
        out[offset::32] = fresh[offset::32]
    return bytes(out)


def shaped(former):
    """Random, but each byte value about as frequent as before: what format-preserving encryption aims at."""
    if len(former) < 16:
        return digits(former)
    step = len(former) / 256
    table = bytes(sorted(former[int(index * step)] for index in range(256)))
    return os.urandom(len(former)).translate(table)


# Which parts of a file: lists of (offset, length).


def whole(size, rng):
    return [(0, size)]


def every_nth(run, step):
    return lambda size, rng: [(start, min(run, size - start)) for start in range(0, size, step)]


def head(length):
    return lambda size, rng: [(0, min(length, size))]


def share_in_places(share, places):
    """`share` of the file, cut into `places` pieces at equal distances."""

    def ranges(size, rng):
        length = max(16, int(size * share / places))
        return [(start, min(length, size - start)) for start in range(0, size, max(length, size // places))]

    return ranges


def by_size(size, rng):
    if size < 64 << 10:
        return whole(size, rng)
    if size < 1 << 20:
        return every_nth(32 << 10, 64 << 10)(size, rng)
    return share_in_places(0.1, 8)(size, rng)


# What happens to one file.


def overwrite(scratch, name, ranges, output, chunk=256 << 10, fsync=False, after_chunk=None):
    """Reads the ranges and writes back over them."""
    handle = scratch.open(name, os.O_RDWR)
    try:
        for start, length in ranges:
            for offset in range(start, start + length, chunk):
                former = os.pread(handle, min(chunk, start + length - offset), offset)
                os.pwrite(handle, output(former), offset)
                if after_chunk:
                    after_chunk(handle)
        if fsync:
            os.fsync(handle)
    finally:
        os.close(handle)


def read_whole(scratch, name):
    handle = scratch.open(name, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(handle, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(handle)


def write_new(scratch, name, data, fsync=False):
    handle = scratch.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for start in range(0, len(data), 1 << 20):
            os.write(handle, data[start : start + (1 << 20)])
        if fsync:
            os.fsync(handle)
    finally:
        os.close(handle)


def copy_out(scratch, name, output=random_bytes, fsync=False, suffix=EXTENSION):
    """Writes a new file beside the original, which stays for now."""
    write_new(scratch, name + suffix, output(read_whole(scratch, name)) + os.urandom(256), fsync)


def shred(scratch, name, size, output):
    handle = scratch.open(name, os.O_WRONLY)
    try:
        for offset in range(0, size, 1 << 20):
            os.pwrite(handle, output(bytes(min(1 << 20, size - offset))), offset)
        os.fsync(handle)
    finally:
        os.close(handle)
    scratch.remove(name)


# The whole attack: which files, in which order, by how many workers.


def campaign(scratch, rng, deadline, work, workers=1, order="random", chosen=None, note=False):
    """Calls `work(name, size)` for the files of the volume until the time is over. Returns how many were done."""
    scratch.check()
    files = [item for item in scratch.files() if chosen is None or chosen(*item)]
    if order == "random":
        rng.shuffle(files)
    elif order == "smallest first":
        files.sort(key=lambda item: item[1])
    noted = set()

    def attack(item):
        folder = os.path.dirname(item[0])
        if note and folder not in noted:
            noted.add(folder)
            write_new(scratch, os.path.join(folder, "READ-ME.txt"), NOTE)
        work(*item)

    return in_parallel(workers, files, attack, deadline)


def attack_in_place(
    name,
    ranges=whole,
    output=random_bytes,
    workers=1,
    order="random",
    chunk=256 << 10,
    fsync=False,
    renames=False,
    note=False,
    chosen=None,
):
    """Registers an attack that overwrites files where they lie."""

    @case(name, "attack")
    def run(scratch, rng, deadline):
        def work(path, size):
            overwrite(scratch, path, ranges(size, rng), output, chunk, fsync)
            if renames:
                scratch.rename(path, path + EXTENSION)

        return campaign(scratch, rng, deadline, work, workers, order, chosen, note)


attack_in_place("in-place-whole", renames=True, note=True)
attack_in_place("in-place-whole-4k-chunks", chunk=BLOCK, order="by path")
attack_in_place("in-place-4-workers-fsync", workers=4, fsync=True, renames=True)
attack_in_place("in-place-8-workers-by-path", workers=8, order="by path", chunk=1 << 20, note=True)
attack_in_place("in-place-32-workers", workers=32, chunk=64 << 10)
attack_in_place("in-place-smallest-first", order="smallest first", fsync=True)
attack_in_place(
    "in-place-documents-only",
    chosen=lambda name, size: name.endswith((".docx", ".xlsx", ".pdf", ".txt", ".csv", ".odt", ".pptx")),
    renames=True,
)
attack_in_place("intermittent-every-other-16-bytes", output=every_other_16, renames=True)
attack_in_place("intermittent-every-2nd-block", every_nth(BLOCK, 2 * BLOCK), renames=True)
attack_in_place("intermittent-every-8th-block", every_nth(BLOCK, 8 * BLOCK))
attack_in_place("intermittent-64k-of-256k", every_nth(64 << 10, 256 << 10), workers=2)
attack_in_place("intermittent-1m-of-4m", every_nth(1 << 20, 4 << 20))
attack_in_place("intermittent-head-4k", head(BLOCK), workers=4, renames=True)
attack_in_place("intermittent-head-64k", head(64 << 10), renames=True)
attack_in_place("intermittent-head-1m", head(1 << 20), order="by path")
attack_in_place("intermittent-20-percent-in-5-places", share_in_places(0.2, 5))
attack_in_place("intermittent-by-size", by_size, workers=2, renames=True)
attack_in_place("in-place-3-percent", share_in_places(0.03, 3), workers=2)
attack_in_place("in-place-5-percent-fsync", share_in_places(0.05, 10), fsync=True)
attack_in_place("low-entropy-base64-in-place", output=base64_text)
attack_in_place("low-entropy-digits-in-place", output=digits, workers=2)
attack_in_place("low-entropy-padded-in-place", output=padded, renames=True)
attack_in_place("low-entropy-shaped-in-place", output=shaped)


def attack_by_copy(name, output=random_bytes, workers=1, order="random", fsync=False, discard=None, removal="unlink", note=False):
    """Registers an attack that writes a new file beside each original, which is then removed."""

    @case(name, "attack", discard=discard)
    def run(scratch, rng, deadline):
        def work(path, size):
            if removal == "rename over":
                copy_out(scratch, path, output, fsync, ".tmp")
                scratch.rename(path + ".tmp", path)
                return
            copy_out(scratch, path, output, fsync)
            if removal == "unlink":
                scratch.remove(path)
            else:
                shred(scratch, path, size, random_bytes if removal == "shred" else bytes)

        return campaign(scratch, rng, deadline, work, workers, order, None, note)


attack_by_copy("copy-delete", discard=True, note=True)
attack_by_copy("copy-delete-without-discard", discard=False, workers=2)
attack_by_copy("copy-delete-fsync", fsync=True, discard=True, order="by path")
attack_by_copy("copy-delete-16-workers", workers=16, note=True)
attack_by_copy("copy-shred", removal="shred")
attack_by_copy("copy-zero", removal="zero", workers=4)
attack_by_copy("copy-rename-over", removal="rename over")
attack_by_copy("copy-rename-over-fsync", removal="rename over", fsync=True, workers=2, order="by path")
attack_by_copy("low-entropy-base64-copy", output=lambda former: base64.b64encode(os.urandom(len(former))), discard=True)


def attack_slowly(name, work, pause, leaps=0.0):
    """Registers an attack that lets lab time pass after each file: `pause` is (least, most) seconds, or now and then days."""

    @case(name, "attack", seconds=10)
    def run(scratch, rng, deadline):
        def one(path, size):
            work(scratch, path, size, rng)
            scratch.sync()
            scratch.skip(rng.uniform(*pause) if rng.random() > leaps else rng.uniform(3600, 172_800))

        return campaign(scratch, rng, deadline, one, chosen=lambda path, size: size < 2 << 20)


def replace_slowly(scratch, path, size, rng):
    copy_out(scratch, path)
    scratch.remove(path)


def rest_between_chunks(scratch, path, size, rng):
    """A few blocks, then a pause; the file is complete after minutes."""

    def rest(handle):
        os.fsync(handle)
        scratch.skip(rng.uniform(1, 5))

    overwrite(scratch, path, [(0, min(size, 512 << 10))], random_bytes, 8 * BLOCK, after_chunk=rest)


def slowly(ranges, output=random_bytes):
    return lambda scratch, path, size, rng: overwrite(scratch, path, ranges(size, rng), output)


attack_slowly("slow-in-place", slowly(whole), (8, 30))
attack_slowly("slow-intermittent", slowly(by_size), (20, 120))
attack_slowly("slow-copy-delete", replace_slowly, (10, 60))
attack_slowly("slow-pauses-after-blocks", rest_between_chunks, (5, 20))
attack_slowly("slow-low-entropy", slowly(whole, base64_text), (10, 40))
attack_slowly("slow-3-percent-over-days", slowly(share_in_places(0.05, 3)), (300, 1500))
attack_slowly("clock-jumps", slowly(whole), (0, 2), leaps=0.03)


@case("read-phase-apart-in-place", "attack")
def read_phase_apart(scratch, rng, deadline):
    """Reads many files, then writes them all: a read and its overwrite lie far apart."""
    return in_phases(scratch, rng, deadline, lambda path, data: overwrite_blindly(scratch, path, len(data)))


@case("read-phase-apart-copy", "attack", discard=True)
def read_phase_apart_copy(scratch, rng, deadline):
    """As above with new files; the originals go last."""

    def replace(path, data):
        write_new(scratch, path + EXTENSION, random_bytes(data))
        scratch.remove(path)

    return in_phases(scratch, rng, deadline, replace)


def in_phases(scratch, rng, deadline, write):
    scratch.check()
    files = scratch.files()
    rng.shuffle(files)
    done = 0
    while files and not deadline.is_over():
        batch, files = files[:250], files[250:]
        kept = {}
        in_parallel(4, batch, lambda item: kept.__setitem__(item[0], read_whole(scratch, item[0])), deadline)
        deadline.rest(rng.uniform(0, 1))
        done += in_parallel(2, list(kept.items()), lambda item: write(*item), deadline)
    return done


def overwrite_blindly(scratch, path, size):
    handle = scratch.open(path, os.O_WRONLY)
    try:
        for offset in range(0, size, 1 << 20):
            os.pwrite(handle, os.urandom(min(1 << 20, size - offset)), offset)
    finally:
        os.close(handle)


def read_everything(scratch):
    """Fills this host's page cache: the attack's reads then never reach the disk."""
    in_parallel(4, scratch.files(), lambda item: read_whole(scratch, item[0]), Deadline(60))


@case("warm-cache-in-place", "attack")
def warm_cache(scratch, rng, deadline):
    """Files that were all read shortly before, by something else (here: the attack's first half of the time)."""
    in_parallel(4, scratch.files(), lambda item: read_whole(scratch, item[0]), Deadline(deadline.left() / 2))
    return campaign(scratch, rng, deadline, lambda path, size: overwrite_blindly(scratch, path, size), workers=2)


@case("imitates-archiving", "attack", discard=True)
def imitates_archiving(scratch, rng, deadline):
    """Folder by folder into one growing file, as an archiver does it; the originals are deleted folder by folder."""
    return into_one_file(scratch, rng, deadline, lambda data: os.urandom(int(len(data) * 0.7)), 0)


@case("imitates-backup", "attack")
def imitates_backup(scratch, rng, deadline):
    """At a steady, low rate, in large pieces; originals are overwritten afterwards."""
    return into_one_file(scratch, rng, deadline, random_bytes, 12 << 20)


def into_one_file(scratch, rng, deadline, output, bytes_per_second):
    scratch.check()
    folders = {}
    for path, size in scratch.files():
        folders.setdefault(os.path.dirname(path), []).append((path, size))
    order = sorted(folders)
    rng.shuffle(order)
    archive = scratch.open("nightly.bak", os.O_WRONLY | os.O_CREAT)
    done = 0
    try:
        for folder in order:
            for path, _ in folders[folder]:
                if deadline.is_over():
                    return done
                data = output(read_whole(scratch, path))
                in_parallel(1, [data], lambda piece: os.write(archive, piece), deadline)
                if bytes_per_second:
                    deadline.rest(len(data) / bytes_per_second)
            for path, size in folders[folder]:
                if bytes_per_second:
                    in_parallel(1, [path], lambda name: overwrite_blindly(scratch, name, size), deadline)
                else:
                    scratch.remove(path)
                done += 1
    finally:
        os.close(archive)
    return done


@case("trim-after-copy-delete", "attack", discard=False)
def trim_after_copies(scratch, rng, deadline):
    """Copies, deletions, and the file system's free space discarded again and again, for the history to go with it."""

    def work(path, size):
        copy_out(scratch, path)
        scratch.remove(path)
        if rng.random() < 0.03:
            scratch.sync()
            trim(scratch)

    done = campaign(scratch, rng, deadline, work)
    scratch.sync()
    trim(scratch)
    return done


@case("trim-after-deleting-everything", "attack", discard=False)
def trim_everything(scratch, rng, deadline):
    done = campaign(scratch, rng, deadline, lambda path, size: scratch.remove(path), order="by path", note=True)
    scratch.sync()
    trim(scratch)
    return done


def trim(scratch):
    scratch.check()
    subprocess.run(["fstrim", str(scratch.root)], capture_output=True, timeout=60)


@case("wiper-zeros-over-files", "attack")
def wipe_with_zeros(scratch, rng, deadline):
    return campaign(scratch, rng, deadline, lambda path, size: wipe(scratch, path, size, bytes), workers=2)


@case("wiper-random-over-files", "attack")
def wipe_with_random_bytes(scratch, rng, deadline):
    return campaign(scratch, rng, deadline, lambda path, size: wipe(scratch, path, size, random_bytes), workers=4)


def wipe(scratch, path, size, output):
    handle = scratch.open(path, os.O_WRONLY)
    try:
        for offset in range(0, size, 256 << 10):
            os.pwrite(handle, output(bytes(min(256 << 10, size - offset))), offset)
    finally:
        os.close(handle)


@case("capacity-flood", "attack", seconds=8)
def flood(scratch, rng, deadline):
    """Fills the disk, deletes, fills it again: as many bytes as possible, for the history to be dropped."""
    scratch.check()
    rounds = 0
    while not deadline.is_over():
        names = [f"flood-{rounds}-{number}" for number in range(64)]
        in_parallel(2, names, lambda name: write_new(scratch, name, os.urandom(16 << 20)), deadline)
        for name in names:
            in_parallel(1, [name], scratch.remove, Deadline(5))
        rounds += 1
    return rounds
