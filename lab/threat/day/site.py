"""A real daemon on a folder of its own, the disks of some machines served by it, and what is written to them.

The disks are made, filled and attacked here, and are this lab's own: everything goes through connections to the daemon that was started here.
"""

import json
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "guard")]

import disks
from harness.server import Holdfast, free_tcp_port

MIB = 1 << 20
DISK_MIB = 64
DOCUMENTS = 640
DOCUMENT_BYTES = 64 << 10
# The machines whose disks are here; the file server's disk has a name of its own.
MACHINES = {"dc01": "dc01", "fs01": "files", "sql01": "sql01", "app01": "app01", "app02": "app02", "bkp01": "bkp01", "web01": "web01", "lnx01": "lnx01"}
CONFIG = """
[defaults]
fence = "refuse"

[notices.way.log]
kind = "syslog"
server = "127.0.0.1:{notices}"
transport = "udp"

[notices.group.oncall]
ways = ["log"]

[threat]
follow = ["{logs}"]
from_beginning = true
syslog = "127.0.0.1:{syslog}"
entities = "{entities}"

[threat.machines]
fs01 = ["files"]
"""


class Site:
    """A daemon with disks. `disks` are those served; none where only logs matter."""

    def __init__(self, folder, company, volumes=tuple(MACHINES.values())):
        self.folder, self.logs, self.volumes = folder, folder / "logs", list(volumes)
        self.logs.mkdir(parents=True)
        self.syslog_port = free_tcp_port()
        entities = folder / "entities.csv"
        entities.write_text(company.listed())
        # Nobody has to answer there: what is sent is counted by the daemon.
        config = CONFIG.format(logs=self.logs, syslog=self.syslog_port, entities=entities, notices=free_tcp_port())
        served = folder / "server"
        served.mkdir()
        names = self.volumes or ["disk"]
        extra = [word for name in names[1:] for word in ("--create", f"{name}={DISK_MIB * MIB}")]
        self.server = Holdfast(served, DISK_MIB * MIB, config=config, export=names[0], extra=extra)
        self.open, self.stream = {}, None

    def start(self):
        self.server.start()
        self.stream = socket.create_connection(("127.0.0.1", self.syslog_port), timeout=60)

    def stop(self):
        if self.stream is not None:
            self.stream.close()
        for file in self.open.values():
            file.close()
        self.server.stop()

    def write(self, stream, lines):
        """Appends lines to a log, or sends them by syslog."""
        data = "".join(f"{line}\n" for line in lines).encode()
        if stream == "network":
            self.stream.sendall(data)
            return
        if stream not in self.open:
            self.open[stream] = open(self.logs / f"{stream}.log", "ab", buffering=0)
        self.open[stream].write(data)

    def ask(self, *words):
        return json.loads(self.server.holdfast(*words, "--json").stdout)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def resident_mib(self):
        lines = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) >> 10

    def settle(self, patience=3.0):
        """Waits until the daemon has nothing more to do with what was written."""
        quiet, before = time.monotonic(), self.processor_seconds()
        while time.monotonic() - quiet < patience:
            time.sleep(0.25)
            now = self.processor_seconds()
            if now - before > 0.05:
                quiet = time.monotonic()
            before = now


class Disks:
    """File systems on the site's disks, ordinary work in their files, and one attack on all of them."""

    def __init__(self, site):
        self.site = site
        self.image = site.folder / "disk.img"
        self.places, self.content = {}, {name: {} for name in site.volumes}
        self.stopped, self.failed = threading.Event(), []
        self.worker = self.filled = None

    def fill(self):
        """An ext4 file system of documents on each."""
        tree = self.site.folder / "tree"
        tree.mkdir()
        for number in range(DOCUMENTS):
            (tree / f"document {number:04}.csv").write_bytes(disks.document(number))
        with open(self.image, "wb") as file:
            file.truncate(DISK_MIB * MIB)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, self.image], check=True)
        shutil.rmtree(tree)
        data = self.image.read_bytes()
        for number in range(DOCUMENTS):
            document = disks.document(number)
            place = data.find(document[:4096])
            if data[place : place + DOCUMENT_BYTES] == document:
                self.places[number] = place
        for name in self.site.volumes:
            with disks.connected(self.site.server, name) as client:
                for offset in range(0, len(data), MIB):
                    client.pwrite(data[offset : offset + MIB], offset)
                client.flush()
        self.filled = time.monotonic()

    def work(self):
        """Somebody changes lines of documents, until the machines are switched off."""
        self.worker = threading.Thread(target=self.edit)
        self.worker.start()

    def edit(self):
        chance = random.Random(5)
        try:
            while not self.stopped.wait(0.25):
                name, number = chance.choice(self.site.volumes), chance.choice(list(self.places))
                with disks.connected(self.site.server, name) as client:
                    data = bytearray(client.pread(4096, self.places[number]))
                    data[8:24] = f";edited {chance.randrange(10**7):07};".encode()
                    client.pwrite(bytes(data), self.places[number])
                    client.flush()
                self.content[name][number] = bytes(data)
        except Exception as error:
            self.failed.append(repr(error))

    def power_off(self):
        self.stopped.set()
        if self.worker:
            self.worker.join()

    def attack(self):
        """Replaces what is on the disks with random bytes, all at once. What became of each: bytes written, and the error that ended it."""
        outcome = {}

        def encrypt(name, seed):
            attack = disks.Attack(self.site.server, DISK_MIB, name, seed).run()
            outcome[name] = {"written_mib": attack.written / MIB, "stopped_by": attack.error}

        threads = [threading.Thread(target=encrypt, args=(name, seed)) for seed, name in enumerate(self.site.volumes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcome

    def restored(self, name):
        """Takes a disk back to before the attack, and compares its files with what they were when the machine was switched off."""
        self.site.server.holdfast("restore", name, "--before-attack", "--json")
        with disks.connected(self.site.server, name) as client, open(self.image, "wb") as file:
            for offset in range(0, DISK_MIB * MIB, MIB):
                file.write(client.pread(MIB, offset))
        tree = self.site.folder / f"restored-{name}"
        tree.mkdir()
        subprocess.run(["debugfs", "-R", f"rdump / {tree}", self.image], check=True, capture_output=True)
        same = 0
        for number in range(DOCUMENTS):
            wanted = disks.document(number)
            if number in self.content[name]:
                wanted = self.content[name][number] + wanted[4096:]
            path = tree / f"document {number:04}.csv"
            same += path.exists() and path.read_bytes() == wanted
        shutil.rmtree(tree)
        return same
