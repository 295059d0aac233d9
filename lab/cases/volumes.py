"""Lab volumes: made, forked, served, attached and mounted; and `Scratch`, the only thing that attacks can be pointed at.

A `Disk` is a volume served by `lab session`, or by a daemon that a test started, attached as a loop device. Everything lives in a folder
that this process made. A `Scratch` is a disk's file system, mounted. It can only be had from `Disk.mount`, never from a path, and before anything is handed out
it proves that the mount is what it claims to be: its source is our loop device, whose backing file is our own nbdfuse file, and its
root holds a random token that was written by this process.
"""

import contextlib
import json
import os
import pathlib
import queue
import secrets
import stat
import subprocess
import tempfile
import threading

from harness import attach, server as servers

VOLUME_BYTES = 1 << 30
ANSWER_SECONDS_MAX = 120
TOKEN_FILE = ".lab-token"
# Dirty pages that the host may hold for one volume: what a guest with a small memory would. Set for our loop devices only.
DIRTY_BYTES_MAX = 24 << 20
_MADE_HERE = object()


class LabError(Exception):
    """The lab's own machinery failed; the text says what, and what the program said."""


class Session:
    """A running `lab session`: commands in, one JSON answer a line out. Invariant: after `stop` the process is gone."""

    def __init__(self, folder, volume, fork=None, xts=None, clock=None, extra=()):
        self.folder = folder
        self.size_bytes = VOLUME_BYTES
        command = [str(lab_binary()), "session", "--folder", str(folder), "--size", "1G", "--volume", volume]
        command += ["--fork", fork] if fork else []
        command += ["--xts", str(xts)] if xts is not None else []
        command += ["--clock", str(int(clock))] if clock is not None else []
        self.log_path = folder / f"session-{volume}.log"
        self.lock = threading.Lock()
        self.answers = queue.Queue()
        # What the guard told, in order: {"event": ..., "text": ..., "meter": ..., "time": ...}.
        self.events = []
        (folder / "nbd.sock").unlink(missing_ok=True)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*command, *extra], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()
        try:
            # The first line says that the socket is ready.
            self.parse(self.next_answer(), "start")
        except BaseException:
            self.kill()
            raise

    def uri(self):
        return f"nbd+unix:///?socket={self.folder / 'nbd.sock'}"

    def log(self):
        return self.log_path.read_text(errors="replace")[-2000:]

    def ask(self, line):
        """Sends one command and returns its answer."""
        with self.lock:
            try:
                self.process.stdin.write(f"{line}\n".encode())
                self.process.stdin.flush()
            except OSError as error:
                raise LabError(f"the session ended: {self.log()}") from error
            return self.parse(self.next_answer(), line)

    def parse(self, answer, line):
        if not answer.get("ok"):
            raise LabError(f"the session refused `{line}`: {answer}")
        return answer

    def listen(self):
        """Tells answers and events apart, on a thread. The end of the output is an answer too."""
        for line in self.process.stdout:
            said = json.loads(line)
            if "event" in said:
                self.events.append(said)
            else:
                self.answers.put(said)
        self.answers.put(None)

    def next_answer(self):
        try:
            answer = self.answers.get(timeout=ANSWER_SECONDS_MAX)
        except queue.Empty:
            raise LabError(f"no answer from the session within {ANSWER_SECONDS_MAX} s: {self.log()}") from None
        if answer is None:
            raise LabError(f"the session ended: {self.log()}")
        return answer

    def stop(self):
        if self.process.poll() is not None:
            return
        with contextlib.suppress(OSError, LabError, ValueError):
            self.ask("stop")
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Disk:
    """A served volume as a block device. Use as a context; detached, and its server stopped, at the end, whatever happened.

    `session` is a `Session`, or a daemon of the tests' harness: that has no lab clock, and cases that let time pass fail on it.
    """

    def __init__(self, session, contents=None):
        if not is_started_here(session):
            raise LabError("a lab volume can only be one of a server that this program started, on data of its own")
        self.contents, self.session = contents, session
        try:
            self.attached = attach.Attached(session, session.folder)
        except BaseException:
            session.stop()
            raise
        self.device = self.attached.device
        self.mount_point = session.folder / "mnt"
        limit_dirty_pages(self.device)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.attached.detach()
        finally:
            self.session.stop()

    def ask(self, line):
        return self.session.ask(line)

    def attach_again(self):
        """After a rollback, which cuts off all clients: the disk as it is now. It must not be mounted."""
        self.attached.detach()
        self.attached = attach.Attached(self.session, self.session.folder)
        self.device = self.attached.device
        limit_dirty_pages(self.device)

    def is_ours(self):
        """Whether the loop device still stands on our own nbdfuse file."""
        backing = pathlib.Path("/sys/block", pathlib.Path(self.device).name, "loop/backing_file").read_text().strip()
        return backing == str(self.attached.file)

    @contextlib.contextmanager
    def mount(self, kind, discard=True, options=()):
        """The volume's file system as a `Scratch`."""
        self.mount_point.mkdir(exist_ok=True)
        if kind == "ntfs":
            command = ["ntfs-3g", "-o", ",".join(["permissions,big_writes", *options]), self.device, str(self.mount_point)]
        else:
            options = ["discard" if discard else "nodiscard", *options]
            command = ["mount", "-t", kind, "-o", ",".join(options), self.device, str(self.mount_point)]
        run(*command)
        try:
            token = secrets.token_hex(16)
            (self.mount_point / TOKEN_FILE).write_text(token)
            yield Scratch(self, self.mount_point, kind, token, _MADE_HERE)
        finally:
            self.sync()
            attach.unmount(self.mount_point)

    @contextlib.contextmanager
    def look(self, kind):
        """The files as they are on the disk, read only, with nothing replayed or repaired. Gives the folder."""
        self.mount_point.mkdir(exist_ok=True)
        options = {"ext4": "ro,noload", "xfs": "ro,norecovery,nouuid", "ntfs": "ro"}[kind]
        program = ["ntfs-3g"] if kind == "ntfs" else ["mount", "-t", kind]
        run(*program, "-o", options, self.device, self.mount_point)
        try:
            yield self.mount_point
        finally:
            attach.unmount(self.mount_point)

    @contextlib.contextmanager
    def raw(self, kind):
        """The unmounted disk as a `RawScratch`."""
        raw = RawScratch(self, kind, _MADE_HERE)
        try:
            yield raw
        finally:
            raw.close()

    def sync(self):
        """Everything written so far is on the served volume when this returns."""
        if attach.is_mounted(self.mount_point):
            sync_file_system(self.mount_point)
        # ntfs-3g writes through the block device's own page cache.
        with contextlib.suppress(OSError), open(self.device, "rb") as device:
            os.fsync(device.fileno())

    def make_file_system(self, kind):
        run(*MAKE[kind], self.device)


