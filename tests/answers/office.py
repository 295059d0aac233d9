"""An office's disk for the tests: documents of known content, ordinary work, and damage.

Damage is confined by construction: an `Office` makes its own file system on a disk that the test's own server serves, mounts it in the
test's scratch folder, and touches only the documents that it wrote there itself.
"""

import contextlib
import hashlib
import io
import os
import pathlib
import random
import subprocess
import zipfile

from harness import attach

FOLDERS = ["Finance", "Sales", "Legal/2026", "Personnel"]
DOCUMENTS = 64
WORDS = "offer customer the Monday report of and price agreed to list budget Q3 meeting notes with from delivery".split()


class Office:
    """Invariant: `documents` holds the digest of every document as it was when it was last saved well."""

    def __init__(self, server, folder, seed=1):
        self.server, self.folder = server, folder
        self.rng = random.Random(seed)
        self.documents = {}
        with attach.attached(server, folder) as disk:
            subprocess.run(["mkfs.ext4", "-q", "-F", disk.device], check=True)

    @contextlib.contextmanager
    def open(self):
        """The mounted disk's folder."""
        with attach.attached(self.server, self.folder) as disk, attach.mounted(disk.device, self.folder / "mnt", "ext4") as root:
            yield root
            subprocess.run(["sync", "-f", root], check=True)

    def fill(self, root):
        for number in range(DOCUMENTS):
            folder = FOLDERS[number % len(FOLDERS)]
            self.save(root, f"{folder}/document {number}{'.txt' if number % 2 else '.zip'}")

    def store(self, root, count):
        """Larger documents, of 100 KB, for an attack that a guard has to notice. Returns their names."""
        names = [f"Archive/report {number}.txt" for number in range(count)]
        text = self.text(9000)
        pathlib.Path(root, "Archive").mkdir()
        for number, name in enumerate(names):
            pathlib.Path(root, name).write_bytes(b"Report %d. " % number + text * 11)
            self.documents[name] = digest(pathlib.Path(root, name))
        return names

    def save(self, root, name):
        """Writes a document and knows it from then on."""
        data = self.text(9000)
        if name.endswith(".zip"):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for number in range(4):
                    archive.writestr(f"part {number}.txt", self.text(30_000))
            data = packed.getvalue()
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.documents[name] = digest(path)

    def text(self, length):
        words = []
        while sum(map(len, words)) + len(words) < length:
            words.append(self.rng.choice(WORDS) + self.rng.choice(["", "", "", ".\n", f" {self.rng.randint(1, 999)}"]))
        return " ".join(words).encode()

    def edit(self, root, name):
        """A change in place, in the midst of a text."""
        with open(pathlib.Path(root, name), "r+b") as file:
            file.seek(100)
            file.write(b"EDITED")
        self.documents[name] = digest(pathlib.Path(root, name))

    def old(self, root, names):
        """The paths of documents of our own; nothing else is ever damaged."""
        assert os.path.ismount(root) and all(name in self.documents for name in names)
        return [pathlib.Path(root, name) for name in names]

    def overwrite(self, root, names):
        """Every other block becomes random bytes."""
        for path in self.old(root, names):
            with open(path, "r+b") as file:
                for start in range(0, path.stat().st_size, 8192):
                    file.seek(start)
                    file.write(os.urandom(min(4096, path.stat().st_size - start)))

    def encrypt(self, root, names):
        """Every document is read, and random bytes are written over the whole of it, as fast as the disk takes them."""
        for path in self.old(root, names):
            with open(path, "r+b") as file:
                size = len(file.read())
                file.seek(0)
                file.write(os.urandom(size))
                file.flush()
                os.fsync(file.fileno())

    def replace(self, root, names):
        """A file of random bytes beside each, which is then deleted."""
        for path in self.old(root, names):
            pathlib.Path(f"{path}.locked").write_bytes(os.urandom(path.stat().st_size + 256))
            path.unlink()
        note = b"All your files were part of an exercise. Nothing can be decrypted, and no bitcoin is wanted.\n"
        for folder in FOLDERS:
            pathlib.Path(root, folder, "READ-ME.txt").write_bytes(note)

    def found(self, root):
        """Digests of all documents there are."""
        paths = (path for path in pathlib.Path(root).rglob("*") if path.is_file())
        return {str(path.relative_to(root)): digest(path) for path in paths}

    def is_clean(self):
        with attach.attached(self.server, self.folder) as disk:
            return subprocess.run(["e2fsck", "-fn", disk.device], capture_output=True).returncode == 0


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
