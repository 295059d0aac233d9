"""Ordinary work on a file server, by the real programs where there are such: archives, encryption by the user, backups, media, mail,
office, browser. Software, databases, care of disks and whole days are in the other `ordinary_*.py`."""

import mailbox
import os
import shutil
import sqlite3
import subprocess

import programs
from case import case
from programs import MIB, work

SECRET = "a passphrase of the lab"


def folders(scratch, least_bytes=MIB):
    """Folders with at least so much in them, each with its subfolders' files counted; relative paths."""
    sizes = {}
    for name, size in scratch.files():
        parts = name.split("/")[:-1]
        for depth in range(1, min(3, len(parts)) + 1):
            folder = "/".join(parts[:depth])
            sizes[folder] = sizes.get(folder, 0) + size
    return sorted(folder for folder, size in sizes.items() if size >= least_bytes)


def files_like(scratch, *suffixes):
    return [name for name, _ in scratch.files() if name.endswith(suffixes)]


def repeat(name, build, accept=(0,), **options):
    """Registers a case that runs a program on one folder after another: `build(scratch, folder, number)` is its command."""

    @case(name, "ordinary", **options)
    def run(scratch, rng, deadline):
        chosen = folders(scratch)
        rng.shuffle(chosen)
        (scratch.root / "Shared" / "Out").mkdir(parents=True, exist_ok=True)
        for number, folder in enumerate(chosen):
            if deadline.is_over() or not work(scratch, deadline, *build(scratch, folder, number), accept=accept):
                break


def out(scratch, number, suffix):
    return scratch.root / "Shared" / "Out" / f"{number}{suffix}"


repeat("archive-zip", lambda scratch, folder, number: ["zip", "-q", "-r", out(scratch, number, ".zip"), folder])
repeat(
    "archive-zip-moving",
    lambda scratch, folder, number: ["zip", "-q", "-r", "-m", out(scratch, number, ".zip"), folder],
    accept=(0, 12),
)
repeat("archive-7z", lambda scratch, folder, number: ["7z", "a", "-bd", "-mx=1", out(scratch, number, ".7z"), folder])
repeat(
    "archive-7z-encrypted",
    lambda scratch, folder, number: ["7z", "a", "-bd", "-mx=1", f"-p{SECRET}", out(scratch, number, ".7z"), folder],
)
repeat(
    "archive-tar-zstd", lambda scratch, folder, number: ["tar", "-I", "zstd -1", "-cf", out(scratch, number, ".tar.zst"), folder]
)
repeat(
    "archive-tar-gzip", lambda scratch, folder, number: ["tar", "-I", "gzip -1", "-cf", out(scratch, number, ".tar.gz"), folder]
)
repeat(
    "antivirus-scan", lambda scratch, folder, number: ["grep", "-r", "-l", "-a", "-F", "EICAR-STANDARD", folder], accept=(0, 1)
)
repeat("checksums", lambda scratch, folder, number: ["find", folder, "-type", "f", "-exec", "sha256sum", "{}", "+"])
TEXTS = ["(", "-name", "*.py", "-o", "-name", "*.h", "-o", "-name", "*.csv", "-o", "-name", "*.html", ")"]
SED = ["-exec", "sed", "-i", "s/$/ /", "{}", "+"]
repeat("line-endings", lambda scratch, folder, number: ["find", folder, *TEXTS, *SED], accept=(0, 1))


@case("compress-logs-in-place", "ordinary")
def compress_logs(scratch, rng, deadline):
    """gzip and xz take one file after another and delete the original."""
    for name in files_like(scratch, ".log", ".csv", ".txt"):
        if deadline.is_over():
            break
        work(scratch, deadline, rng.choice(["gzip", "gzip", "xz"]), "-1", "-f", scratch.root / name, accept=(0, 2))


@case("unpack-archives", "ordinary")
def unpack(scratch, rng, deadline):
    names = files_like(scratch, ".zip", ".tar.gz", ".tar.xz", ".7z")
    rng.shuffle(names)
    for number, name in enumerate(names):
        target = out(scratch, number, "")
        target.mkdir(parents=True, exist_ok=True)
        command = ["7z", "x", "-y", "-bd", f"-o{target}"] if name.endswith((".zip", ".7z")) else ["tar", "-C", target, "-xf"]
        if deadline.is_over() or not work(scratch, deadline, *command, scratch.root / name):
            break


