"""One recording: a fork of a base volume, mounted; ordinary work or an attack on it; the truth marked in the trace."""

import contextlib
import json
import random
import threading
import time

import volumes
from case import CASES, Deadline
from harness.runner import time_limit
from loads import beside, run_load

RECORDING_SECONDS_MAX = 150
# Seconds between the host's write-backs: a guest's own are less than this machine's, whose memory is large. None: only when dirty
# pages reach the volume's limit.
WRITE_BACK_SECONDS = [0.5, 1, 1, 2, 5, None]


class Recording:
    """`entry` recorded into `target`."""

    def __init__(self, bases, entry, target):
        self.bases, self.entry, self.target = bases, entry, target
        self.case = CASES[entry.case]
        self.rng = random.Random(f"{entry.name()}")
        self.lead_in, self.beside = self.choose_loads()
        self.write_back_seconds = self.rng.choice(WRITE_BACK_SECONDS)
        self.discard = self.rng.random() < 0.6 if self.case.discard is None else self.case.discard

    def choose_loads(self):
        """Ordinary work before an attack (often) and beside the case (sometimes): names of cases or None."""
        loads = sorted(name for name, other in CASES.items() if other.is_load and name != self.case.name)
        first, second = self.rng.choice(loads), self.rng.choice(loads)
        is_mixed = self.case.name.startswith("mixed-") or self.case.on_device
        lead_in = first if self.case.kind == "attack" and self.rng.random() < 0.6 else None
        beside = second if not is_mixed and self.rng.random() < 0.25 else None
        # Two servers on one cluster of PostgreSQL can't be.
        return lead_in, None if beside == lead_in or (beside or "").startswith("postgres") and self.case.needs == (
            "psql",
        ) else beside

    def make(self):
        """Makes the recording. Returns in words what the case counted (files, megabytes, rounds) and the number of records."""
        entry = self.entry
        minutes_later = self.rng.uniform(1, 600)
        with (
            time_limit(RECORDING_SECONDS_MAX),
            self.bases.fork(entry.file_system, entry.state, entry.layer, minutes_later) as disk,
        ):
            self.prepare(disk)
            unfinished = self.target.with_suffix(".unfinished")
            try:
                disk.ask(f"trace {unfinished} {json.dumps(self.description())}")
                count = self.on_device(disk) if self.case.on_device else self.on_files(disk)
                records = disk.ask("trace end")["records"]
                unfinished.rename(self.target)
            finally:
                unfinished.unlink(missing_ok=True)
        return f"{'-' if count is None else count} done, {records:,} records"

    def description(self):
        return {
            "kind": self.entry.kind(),
            "case": self.entry.case,
            "file_system": self.entry.file_system,
            "state": self.entry.state,
            "layer": self.entry.layer,
            "seed": self.entry.seed,
            "announced": self.case.announced,
            "before": self.lead_in,
            "beside": self.beside,
            "discard": self.discard,
        }

    def prepare(self, disk):
        """What the case and its loads need on the volume. The mount is a separate one: afterwards the page cache is cold."""
        needed = [CASES[name].prepare for name in (self.case.name, self.lead_in, self.beside) if name]
        needed = list(dict.fromkeys(step for step in needed if step))
        if needed:
            with disk.mount(self.entry.file_system) as scratch:
                for step in needed:
                    step(scratch, self.rng)
            disk.ask(f"skip {self.rng.uniform(60, 7200):.3f}")

    def on_files(self, disk):
        with disk.mount(self.entry.file_system, self.discard) as scratch, write_back(scratch, self.write_back_seconds):
            self.work_before(disk, scratch)
            with self.marked(disk):
                loads = [self.beside] if self.beside else []
                deadline = Deadline(self.case.seconds)
                count = beside(scratch, self.rng, deadline, loads, lambda: self.case.work(scratch, self.rng, deadline))
                scratch.sync()
        return count

    def on_device(self, disk):
        with disk.mount(self.entry.file_system, self.discard) as scratch, write_back(scratch, self.write_back_seconds):
            self.work_before(disk, scratch)
        with self.marked(disk), disk.raw(self.entry.file_system) as raw:
            count = self.case.work(raw, self.rng, Deadline(self.case.seconds))
            raw.sync()
        return count

    def work_before(self, disk, scratch):
        if self.lead_in:
            disk.ask("mark work begin")
            run_load(self.lead_in, scratch, self.rng, Deadline(self.rng.uniform(2, 4)))
            disk.ask("mark work end")

    @contextlib.contextmanager
    def marked(self, disk):
        word = "attack" if self.case.kind == "attack" else "work"
        disk.ask(f"mark {word} begin")
        yield
        disk.ask(f"mark {word} end")


@contextlib.contextmanager
def write_back(scratch, every_seconds):
    """Syncs the file system every few seconds, as a guest's kernel writes back what is dirty. None: doesn't."""
    over = threading.Event()

    def serve():
        while not over.wait(every_seconds):
            volumes.sync_file_system(scratch.root)

    thread = threading.Thread(target=serve)
    if every_seconds is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if every_seconds is not None:
            thread.join()


def record_all(bases, entries, out, seconds_max):
    """Makes the recordings that aren't there yet, until the time is over. Returns (made, failed)."""
    started, made, failed = time.monotonic(), 0, 0
    for number, entry in enumerate(entries, 1):
        target = out / f"{entry.name()}.trace"
        if target.exists():
            continue
        if seconds_max and time.monotonic() - started > seconds_max:
            break
        begun = time.monotonic()
        try:
            result = Recording(bases, entry, target).make()
            made += 1
        except Exception as error:
            failed += 1
            result = f"FAILED {type(error).__name__}: {error}"
        line = (
            f"{time.strftime('%H:%M:%S')} [{number}/{len(entries)}] {entry.name()}: {result} ({time.monotonic() - begun:.0f} s)"
        )
        print(line, flush=True)
    return made, failed
