"""One attack on a volume, with ordinary work before and beside it; then: which files does `investigate` name, and what does
`--keep-good` bring back? Every file is compared by hash with what the lab knows."""

import dataclasses
import json
import os
import random
import tarfile
import threading
import time

import corpus
import reading
import volumes
from case import CASES, Deadline
from harness.runner import time_limit
from recording import write_back

SECONDS_MAX = 600
LEAST_SECONDS_OF_ATTACK = 8
# What the lab's own ordinary work uses.
WORK = "Work"
PREPARED = 24
# Between two files of the work beside an attack.
PACE_SECONDS = 0.2


@dataclasses.dataclass
class Outcome:
    """A line of the table. Shares are None where there is nothing to take a share of."""

    case: str
    file_system: str
    volume: str
    files: int = 0
    damaged: int | None = None
    named: int | None = None
    rightly_named: int | None = None
    read: int | None = None
    read_named: int | None = None
    read_rightly_named: int | None = None
    # Read, and told as perhaps read; not read, and told so.
    read_unknown: int | None = None
    unread_unknown: int | None = None
    investigate_seconds: float | None = None
    way: str | None = None
    restored: int | None = None
    good_changes: int | None = None
    good_changes_kept: int | None = None
    edits_damaged: int | None = None
    edits_back: int | None = None
    file_system_whole: bool | None = None
    missed_examples: list = dataclasses.field(default_factory=list)
    wrong_examples: list = dataclasses.field(default_factory=list)
    lost_examples: list = dataclasses.field(default_factory=list)
    error: str | None = None

    def precision(self):
        return self.rightly_named / self.named if self.named else None

    def recall(self):
        return self.rightly_named / self.damaged if self.damaged else None


class Work:
    """Ordinary work whose results are known: documents edited, saved anew and made. Invariant: `good` holds the digest of
    everything as it was when it was last saved."""

    def __init__(self, scratch, rng):
        self.scratch, self.rng = scratch, rng
        self.good, self.over = {}, threading.Event()
        # Read and not changed, for what it holds to be known.
        self.read = set()

    def prepare(self):
        """Documents that exist before the window."""
        (self.scratch.root / WORK).mkdir(exist_ok=True)
        for number in range(PREPARED):
            self.save(f"{WORK}/prepared {number}.txt", self.text(number))
        self.scratch.sync()

    def text(self, number):
        lines = (f"{number}: the customer orders {self.rng.randint(1, 99)} pieces, see also {self.rng.random()}\n" for _ in range(400))
        return "".join(lines).encode()

    def save(self, name, data):
        (self.scratch.root / name).write_bytes(data)

    def before_attack(self):
        """A third of the prepared documents is edited in place, a third saved as a new file over the old one; some are new."""
        for number in range(PREPARED):
            name = f"{WORK}/prepared {number}.txt"
            path = self.scratch.root / name
            if number % 3 == 0:
                with open(path, "r+b") as file:
                    file.seek(100)
                    file.write(b"EDITED IN PLACE")
            elif number % 3 == 1:
                self.save(f"{name}.new", self.text(number) + b"saved anew\n")
                os.replace(self.scratch.root / f"{name}.new", path)
            else:
                self.read.add(name)
            self.note(name)
        self.make("made before")
        self.scratch.sync()

    def make(self, what):
        """New files: text, and an archive, whose bytes look random."""
        name = f"{WORK}/{what} {len(self.good)}"
        self.save(f"{name}.txt", self.text(len(self.good)))
        self.note(f"{name}.txt")
        folder = self.scratch.contents / "Marketing"
        picture = self.rng.choice(sorted(folder.rglob("*.jpg")))
        self.save(f"{name}.jpg", picture.read_bytes())
        self.note(f"{name}.jpg")

    def note(self, name):
        self.good[name] = corpus.digest(self.scratch.root / name)

    def serve(self):
        number = 0
        while not self.over.wait(PACE_SECONDS):
            number += 1
            try:
                self.make(f"made beside {number}")
            except OSError:
                return

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def case_of(name):
    return reading.READERS.get(name) or CASES[name]