def gpg(scratch, deadline, name):
    home = programs.host_folder(scratch) / "gnupg"
    home.mkdir(exist_ok=True, mode=0o700)
    command = ["gpg", "--homedir", home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", SECRET]
    return work(scratch, deadline, *command, "--symmetric", "--cipher-algo", "AES256", scratch.root / name)


def end_agent(scratch):
    home = programs.host_folder(scratch) / "gnupg"
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True)


def users_encryption(name, count, deletion, pause):
    @case(name, "ordinary", needs=("gpg",))
    def run(scratch, rng, deadline):
        names = files_like(scratch, ".docx", ".xlsx", ".pdf", ".csv")
        try:
            for path in rng.sample(names, min(count, len(names))):
                if deadline.is_over() or not gpg(scratch, deadline, path):
                    break
                if deletion == "delete":
                    scratch.remove(path)
                elif deletion == "shred":
                    work(scratch, deadline, "shred", "-n", "1", "-u", scratch.root / path)
                scratch.skip(rng.uniform(*pause))
        finally:
            end_agent(scratch)


users_encryption("gpg-some-files-kept", 30, None, (2, 20))
users_encryption("gpg-few-files-deleted", 8, "delete", (5, 60))
users_encryption("gpg-few-files-shredded", 5, "shred", (5, 60))


@case("secure-deletion", "ordinary")
def shred_few(scratch, rng, deadline):
    names = [name for name, size in scratch.files() if size < 3 * MIB]
    for name in rng.sample(names, min(12, len(names))):
        passes = str(rng.choice([1, 3]))
        if deadline.is_over() or not work(scratch, deadline, "shred", "-n", passes, "-z", "-u", scratch.root / name):
            break
        scratch.skip(rng.uniform(1, 15))


# Backups and copies.


@case("backup-rsync", "ordinary", is_load=True)
def backup(scratch, rng, deadline):
    """To a folder of the same volume; the second and later runs find little to do."""
    for folder in ("Finance", "Sales", "Engineering", "Legal"):
        if deadline.is_over() or not work(
            scratch, deadline, "rsync", "-a", f"{folder}/", f"Shared/Backup/{folder}/", accept=(0, 11, 23, 24)
        ):
            break


@case("backup-to-elsewhere", "ordinary", is_load=True)
def backup_elsewhere(scratch, rng, deadline):
    """Everything is read; only the catalogue is written."""
    # Through a pipe: tar doesn't read files at all whose archive goes to /dev/null.
    work(
        scratch,
        deadline,
        "tar",
        "-c",
        "-I",
        "cat",
        "--index-file",
        scratch.root / "catalogue.txt",
        "-v",
        "-f",
        "-",
        ".",
        accept=(0, 1, 2),
    )


@case("restore-over-files", "ordinary")
def restore_over(scratch, rng, deadline):
    """A restore from a backup writes the old files over those that are there, without looking at them."""
    for department in rng.sample(["Finance", "Marketing", "Legal", "Support", "Sales", "Engineering"], 6):
        if deadline.is_over() or not work(scratch, deadline, "cp", "-r", "-f", scratch.contents / department, scratch.root):
            break


@case("restore-rsync-in-place", "ordinary")
def restore_in_place(scratch, rng, deadline):
    """Reads both sides in full, and writes what differs in place."""
    for name, size in rng.sample(scratch.files(), 40):
        if size > 8192:
            with open(scratch.root / name, "r+b") as file:
                file.seek(rng.randrange(size - 4096))
                file.write(os.urandom(512))
    scratch.sync()
    options = ["-a", "--inplace", "--no-whole-file", "--checksum"]
    work(scratch, deadline, "rsync", *options, f"{scratch.contents}/", f"{scratch.root}/", accept=(0, 11, 23, 24))


