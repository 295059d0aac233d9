"""Base volumes: one per file system, state and layer, made once; every case runs on a fork of one.

* fresh: the corpus copied onto a new file system, department by department, over some days of lab time.
* aged: months of creating, growing, deleting and replacing, so that files and free space are in pieces.
* full90: the corpus and copies of it, until 90 % are used.

A layer is `plain`, or `xts`: what a volume holds whose guest encrypts it as a whole.
"""

import contextlib
import fcntl
import json
import random
import shutil

import corpus
import volumes

STATES = ["fresh", "aged", "full90"]
LAYERS = ["plain", "xts"]
XTS_SEED = 7
BASE = "base"
CLOCK_START = 1_750_000_000
DAY = 86_400
ROUNDS_OF_AGING = 5
CHUNK_BYTES = 96 << 10
FULL_SHARE = 0.90


@contextlib.contextmanager
def sole_use(folder):
    """Keeps two programs from using the same base volumes at once: of a lab folder one session at a time can be open."""
    folder.mkdir(exist_ok=True)
    with open(folder / "in-use", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise volumes.LabError(f"another recording uses `{folder}`: wait for it, or set TMPDIR to another folder") from None
        yield


class Bases:
    """The base volumes of one lab folder."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed
        self.contents = corpus.make(folder / f"contents-{seed}", seed)

    def home(self, kind, state, layer):
        """Each base has a folder of its own: a lab folder has one clock, and bases are made at the same lab time."""
        return self.folder / f"base-{kind}-{state}-{layer}-{self.seed}"

    def options(self, layer):
        return {"xts": XTS_SEED} if layer == "xts" else {}

    def ensure(self, kind, state, layer):
        """Makes the base volume if there's none yet. Returns what is known of it."""
        home = self.home(kind, state, layer)
        about = home / "about.json"
        if not about.exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            rng = random.Random(f"{self.seed} {kind} {state}")
            with volumes.Disk(volumes.Session(home, BASE, clock=CLOCK_START, **self.options(layer))) as disk:
                disk.make_file_system(kind)
                with disk.mount(kind) as scratch:
                    seconds = fill(scratch, self.contents, state, rng)
                    files = corpus.manifest(scratch.root, skip=(volumes.TOKEN_FILE,))
                    (scratch.root / volumes.TOKEN_FILE).unlink()
            about.write_text(json.dumps({"clock": CLOCK_START + seconds, "files": files}))
        return json.loads(about.read_text())

    def fork(self, kind, state, layer, minutes_later, extra=()):
        """A disk that starts as the base volume, some lab time after it was left. `extra` are options of the session."""
        about = self.ensure(kind, state, layer)
        home = self.home(kind, state, layer)
        if (home / "data" / "run").exists():
            # Left by a recording that was killed.
            volumes.Session(home, "run", clock=about["clock"], extra=["--discard"]).stop()
        # The folder's clock goes on from recording to recording, so this is the earliest that it can be.
        clock = about["clock"] + 60 * minutes_later
        session = volumes.Session(home, "run", fork=BASE, clock=clock, extra=["--discard", *extra], **self.options(layer))
        return volumes.Disk(session, self.contents)


def fill(scratch, contents, state, rng):
    """Brings a new file system into a state. Returns the seconds of lab time that passed."""
    aging = Aging(scratch, contents, rng)
    if state == "aged":
        aging.months()
    else:
        aging.copy_departments()
    if state == "full90":
        aging.fill_up()
    return aging.seconds


class Aging:
    """Work on a volume over a long time: `seconds` of lab time so far."""

    def __init__(self, scratch, contents, rng):
        self.scratch, self.contents, self.rng = scratch, contents, rng
        self.seconds = 0
        self.names = [str(path.relative_to(contents)) for path in sorted(contents.rglob("*")) if path.is_file()]

    def pass_time(self, days):
        self.scratch.sync()
        seconds = int(days * DAY)
        self.scratch.skip(seconds)
        self.seconds += seconds

    def copy_departments(self):
        """File by file and folder by folder; days pass between departments."""
        for department in sorted(path for path in self.contents.iterdir()):
            for name in self.names:
                if name.startswith(f"{department.name}/"):
                    self.copy(name, name)
            self.pass_time(self.rng.uniform(1, 20))

    def copy(self, name, target):
        path = self.scratch.root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.contents / name, path)

    def months(self):
        """Rounds of files growing side by side and of deletions; at the end every file of the corpus is there, whole."""
        for number in range(ROUNDS_OF_AGING):
            last = number == ROUNDS_OF_AGING - 1
            chosen = self.names if last else self.rng.sample(self.names, len(self.names) // 3)
            missing = [name for name in chosen if not (self.scratch.root / name).exists() or self.rng.random() < 0.1]
            self.rng.shuffle(missing)
            for start in range(0, len(missing), 24):
                self.grow_side_by_side(missing[start : start + 24])
            temporary = [f"Shared/Temp/{number}-{index}.tmp" for index in range(60)]
            for name in temporary:
                self.copy(self.rng.choice(self.names), name)
            self.pass_time(self.rng.uniform(5, 40))
            there = [name for name in self.names if (self.scratch.root / name).exists()]
            for name in temporary + ([] if last else self.rng.sample(there, len(there) // 4)):
                (self.scratch.root / name).unlink()

    def grow_side_by_side(self, names):
        """Appends to several files in turn, so that their pieces lie between each other."""
        left = {}
        for name in names:
            path = self.scratch.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            left[name] = (self.contents / name).read_bytes()
        while left:
            for name in list(left):
                with open(self.scratch.root / name, "ab") as file:
                    file.write(left[name][:CHUNK_BYTES])
                left[name] = left[name][CHUNK_BYTES:]
                if not left[name]:
                    del left[name]
            # Without a sync the file system would lay the pieces out in order after all.
            if self.rng.random() < 0.3:
                self.scratch.sync()

    def fill_up(self):
        """Copies of the corpus' files, as people keep them, up to the share that is wanted."""
        number, names = 0, []
        while self.scratch.free_bytes() > (1 - FULL_SHARE) * volumes.VOLUME_BYTES:
            if not names:
                number += 1
                names = self.rng.sample(self.names, len(self.names))
                self.pass_time(self.rng.uniform(1, 10))
            name = names.pop()
            if (self.contents / name).stat().st_size < self.scratch.free_bytes() - int(
                (1 - FULL_SHARE - 0.02) * volumes.VOLUME_BYTES
            ):
                self.copy(name, f"Shared/Copies/{number}/{name}")
        self.pass_time(3)
