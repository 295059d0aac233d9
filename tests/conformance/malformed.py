"""Requests that are wrong: each gets exactly the error that the protocol prescribes, and the connection goes on."""

import struct

import wire

MIB = 1 << 20
SIZE = 64 * MIB

# (what is sent, command, offset, length, flags, payload, error)
WRONG = [
    ("a read that starts at the end", wire.READ, SIZE, 512, 0, b"", wire.EINVAL),
    ("a read that ends past the end", wire.READ, SIZE - 512, 1024, 0, b"", wire.EINVAL),
    ("a read whose end overflows", wire.READ, (1 << 64) - 512, 1024, 0, b"", wire.EINVAL),
    ("a write that starts at the end", wire.WRITE, SIZE, 512, 0, bytes(512), wire.ENOSPC),
    ("a write that ends past the end", wire.WRITE, SIZE - 512, 1024, 0, bytes(1024), wire.ENOSPC),
    ("a write whose end overflows", wire.WRITE, (1 << 64) - 512, 1024, 0, bytes(1024), wire.ENOSPC),
    ("zeroing past the end", wire.WRITE_ZEROES, SIZE - 512, 1024, 0, b"", wire.ENOSPC),
    ("zeroing whose end overflows", wire.WRITE_ZEROES, (1 << 64) - 1, 1024, 0, b"", wire.ENOSPC),
    ("a trim past the end", wire.TRIM, SIZE - 512, 1024, 0, b"", wire.EINVAL),
    ("a trim whose end overflows", wire.TRIM, (1 << 64) - 1, 1024, 0, b"", wire.EINVAL),
    ("read-ahead past the end", wire.CACHE, SIZE, 4096, 0, b"", wire.EINVAL),
    ("block status past the end", wire.BLOCK_STATUS, SIZE, 4096, 0, b"", wire.EINVAL),
    ("block status of nothing", wire.BLOCK_STATUS, 0, 0, 0, b"", wire.EINVAL),
    ("an unknown flag on a read", wire.READ, 0, 512, 1 << 15, b"", wire.EINVAL),
    ("an unknown flag on a write", wire.WRITE, 0, 512, 1 << 15, bytes(512), wire.EINVAL),
    ("the flag of another command on a write", wire.WRITE, 0, 512, wire.NO_HOLE, bytes(512), wire.EINVAL),
    ("the flag of another command on a trim", wire.TRIM, 0, 512, wire.REQ_ONE, b"", wire.EINVAL),
    ("an extended flag without extended headers", wire.WRITE, 0, 512, wire.PAYLOAD_LEN, bytes(512), wire.EINVAL),
    ("an unknown command", 77, 0, 512, 0, b"", wire.EINVAL),
    ("a resize, which was not offered", 8, 0, 128 * MIB, 0, b"", wire.EINVAL),
]


def add_wrong_requests(suite):
    for dialect in ("simple", "structured", "extended"):
        for what, command, offset, length, flags, payload, error in WRONG:
            if dialect == "extended" and flags == wire.PAYLOAD_LEN:
                continue
            if command == wire.BLOCK_STATUS and dialect == "simple":
                continue

            def check(case, dialect=dialect, error=error, request=(command, offset, length, flags, payload)):
                refuses(case, dialect, request, error)

            suite.add(f"{what} gets errno {error} in {dialect} replies", check)


def refuses(case, dialect, request, error):
    if dialect == "extended":
        case.needs("extended headers")
    if error == wire.ENOSPC:
        case.needs("ENOSPC past the end")
    server = case.start_server(size_bytes=SIZE)
    contexts = () if dialect == "simple" else ("base:allocation",)
    command, offset, length, flags, payload = request
    if dialect == "extended" and payload:
        flags |= wire.PAYLOAD_LEN
    with wire.connect(server, dialect=dialect, contexts=contexts) as client:
        found = client.error_of(command, offset, length, flags, payload)
        assert found == error, f"errno {found} instead of {error}"
        assert client.error_of(wire.READ, 0, 4096) == 0, "the connection is of no use afterwards"