@case("download-compressed-files", "ordinary")
def download(scratch, rng, deadline):
    """Archives and films arrive at the rate of a network, under a temporary name."""
    sources = [
        path for path in sorted(scratch.contents.rglob("*")) if path.suffix in (".zip", ".mp4", ".gz", ".7z", ".jpg", ".qcow2")
    ]
    folder = scratch.root / "Shared" / "Downloads"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(10_000):
        source = rng.choice(sources)
        with open(source, "rb") as incoming, open(folder / "incoming.part", "wb") as file:
            while piece := incoming.read(256 << 10):
                file.write(piece)
                deadline.rest(len(piece) / rng.uniform(8e6, 60e6))
        (folder / "incoming.part").rename(folder / f"{number}-{source.name}")
        if deadline.is_over():
            break


@case("torrent", "ordinary")
def torrent(scratch, rng, deadline):
    """A compressed file arrives in pieces out of order into a file of its full size; each piece is read back and checked."""
    data = b"".join(path.read_bytes() for path in sorted(scratch.contents.rglob("*.mp4")))[: 48 * MIB]
    pieces = list(range(0, len(data), 256 << 10))
    rng.shuffle(pieces)
    path = scratch.root / "Shared" / "series.mkv"
    with open(path, "wb+") as file:
        os.posix_fallocate(file.fileno(), 0, len(data)) if scratch.kind != "ntfs" else file.truncate(len(data))
        for start in pieces:
            if deadline.is_over():
                break
            os.pwrite(file.fileno(), data[start : start + (256 << 10)], start)
            os.pread(file.fileno(), 256 << 10, start)
            deadline.rest(0.02)


# Media.


def ffmpeg(scratch, deadline, *arguments):
    return work(scratch, deadline, "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-threads", "1", *arguments)


@case("video-encoding", "ordinary", needs=("ffmpeg",))
def encode_video(scratch, rng, deadline):
    for number, name in enumerate(files_like(scratch, ".mp4")):
        target = scratch.root / "Marketing" / f"film {number}.mkv"
        encoder = ["-c:v", "libx264", "-preset", "superfast", "-crf", "20"]
        if deadline.is_over() or not ffmpeg(scratch, deadline, "-i", scratch.root / name, *encoder, target):
            break


@case("photo-import", "ordinary", needs=("ffmpeg",))
def import_photos(scratch, rng, deadline):
    """Photos from a card, and thumbnails."""
    sources = sorted(scratch.contents.rglob("*.jpg"))
    for number in range(10_000):
        folder = scratch.root / "Marketing" / "Photos" / "import"
        folder.mkdir(parents=True, exist_ok=True)
        photo, thumbnail = folder / f"IMG_{number:04d}.jpg", folder / f"thumb_{number:04d}.jpg"
        shutil.copy(rng.choice(sources), photo)
        if number % 8 == 7 and not ffmpeg(scratch, deadline, "-i", photo, "-vf", "scale=160:-1", thumbnail):
            break
        if deadline.is_over():
            break
        deadline.rest(0.02)


@case("photo-metadata-rewritten", "ordinary")
def rewrite_metadata(scratch, rng, deadline):
    """A tagging program: each photo is read, written to a temporary file with another header, and renamed over."""
    names = files_like(scratch, ".jpg")
    rng.shuffle(names)
    for name in names:
        if deadline.is_over():
            break
        path = scratch.root / name
        data = path.read_bytes()
        comment = b"\xff\xfe\x00\x22" + b"tagged by the lab".ljust(32)
        path.with_suffix(".tmp").write_bytes(data[:2] + comment + data[2:])
        path.with_suffix(".tmp").rename(path)
        deadline.rest(0.02)


@case("audio-conversion", "ordinary", needs=("ffmpeg",))
def convert_audio(scratch, rng, deadline):
    for name in files_like(scratch, ".wav", ".flac", ".mp3", ".ogg"):
        path = scratch.root / name
        if deadline.is_over() or not ffmpeg(scratch, deadline, "-i", path, "-b:a", "96k", path.with_suffix(".m4a")):
            break


# People and their programs.


@case("office-editing", "ordinary", is_load=True)
def edit_documents(scratch, rng, deadline):
    """Open, autosave, save: a temporary file is written and renamed over the document, as office programs do."""
    return edit(scratch, rng, deadline, (0.05, 0.5), None)


@case("office-day", "ordinary", seconds=9)
def edit_all_day(scratch, rng, deadline):
    """The same at a person's pace: seconds to minutes of lab time between the steps, a sync now and then."""
    return edit(scratch, rng, deadline, (0.0, 0.05), (5, 240))