def is_started_here(server):
    """Whether it is a running server that this process started itself, whose data lie among this host's temporary files."""
    if not isinstance(server, (Session, servers.Holdfast)) or server.process is None or server.process.poll() is not None:
        return False
    return pathlib.Path(tempfile.gettempdir()).resolve() in server.folder.resolve().parents


class Scratch:
    """A mounted lab volume. Files are opened only through it, and only if they lie on the mounted volume itself."""

    def __init__(self, disk, root, kind, token, made_here):
        if made_here is not _MADE_HERE:
            raise LabError("a scratch volume can only be made by mounting a lab volume (`Disk.mount`)")
        self.disk, self.root, self.kind, self.token = disk, root, kind, token
        self.contents = disk.contents
        self.number = os.stat(root).st_dev
        self.check()

    def check(self):
        """Raises unless the mount is our own lab volume, as it was when it was made."""
        sources = [
            line.split()[0] for line in pathlib.Path("/proc/mounts").read_text().splitlines() if line.split()[1] == str(self.root)
        ]
        if sources != [self.disk.device] or not self.disk.is_ours():
            raise LabError(f"`{self.root}` is not the lab's own volume: mounted from {sources}")
        if os.stat(self.root).st_dev != self.number or (self.root / TOKEN_FILE).read_text() != self.token:
            raise LabError(f"`{self.root}` is not the volume that this program mounted: its token is another")

    def files(self, least_bytes=1):
        """(relative path, size) of every regular file, in the order of paths."""
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("System Volume"))
            for name in sorted(names):
                path = pathlib.Path(folder, name)
                try:
                    about = path.lstat()
                except FileNotFoundError:
                    # Gone since the folder was read: other work goes on.
                    continue
                if (
                    stat.S_ISREG(about.st_mode)
                    and about.st_size >= least_bytes
                    and name != TOKEN_FILE
                    and about.st_dev == self.number
                ):
                    found.append((str(path.relative_to(self.root)), about.st_size))
        return found

    def folder(self, name):
        """An open folder of the volume, by relative path. The caller closes it."""
        handle = os.open(self.root / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        return self.ours(handle, name)

    def open(self, name, flags):
        """Opens a file of the volume by its relative path, and proves that it is on the volume."""
        folder = self.folder(os.path.dirname(name))
        try:
            return self.ours(os.open(os.path.basename(name), flags | os.O_NOFOLLOW, 0o644, dir_fd=folder), name)
        finally:
            os.close(folder)

    def ours(self, handle, name):
        try:
            if os.fstat(handle).st_dev != self.number:
                raise LabError(f"`{name}` is not on the lab's volume")
        except BaseException:
            # A file system that was shut down answers with an error here, too. What stays open keeps it from being unmounted.
            os.close(handle)
            raise
        return handle

    def remove(self, name):
        folder = self.folder(os.path.dirname(name))
        try:
            os.unlink(os.path.basename(name), dir_fd=folder)
        finally:
            os.close(folder)

    def rename(self, name, new_name):
        old = self.folder(os.path.dirname(name))
        try:
            new = self.folder(os.path.dirname(new_name))
            try:
                os.rename(os.path.basename(name), os.path.basename(new_name), src_dir_fd=old, dst_dir_fd=new)
            finally:
                os.close(new)
        finally:
            os.close(old)

    def free_bytes(self):
        about = os.statvfs(self.root)
        return about.f_bavail * about.f_frsize

    def sync(self):
        self.disk.sync()

    def skip(self, seconds):
        """Lets lab time pass."""
        self.disk.ask(f"skip {seconds:.3f}")


class RawScratch:
    """A lab volume's block device, not mounted. Invariant: `handle` is our own loop device, opened exclusively."""

    def __init__(self, disk, kind, made_here):
        if made_here is not _MADE_HERE or not disk.is_ours():
            raise LabError("a raw scratch disk can only be a lab volume's own loop device (`Disk.raw`)")
        self.disk, self.kind = disk, kind
        self.contents = disk.contents
        self.open()
        self.size_bytes = os.lseek(self.handle, 0, os.SEEK_END)

    def open(self):
        # Exclusive: fails while the device is mounted.
        self.handle = os.open(self.disk.device, os.O_RDWR | os.O_EXCL)

    def close(self):
        # A fenced disk answers with an error, and the workload has met it already.
        with contextlib.suppress(OSError):
            os.fsync(self.handle)
        os.close(self.handle)

    @contextlib.contextmanager
    def released(self):
        """Lets other programs open the device, which they may want for themselves."""
        self.close()
        try:
            yield
        finally:
            self.open()

    def check(self):
        """Raises unless the device still stands on our own served volume."""
        if not self.disk.is_ours():
            raise LabError(f"`{self.disk.device}` no longer belongs to the lab")

    def read(self, offset, length):
        return os.pread(self.handle, length, offset)

    def write(self, offset, data):
        return os.pwrite(self.handle, data, offset)

    def sync(self):
        with contextlib.suppress(OSError):
            os.fsync(self.handle)

    def skip(self, seconds):
        self.disk.ask(f"skip {seconds:.3f}")


MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    # Sectors of 512 bytes, as guests see them as a rule, and so records of 1 KiB: content of up to some 700 bytes lies in them.
    "ntfs": ["mkntfs", "-q", "-f", "-F", "-s", "512"],
}
CHECK = {"ext4": ["e2fsck", "-fn"], "xfs": ["xfs_repair", "-n"], "ntfs": ["ntfsfix", "-n"]}


