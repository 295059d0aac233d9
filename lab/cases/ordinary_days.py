"""Whole days of ordinary work, in lab time."""

from case import Deadline, case
from loads import run_load

# What may happen in any hour of a day, beside what happens at night.
BY_DAY = ["office-editing", "browser-cache", "mail-delivery", "sqlite-transactions", "file-sync-client"]
BY_NIGHT = ["backup-rsync", "backup-to-elsewhere", "log-rotation", "antivirus-scan"]


@case("working-day", "ordinary", seconds=18)
def working_day(scratch, rng, deadline):
    """A day of lab time: every hour some of the users' programs run for a moment, at night backups and scans. Between them time leaps."""
    hour = 0
    while not deadline.is_over():
        is_day = 7 <= hour % 24 < 19
        for name in rng.sample(BY_DAY, rng.randint(1, 3)) if is_day else rng.sample(BY_NIGHT, rng.choice([0, 0, 1])):
            run_load(name, scratch, rng, Deadline(min(deadline.left(), rng.uniform(0.1, 0.5))))
            scratch.sync()
            scratch.skip(rng.uniform(60, 1100))
        scratch.skip(rng.uniform(300, 1500) if is_day else 3000)
        hour += 1
    return hour
