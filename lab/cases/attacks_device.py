"""Attacks on whole disks, on disks inside files, on databases, and attacks under load. Like those of `attacks.py` they write random
bytes and take nothing but lab volumes."""

import os
import struct

import attacks
import programs
from case import CASES, case
from loads import beside

MIB = 1 << 20


@case("disk-encryption-misused", "attack", on_device=True, seconds=8)
def encrypt_disk(raw, rng, deadline):
    """The whole disk in order, read and written back megabyte by megabyte, as disk encryption does that is turned on afterwards."""
    return rewrite_in_order(raw, deadline, MIB, 0)


@case("disk-encryption-misused-hot-zone", "attack", on_device=True, seconds=8)
def encrypt_disk_by_zones(raw, rng, deadline):
    """As `cryptsetup reencrypt`: a zone is read, rewritten and synced before the next; from the end towards the start."""
    return rewrite_in_order(raw, deadline, 4 * MIB, 32 * MIB, backwards=True)


def rewrite_in_order(raw, deadline, chunk, sync_every, backwards=False, output=attacks.random_bytes):
    raw.check()
    offsets = list(range(0, raw.size_bytes, chunk))
    written = 0
    for offset in reversed(offsets) if backwards else offsets:
        if deadline.is_over():
            break
        former = raw.read(offset, chunk)
        written += raw.write(offset, output(former))
        if sync_every and written % sync_every == 0:
            raw.sync()
    return written // MIB


@case("wiper-zeros-over-disk", "attack", on_device=True)
def zero_disk(raw, rng, deadline):
    return fill_in_order(raw, deadline, bytes)


@case("wiper-random-over-disk", "attack", on_device=True)
def fill_disk_with_random_bytes(raw, rng, deadline):
    return fill_in_order(raw, deadline, os.urandom)


def fill_in_order(raw, deadline, output):
    raw.check()
    written = 0
    while written < raw.size_bytes and not deadline.is_over():
        written += raw.write(written, output(min(MIB, raw.size_bytes - written)))
    return written // MIB


@case("wiper-scattered-over-disk", "attack", on_device=True)
def wipe_at_random(raw, rng, deadline):
    """64 KiB here and there: the disk is lost long before it is full of garbage."""
    raw.check()
    count = 0
    while not deadline.is_over():
        raw.write(rng.randrange(raw.size_bytes >> 16) << 16, os.urandom(64 << 10))
        count += 1
        if count % 64 == 0:
            raw.sync()
    return count


@case("wiper-partition-table-and-superblocks", "attack", on_device=True, seconds=4)
def wipe_metadata(raw, rng, deadline):
    """The first megabyte, then whatever the file system needs to be found again: superblocks and their copies, or the MFT."""
    raw.check()
    places = metadata_places(raw)
    for offset, length in [(0, MIB), *places]:
        for start in range(offset, min(offset + length, raw.size_bytes), 64 << 10):
            raw.write(start, os.urandom(min(64 << 10, offset + length - start)))
        raw.sync()
        deadline.rest(0.05)
    return 1 + len(places)


