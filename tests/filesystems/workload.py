#!/usr/bin/python3
"""Programs at work on a mounted file system, and a ledger of what each was promised.

usage: workload.py FOLDER LEDGER SEED    (works in FOLDER/run-SEED)

A line is added to the ledger (which lies on another disk) only after the sync that covers it has returned: from then on what the
line says has to be found again, whatever happens to the server. A program ends when it gets an I/O error.
"""

import hashlib
import io
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time

GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "gc.auto=0", "-c", "core.fsync=all"]
SQL_TABLE = "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, body BLOB, digest TEXT)"


class Ledger:
    """Append-only list of promises, safe to use from several threads."""

    def __init__(self, path):
        self.file = open(path, "a", buffering=1)
        self.lock = threading.Lock()

    def record(self, **promise):
        promise["time"] = time.monotonic()
        with self.lock:
            self.file.write(json.dumps(promise) + "\n")


def sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_and_sync(path, content):
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def digest(content):
    return hashlib.sha256(content).hexdigest()


def write_files_once(folder, ledger, chance):
    """Many files, each written once and synced together with its folder."""
    for number in range(1_000_000):
        inner = folder / f"{number // 50:04}"
        if number % 50 == 0:
            inner.mkdir()
            sync_folder(folder)
        content = chance.randbytes(chance.choice([1, 100, 4096, 10_000, 70_000, 300_000]))
        path = inner / f"file-{number:06}"
        write_and_sync(path, content)
        sync_folder(inner)
        ledger.record(kind="file", path=str(path.relative_to(folder.parents[1])), digest=digest(content))


def append_to_a_log(folder, ledger, chance):
    """One file that only grows, with fdatasync after each record."""
    path = folder / "log"
    hasher = hashlib.sha256()
    length = 0
    with open(path, "wb") as file:
        sync_folder(folder)
        while True:
            record = chance.randbytes(chance.randint(1, 5000))
            file.write(record)
            file.flush()
            os.fdatasync(file.fileno())
            hasher.update(record)
            length += len(record)
            ledger.record(kind="prefix", path=str(path.relative_to(folder.parents[1])), length=length, digest=hasher.hexdigest())


def replace_by_rename(folder, ledger, chance):
    """The editor's way to save: a new file, synced, renamed over the old one. The content says its own version and digest."""
    path = folder / "document"
    for version in range(1_000_000):
        body = chance.randbytes(chance.randint(1, 100_000))
        write_and_sync(folder / "document.new", f"{version} {digest(body)}\n".encode() + body)
        os.rename(folder / "document.new", path)
        sync_folder(folder)
        ledger.record(kind="document", path=str(path.relative_to(folder.parents[1])), version=version)


def commit_to_sqlite(folder, ledger, chance):
    path = folder / "entries.sqlite"
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=EXTRA")
    database.execute(SQL_TABLE)
    database.commit()
    sync_folder(folder)
    for number in range(1_000_000):
        body = chance.randbytes(chance.randint(1, 20_000))
        database.execute("INSERT INTO entry VALUES (?, ?, ?)", (number, body, digest(body)))
        if number % 3 == 2:
            # Overwrites pages in place under the rollback journal.
            database.execute("UPDATE entry SET body = ?, digest = ? WHERE number = ?", (body, digest(body), number - 2))
        database.commit()
        ledger.record(kind="rows", path=str(path.relative_to(folder.parents[1])), count=number + 1)


def commit_to_git(folder, ledger, chance):
    subprocess.run([*GIT, "init", "-q", str(folder)], check=True)
    for number in range(1_000_000):
        for name in "abc":
            (folder / f"{name}-{number % 7}").write_bytes(chance.randbytes(chance.randint(1, 30_000)))
        subprocess.run([*GIT, "-C", str(folder), "add", "-A"], check=True)
        subprocess.run([*GIT, "-C", str(folder), "commit", "-q", "-m", f"change {number}"], check=True)
        subprocess.run(["sync", "-f", str(folder)], check=True)
        head = subprocess.run([*GIT, "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        ledger.record(kind="commit", path=str(folder.relative_to(folder.parents[1])), commit=head.stdout.strip())


def unpack_and_remove(folder, _ledger, chance):
    """Unsynced churn beside the rest: a few hundred files unpacked with tar and removed again. Promises nothing."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for number in range(200):
            member = tarfile.TarInfo(f"tree/{number % 9}/{number}")
            member.size = chance.randint(0, 30_000)
            tar.addfile(member, io.BytesIO(chance.randbytes(member.size)))
    while True:
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.getvalue(), check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", str(folder / "tree")], check=True, stderr=subprocess.DEVNULL)


PROGRAMS = [write_files_once, append_to_a_log, replace_by_rename, commit_to_sqlite, commit_to_git, unpack_and_remove]


def work(program, root, ledger, seed):
    folder = root / f"run-{seed}" / program.__name__
    try:
        folder.mkdir(parents=True, exist_ok=True)
        program(folder, ledger, random.Random(f"{seed} {program.__name__}"))
    except (OSError, sqlite3.Error, subprocess.CalledProcessError) as error:
        # How every program ends: the server was killed under it.
        print(f"{program.__name__}: {error}", file=sys.stderr)


def main():
    root, ledger, seed = pathlib.Path(sys.argv[1]), Ledger(sys.argv[2]), sys.argv[3]
    threads = [threading.Thread(target=work, args=(program, root, ledger, seed)) for program in PROGRAMS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
