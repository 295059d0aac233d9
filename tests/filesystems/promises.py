"""Checks a file system against the ledger that `workload.py` wrote: what was promised has to be there.

Only promises made before the server was killed count. A sync that returned later can't have been answered by the server: around a
forced shutdown XFS, for one, may still report a sync of a folder as done (seen with plain nbdkit, too).
"""

import collections
import hashlib
import json
import sqlite3
import subprocess

GIT_SAFE = ["git", "-c", "safe.directory=*"]


def read_ledger(path, killed_at):
    """The promises by kind and path, in the order in which they were made, up to the time when the server was killed."""
    promises = collections.defaultdict(list)
    for line in path.read_text().splitlines():
        promise = json.loads(line)
        if promise["time"] < killed_at:
            promises[promise["kind"], promise["path"]].append(promise)
    return promises


def broken_promises(root, ledger_path, killed_at):
    """One line for each promise that the file system under `root` doesn't keep; and the number of promises checked."""
    promises = read_ledger(ledger_path, killed_at)
    broken = []
    for (kind, path), made in promises.items():
        try:
            problem = CHECKS[kind](root / path, made)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if problem:
            broken.append(f"{path} ({kind}): {problem}")
    return broken, sum(len(made) for made in promises.values())


def check_file(path, made):
    if hashlib.sha256(path.read_bytes()).hexdigest() != made[-1]["digest"]:
        return "content differs"
    return None


def check_prefix(path, made):
    """The file holds at least what was synced; every length that was promised has the promised digest."""
    content = path.read_bytes()
    hasher, position = hashlib.sha256(), 0
    for promise in made:
        if len(content) < promise["length"]:
            return f"{len(content)} bytes where {promise['length']} were synced"
        hasher.update(content[position : promise["length"]])
        position = promise["length"]
        if hasher.hexdigest() != promise["digest"]:
            return f"content before byte {position} differs"
    return None


def check_document(path, made):
    """The last version promised, or one that was being saved at the end; whole in either case."""
    header, body = path.read_bytes().split(b"\n", 1)
    version, digest = header.decode().split()
    if hashlib.sha256(body).hexdigest() != digest:
        return f"version {version} is torn"
    if int(version) < made[-1]["version"]:
        return f"version {version} where {made[-1]['version']} was saved"
    return None


def check_rows(path, made):
    database = sqlite3.connect(path)
    try:
        state = database.execute("PRAGMA integrity_check").fetchone()[0]
        if state != "ok":
            return f"integrity_check: {state}"
        torn = [number for number, body, digest in database.execute("SELECT * FROM entry")
                if hashlib.sha256(body).hexdigest() != digest]
        count = database.execute("SELECT count(*) FROM entry").fetchone()[0]
    finally:
        database.close()
    if torn:
        return f"rows {torn} are torn"
    return None if count >= made[-1]["count"] else f"{count} rows where {made[-1]['count']} were committed"


def check_commit(path, made):
    head = made[-1]["commit"]
    walk = subprocess.run([*GIT_SAFE, "-C", str(path), "rev-list", "--objects", head], capture_output=True, text=True)
    if walk.returncode != 0:
        return f"commit {head}: {walk.stderr.strip()}"
    # Reads every object of the promised commit and so checks its hash.
    objects = "".join(line.split(" ", 1)[0] + "\n" for line in walk.stdout.splitlines())
    read = subprocess.run([*GIT_SAFE, "-C", str(path), "cat-file", "--batch"], input=objects.encode(), capture_output=True)
    if read.returncode != 0 or b" missing\n" in read.stdout:
        return f"commit {head}: objects are missing or damaged: {read.stderr.decode(errors='replace').strip()}"
    return None


CHECKS = {
    "file": check_file,
    "prefix": check_prefix,
    "document": check_document,
    "rows": check_rows,
    "commit": check_commit,
}