def metadata_places(raw):
    """(offset, length) of the metadata that a wiper goes for, read from the file system's own superblock."""
    first = raw.read(0, 4096)
    if raw.kind == "ntfs":
        sector, per_cluster = struct.unpack_from("<HB", first, 11)
        table = struct.unpack_from("<Q", first, 48)[0] * sector * per_cluster
        return [(table + number * MIB, MIB) for number in range(4)]
    if raw.kind == "xfs":
        (block,) = struct.unpack_from(">I", first, 4)
        blocks, count = struct.unpack_from(">II", first, 84)
        return [(number * blocks * block, 256 << 10) for number in range(count)]
    block = 1024 << struct.unpack_from("<I", first, 1024 + 24)[0]
    blocks, inodes = struct.unpack_from("<I", first, 1024 + 32)[0], struct.unpack_from("<I", first, 1024 + 4)[0]
    groups = -(-inodes // blocks)
    return [(number * blocks * block, 512 << 10) for number in range(max(groups, 2))]


@case("trim-whole-disk", "attack", on_device=True, seconds=4)
def discard_disk(raw, rng, deadline):
    """The whole disk discarded in pieces, for the history to go with it."""
    raw.check()
    return programs.discard(raw, 64 * MIB, deadline)


def copy_machines(scratch, rng):
    """Puts disks of virtual machines onto the volume, as on a datastore."""
    programs.place_machine_disks(scratch, rng)
    scratch.sync()


def is_machine_disk(name, size):
    return name.endswith((".qcow2", ".vmdk", ".raw"))


def attack_machines(name, ranges, workers=1, copies=False, output=attacks.random_bytes):
    @case(name, "attack", prepare=copy_machines)
    def run(scratch, rng, deadline):
        def work(path, size):
            if copies:
                attacks.copy_out(scratch, path, output)
                scratch.remove(path)
            else:
                attacks.overwrite(scratch, path, until_over(ranges(size, rng), deadline), output, MIB)

        return attacks.campaign(scratch, rng, deadline, work, workers, chosen=is_machine_disk, note=True)


def until_over(ranges, deadline):
    """The ranges, for as long as there's time: single files here are large."""
    for item in ranges:
        if deadline.is_over():
            return
        yield item


attack_machines("virtual-disks-whole", attacks.every_nth(4 * MIB, 4 * MIB), workers=2)
attack_machines("virtual-disks-intermittent", attacks.every_nth(MIB, 10 * MIB), workers=4)
attack_machines("virtual-disks-copy-delete", attacks.whole, copies=True)


def place_cluster(scratch, rng):
    programs.place_postgres(scratch, rng)
    scratch.sync()


@case("database-files-in-place", "attack", prepare=place_cluster)
def attack_database_files(scratch, rng, deadline):
    """The files of a stopped PostgreSQL and all SQLite databases, page by page."""

    def work(path, size):
        attacks.overwrite(scratch, path, until_over(attacks.every_nth(MIB, MIB)(size, rng), deadline), attacks.random_bytes, 8192)

    return attacks.campaign(scratch, rng, deadline, work, workers=2, chosen=is_database_file)


@case("database-pages-intermittent", "attack", prepare=place_cluster)
def attack_database_pages(scratch, rng, deadline):
    """Every fourth page of 8 KiB, with a sync per file: a database that fails its checks everywhere."""

    def work(path, size):
        attacks.overwrite(scratch, path, attacks.every_nth(8192, 32768)(size, rng), attacks.random_bytes, 8192, fsync=True)

    return attacks.campaign(scratch, rng, deadline, work, chosen=is_database_file)


def is_database_file(name, size):
    return size >= 8192 and (name.endswith((".sqlite", ".db")) or name.startswith(programs.CLUSTER + "/"))


def attack_under_load(name, attack, *loads, **options):
    """Registers an attack while ordinary work goes on: `loads` are names of ordinary cases."""

    def prepare(scratch, rng):
        for load in loads:
            if CASES[load].prepare:
                CASES[load].prepare(scratch, rng)

    @case(name, "attack", prepare=prepare, seconds=8, **options)
    def run(scratch, rng, deadline):
        # The work goes on when the attack is done, until the attack's time is over.
        return beside(scratch, rng, deadline, loads, lambda: CASES[attack].run(scratch, rng, deadline))


attack_under_load("mixed-in-place-under-database", "in-place-whole", "postgres-pgbench")
attack_under_load("mixed-intermittent-under-office", "intermittent-every-8th-block", "office-editing", "mail-delivery")
attack_under_load("mixed-copy-delete-under-browser", "copy-delete", "browser-cache", discard=True)
attack_under_load("mixed-in-place-under-compile", "in-place-smallest-first", "compile")
attack_under_load("mixed-slow-under-database", "slow-in-place", "sqlite-transactions", "office-editing")
attack_under_load("mixed-copy-shred-under-backup", "copy-shred", "backup-rsync")
attack_under_load("mixed-low-entropy-under-office", "low-entropy-base64-in-place", "office-editing", "browser-cache")