def edit(scratch, rng, deadline, pause, lab_pause):
    names = files_like(scratch, ".docx", ".xlsx", ".odt", ".pptx")
    documents = sorted(scratch.contents.rglob("*.docx"))
    while names and not deadline.is_over():
        path = scratch.root / rng.choice(names)
        if not path.exists():
            continue
        former = path.read_bytes()
        lock = path.with_name(f".~lock.{path.name}#")
        lock.write_text(",user,host;")
        for _ in range(rng.randint(1, 3)):
            fresh = former if rng.random() < 0.3 else rng.choice(documents).read_bytes()
            temporary = path.with_name(f"lu{rng.randrange(10**6)}.tmp")
            with open(temporary, "wb") as file:
                file.write(fresh)
                os.fsync(file.fileno())
            if rng.random() < 0.5:
                temporary.rename(path)
            else:
                # Word's way: the old document is moved aside, the new one takes its place, the old one is deleted.
                aside = path.with_name(f"~WRL{rng.randrange(9999):04d}.tmp")
                path.rename(aside)
                temporary.rename(path)
                aside.unlink()
            deadline.rest(rng.uniform(*pause))
            if lab_pause:
                scratch.sync()
                scratch.skip(rng.uniform(*lab_pause))
        lock.unlink(missing_ok=True)


@case("browser-cache", "ordinary", is_load=True)
def browse(scratch, rng, deadline):
    """Small compressed files come and go; cookies and history are SQLite databases."""
    profile = scratch.root / "Sales" / "profile"
    (profile / "cache2").mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(profile / "places.sqlite")
    database.execute("pragma journal_mode = wal")
    database.execute("create table if not exists visit (id integer primary key, url text, at real)")
    entries = []
    try:
        while not deadline.is_over():
            name = profile / "cache2" / f"{rng.randrange(1 << 64):016X}"
            name.write_bytes(os.urandom(int(rng.lognormvariate(9, 1.3)) % MIB))
            entries.append(name)
            if len(entries) > 150:
                entries.pop(rng.randrange(100)).unlink(missing_ok=True)
            if rng.random() < 0.2:
                with database:
                    database.execute(
                        "insert into visit (url, at) values (?, ?)", (f"https://example.org/{rng.random()}", rng.random())
                    )
            deadline.rest(rng.uniform(0, 0.03))
    finally:
        database.close()


@case("mail-delivery", "ordinary", is_load=True)
def deliver_mail(scratch, rng, deadline):
    """A spool: each message is written to `tmp`, synced, and moved to `new`; older ones are read and moved on."""
    sources = sorted(scratch.contents.rglob("*.mbox"))
    text = rng.choice(sources).read_bytes()
    box = mailbox.Maildir(scratch.root / "Support" / "Maildir")
    while not deadline.is_over():
        start = rng.randrange(max(1, len(text) - 40_000))
        key = box.add(b"Subject: lab\n\n" + text[start : start + int(rng.lognormvariate(8.5, 1)) % 200_000])
        if rng.random() < 0.3:
            box.discard(key)
        deadline.rest(rng.uniform(0, 0.05))


@case("mailbox-compaction", "ordinary")
def compact_mailboxes(scratch, rng, deadline):
    """A mail client drops deleted messages: each mbox is read, and written anew without them."""
    names = files_like(scratch, ".mbox")
    rng.shuffle(names)
    for name in names:
        if deadline.is_over():
            break
        path = scratch.root / name
        messages = path.read_bytes().split(b"\nFrom office")
        kept = [message for message in messages if rng.random() < 0.8]
        path.with_suffix(".compact").write_bytes(b"\nFrom office".join(kept))
        path.with_suffix(".compact").rename(path)


@case("idle", "ordinary", seconds=8)
def idle(scratch, rng, deadline):
    """Somebody looks at a file now and then; times of access and the journal are all that is written. Hours of lab time."""
    files = scratch.files()
    while not deadline.is_over():
        (scratch.root / rng.choice(files)[0]).read_bytes()
        if rng.random() < 0.3:
            with open(scratch.root / "system.log", "a") as log:
                log.write(f"{rng.random()} nothing happened\n" * 20)
        scratch.sync()
        scratch.skip(rng.uniform(10, 600))
        deadline.rest(0.15)