def check_before_mount(kind, device):
    """What a file system needs before it is mounted after a rollback to a moment at which it was in use: ntfs-3g keeps no journal."""
    if kind == "ntfs":
        subprocess.run(["ntfsfix", "--clear-dirty", device], capture_output=True)


def is_whole(kind, device):
    """Whether the file system's own checker finds nothing to do."""
    return subprocess.run([*CHECK[kind], device], capture_output=True).returncode == 0


def sync_file_system(root):
    # Python has no `syncfs`. A fenced or full volume answers with an error, which the workload meets too.
    subprocess.run(["sync", "-f", str(root)], capture_output=True)


def limit_dirty_pages(device):
    numbers = pathlib.Path("/sys/block", pathlib.Path(device).name, "dev").read_text().strip()
    about = pathlib.Path("/sys/class/bdi", numbers)
    # Older kernels lack these settings: then writes reach the volume later and in larger bursts.
    with contextlib.suppress(OSError):
        (about / "strict_limit").write_text("1")
        (about / "max_bytes").write_text(str(DIRTY_BYTES_MAX))


def lab_binary():
    """The lab program: $LAB, else the newest build in the target folder."""
    if "LAB" in os.environ:
        return pathlib.Path(os.environ["LAB"])
    root = pathlib.Path(__file__).resolve().parents[2]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    built = [path for path in (target / "release" / "lab", target / "debug" / "lab") if path.exists()]
    if not built:
        raise LabError(f"no lab program in `{target}`: run `cargo build --release -p lab`")
    return max(built, key=lambda path: path.stat().st_mtime)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", **options)
    if done.returncode != 0:
        raise LabError(f"`{' '.join(map(str, command))}` exited {done.returncode}: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return done.stdout
