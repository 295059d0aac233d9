"""A small file server's files, from a seed and from what a Debian machine ships.

`make` fills a folder of this host with about 2,400 files (350 MiB) as departments and people would leave them: office documents,
PDFs, photos, recordings, archives, source trees, mailboxes, databases, tables, logs, programs, disk images of virtual machines. Every
volume of the lab is filled from that folder. The same seed on the same machine gives the same files, except where a program that
makes one (a video encoder) doesn't.
"""

import gzip
import hashlib
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess

import documents

SCALE = {"office": 620, "pdf": 300, "photo": 280, "text": 260, "table": 90, "log": 110, "mail": 16, "database": 16, "archive": 70}
SOURCE_FILES = 560
PROGRAM_FILES = 60
DEPARTMENTS = ["Finance", "Sales", "Engineering", "Personnel", "Legal", "Marketing", "Support", "Management"]
PEOPLE = [
    "abel",
    "berger",
    "costa",
    "dubois",
    "eriksen",
    "fischer",
    "greco",
    "horvat",
    "ito",
    "jansen",
    "kaya",
    "lund",
    "moreau",
    "novak",
    "okafor",
    "park",
]
TOPICS = [
    "Budget",
    "Offer",
    "Minutes",
    "Contract",
    "Report",
    "Plan",
    "Invoice",
    "Forecast",
    "Review",
    "Notes",
    "Agenda",
    "Price list",
    "Payroll",
    "Survey",
    "Manual",
]
TEXT_BYTES_MAX = 24 << 20


class Text:
    """Sentences of this machine's documentation, drawn at random. Invariant: the same seed draws the same text."""

    def __init__(self, rng):
        self.rng = rng
        self.pool = gather_text()
        if len(self.pool) < 1 << 20:
            raise RuntimeError("less than 1 MiB of text below /usr/share: install some documentation (man pages, perl, python)")

    def draw(self, size_bytes):
        parts = []
        while size_bytes > 0:
            length = min(size_bytes, self.rng.randint(2_000, 20_000))
            start = self.rng.randrange(max(1, len(self.pool) - length))
            parts.append(self.pool[start : start + length])
            size_bytes -= length
        return "".join(parts)


def gather_text():
    """Text that the machine ships, in the order of paths: documentation, then Perl's manual pages."""
    pieces, total = [], 0
    roots = [pathlib.Path("/usr/share/doc"), pathlib.Path("/usr/share/perl"), pathlib.Path("/usr/share/man/man1")]
    for path in (path for root in roots for path in sorted(root.rglob("*"))):
        if total > TEXT_BYTES_MAX or not path.is_file() or path.is_symlink():
            continue
        try:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError, gzip.BadGzipFile):
            continue
        if b"\0" in data[:4096]:
            continue
        text = data[:200_000].decode("utf-8", "ignore")
        pieces.append(text)
        total += len(text)
    return "".join(pieces)


