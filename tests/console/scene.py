"""What the story needs: a daemon with a console, a guarded disk whose file system is in use, and an attack from the lab's cases.

The attack takes the lab's `Scratch`, which only a disk of a server that this program started itself can become: see lab/cases/README.md.
"""

import contextlib
import os
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "lab" / "cases"))

# Importing them registers their cases.
import attacks  # noqa: F401
import corpus
import volumes
from case import CASES, Deadline
from harness import attach, server as servers
from harness.runner import Skip
from recording import write_back

MIB = 1 << 20
DISK_BYTES = 192 * MIB
KIND = "ext4"
DOCUMENTS = 320
DOCUMENT_BYTES = 200 << 10
EDITED = 20
DEPARTMENTS = ["Finance", "Sales", "Legal", "Personnel"]
WORDS = "offer customer the Monday report of and price agreed to list budget Q3 meeting notes with from delivery".split()
# Documents that are younger than a minute are work in progress to the guard.
WORK_IN_PROGRESS_SECONDS = 62
# Of lab/cases/attacks.py: files are overwritten whole and renamed, with a note in each folder.
ATTACK = "in-place-whole"
ATTACK_SECONDS = 20
DATABASE = "Sales/till.sqlite"


class Site(servers.Holdfast):
    """A daemon with a console."""

    def __init__(self, folder, size_bytes=DISK_BYTES, config="", **options):
        self.port = servers.free_tcp_port()
        self.base = f"http://localhost:{self.port}"
        console = f'[console]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n'
        super().__init__(folder, size_bytes, config=config + console, **options)

    def link(self, *words):
        """A set-up link."""
        done = self.holdfast("console", "link", *words, "--config", self.config)
        return re.search(r"http://\S+/set-up/\S+", done.stdout).group(0)


def start(case, **options):
    folder = case.folder / "site"
    folder.mkdir()
    site = Site(folder, **options)
    case.servers.append(site)
    case.cleanup.callback(site.stop)
    site.start()
    return site


class FileServer:
    """The site's disk with an ext4 file system: documents, and the database of a till that is at work whenever it is mounted.

    Invariants: `expected` has the digest of every document as it was when it was last saved well; the till works only within `in_use`,
    and no longer than its database is there.
    """

    def __init__(self, case, site):
        reason = attach.unavailable()
        if reason:
            raise Skip(reason)
        case.needs_program("nbdfuse", "losetup", "mkfs.ext4", "e2fsck")
        self.disk = case.cleanup.enter_context(volumes.Disk(site))
        self.disk.make_file_system(KIND)
        with self.disk.mount(KIND) as scratch:
            for number in range(DOCUMENTS):
                path = scratch.root / document(number)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(text(number))
            self.expected = corpus.manifest(scratch.root, skip=(volumes.TOKEN_FILE,))
        self.since, self.till = time.monotonic(), None

    def grow_old(self):
        """Waits until the documents are no longer work in progress."""
        time.sleep(max(0.0, self.since + WORK_IN_PROGRESS_SECONDS - time.monotonic()))

    @contextlib.contextmanager
    def in_use(self):
        """The file system mounted, and the till at work on it. Gives the lab's `Scratch`."""
        with self.disk.mount(KIND) as scratch, write_back(scratch, 1):
            command = [sys.executable, str(HERE / "till.py"), str(scratch.root / DATABASE)]
            self.till = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            try:
                yield scratch
            finally:
                self.till.kill()
                self.till.wait()

    def is_at_work(self):
        return self.till.poll() is None

    def edit(self, scratch):
        """Somebody edits a few documents."""
        for number in range(0, DOCUMENTS, DOCUMENTS // EDITED):
            with open(scratch.root / document(number), "r+b") as file:
                file.seek(100)
                file.write(b"EDITED")
                file.flush()
                os.fsync(file.fileno())
            self.expected[document(number)] = corpus.digest(scratch.root / document(number))

    def sales(self, scratch):
        """How many sales the till has noted on the disk."""
        with contextlib.closing(sqlite3.connect(f"file:{scratch.root / DATABASE}?mode=ro", uri=True)) as database:
            return database.execute("select count(*) from sale").fetchone()[0]

    def differing(self, scratch):
        """Documents that are missing or other than they were."""

        def is_same(name):
            # The till's own files come and go: only documents are looked at.
            path = scratch.root / name
            return path.exists() and corpus.digest(path) == self.expected[name]

        return sorted(name for name in self.expected if not is_same(name))

    def check_restored(self, sales):
        """Every document is as it was, the database is whole with at least `sales` in it, and the file system's own check finds nothing."""
        self.disk.attach_again()
        with self.disk.mount(KIND) as scratch:
            found = corpus.manifest(scratch.root)
            differing = self.differing(scratch)
            assert not differing, f"{len(differing)} documents differ: {differing[:5]}"
            foreign = {name for name in found if name not in self.expected and not name.startswith((DATABASE, volumes.TOKEN_FILE))}
            assert not foreign, f"left by the attack: {sorted(foreign)[:5]}"
            with contextlib.closing(sqlite3.connect(scratch.root / DATABASE)) as database:
                assert database.execute("pragma integrity_check").fetchone()[0] == "ok"
            assert self.sales(scratch) >= sales, f"{self.sales(scratch)} sales where {sales} were noted"
        assert volumes.is_whole(KIND, self.disk.device), "e2fsck finds something to do"


def attack(scratch, name):
    """One of the lab's attacks, until it has met every file."""
    CASES[name].work(scratch, random.Random(1), Deadline(ATTACK_SECONDS))
    scratch.sync()


def document(number):
    return f"{DEPARTMENTS[number % len(DEPARTMENTS)]}/document {number}.txt"


def text(seed):
    chance = random.Random(seed)
    words = []
    length = 0
    while length < DOCUMENT_BYTES:
        word = f"{chance.choice(WORDS)} {chance.randrange(1000)}"
        words.append(word)
        length += len(word) + 1
    return " ".join(words).encode()[:DOCUMENT_BYTES]


def alerts(page):
    """The newest alerts, asked of the API by the page's own session."""
    return page.run("fetch('/api/v1/alerts').then((answer) => answer.json())")
