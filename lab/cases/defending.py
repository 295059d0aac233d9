"""One attack on a guarded volume, from the first damaged block to the comparison of every file after the restore."""

import dataclasses
import datetime
import random
import threading
import time

import corpus
import volumes
from case import CASES, Deadline
from harness.runner import time_limit
from loads import run_load
from recording import write_back

DEFENCE_SECONDS_MAX = 300
MIB = 1 << 20
# Ordinary work before an attack that leaves the corpus' files alone: what they have to be afterwards is then known.
LEAD_IN = ["mail-delivery", "browser-cache", "compile"]
SAMPLE_SECONDS = 0.1
LEAST_SECONDS_OF_ATTACK = 8
# What lost its content where it lies counts after a quarter of a minute (crates/guard/src/examine.rs).
LEAST_SECONDS_UNDER_GUARD = 30
# Events that say that encryption was recognised, whatever the guard did about it.
FENCES = ("fenced", "diverted", "would-fence")


class FalseFence(Exception):
    """The guard stopped ordinary work."""


@dataclasses.dataclass
class Outcome:
    """A line of the table. Times are in seconds of lab time, both from the attack's begin."""

    case: str
    file_system: str
    volume: str
    detected: str = "missed"
    bookmark_mib: float | None = None
    bookmark_seconds: float | None = None
    fence_mib: float | None = None
    fence_seconds: float | None = None
    files: int = 0
    files_damaged: int | None = None
    ordinary_mib_after_restore_point: float | None = None
    restore_point_in_attack: bool | None = None
    restore_seconds: float | None = None
    files_differing_after_restore: int | None = None
    file_system_whole: bool | None = None
    false_bookmarks_before: int = 0
    false_fences_before: int = 0
    reasons: list = dataclasses.field(default_factory=list)
    error: str | None = None


class Meter:
    """Samples of (lab time in seconds, bytes changed), taken while it is in use."""

    def __init__(self, disk):
        self.disk, self.samples, self.over = disk, [], threading.Event()
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def serve(self):
        while not self.over.wait(SAMPLE_SECONDS):
            self.sample()

    def sample(self):
        answer = self.disk.ask("mark sample")
        self.samples.append((answer["time"] / 1e6, changed(answer["meter"])))
        return self.samples[-1]

    def at(self, moment):
        """Bytes changed up to a moment: of the last sample before it."""
        return max((count for when, count in self.samples if when <= moment), default=0)


def changed(meter):
    """Bytes written. Cleared ones aren't added: the meter counts whole requests, which span free space too."""
    return meter["written_bytes"]


