"""What the story needs: a daemon with a console, a disk with a file system on it, work on it, and something that behaves like an attack.

The attack is confined by construction: it is a client of a server that this test started, on a disk that this test filled. There is no
cipher and no key: the blocks of documents are replaced with random bytes.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import time

import nbd

from harness import server as servers

MIB = 1 << 20
DISK_BYTES = 160 * MIB
DOCUMENTS = 320
DOCUMENT_BYTES = 200 << 10
BLOCK = 4096
WORDS = "offer customer the Monday report of and price agreed to list budget Q3 meeting notes with from delivery".split()
# Documents that are younger than a minute are work in progress to the guard.
WORK_IN_PROGRESS_SECONDS = 62


class Site(servers.Holdfast):
    """A daemon with a console."""

    def __init__(self, folder, size_bytes=DISK_BYTES, config="", **options):
        self.port = servers.free_tcp_port()
        self.base = f"http://localhost:{self.port}"
        console = f'[console]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.base}"\n'
        super().__init__(folder, size_bytes, config=config + console, **options)

    def link(self, *words):
        """A set-up link."""
        done = self.holdfast("console", "link", *words, "--config", self.config)
        return re.search(r"http://\S+/set-up/\S+", done.stdout).group(0)


def start(case, **options):
    folder = case.folder / "site"
    folder.mkdir()
    site = Site(folder, **options)
    case.servers.append(site)
    case.cleanup.callback(site.stop)
    site.start()
    return site


class Documents:
    """An ext4 file system with documents on the site's disk, made without mounting anything.

    Invariant: `blocks` are those of documents that this object wrote, and nothing else is ever overwritten.
    """

    def __init__(self, site, folder):
        self.site, self.written = site, 0
        tree, image = folder / "tree", folder / "image"
        for number in range(DOCUMENTS):
            path = tree / ["Finance", "Sales", "Legal", "Personnel"][number % 4] / f"document {number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text(number))
        servers.make_sparse_file(image, site.size_bytes)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-L", "office", "-d", tree, image], check=True)
        self.blocks = document_blocks(image, tree)
        subprocess.run(["nbdcopy", "--flush", image, site.uri()], check=True)
        self.image = image
        self.since = time.monotonic()

    def grow_old(self):
        """Waits until the documents are no longer work in progress."""
        time.sleep(max(0.0, self.since + WORK_IN_PROGRESS_SECONDS - time.monotonic()))

    def work(self):
        """Somebody edits a few documents."""
        with Client(self.site) as client:
            for block in self.blocks[:: len(self.blocks) // 20]:
                data = bytearray(client.pread(BLOCK, block * BLOCK))
                data[100:106] = b"EDITED"
                client.pwrite(bytes(data), block * BLOCK)
            client.flush()

    def attack(self, mib=64):
        """Reads documents and replaces them, until it is refused or so much is written. What stopped it."""
        blocks = list(self.blocks)
        runs = [blocks[start : start + 16] for start in range(0, len(blocks), 16)]
        random.Random(1).shuffle(runs)
        with Client(self.site) as client:
            for run in runs[: mib * MIB // (16 * BLOCK)]:
                try:
                    for block in run:
                        client.pread(BLOCK, block * BLOCK)
                        client.pwrite(os.urandom(BLOCK), block * BLOCK)
                        self.written += BLOCK
                except nbd.Error as error:
                    return error.errno
        return None

    def digest(self):
        """Of all documents' blocks, as the disk has them."""
        digest = hashlib.sha256()
        with Client(self.site) as client:
            for block in self.blocks:
                digest.update(client.pread(BLOCK, block * BLOCK))
        return digest.hexdigest()


class Client:
    """A connection to the disk."""

    def __init__(self, site):
        self.nbd = nbd.NBD()
        self.nbd.connect_uri(site.uri())

    def __enter__(self):
        return self.nbd

    def __exit__(self, *_):
        try:
            self.nbd.shutdown()
        except nbd.Error:
            # A connection that the server gave up needs no goodbye.
            pass


def text(seed):
    chance = random.Random(seed)
    words = []
    length = 0
    while length < DOCUMENT_BYTES:
        word = f"{chance.choice(WORDS)} {chance.randrange(1000)}"
        words.append(word)
        length += len(word) + 1
    return " ".join(words).encode()[:DOCUMENT_BYTES]


def document_blocks(image, tree):
    """The blocks of the documents, as the file system has laid them out."""
    commands = "\n".join(f'blocks "/{path.relative_to(tree)}"' for path in sorted(tree.rglob("*.txt")))
    done = subprocess.run(["debugfs", "-f", "-", image], input=commands, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if re.fullmatch(r"[\d ]+", line)]
    return [int(number) for line in lines for number in line.split()]


def totp(secret, when=None):
    """The code of RFC 6238 for a secret as pages show it."""
    padded = secret.replace(" ", "") + "=" * (-len(secret) % 8)
    step = int((time.time() if when is None else when) // 30)
    digest = hmac.new(base64.b32decode(padded), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def alerts(page):
    """The newest alerts, asked of the API by the page's own session."""
    return page.run("fetch('/api/v1/alerts').then((answer) => answer.json())")
