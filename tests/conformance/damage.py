"""What a bad day looks like to a client: rotten sectors, a history that has filled its space."""

import os

import wire

SIZE = 64 << 20
BLOCK = 4096


def rot(server, content):
    """Flips one byte in the only place of the stopped server's data folder where `content` lies."""
    found = []
    for parent, _, names in os.walk(server.data):
        for name in names:
            path = os.path.join(parent, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                at = file.read().find(content)
            if at >= 0:
                found.append((path, at))
    assert len(found) == 1, f"the block lies at {found}"
    path, at = found[0]
    with open(path, "r+b") as file:
        file.seek(at + 1000)
        byte = file.read(1)
        file.seek(at + 1000)
        file.write(bytes([byte[0] ^ 0x40]))


def disk_with_a_rotten_block(case):
    """A served disk whose block 5 is rotten: 16 blocks, each written twice, the older version pinned."""
    server = case.start_server(size_bytes=SIZE)
    old = os.urandom(16 * BLOCK)
    new = os.urandom(16 * BLOCK)
    with wire.connect(server) as client:
        assert client.error_of(wire.WRITE, 0, len(old), 0, old) == 0
        server.holdfast("pin", "disk", "older")
        assert client.error_of(wire.WRITE, 0, len(new), 0, new) == 0
    server.stop()
    rot(server, new[5 * BLOCK : 6 * BLOCK])
    server.start()
    return server, old, new


def add_rot(suite):
    @suite.test
    def a_rotten_block_gets_eio_and_no_other_does(case):
        case.needs("moments")
        server, _, new = disk_with_a_rotten_block(case)
        with wire.connect(server) as client:
            for block in range(16):
                reply = client.ask(wire.READ, block * BLOCK, BLOCK)
                if block == 5:
                    assert reply.error == wire.EIO, f"errno {reply.error} for the rotten block"
                else:
                    assert reply.error == 0 and reply.data(BLOCK) == new[block * BLOCK : (block + 1) * BLOCK], f"block {block}"
            assert client.error_of(wire.READ, 0, 16 * BLOCK) == wire.EIO
            assert client.error_of(wire.WRITE, 5 * BLOCK, BLOCK, 0, b"n" * BLOCK) == 0
            assert client.ask(wire.READ, 5 * BLOCK, BLOCK).data(BLOCK) == b"n" * BLOCK

    @suite.test
    def the_older_version_of_a_rotten_block_is_intact(case):
        case.needs("pins")
        server, old, _ = disk_with_a_rotten_block(case)
        with wire.connect(server, "disk@older") as client:
            assert client.ask(wire.READ, 0, 16 * BLOCK).data(16 * BLOCK) == old

    @suite.test
    def verify_finds_the_rotten_block_while_the_disk_is_served(case):
        case.needs("moments")
        server, _, new = disk_with_a_rotten_block(case)
        with wire.connect(server) as client:
            done = server.holdfast("volume", "verify", "disk", "--json", check=False)
            assert done.returncode != 0, f"verify found nothing: {done.stdout}"
            assert "segment" in done.stdout + done.stderr
            assert client.ask(wire.READ, 0, BLOCK).data(BLOCK) == new[:BLOCK]


def add_full(suite):
    @suite.test
    def a_flood_of_writes_meets_enospc_and_the_past_stays(case):
        case.needs("pins")
        config = '[defaults]\nbudget = "64MiB"\nretention = "1d"\nretention_floor = "1d"\n'
        server = case.start_server(size_bytes=SIZE, config=config)
        first = os.urandom(1 << 20)
        with wire.connect(server) as client:
            assert client.error_of(wire.WRITE, 0, len(first), 0, first) == 0
            server.holdfast("pin", "disk", "first")
            error = 0
            for _ in range(400):
                error = client.error_of(wire.WRITE, 0, len(first), 0, os.urandom(1 << 20))
                if error:
                    break
            assert error == wire.ENOSPC, f"errno {error} after a flood"
            assert client.error_of(wire.READ, 0, len(first)) == 0
        with wire.connect(server, "disk@first") as past:
            assert past.ask(wire.READ, 0, len(first)).data(len(first)) == first
        server.stop()
        server.start()
        with wire.connect(server, "disk@first") as past:
            assert past.ask(wire.READ, 0, len(first)).data(len(first)) == first

    @suite.test
    def trimming_the_whole_disk_keeps_its_past(case):
        case.needs("pins")
        server = case.start_server(size_bytes=SIZE)
        content = os.urandom(1 << 20)
        with wire.connect(server) as client:
            assert client.error_of(wire.WRITE, 0, len(content), 0, content) == 0
            server.holdfast("pin", "disk", "full")
            assert client.error_of(wire.TRIM, 0, SIZE) == 0
            assert client.ask(wire.READ, 0, len(content)).data(len(content)) == bytes(len(content))
        with wire.connect(server, "disk@full") as past:
            assert past.ask(wire.READ, 0, len(content)).data(len(content)) == content


def add_to(suite):
    add_rot(suite)
    add_full(suite)
