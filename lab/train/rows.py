"""The rows that `lab features` wrote, what each is of, and how they are split.

A fold leaves out something whole: a behaviour, a file system, a state of the volume. Never windows of something that stays in.
"""

import json
import pathlib
import random

import numpy

# Rows that training sees of one trace in one stream, drawn evenly; evaluation sees all.
ROWS_MAX = 120
# An attack's first rows are what it is to be recognised by: while it has written no more blocks than these, all are seen, and
# weigh more.
EARLY_BLOCKS = 4096
EARLY_WEIGHT = 3.0


class Data:
    """Invariant: `rows`, `features` and the arrays of names have one entry a row, in the order of streams and times."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.features = numpy.load(folder / "features.npy", mmap_mode="r")
        self.rows = numpy.load(folder / "rows.npy")
        description = json.loads((folder / "streams.json").read_text())
        self.names = description["features"]
        self.traces = description["traces"]
        self.streams = description["streams"]
        self.label = self.rows["label"]
        self.early = (self.label == 1) & (self.rows["attack_blocks"] <= EARLY_BLOCKS)
        self.asked = self.rows["asked"].astype(bool)
        trace = self.rows["trace"]
        self.case = numpy.array([trace["case"] for trace in self.traces])[trace]
        self.file_system = numpy.array([trace["file_system"] for trace in self.traces])[trace]
        self.state = numpy.array([trace["state"] for trace in self.traces])[trace]
        bounds = numpy.flatnonzero(numpy.diff(self.rows["stream"], prepend=-1, append=-1))
        self.bounds = {int(self.rows["stream"][start]): (start, end) for start, end in zip(bounds[:-1], bounds[1:])}

    def for_training(self):
        """Indexes of rows with a certain label about which the model would be asked; of long traces a part."""
        usable = self.asked & (self.label >= 0)
        key = self.rows["stream"].astype(numpy.int64) << 16 | self.rows["trace"]
        _, inverse, counts = numpy.unique(key[usable], return_inverse=True, return_counts=True)
        share = numpy.minimum(1.0, ROWS_MAX / counts)[inverse]
        # Evenly over each trace's time: a row is taken where the sum of the shares passes a whole number.
        order = numpy.argsort(inverse, kind="stable")
        passed = numpy.floor(numpy.cumsum(share[order]))
        taken = numpy.zeros(len(share), bool)
        taken[order] = numpy.diff(passed, prepend=0) > 0
        taken |= self.early[usable]
        return numpy.flatnonzero(usable)[taken]

    def weights(self, chosen):
        """Every case weighs the same within its label, whatever it wrote, and both labels weigh the same."""
        label, case = self.label[chosen], self.case[chosen]
        weights = numpy.zeros(len(chosen))
        for value in (0, 1):
            of_label = label == value
            cases, inverse = numpy.unique(case[of_label], return_inverse=True)
            if len(cases):
                share = numpy.where(self.early[chosen][of_label], EARLY_WEIGHT, 1.0)
                sums = numpy.bincount(inverse, share)
                weights[of_label] = len(chosen) / 2 / len(cases) * share / sums[inverse]
        return weights

    def case_folds(self, number, seed=1):
        """Every case in one of `number` folds; attacks and ordinary work are dealt out apart."""
        fold_of = {}
        for is_attack in (False, True):
            cases = sorted({trace["case"] for trace in self.traces if trace["is_attack"] == is_attack})
            random.Random(seed).shuffle(cases)
            fold_of.update({case: index % number for index, case in enumerate(cases)})
        return numpy.array([fold_of[case] for case in self.case])

    def file_system_folds(self):
        return numpy.unique(self.file_system, return_inverse=True)[1]

    def state_folds(self):
        return numpy.unique(self.state, return_inverse=True)[1]
