"""The servers compared. Each serves a disk of the same size whose every byte was written before the first measurement."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

import rows
from harness import server as servers


# For a round of background work to begin, and to be done with a disk of a few gigabytes.
REST_SECONDS = 300
# Less growth is other work.
MOVED_BYTES_MIN = 1 << 20


class Peer:
    """A server that can be frozen while others are measured. `renewed_each_round`: its disk is made anew for every round."""

    label = ""
    settings = ""
    renewed_each_round = False

    def __init__(self, folder, size_bytes, transport):
        self.folder = folder
        self.size_bytes = size_bytes
        self.transport = transport
        self.server = None

    def make_server(self):
        raise NotImplementedError

    def start(self):
        """Starts on a disk made anew and written once."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.server = self.make_server()
        self.server.prepare()
        self.server.start()
        self.fill()

    def fill(self):
        rows.fill(self.uri(), self.size_bytes, self.folder)

    def renew(self):
        if self.renewed_each_round:
            self.stop()
            self.start()

    def rest(self):
        """Does what the server does in a quiet night. Most do nothing then."""

    def stop(self):
        if self.server is not None:
            self.resume()
            self.server.stop()
            self.server = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def uri(self):
        return self.server.tcp_uri() if self.transport == "tcp" else self.server.uri()

    def freeze(self):
        self.server.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.server.process.send_signal(signal.SIGCONT)

    def tcp_port(self):
        return servers.free_tcp_port() if self.transport == "tcp" else None

    def counters(self):
        """Processor seconds of the server so far, and the bytes its folder takes on disk."""
        pid = self.server.process.pid
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        return {
            "cpu_seconds": ticks / os.sysconf("SC_CLK_TCK"),
            "bytes_on_disk": bytes_on_disk(self.folder),
        }


class Holdfast(Peer):
    """Under guard, as by default; with a fence that stops nothing, because what fio writes is no ordinary work."""

    label = "Holdfast"
    settings = "default settings, full history, guard on (fence: alert)"
    renewed_each_round = True
    config = '[defaults]\nguard = true\nfence = "alert"\n'
    # What the background does after an hour, at once: a round begins within a minute.
    rested = 'defragment_after = "0s"\n'

    def rest(self):
        self.configure(self.config + self.rested)
        sizes = self.sizes()
        before = last = next(sizes)
        for size in sizes:
            if size == last > before + MOVED_BYTES_MIN:
                break
            last = size
        self.configure(self.config)

    def sizes(self):
        """The bytes on disk, every few seconds."""
        deadline = time.monotonic() + REST_SECONDS
        while time.monotonic() < deadline:
            yield bytes_on_disk(self.folder)
            time.sleep(3)
        raise RuntimeError(f"{self.label} moved nothing, or wasn't done, in {REST_SECONDS} s")

    def configure(self, text):
        self.server.config.write_text(text)
        self.server.process.send_signal(signal.SIGHUP)

    def make_server(self):
        return servers.Holdfast(self.folder, self.size_bytes, config=self.config, tcp_port=self.tcp_port())


class HoldfastUnguarded(Holdfast):
    """What the guard costs is the difference."""

    label = "Holdfast unguarded"
    settings = "default settings, full history, guard off"
    config = "[defaults]\nguard = false\n"


class HoldfastWithHistory(Holdfast):
    """The same on a disk with a week behind it, made once by `lab` and copied for each round."""

    label = "Holdfast, week of history"
    settings = "default settings, 7 days of history before the first row"
    history = None

    def make_server(self):
        server = super().make_server()
        shutil.copytree(self.history, server.data)
        return server

    def fill(self):
        """The history is the filling."""


class NbdkitFile(Peer):
    label = "nbdkit file"
    settings = "file plugin, 8 threads, page cache"

    def make_server(self):
        return servers.Nbdkit(self.folder, self.size_bytes, tcp_port=self.tcp_port())


class NbdkitMemory(NbdkitFile):
    label = "nbdkit memory"
    settings = "memory plugin: stores nothing, the ceiling"

    def make_server(self):
        server = super().make_server()
        server.command = lambda plain=server.command(): [*plain[:-2], "memory", self.size_bytes]
        return server


class QemuRawWriteback(Peer):
    label = "qemu-nbd raw writeback"
    settings = "--cache=writeback"

    def make_server(self):
        return servers.QemuNbd(self.folder, self.size_bytes, tcp_port=self.tcp_port())


class QemuRawDirect(QemuRawWriteback):
    label = "qemu-nbd raw none+io_uring"
    settings = "--cache=none --aio=io_uring"

    def make_server(self):
        server = super().make_server()
        words = [word for word in server.command() if word != "--cache=writeback"]
        server.command = lambda: [words[0], "--cache=none", "--aio=io_uring", *words[1:]]
        return server


class QemuQcow2(QemuRawWriteback):
    label = "qemu-nbd qcow2"
    settings = "--cache=writeback, 64 KiB clusters"

    def make_server(self):
        server = super().make_server()
        image = server.folder / "disk.qcow2"
        words = ["qcow2" if word == "raw" else word for word in server.command()[:-1]]
        server.prepare = lambda: subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", str(image), str(self.size_bytes)], check=True
        )
        server.command = lambda: [*words, image]
        return server


PEERS = [NbdkitMemory, NbdkitFile, QemuRawWriteback, QemuRawDirect, QemuQcow2, Holdfast, HoldfastUnguarded, HoldfastWithHistory]


def bytes_on_disk(folder):
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except FileNotFoundError:
                # A segment that was compacted away while we looked.
                continue
    return total
