"""Running real programs on a lab volume, and what they need there beforehand.

Every program runs in a process group of its own, which is ended with the case. Paths handed to programs are always made from
`Scratch.root`.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import time

from volumes import LabError, run as run_on_host

MIB = 1 << 20
# Left free, a file system counts as not full: a program that fails then fails for another reason.
NEARLY_FULL_BYTES = 12 * MIB
CLUSTER = "srv/postgres"
MACHINES = "srv/machines"
BLKDISCARD = 0x1277


class ProgramFailed(Exception):
    """A program of an ordinary case ended with an error that isn't explained by a full disk or the end of the case."""


def work(scratch, deadline, *command, inside="", accept=(0,), user=None, env=None, output=None):
    """Runs a program in a folder of the volume until it ends or the deadline does. Returns whether it ran to its end."""
    words = [str(word) for word in command]
    log = host_folder(scratch) / f"{pathlib.Path(words[0]).name}-{time.monotonic_ns()}.log"
    with open(log, "wb") as errors, open(output or os.devnull, "wb") as out:
        process = subprocess.Popen(
            words,
            cwd=scratch.root / inside,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            start_new_session=True,
            user=user,
            env={**os.environ, **(env or {})},
        )
        try:
            wait_until_deadline(process, deadline)
        finally:
            ended = end(process)
    if not ended:
        return False
    if process.returncode not in accept and scratch.free_bytes() > NEARLY_FULL_BYTES:
        raise ProgramFailed(f"`{' '.join(words)}` exited {process.returncode}: {log.read_text(errors='replace')[-800:]}")
    return True


def wait_until_deadline(process, deadline):
    while process.poll() is None and not deadline.is_over():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(0.2, max(0.01, deadline.left())))


def end(process):
    """Ends the process and its children. Returns whether it had ended by itself."""
    by_itself = process.poll() is not None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM if not by_itself else signal.SIGKILL)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return by_itself


def host_folder(scratch):
    """A folder of this host, beside the volume, for what must not be on the volume: sockets, key rings, logs."""
    folder = scratch.disk.session.folder / "host"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return folder


def template(scratch, name, make):
    """A folder of this host that `make(folder)` fills, once for the whole lab."""
    folder = scratch.contents.parent / "templates" / name
    if not folder.exists():
        half = folder.with_name(f"{name}-unfinished")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        make(half)
        half.rename(folder)
    return folder


def make_room(scratch, size_bytes):
    """Deletes copies of files until there's room: an administrator would, before a new service comes onto a full volume."""
    spare = sorted((size, name) for name, size in scratch.files() if name.startswith("Shared/Copies/"))
    while scratch.free_bytes() < size_bytes + NEARLY_FULL_BYTES and spare:
        scratch.remove(spare.pop()[1])
    scratch.sync()


# Virtual machines' disks.


def make_machine_disks(contents):
    def make(folder):
        raw = folder / "files.raw"
        run_on_host("mke2fs", "-q", "-t", "ext4", "-F", "-d", contents / "Finance", raw, "112M")
        run_on_host("qemu-img", "convert", "-O", "qcow2", raw, folder / "mail.qcow2")
        run_on_host("qemu-img", "convert", "-O", "vmdk", raw, folder / "desktop.vmdk")

    return make


def place_machine_disks(scratch, rng):
    source = template(scratch, "machines", make_machine_disks(scratch.contents))
    make_room(scratch, 260 * MIB)
    target = scratch.root / MACHINES
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        run_on_host("cp", "--sparse=always", path, target / path.name)


# PostgreSQL.


def postgres(program):
    """The newest installed version's program: Debian keeps them out of the path."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]))
    if not found:
        raise LabError(f"no {program} below /usr/lib/postgresql: install postgresql")
    return found[-1]


SETTINGS = """
listen_addresses = ''
shared_buffers = 16MB
max_wal_size = 24MB
min_wal_size = 16MB
checkpoint_timeout = 30s
max_connections = 20
autovacuum_naptime = 5s
"""


def make_cluster(folder):
    """A cluster with pgbench's tables, as the unprivileged user that PostgreSQL insists on."""
    data = folder / "data"
    shutil.chown(folder, "postgres")
    for parent in folder.parents:
        if parent.stat().st_mode & 0o001 == 0:
            raise LabError(f"`{parent}` can't be entered by the user `postgres`: choose another folder for the lab")
    run_on_host(postgres("initdb"), "-N", "-D", data, "--wal-segsize=4", "--locale=C", "-A", "trust", user="postgres")
    with open(data / "postgresql.conf", "a") as file:
        file.write(SETTINGS)
    start_postgres(data, folder)
    try:
        run_on_host("psql", "-h", folder, "-d", "postgres", "-c", "create database bench", user="postgres")
        run_on_host(postgres("pgbench"), "-h", folder, "-i", "-q", "-s", "3", "bench", user="postgres")
    finally:
        stop_postgres(data)


def start_postgres(data, sockets):
    command = [postgres("pg_ctl"), "-D", data, "-w", "-t", "60", "-l", sockets / "postgres.log", "-o", f"-k {sockets}", "start"]
    run_on_host(*command, user="postgres")


def stop_postgres(data):
    """Stops it in order, or, should its disk no longer answer, at once. It must not keep the disk from being detached."""
    for mode, seconds in (("fast", "15"), ("immediate", "15")):
        command = [postgres("pg_ctl"), "-D", data, "-w", "-t", seconds, "-m", mode, "stop"]
        if subprocess.run([str(word) for word in command], user="postgres", capture_output=True).returncode == 0:
            return
    # Waiting for a disk that fails, it obeys nobody else. Its helpers end with it.
    subprocess.run(["pkill", "-KILL", "-u", "postgres", "-f", "--", f"-D {data} "], check=False)


def place_postgres(scratch, rng):
    source = template(scratch, "postgres", make_cluster)
    make_room(scratch, 130 * MIB)
    target = scratch.root / CLUSTER
    target.parent.mkdir(parents=True, exist_ok=True)
    run_on_host("cp", "-a", source / "data", target)


@contextlib.contextmanager
def running_postgres(scratch):
    """A server on the volume's cluster. Gives the folder of its socket."""
    sockets = host_folder(scratch)
    start_postgres(scratch.root / CLUSTER, sockets)
    try:
        yield sockets
    finally:
        stop_postgres(scratch.root / CLUSTER)


def sql(scratch, deadline, sockets, *statements):
    words = [word for statement in statements for word in ("-c", statement)]
    return work(scratch, deadline, "psql", "-q", "-h", sockets, "-d", "bench", *words, user="postgres")


# The disk below.


def discard(raw, piece_bytes, deadline):
    """Discards the whole disk, piece by piece. Returns the number of pieces."""
    count = 0
    for offset in range(0, raw.size_bytes, piece_bytes):
        if deadline.is_over():
            break
        fcntl.ioctl(raw.handle, BLKDISCARD, struct.pack("QQ", offset, min(piece_bytes, raw.size_bytes - offset)))
        count += 1
    return count


def on_device(raw, deadline, program, *arguments):
    """Runs a file system's tool on the unmounted device, answering its questions with yes. Programs open it themselves."""
    raw.check()
    with raw.released():
        command = [program, *arguments, raw.disk.device]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(b"y\n" * 10)
                process.stdin.close()
            wait_until_deadline(process, deadline)
        finally:
            end(process)
