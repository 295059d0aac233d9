"""Attackers who take files away and damage none, and guests that read ahead in different ways."""

import dataclasses
import os

import matrix
import states
import volumes
from case import ALL, Case, Deadline, in_parallel

WORKERS = 4
SECONDS_MAX = 120
DOCUMENTS = (".docx", ".xlsx", ".odt", ".pptx", ".pdf")


def reader(choose):
    """A case whose reader reads the files that `choose(names, rng)` gives."""

    def work(scratch, rng, deadline):
        scratch.check()
        names = [name for name, _ in scratch.files() if not name.startswith("Work/")]
        scratch.taken = choose(names, rng)
        return in_parallel(WORKERS, scratch.taken, lambda name: read(scratch, name), Deadline(SECONDS_MAX))

    return work


def read(scratch, name):
    handle = scratch.open(name, os.O_RDONLY)
    try:
        while os.read(handle, 1 << 20):
            pass
    finally:
        os.close(handle)


def folders(names, rng):
    """Whole folders, a third of all, here and there."""
    every = sorted({os.path.dirname(name) for name in names})
    chosen = set(rng.sample(every, max(1, len(every) // 3)))
    return [name for name in names if os.path.dirname(name) in chosen]


def department(names, rng):
    """One department's folder, with everything below it."""
    chosen = rng.choice(sorted({name.split("/")[0] for name in names}))
    return [name for name in names if name.startswith(f"{chosen}/")]


def documents(names, rng):
    """Documents of every folder, and nothing else."""
    return [name for name in names if name.endswith(DOCUMENTS)]


READERS = {
    case.name: case
    for case in (
        Case("exfiltration-without-writing", "reading", reader(folders)),
        Case("exfiltration-of-a-department", "reading", reader(department)),
        Case("exfiltration-of-documents", "reading", reader(documents)),
    )
}
# ntfs-3g reads a block device, which the kernel reads ahead of without knowing of files; Windows reads files.
GUESTS = {
    "": {},
    " read by file": {"ahead_sectors": 0},
    " reading 1 MiB ahead": {"ahead_sectors": 2048},
    " noting access": {"options": ["atime"]},
}


@dataclasses.dataclass(frozen=True)
class Reading(matrix.Entry):
    """An attack that only reads: it is no case of the detector's."""

    guest: str = ""

    def kind(self):
        return "attack"

    def volume(self):
        return f"{self.state}{self.guest}"


def entries(number, seed):
    """The readers of one round; on NTFS each meets every kind of guest."""
    file_system = ALL[number % len(ALL)]
    found = []
    for index, name in enumerate(READERS):
        state = states.STATES[(index + number // len(ALL)) % len(states.STATES)]
        guests = GUESTS if file_system == "ntfs" else [""]
        found += [Reading(name, file_system, state, "plain", seed * 100 + number, guest) for guest in guests]
    return found


def as_guest(disk, entry):
    """Sets the kernel's reading ahead on the block device; returns the options of the mount."""
    guest = GUESTS[getattr(entry, "guest", "")]
    if "ahead_sectors" in guest:
        volumes.run("blockdev", "--setra", str(guest["ahead_sectors"]), disk.device)
    return guest.get("options", [])