def add_sizes(suite):
    @suite.test
    def a_read_of_32_mib_is_served(case):
        with wire.connect(case.start_server(size_bytes=SIZE)) as client:
            assert client.error_of(wire.READ, 0, 32 * MIB) == 0

    @suite.test
    def a_write_of_32_mib_is_served_and_read_back(case):
        content = bytes(range(256)) * (32 * MIB // 256)
        with wire.connect(case.start_server(size_bytes=SIZE)) as client:
            assert client.error_of(wire.WRITE, 512, len(content), 0, content) == 0
            assert client.ask(wire.READ, 512, len(content)).data(len(content)) == content

    @suite.test
    def a_read_larger_than_announced_gets_an_error_and_the_connection_goes_on(case):
        case.needs("limit of payloads")
        with wire.connect(case.start_server(size_bytes=2 * SIZE)) as client:
            assert client.error_of(wire.READ, 0, client.payload_max) == 0
            assert client.error_of(wire.READ, 0, client.payload_max + 1) in (wire.EINVAL, wire.EOVERFLOW)
            assert client.error_of(wire.READ, 0, 512) == 0

    @suite.test
    def a_write_larger_than_announced_is_refused(case):
        """Skipped with an error, or the connection is closed: both are allowed. Nothing may be written."""
        case.needs("limit of payloads")
        server = case.start_server(size_bytes=2 * SIZE)
        with wire.connect(server) as client:
            content = b"x" * (client.payload_max + 512)
            try:
                assert client.error_of(wire.WRITE, 0, len(content), 0, content) in (wire.EINVAL, wire.EOVERFLOW)
            except (wire.Closed, ConnectionError):
                pass
        with wire.connect(server) as client:
            assert client.ask(wire.READ, 0, 4096).data(4096) == bytes(4096)

    @suite.test
    def a_request_of_no_bytes_does_no_harm(case):
        with wire.connect(case.start_server(size_bytes=SIZE)) as client:
            for command in (wire.READ, wire.WRITE, wire.TRIM, wire.WRITE_ZEROES, wire.CACHE):
                error = client.error_of(command, 4096, 0)
                assert error in (0, wire.EINVAL, wire.ENOSPC), f"command {command}: errno {error}"
            assert client.error_of(wire.READ, 0, 4096) == 0

    @suite.test
    def requests_at_odd_offsets_and_lengths_change_only_their_own_bytes(case):
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            base = b"\xaa" * 16384
            assert client.error_of(wire.WRITE, 0, len(base), 0, base) == 0
            expected = bytearray(base)
            for offset, length in [(1, 1), (511, 2), (4095, 2), (4097, 4094), (8191, 5000), (512, 512)]:
                piece = bytes([length % 251]) * length
                assert client.error_of(wire.WRITE, offset, length, 0, piece) == 0
                expected[offset : offset + length] = piece
            assert client.error_of(wire.WRITE_ZEROES, 100, 5000) == 0
            expected[100:5100] = bytes(5000)
            assert client.ask(wire.READ, 0, len(expected)).data(len(expected)) == expected
            assert client.ask(wire.READ, 4093, 7).data(7) == expected[4093:4100]


def add_streams(suite):
    @suite.test
    def a_request_with_a_wrong_magic_number_ends_the_connection(case):
        case.needs("strict stream")
        with wire.connect(case.start_server(size_bytes=SIZE)) as client:
            client.send("IHHQQI", 0x12345678, 0, wire.READ, 1, 0, 512)
            assert client.is_closed()

    @suite.test
    def a_client_that_vanishes_within_a_write_changes_nothing(case):
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            client.send("IHHQQI", wire.REQUEST, 0, wire.WRITE, 1, 0, 65536, payload=b"x" * 30000)
        with wire.connect(server) as client:
            assert client.ask(wire.READ, 0, 65536).data(65536) == bytes(65536)

    @suite.test
    def many_requests_sent_at_once_are_all_answered(case):
        with wire.connect(case.start_server(size_bytes=SIZE)) as client:
            for number in range(200):
                client.request(wire.WRITE, number * 4096, 4096, 0, bytes([number]) * 4096)
            cookies = {client.reply().cookie for _ in range(200)}
            assert len(cookies) == 200
            for number in range(200):
                assert client.ask(wire.READ, number * 4096, 4096).data(4096) == bytes([number]) * 4096

    @suite.test
    def a_disconnect_after_writes_loses_none_of_them(case):
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            for number in range(50):
                client.request(wire.WRITE, number * 4096, 4096, 0, bytes([number + 1]) * 4096)
            client.request(wire.DISC)
            # The replies need not arrive, but the requests before the disconnect must be done.
            assert drained(client)
        with wire.connect(server) as client:
            assert client.ask(wire.READ, 49 * 4096, 4096).data(4096) == bytes([50]) * 4096


def drained(client):
    """Reads whatever still comes, and returns whether the server then closes the connection."""
    try:
        while True:
            client.reply()
    except (wire.Closed, ConnectionError):
        return True


def add_to(suite):
    add_wrong_requests(suite)
    add_sizes(suite)
    add_streams(suite)
