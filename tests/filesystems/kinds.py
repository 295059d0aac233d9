"""The file systems tested: how each is made, and what its own checker has to say."""

import subprocess


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=300)
    return done.returncode, f"`{' '.join(map(str, command))}` exited {done.returncode}:\n{done.stdout}{done.stderr}"


def expect_clean(*command, forbidden=()):
    code, report = run(*command)
    if code != 0 or any(text in report for text in forbidden):
        raise AssertionError(report)


MAKE = {
    # Without lazy initialisation the kernel writes nothing in the background that a test didn't ask for.
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
    "ntfs": ["mkfs.ntfs", "-Q", "-q", "-F"],
}

# Kernel file systems bring themselves up to date from their journal when mounted; only then their checkers expect no work left.
# btrfs must be whole at any instant. ntfs-3g keeps no journal and writes $MFTMirr at a time of its own, so after any kill (of a
# plain file's server as well) `ntfsfix` has to copy $MFT's first records there before it mounts.
CHECK_BEFORE_MOUNT = {"btrfs": ["btrfs", "check", "--readonly"], "ntfs": ["ntfsfix", "--clear-dirty"]}
CHECK_AFTER_MOUNT = {
    "ext4": ["e2fsck", "-fn"],
    "xfs": ["xfs_repair", "-n"],
    "btrfs": ["btrfs", "check", "--readonly", "--check-data-csum"],
    "ntfs": ["ntfsfix", "-n"],
}
PROGRAMS = ["mkfs.ext4", "e2fsck", "mkfs.xfs", "xfs_repair", "mkfs.btrfs", "btrfs", "mkfs.ntfs", "ntfs-3g", "ntfsfix"]


def make(kind, device):
    code, report = run(*MAKE[kind], device)
    if code != 0:
        raise AssertionError(report)


def check_before_mount(kind, device):
    if kind in CHECK_BEFORE_MOUNT:
        expect_clean(*CHECK_BEFORE_MOUNT[kind], device)


def check_after_mount(kind, device):
    expect_clean(*CHECK_AFTER_MOUNT[kind], device)
