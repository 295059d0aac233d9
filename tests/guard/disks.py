"""A disk with documents on it, ordinary work, and something that behaves like an attack: all on a scratch disk served by this test.

There is no cipher here and no key: blocks are replaced with random bytes. Everything goes through a connection to a server that the
test started itself.
"""

import contextlib
import hashlib
import os
import random

import nbd

MIB = 1 << 20
EXTENT = 64 << 10


@contextlib.contextmanager
def connected(server, export=None):
    client = nbd.NBD()
    client.connect_uri(server.uri(export))
    try:
        yield client
    finally:
        # A connection that the server gave up needs no goodbye.
        with contextlib.suppress(nbd.Error):
            client.shutdown()


def document(seed):
    """An extent of structured text, the same for the same seed."""
    chance = random.Random(seed)
    words = ["invoice", "delivery", "order", "customer", "store", "total", "VAT", "date", "number", "address", "amount"]
    lines = []
    length = 0
    while length < EXTENT:
        line = ";".join([str(seed), chance.choice(words), str(chance.randrange(10**6)), chance.choice(words)]) + "\n"
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:EXTENT]


def fill(server, mib, export=None):
    """Writes documents to the first `mib` MiB. Returns the digest of what was written."""
    digest = hashlib.sha256()
    with connected(server, export) as client:
        for number in range(mib * MIB // EXTENT):
            data = document(number)
            client.pwrite(data, number * EXTENT)
            digest.update(data)
        client.flush()
    return digest.hexdigest()


def digest_of(server, mib, export=None):
    digest = hashlib.sha256()
    with connected(server, export) as client:
        for number in range(mib * MIB // EXTENT):
            digest.update(client.pread(EXTENT, number * EXTENT))
    return digest.hexdigest()


class Attack:
    """Reads extents and replaces them with random bytes until it is told not to, or has no more."""

    def __init__(self, server, mib, export=None, seed=1):
        self.server = server
        self.export = export
        self.order = list(range(mib * MIB // EXTENT))
        random.Random(seed).shuffle(self.order)
        self.written = 0
        self.error = None

    def run(self, extents=None, per_connection=None):
        """Goes on for so many extents (all that are left by default), with a new connection after every `per_connection`."""
        extents = len(self.order) if extents is None else extents
        while extents > 0 and self.order and self.error is None:
            turn = min(extents, per_connection or extents)
            with connected(self.server, self.export) as client:
                self.turn(client, turn)
            extents -= turn
        return self

    def turn(self, client, extents):
        for _ in range(extents):
            if not self.order:
                return
            offset = self.order.pop() * EXTENT
            try:
                client.pread(EXTENT, offset)
                client.pwrite(os.urandom(EXTENT), offset)
                self.written += EXTENT
            except nbd.Error as error:
                self.error = error.errno
                return
        with contextlib.suppress(nbd.Error):
            client.flush()
