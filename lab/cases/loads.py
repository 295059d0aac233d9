"""Ordinary cases as a load: before an attack, beside one, and through a day."""

import random
import sqlite3
import threading

import programs
from case import CASES, Deadline


def beside(scratch, rng, deadline, loads, work):
    """Runs `work` while the ordinary cases named in `loads` run too."""
    until = Deadline(deadline.left())
    seeds = [rng.random() for _ in loads]
    threads = [
        threading.Thread(target=run_load, args=(name, scratch, random.Random(seed), until))
        for name, seed in zip(loads, seeds, strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        return work()
    finally:
        until.end()
        for thread in threads:
            thread.join()


def run_load(name, scratch, rng, deadline):
    """A load that fails because the attack takes its files away is no failure of the recording."""
    try:
        while not deadline.is_over():
            CASES[name].run(scratch, rng, deadline)
            deadline.rest(0.2)
    except (OSError, sqlite3.Error, programs.ProgramFailed, programs.LabError):
        return