class Corpus:
    """Writes the files below `root`. Sizes are log-normal: many small ones, a few large ones."""

    def __init__(self, root, seed):
        self.root = root
        self.rng = random.Random(seed)
        self.text = Text(self.rng)
        self.photos = []

    def size(self, median, spread=1.0, most=8 << 20):
        return int(min(most, max(200, self.rng.lognormvariate(0, spread) * median)))

    def folder(self):
        """A folder of some department: shared ones by year, or a person's."""
        department = self.rng.choice(DEPARTMENTS)
        if self.rng.random() < 0.5:
            return self.root / department / str(self.rng.randint(2019, 2026)) / self.rng.choice(TOPICS)
        return (
            self.root / department / self.rng.choice(PEOPLE) / self.rng.choice(["Documents", "Desktop", "Downloads", "Archive"])
        )

    def place(self, suffix, folder=None):
        """A path that doesn't exist yet; its folder does."""
        folder = folder or self.folder()
        folder.mkdir(parents=True, exist_ok=True)
        path = None
        while path is None or path.exists():
            path = folder / f"{self.rng.choice(TOPICS)} {self.rng.randint(1, 9999):04d}{suffix}"
        return path

    def write(self, suffix, data, folder=None):
        path = self.place(suffix, folder)
        path.write_bytes(data)
        return path

    def make(self, work):
        self.make_media(work)
        self.make_documents()
        self.make_tables_and_logs()
        self.make_databases()
        self.make_source_trees()
        self.make_programs()
        self.make_archives(work)
        self.make_disk_images(work)

    def make_media(self, work):
        """Photos, recordings and films by ffmpeg, out of generated scenes with noise, which compress as real ones do."""
        frames = work / "frames"
        frames.mkdir()
        documents.photos(frames, SCALE["photo"])
        for frame in sorted(frames.iterdir()):
            data = frame.read_bytes()
            self.photos.append(data)
            folder = self.root / "Marketing" / "Photos" / f"2026-{self.rng.randint(1, 12):02d}"
            path = self.place(".jpg", folder if self.rng.random() < 0.8 else None)
            path.write_bytes(data)
        shutil.rmtree(frames)
        for number in range(8):
            documents.film(self.place(".mp4", self.root / "Marketing" / "Films"), number, self.rng.randint(4, 12))
        for number in range(30):
            suffix = self.rng.choice([".mp3", ".mp3", ".ogg", ".flac", ".wav"])
            documents.recording(self.place(suffix, self.root / "Support" / "Calls"), number, self.rng.randint(10, 60))

    def make_documents(self):
        for _ in range(SCALE["office"]):
            kind = self.rng.choice(["docx", "docx", "xlsx", "odt", "pptx"])
            pictures = [self.rng.choice(self.photos) for _ in range(self.rng.choice([0, 0, 0, 1, 2]))] if kind != "xlsx" else []
            pictures = pictures if self.rng.random() < 0.4 else []
            self.write(f".{kind}", documents.office(kind, self.text.draw(self.size(60_000)), pictures, self.rng))
        for _ in range(SCALE["pdf"]):
            pictures = [self.rng.choice(self.photos)] if self.rng.random() < 0.25 else []
            self.write(".pdf", documents.pdf(self.text.draw(self.size(150_000)), pictures))
        for _ in range(SCALE["text"]):
            self.write(self.rng.choice([".txt", ".md", ".html", ".rtf"]), self.text.draw(self.size(9_000)).encode())
        for number in range(SCALE["mail"]):
            folder = self.root / self.rng.choice(DEPARTMENTS) / PEOPLE[number % len(PEOPLE)] / "Mail"
            self.write(".mbox", documents.mailbox(self.text, self.photos, self.size(900_000, 0.7), self.rng), folder)

    def make_tables_and_logs(self):
        for _ in range(SCALE["table"]):
            self.write(".csv", documents.table(self.size(140_000, 1.2), self.rng))
        for number in range(SCALE["log"]):
            data = documents.log(self.size(120_000, 1.0), self.rng)
            folder = self.root / "Engineering" / "logs" / f"server{number % 6}"
            if number % 3:
                self.write(".log", data, folder)
            else:
                self.write(".log.gz", gzip.compress(data, mtime=0), folder)

    def make_databases(self):
        for _ in range(SCALE["database"]):
            path = self.place(self.rng.choice([".sqlite", ".db"]))
            rows = self.size(4_000, 0.8, 30_000)
            with sqlite3.connect(path) as database:
                database.execute("pragma synchronous = off")
                database.execute("create table entry (id integer primary key, day text, name text, amount real, note text)")
                database.executemany("insert into entry values (?, ?, ?, ?, ?)", (self.row(number) for number in range(rows)))
                database.execute("create index by_name on entry (name)")
            database.close()

    def row(self, number):
        day = f"2026-{self.rng.randint(1, 12):02d}-{self.rng.randint(1, 28):02d}"
        note = self.text.pool[(start := self.rng.randrange(len(self.text.pool) - 300)) : start + self.rng.randint(40, 300)]
        return number, day, self.rng.choice(PEOPLE), round(self.rng.lognormvariate(5, 2), 2), note

    def make_source_trees(self):
        """Parts of this machine's headers and Python library, as three projects under version control would look."""
        for project, start in (("parser", "/usr/include"), ("service", "/usr/lib/python3.11"), ("tools", "/usr/share/perl")):
            paths = [path for path in sorted(pathlib.Path(start).rglob("*")) if path.is_file() and not path.is_symlink()]
            paths = [
                path for path in paths if path.suffix in (".h", ".py", ".pm", ".pl", ".hpp") and path.stat().st_size < 300_000
            ]
            first = self.rng.randrange(max(1, len(paths) - SOURCE_FILES // 3))
            for path in paths[first : first + SOURCE_FILES // 3]:
                target = self.root / "Engineering" / "src" / project / path.relative_to(start)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())

    def make_programs(self):
        paths = [path for path in sorted(pathlib.Path("/usr/bin").iterdir()) if path.is_file() and not path.is_symlink()]
        paths = [path for path in paths if 20_000 < path.stat().st_size < 3_000_000]
        folder = self.root / "Shared" / "Programs"
        folder.mkdir(parents=True, exist_ok=True)
        for path in self.rng.sample(paths, min(PROGRAM_FILES, len(paths))):
            (folder / f"{path.name}.exe").write_bytes(path.read_bytes())

    def make_archives(self, work):
        """zip, tar.gz, tar.xz, 7z of what is there already."""
        groups = sorted({path.parent for path in self.root.rglob("*.*") if path.is_file()})
        for _ in range(SCALE["archive"]):
            group = self.rng.choice(groups)
            names = sorted(path.name for path in group.iterdir() if path.is_file())
            names = sorted(self.rng.sample(names, min(len(names), self.rng.randint(2, 12))))
            target = self.place(self.rng.choice([".zip", ".zip", ".tar.gz", ".tar.xz", ".7z"]))
            documents.archive(target, group, names)

    def make_disk_images(self, work):
        """Small disks of virtual machines: ext4 with this machine's files, raw and qcow2."""
        folder = self.root / "Shared" / "Machines"
        folder.mkdir(parents=True, exist_ok=True)
        source = work / "guest"
        shutil.copytree(self.root / "Engineering" / "logs", source)
        raw = work / "guest.raw"
        run("mke2fs", "-q", "-t", "ext4", "-F", "-d", source, raw, "64M")
        run("qemu-img", "convert", "-O", "qcow2", raw, folder / "web.qcow2")
        run("qemu-img", "convert", "-O", "vmdk", raw, folder / "build.vmdk")


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(map(str, command))}` exited {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def make(folder, seed):
    """Makes the corpus in `folder`/files, once, and returns that path. A half-made one is made again."""
    files, manifest_path = folder / "files", folder / "manifest.json"
    if manifest_path.exists():
        return files
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / "work"
    work.mkdir(parents=True)
    files.mkdir()
    Corpus(files, seed).make(work)
    shutil.rmtree(work)
    manifest_path.write_text(json.dumps(manifest(files), indent=0))
    return files


def manifest(root, skip=()):
    """SHA-256 of every file below `root`, by relative path."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    names = {str(path.relative_to(root)): path for path in paths}
    return {name: digest(path) for name, path in names.items() if name not in skip}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
