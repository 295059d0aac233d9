"""One ordinary case on a guarded volume: what the whole guard, which looks at files too, makes of it."""

import contextlib
import dataclasses
import random
import time

import programs
from case import CASES, Deadline
from defending import FENCES, MIB, Meter, kind
from harness.runner import time_limit
from recording import write_back

SECONDS_MAX = 300
# What is lost where it lies counts after a quarter of a minute (crates/guard/src/examine.rs); on an encrypted disk there are no files to look at.
AFTER_SECONDS = {"plain": 18, "xts": 2}


@dataclasses.dataclass
class Outcome:
    """A line of the table."""

    case: str
    file_system: str
    volume: str
    announced: bool
    written_mib: float = 0.0
    seconds: float = 0.0
    bookmarks: int = 0
    fences: int = 0
    reasons: list = dataclasses.field(default_factory=list)
    error: str | None = None


class Undisturbed:
    """`entry` on a fork of its base volume, guarded by an alarm only: nothing is stopped, everything is counted."""

    def __init__(self, bases, entry, model):
        self.bases, self.entry, self.model = bases, entry, model
        self.case = CASES[entry.case]
        self.rng = random.Random(f"undisturbed {entry.name()}")
        self.outcome = Outcome(entry.case, entry.file_system, entry.volume(), self.case.announced)

    def run(self):
        entry = self.entry
        options = ["--guard", "alert", *(["--model", str(self.model)] if self.model else [])]
        try:
            with (
                time_limit(SECONDS_MAX),
                self.bases.fork(entry.file_system, entry.state, entry.layer, 60, options) as disk,
                Meter(disk) as meter,
            ):
                if self.case.announced:
                    disk.ask(f"announce 7200 {entry.case}")
                began, written = meter.sample()
                self.work(disk)
                if self.is_twice():
                    # The second time meets files that were there before: caches give up old entries, databases merge old files.
                    disk.ask("skip 90000")
                    time.sleep(2)
                    # What it made the first time may be in its way.
                    with contextlib.suppress(programs.ProgramFailed):
                        self.work(disk)
                time.sleep(AFTER_SECONDS[entry.layer])
                ended, written_then = meter.sample()
                self.outcome.seconds = round(ended - began, 1)
                self.outcome.written_mib = round((written_then - written) / MIB, 1)
                self.count(disk)
        except Exception as error:
            self.outcome.error = f"{type(error).__name__}: {error}"
        return self.outcome

    def is_twice(self):
        return self.entry.layer == "plain" and not self.case.announced and not self.case.on_device and not self.case.prepare

    def work(self, disk):
        entry = self.entry
        if not self.case.on_device or self.case.prepare:
            with disk.mount(entry.file_system, self.case.discard is not False) as scratch, write_back(scratch, 1):
                if self.case.prepare:
                    self.case.prepare(scratch, self.rng)
                    scratch.sync()
                if not self.case.on_device:
                    self.case.work(scratch, self.rng, Deadline(self.case.seconds))
                    scratch.sync()
        if self.case.on_device:
            with disk.raw(entry.file_system) as raw:
                self.case.work(raw, self.rng, Deadline(self.case.seconds))
                raw.sync()

    def count(self, disk):
        for event in disk.session.events:
            if kind(event) == "bookmarked":
                self.outcome.bookmarks += 1
                self.outcome.reasons = event["event"]["reasons"]
            # Of announced work only the bookmark counts: nothing is stopped.
            if kind(event) in FENCES and not self.case.announced:
                self.outcome.fences += 1
                self.outcome.reasons = event["event"]["reasons"]