class Defence:
    """`entry` against a guarded fork of its base volume."""

    def __init__(self, bases, entry, fence, model):
        self.bases, self.entry, self.fence, self.model = bases, entry, fence, model
        self.case = CASES[entry.case]
        self.rng = random.Random(f"defence {entry.name()}")
        self.lead_in = self.rng.choice(LEAD_IN)
        self.outcome = Outcome(entry.case, entry.file_system, entry.volume())

    def run(self):
        options = ["--guard", self.fence, *(["--model", str(self.model)] if self.model else [])]
        entry = self.entry
        try:
            with (
                time_limit(DEFENCE_SECONDS_MAX),
                self.bases.fork(entry.file_system, entry.state, entry.layer, 60, options) as disk,
            ):
                with Meter(disk) as meter:
                    files = self.prepare(disk)
                    self.outcome.files = len(files)
                    began, sequence = self.attack(disk, meter)
                    self.go_on(disk, began)
                self.judge(disk, began, meter)
                self.outcome.files_damaged = self.count_damaged(disk, files)
                self.restore(disk, sequence)
                self.compare(disk, files)
        except Exception as error:
            self.outcome.error = f"{type(error).__name__}: {error}"
        return self.outcome

    def prepare(self, disk):
        """Brings the volume into the case's state, guarded by an alarm only, which is counted. Returns the files' digests."""
        disk.ask("guard set alert")
        entry = self.entry
        files = self.bases.ensure(entry.file_system, entry.state, entry.layer)["files"]
        needed = [CASES[name].prepare for name in (self.case.name, self.lead_in) if CASES[name].prepare]
        if needed:
            with disk.mount(entry.file_system) as scratch:
                for step in needed:
                    step(scratch, self.rng)
                files = corpus.manifest(scratch.root, skip=(volumes.TOKEN_FILE,))
        disk.ask(f"skip {self.rng.uniform(7200, 14400):.3f}")
        # The guard calms down when it next ticks.
        time.sleep(1.5)
        self.outcome.false_fences_before = self.fences(disk)
        disk.ask(f"guard set {self.fence}")
        # Compilers and clients go on changing their own files.
        return {
            name: digest
            for name, digest in files.items()
            if not name.startswith(("Engineering/program/", "Support/Maildir/", "Sales/profile/"))
        }

    def attack(self, disk, meter):
        """Ordinary work, then the attack until it ends or fails. Returns its begin: (lab time, bytes written), moment."""
        if self.case.on_device:
            with disk.mount(self.entry.file_system) as scratch:
                self.work_before(scratch)
            began, sequence = self.begin(disk, meter)
            with disk.raw(self.entry.file_system) as raw:
                self.case.work(raw, self.rng, self.deadline())
                raw.sync()
            return began, sequence
        discard = True if self.case.discard is None else self.case.discard
        with disk.mount(self.entry.file_system, discard) as scratch, write_back(scratch, 1):
            self.work_before(scratch)
            began, sequence = self.begin(disk, meter)
            self.case.work(scratch, self.rng, self.deadline())
            scratch.sync()
        return began, sequence

    def go_on(self, disk, began):
        """A machine whose disk was attacked in an instant goes on: the guard, which looks once a second, has the time that a longer attack takes."""
        until = time.monotonic() + LEAST_SECONDS_UNDER_GUARD - (disk.ask("moment")["time"] / 1e6 - began[0])
        while time.monotonic() < until and self.fences(disk) == self.outcome.false_fences_before:
            time.sleep(0.1)

    def deadline(self):
        return Deadline(max(self.case.seconds, LEAST_SECONDS_OF_ATTACK))

    def work_before(self, scratch):
        run_load(self.lead_in, scratch, self.rng, Deadline(2.5))
        scratch.sync()
        time.sleep(0.3)

    def fences(self, disk):
        return sum(1 for event in disk.session.events if kind(event) in FENCES)

    def begin(self, disk, meter):
        if self.fences(disk) > self.outcome.false_fences_before:
            self.outcome.false_fences_before += 1
            reasons = next(event["event"]["reasons"] for event in disk.session.events if kind(event) in FENCES)
            raise FalseFence(f"ordinary work before the attack was fenced: {'; '.join(reasons)}")
        self.outcome.false_bookmarks_before = sum(1 for event in disk.session.events if kind(event) == "bookmarked")
        return meter.sample(), disk.ask("moment")["sequence"]

    def judge(self, disk, began, meter):
        """What the guard told, and when."""
        moment, written = began
        outcome = self.outcome
        for event in disk.session.events:
            after, mib = event["time"] / 1e6 - moment, (changed(event["meter"]) - written) / MIB
            if kind(event) == "bookmarked" and after >= 0 and outcome.bookmark_mib is None:
                outcome.bookmark_mib, outcome.bookmark_seconds, outcome.detected = round(mib, 2), round(after, 2), "bookmarked"
            if kind(event) in FENCES and after >= 0 and outcome.fence_mib is None:
                outcome.fence_mib, outcome.fence_seconds, outcome.detected = round(mib, 2), round(after, 2), "fenced"
                outcome.reasons = event["event"]["reasons"]
        point = disk.ask("guard status")["status"]["before_attack"]
        if point and outcome.detected != "missed":
            kept = seconds_of(point["time"])
            outcome.restore_point_in_attack = kept > moment
            outcome.ordinary_mib_after_restore_point = round(max(0, written - meter.at(kept)) / MIB, 2)

    def count_damaged(self, disk, files):
        """Files that are missing, unreadable or other than they were, on the disk as the attack left it."""
        try:
            with disk.look(self.entry.file_system) as root:
                return count_differing(root, files)
        except volumes.LabError:
            # The file system can't be mounted any more.
            return len(files)

    def restore(self, disk, sequence):
        """By the guard's own restore point. What it missed is taken back by the moment before the attack, which only the lab knows."""
        if self.outcome.detected != "missed":
            answer = disk.ask("restore before-attack")
        else:
            answer = disk.ask(f"rollback {sequence}")
        self.outcome.restore_seconds = round(answer["seconds"], 3)
        disk.attach_again()

    def compare(self, disk, files):
        kind_of = self.entry.file_system
        volumes.check_before_mount(kind_of, disk.device)
        with disk.mount(kind_of) as scratch:
            self.outcome.files_differing_after_restore = count_differing(scratch.root, files)
        self.outcome.file_system_whole = volumes.is_whole(kind_of, disk.device)


def kind(event):
    return event["event"]["kind"]


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def count_differing(root, files):
    count = 0
    for name, digest in files.items():
        try:
            count += corpus.digest(root / name) != digest
        except OSError:
            count += 1
    return count