class Investigated:
    """`entry` on a fork of its base volume, investigated and restored."""

    def __init__(self, bases, entry):
        self.bases, self.entry = bases, entry
        self.case = case_of(entry.case)
        self.rng = random.Random(f"investigation {entry.name()}")
        self.outcome = Outcome(entry.case, entry.file_system, entry.volume())

    def run(self):
        entry = self.entry
        try:
            with (
                time_limit(SECONDS_MAX),
                self.bases.fork(entry.file_system, entry.state, "plain", 60, ["--guard", "alert"]) as disk,
            ):
                before, sequence = self.prepare(disk)
                good = self.attack(disk)
                # First, because looking at every file reads it.
                investigation = self.investigate(disk, sequence)
                after = self.look(disk)
                self.truth(before, after, good)
                self.judge(investigation)
                self.keep_good(disk, sequence, before, after, good)
        except Exception as error:
            self.outcome.error = f"{type(error).__name__}: {error}"
        return self.outcome

    def prepare(self, disk):
        """Brings the volume into its state. Returns the files' digests and the moment."""
        with disk.mount(self.entry.file_system) as scratch:
            if self.case.prepare:
                self.case.prepare(scratch, self.rng)
            Work(scratch, self.rng).prepare()
            before = corpus.manifest(scratch.root, skip=(volumes.TOKEN_FILE,))
        disk.ask(f"skip {self.rng.uniform(7200, 14400):.3f}")
        return before, disk.ask("moment")["sequence"]

    def attack(self, disk):
        """Ordinary work, then the attack with more of it. Returns the digests of what was done well."""
        kind = self.entry.file_system
        deadline = lambda: Deadline(max(self.case.seconds, LEAST_SECONDS_OF_ATTACK))
        if self.case.on_device:
            with disk.mount(kind) as scratch:
                work = Work(scratch, self.rng)
                work.before_attack()
            with disk.raw(kind) as raw:
                self.case.work(raw, self.rng, deadline())
                raw.sync()
            return work.good
        discard = True if self.case.discard is None else self.case.discard
        options = reading.as_guest(disk, self.entry)
        with disk.mount(kind, discard, options) as scratch, write_back(scratch, 1):
            work = Work(scratch, self.rng)
            work.before_attack()
            time.sleep(1)
            with work:
                self.case.work(scratch, self.rng, deadline())
            self.taken = set(getattr(scratch, "taken", ()))
            self.read = self.taken | work.read
            scratch.sync()
        return work.good

    def look(self, disk):
        """Digests on the disk as the attack left it; None if it can't be mounted any more."""
        try:
            with disk.look(self.entry.file_system) as root:
                return readable(root)
        except volumes.LabError:
            return None

    def truth(self, before, after, good):
        """The damaged files: those that aren't what they were, nor what good work made of them."""
        expected = {name: good.get(name, digest) for name, digest in before.items()}
        self.damaged = {name for name, digest in expected.items() if after is None or after.get(name) not in (digest, before[name])}
        # Files of programs that run beside are theirs.
        lively = LIVELY + (("srv/",) if self.case.name.startswith("mixed") else ())
        self.judged = {name for name in expected if not name.startswith(lively)}
        self.damaged &= self.judged
        self.outcome.files, self.outcome.damaged = len(self.judged), len(self.damaged)

    def investigate(self, disk, sequence):
        folder = disk.session.folder
        answer = disk.ask(f"investigate {sequence} {folder}")
        self.outcome.investigate_seconds = round(answer["seconds"], 2)
        return json.loads((folder / "investigation.json").read_text())

    def judge(self, investigation):
        """Names by the report against the truth."""
        outcome = self.outcome
        files = investigation["files"]
        named = {file["path"].lstrip("/") for file in files if file["newest_good"]} & self.judged
        outcome.named, outcome.rightly_named = len(named), len(named & self.damaged)
        by_path = {file["path"].lstrip("/"): file for file in files}
        outcome.missed_examples = [f"{name}: {said(by_path.get(name))}" for name in sorted(self.damaged - named)[:8]]
        outcome.wrong_examples = [f"{name}: {said(by_path.get(name))}" for name in sorted(named - self.damaged)[:8]]
        taken = getattr(self, "taken", set()) & self.judged
        if taken and investigation["readings"]["since"]:
            read = {file["path"].lstrip("/") for file in files if file["what"] == "read"} & self.judged
            taken |= self.read & self.judged
            outcome.read, outcome.read_named, outcome.read_rightly_named = len(taken), len(read), len(read & taken)
            unknown = {file["path"].lstrip("/") for file in files if file["what"] == "perhaps-read"} & self.judged
            outcome.read_unknown, outcome.unread_unknown = len(unknown & taken), len(unknown - taken)
            outcome.missed_examples += [f"{name}: {said(by_path.get(name))}" for name in sorted(taken - read - unknown)[:8]]
            outcome.wrong_examples += [f"{name}: {said(by_path.get(name))}" for name in sorted(read - taken)[:8]]

    def keep_good(self, disk, sequence, before, after, good):
        """Restores with `--keep-good`, and compares every file."""
        outcome, folder = self.outcome, disk.session.folder
        answer = disk.ask(f"keep-good {sequence} {folder}")
        outcome.way = answer["way"]
        disk.attach_again()
        kind = self.entry.file_system
        volumes.check_before_mount(kind, disk.device)
        with disk.mount(kind) as scratch:
            now = readable(scratch.root)
        outcome.file_system_whole = volumes.is_whole(kind, disk.device)
        aside = set_aside(folder / "set-aside.tar") if answer.get("set_aside") else {}
        back = {name for name in self.damaged if now.get(name) in (before[name], good.get(name))}
        kept = {name for name, digest in good.items() if after is not None and after.get(name) == digest}
        saved = {name for name in kept if digest_now(now, name) == good[name] or aside.get(name) == good[name]}
        outcome.restored = len(back)
        outcome.good_changes, outcome.good_changes_kept = len(kept), len(saved)
        # Good work that the attack damaged afterwards: its newest version, not that from before the window.
        edited = set() if after is None else {name for name, digest in good.items() if after.get(name) != digest}
        outcome.edits_damaged = len(edited)
        outcome.edits_back = sum(digest_now(now, name) == good[name] or aside.get(name) == good[name] for name in edited)
        outcome.lost_examples = sorted(self.damaged - back)[:8] + [f"good: {name}" for name in sorted(kept - saved)[:8]]


# Folders in which the programs of mixed cases work.
LIVELY = ("Engineering/program/", "Support/Maildir/", "Sales/profile/", "Shared/Backup/", "Shared/Out/")


def digest_now(now, name):
    return now.get(name)


def said(file):
    return "nothing" if file is None else f"{file['what']} {file['kind']} {file['new_kind']} {'; '.join(file['evidence'])}"


def readable(root):
    """Digests of all files that can be read."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if name == volumes.TOKEN_FILE or os.path.islink(path) or not os.path.isfile(path):
                continue
            try:
                found[os.path.relpath(path, root)] = corpus.digest(path)
            except OSError:
                continue
    return found


def set_aside(path):
    """Digests of the files in the archive of what was done well."""
    import hashlib

    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                found[member.name] = hashlib.file_digest(archive.extractfile(member), "sha256").hexdigest()
    return found
