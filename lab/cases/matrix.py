"""Which case is recorded on which volume, and in which order.

Not the full product: in three rounds every case meets every file system, every state of a volume, and once the encrypted layer. The
order is round by round, attacks and ordinary work in turn, so that whoever stops early has a balanced set.
"""

import dataclasses
import itertools
import random

# Importing them registers their cases.
import attacks  # noqa: F401
import attacks_device  # noqa: F401
import ordinary  # noqa: F401
import ordinary_databases  # noqa: F401
import ordinary_disks  # noqa: F401
import ordinary_software  # noqa: F401

# New cases come last: a case's volumes follow from its place.
import ordinary_days  # noqa: F401, I001
import attacks_service  # noqa: F401, I001
import refreshing  # noqa: F401, I001
import moving  # noqa: F401, I001
import states
from case import CASES

KINDS = ("attack", "ordinary")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One recording to be made."""

    case: str
    file_system: str
    state: str
    layer: str
    seed: int

    def kind(self):
        return CASES[self.case].kind

    def volume(self):
        return self.state if self.layer == "plain" else f"{self.state}-{self.layer}"

    def name(self):
        return f"{self.kind()}-{self.case}-{self.file_system}-{self.volume()}-{self.seed}"


def entries(seed, rounds):
    """All recordings of a seed, in order."""
    return [entry for number in range(rounds) for entry in round_of(number, seed)]


def round_of(number, seed):
    by_kind = {kind: [] for kind in KINDS}
    for index, case in enumerate(CASES.values()):
        kinds = case.file_systems
        file_system = kinds[(index + number + seed) % len(kinds)]
        # From the fourth round on, file systems meet other states than before.
        pace = 1 + number // 3 % 2
        state = states.STATES[(index // 3 + pace * number + seed) % len(states.STATES)]
        layer = "xts" if (index // 9 + number + number // 3 + seed) % 3 == 0 else "plain"
        by_kind[case.kind].append(Entry(case.name, file_system, state, layer, seed * 100 + number))
    rng = random.Random(f"{seed} {number}")
    for kind in KINDS:
        rng.shuffle(by_kind[kind])
    return [entry for pair in itertools.zip_longest(*by_kind.values()) for entry in pair if entry]
