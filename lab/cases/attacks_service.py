"""Attacks by a client that speaks NBD itself, without a file system between: it breaks connections off, opens many, and sends nonsense,
for the detector to lose its thread. Like all attacks they write random bytes, to the lab's own served volume only."""

import contextlib
import os
import socket

from case import case, in_parallel

CHUNK = 256 << 10
REQUESTS_BETWEEN_RESETS = 16


def client(raw):
    """A connection to the volume under attack, as libnbd makes it."""
    # Imported here: only these cases need it.
    import nbd

    handle = nbd.NBD()
    # What lies outside of the disk, libnbd would refuse to send.
    handle.set_strict_mode(0)
    handle.connect_uri(raw.disk.session.uri())
    return handle


def refused(call, *arguments):
    import nbd

    try:
        call(*arguments)
    except nbd.Error as error:
        # libnbd's own errors bear no number: the connection is gone.
        raise OSError(error.errnum or 5, error.string) from error


def used_chunks(raw, rng):
    """Where the disk holds more than zeros, in random order."""
    raw.check()
    offsets = [offset for offset in range(0, raw.size_bytes, CHUNK) if any(raw.read(offset + CHUNK // 2, 4096))]
    rng.shuffle(offsets)
    return offsets


def rewrite(handle, offset):
    refused(handle.pread, CHUNK, offset)
    refused(handle.pwrite, os.urandom(CHUNK), offset)


@case("service-connection-resets", "attack", on_device=True, seconds=8)
def reset_connections(raw, rng, deadline):
    """A few requests, then the connection is dropped without a word, and another is made."""
    offsets = used_chunks(raw, rng)
    groups = [offsets[start : start + REQUESTS_BETWEEN_RESETS] for start in range(0, len(offsets), REQUESTS_BETWEEN_RESETS)]

    def work(group):
        handle = client(raw)
        for offset in group:
            if not deadline.is_over():
                rewrite(handle, offset)
        # The last reference goes, and with it the connection, in the midst of the protocol.
        del handle

    return in_parallel(1, groups, work, deadline)


@case("service-many-connections", "attack", on_device=True, seconds=8)
def open_many_connections(raw, rng, deadline):
    """Each of 32 connections rewrites a little, so that none of them looks like much."""
    offsets = used_chunks(raw, rng)
    handles = [client(raw) for _ in range(32)]
    parts = [(handle, offsets[number :: len(handles)]) for number, handle in enumerate(handles)]

    def work(part):
        handle, own = part
        for offset in own:
            if deadline.is_over():
                return
            rewrite(handle, offset)

    return in_parallel(len(parts), parts, work, deadline)


@case("service-malformed-requests", "attack", on_device=True, seconds=8)
def send_nonsense(raw, rng, deadline):
    """Between its writes the attacker asks for what lies outside of the disk, and throws bytes at the socket."""
    offsets = used_chunks(raw, rng)
    handle = client(raw)

    def work(offset):
        rewrite(handle, offset)
        if rng.random() < 0.2:
            try:
                refused(handle.pread, 4096, raw.size_bytes + offset)
            except OSError:
                throw_bytes(raw, rng)

    return in_parallel(1, offsets, work, deadline)


def throw_bytes(raw, rng):
    # The server may hang up first.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(raw.disk.session.folder / "nbd.sock"))
        connection.sendall(rng.randbytes(rng.randint(1, 2000)))
