"""A served disk as a block device of this host: nbdfuse makes it a file, a loop device makes that a disk.

The loop device bypasses the host's page cache (direct I/O): what a file system syncs is on the server when the sync returns, and a
rolled-back disk shows its old content at the next mount.
"""

import contextlib
import errno
import os
import pathlib
import subprocess
import tempfile
import time

DETACH_SECONDS_MAX = 60


def unavailable():
    """Why disks can't be attached here, or None."""
    if os.geteuid() != 0:
        return "attaching a disk to this host needs root"
    if not pathlib.Path("/dev/fuse").exists():
        return "no /dev/fuse on this host"
    if not pathlib.Path("/dev/loop-control").exists():
        return "no loop devices on this host"
    return None


class Attached:
    """`device` is the served disk as a loop device, until `detach`."""

    def __init__(self, server, folder, sector_size=4096):
        clear_leftovers()
        self.file = folder / "disk.fuse"
        self.file.touch()
        self.log = open(folder / "nbdfuse.log", "ab")
        command = ["nbdfuse", "-C", "4", str(self.file), server.uri()]
        self.nbdfuse = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.device = None
        try:
            wait_until(lambda: self.file.stat().st_size == server.size_bytes, "nbdfuse to mount")
            self.device = self.attach_loop(sector_size)
        except Exception:
            self.detach()
            raise

    def attach_loop(self, sector_size):
        command = ["losetup", "--direct-io=on", "--sector-size", str(sector_size), "--show", "-f", str(self.file)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def detach(self):
        """Undoes everything, in whatever state it is: also after the server died."""
        if self.device is not None:
            wait_until(lambda: succeeds("losetup", "-d", self.device) or not loop_in_use(self.device), "losetup -d")
            wait_until(lambda: not loop_in_use(self.device), f"{self.device} to be released")
            self.device = None
        if self.nbdfuse.poll() is None and not succeeds("fusermount3", "-u", str(self.file)):
            succeeds("fusermount3", "-u", "-z", str(self.file))
        try:
            self.nbdfuse.wait(DETACH_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.nbdfuse.kill()
            self.nbdfuse.wait()
        # A killed nbdfuse leaves a dead mount behind.
        if is_mounted(self.file):
            succeeds("fusermount3", "-u", "-z", str(self.file))
        self.log.close()


@contextlib.contextmanager
def attached(server, folder, sector_size=4096):
    disk = Attached(server, folder, sector_size)
    try:
        yield disk
    finally:
        disk.detach()


@contextlib.contextmanager
def mounted(device, folder, kind, options=()):
    """The file system on `device`, mounted at `folder` for the length of the block."""
    folder.mkdir(exist_ok=True)
    if kind == "ntfs":
        command = ["ntfs-3g", *options, device, str(folder)]
    else:
        command = ["mount", "-t", kind, "-o", "discard", *options, device, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"`{' '.join(command)}` exited {done.returncode}: {done.stdout}{done.stderr}")
    try:
        yield folder
    finally:
        unmount(folder)


def unmount(folder):
    wait_until(lambda: succeeds("umount", str(folder)) or not is_mounted(folder), f"umount {folder}")


def clear_leftovers():
    """Detaches what a killed test run left attached. `mkfs.btrfs` looks at every mount of the host, and fails on a dead one."""
    for file in [mount[1] for mount in mounts() if mount[2] == "fuse" and mount[1].startswith(f"{tempfile.gettempdir()}/holdfast-test-")]:
        if not is_dead(file):
            continue
        for device in [f"/dev/{path.parts[3]}" for path in pathlib.Path("/sys/block").glob("loop*/loop/backing_file") if path.read_text().strip() == file]:
            for folder in [mount[1] for mount in mounts() if mount[0] == device]:
                succeeds("umount", "-l", folder)
            succeeds("losetup", "-d", device)
        succeeds("fusermount3", "-u", "-z", file)


def is_dead(file):
    """Whether the server of a FUSE mount has gone."""
    try:
        os.stat(file)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def mounts():
    """The mounts of this host: device, folder, type and so on of each."""
    return [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]


def is_mounted(path):
    # Read from the table: asking a dead FUSE mount itself fails with ENOTCONN.
    return any(mount[1] == str(path) for mount in mounts())


def loop_in_use(device):
    """Whether the loop device still has a backing file."""
    return pathlib.Path("/sys/block", pathlib.Path(device).name, "loop").exists()


def succeeds(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def wait_until(condition, what, seconds=DETACH_SECONDS_MAX):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.05)
