"""Whole days of ordinary work, in lab time, and the days on which services come and go."""

import programs
from case import Deadline, case
from loads import run_load
from ordinary import ffmpeg, files_like
from programs import work

# What may happen in any hour of a day, beside what happens at night.
BY_DAY = ["office-editing", "browser-cache", "mail-delivery", "sqlite-transactions", "file-sync-client"]
BY_NIGHT = ["backup-rsync", "backup-to-elsewhere", "log-rotation", "antivirus-scan"]


@case("working-day", "ordinary", seconds=18)
def working_day(scratch, rng, deadline):
    """Every hour of lab time some of the users' programs run for a moment, at night backups and scans. Between them time leaps."""
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


@case("service-migration", "ordinary")
def migrate(scratch, rng, deadline):
    """Virtual machines and a database are copied onto the volume; copies of files are deleted first where there's no room."""
    for place in rng.sample([programs.place_machine_disks, programs.place_postgres], 2):
        if not deadline.is_over():
            place(scratch, rng)
            scratch.sync()


@case("folder-copies-and-moves", "ordinary")
def reorganise(scratch, rng, deadline):
    """People copy folders, rename and delete the old ones: files are read, written elsewhere, and the originals go."""
    for department in rng.sample(["Finance", "Sales", "Legal", "Personnel", "Support", "Management"], 6):
        for command in (
            ["cp", "-r", department, f"{department} (new)"],
            ["rm", "-rf", department],
            ["mv", f"{department} (new)", department],
        ):
            if deadline.is_over() or not work(scratch, deadline, *command, accept=(0, 1)):
                return
        scratch.sync()


@case("photos-recompressed-in-place", "ordinary", needs=("ffmpeg",))
def recompress(scratch, rng, deadline):
    """A program that makes photos smaller: each is read, encoded anew and renamed over."""
    names = files_like(scratch, ".jpg")
    rng.shuffle(names)
    for name in names:
        path = scratch.root / name
        small = path.with_name(f"small-{path.name}")
        if deadline.is_over() or not ffmpeg(scratch, deadline, "-i", path, "-q:v", "9", small):
            break
        small.rename(path)
