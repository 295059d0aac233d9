"""A minimal NBD client over a plain socket, for saying what a well-behaved client library refuses to say.

Written from the protocol's description. It understands simple, structured and extended replies, and checks nothing beyond framing:
the tests do.
"""

import dataclasses
import socket
import ssl
import struct

GREETING = 0x4E42444D41474943
OPTION = 0x49484156454F5054
OPTION_REPLY = 0x0003E889045565A9
REQUEST, EXTENDED_REQUEST = 0x25609513, 0x21E41C71
SIMPLE_REPLY, STRUCTURED_REPLY, EXTENDED_REPLY = 0x67446698, 0x668E33EF, 0x6E8A278C

OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_STARTTLS, OPT_INFO, OPT_GO = 1, 2, 3, 5, 6, 7
OPT_STRUCTURED_REPLY, OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT, OPT_EXTENDED_HEADERS = 8, 9, 10, 11
REP_ACK, REP_SERVER, REP_INFO, REP_META_CONTEXT = 1, 2, 3, 4
REP_ERR_UNSUP, REP_ERR_POLICY, REP_ERR_INVALID, REP_ERR_TLS_REQD, REP_ERR_UNKNOWN, REP_ERR_TOO_BIG = (
    (1 << 31) + number for number in (1, 2, 3, 5, 6, 9)
)
INFO_EXPORT, INFO_NAME, INFO_DESCRIPTION, INFO_BLOCK_SIZE = range(4)

READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS = range(8)
FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO, PAYLOAD_LEN = (1 << bit for bit in range(6))
CHUNK_NONE, CHUNK_DATA, CHUNK_HOLE, CHUNK_STATUS, CHUNK_STATUS_EXT = 0, 1, 2, 5, 6
CHUNK_ERROR, CHUNK_ERROR_OFFSET = 0x8001, 0x8002

EPERM, EIO, EINVAL, ENOSPC, EOVERFLOW, ENOTSUP, ESHUTDOWN = 1, 5, 22, 28, 75, 95, 108


class Closed(Exception):
    """The server closed the connection."""


@dataclasses.dataclass
class Reply:
    """All chunks of one reply. `error` is 0 for success."""

    cookie: int
    error: int
    chunks: list

    def data(self, length):
        """The bytes of a read, put together from its chunks."""
        content = bytearray(length)
        for kind, offset, payload in self.chunks:
            if kind == CHUNK_DATA:
                content[offset : offset + len(payload)] = payload
        return bytes(content)


class Client:
    """A connection. `open` ends with the greeting read and the client's flags sent."""

    def __init__(self, address, timeout=60):
        family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(address if isinstance(address, tuple) else str(address))
        self.dialect = "simple"
        self.next_cookie = 1
        self.size = None
        self.flags = None
        # What may be relied on when the server doesn't say.
        self.payload_max = 32 << 20

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, layout, *fields, payload=b""):
        self.socket.sendall(struct.pack(">" + layout, *fields) + payload)

    def receive(self, layout):
        return struct.unpack(">" + layout, self.receive_bytes(struct.calcsize(">" + layout)))

    def receive_bytes(self, count):
        content = bytearray()
        while len(content) < count:
            try:
                piece = self.socket.recv(count - len(content))
            except ConnectionError as error:
                raise Closed from error
            if not piece:
                raise Closed
            content += piece
        return bytes(content)

    def greet(self, flags=3):
        first, second, server_flags = self.receive("QQH")
        assert (first, second) == (GREETING, OPTION), "not an NBD server"
        self.send("I", flags)
        return server_flags

    def option(self, number, payload=b""):
        """Sends an option and returns its replies as (type, payload), the last one an ACK or an error."""
        self.send("QII", OPTION, number, len(payload), payload=payload)
        replies = []
        while not replies or (replies[-1][0] != REP_ACK and replies[-1][0] < 1 << 31):
            magic, echoed, kind, length = self.receive("QIII")
            assert (magic, echoed) == (OPTION_REPLY, number), f"reply to option {echoed}, magic {magic:#x}"
            replies.append((kind, self.receive_bytes(length)))
        return replies

    def go(self, export, information=(), option=OPT_GO):
        """OPT_GO (or OPT_INFO). Returns {information number: payload}, or the error number."""
        name = export.encode()
        payload = struct.pack(">I", len(name)) + name + struct.pack(f">H{len(information)}H", len(information), *information)
        replies = self.option(option, payload)
        if replies[-1][0] != REP_ACK:
            return replies[-1][0]
        found = {struct.unpack(">H", body[:2])[0]: body[2:] for kind, body in replies if kind == REP_INFO}
        self.size, self.flags = struct.unpack(">QH", found[INFO_EXPORT])
        return found

    def meta_context(self, export, *queries, option=OPT_SET_META_CONTEXT):
        """{context name: number}, or the error number."""
        name = export.encode()
        payload = struct.pack(">I", len(name)) + name + struct.pack(">I", len(queries))
        for query in queries:
            payload += struct.pack(">I", len(query)) + query.encode()
        replies = self.option(option, payload)
        if replies[-1][0] != REP_ACK:
            return replies[-1][0]
        return {body[4:].decode(): struct.unpack(">I", body[:4])[0] for kind, body in replies if kind == REP_META_CONTEXT}

    def use_structured(self):
        assert self.option(OPT_STRUCTURED_REPLY) == [(REP_ACK, b"")]
        self.dialect = "structured"

    def use_extended(self):
        assert self.option(OPT_EXTENDED_HEADERS) == [(REP_ACK, b"")]
        self.dialect = "extended"

    def start_tls(self, context):
        assert self.option(OPT_STARTTLS) == [(REP_ACK, b"")]
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def request(self, command, offset=0, length=0, flags=0, payload=b""):
        """Sends one request and returns its cookie."""
        cookie, self.next_cookie = self.next_cookie, self.next_cookie + 1
        if self.dialect == "extended":
            self.send("IHHQQQ", EXTENDED_REQUEST, flags, command, cookie, offset, length, payload=payload)
        else:
            self.send("IHHQQI", REQUEST, flags, command, cookie, offset, length, payload=payload)
        return cookie

    def reply(self, read_length=0, offset=0):
        """Reads one whole reply. A simple reply to a read has no length of its own: `read_length` is it."""
        magic = self.receive("I")[0]
        if magic == SIMPLE_REPLY:
            error, cookie = self.receive("IQ")
            chunks = [] if error or not read_length else [(CHUNK_DATA, 0, self.receive_bytes(read_length))]
            return Reply(cookie, error, chunks)
        reply = Reply(0, 0, [])
        while not self.chunk(reply, magic, offset):
            magic = self.receive("I")[0]
        return reply

    def chunk(self, reply, magic, base):
        """Reads one chunk into `reply`. Returns whether it was the last one."""
        if magic == EXTENDED_REPLY:
            flags, kind, reply.cookie, _, length = self.receive("HHQQQ")
        else:
            assert magic == STRUCTURED_REPLY, f"a reply starts with {magic:#x}"
            flags, kind, reply.cookie, length = self.receive("HHQI")
        body = self.receive_bytes(length)
        if kind & 0x8000:
            reply.error = struct.unpack(">I", body[:4])[0]
        elif kind in (CHUNK_DATA, CHUNK_HOLE):
            reply.chunks.append((kind, struct.unpack(">Q", body[:8])[0] - base, body[8:]))
        elif kind != CHUNK_NONE:
            reply.chunks.append((kind, None, body))
        return bool(flags & 1)

    def ask(self, command, offset=0, length=0, flags=0, payload=b""):
        """A request and its reply."""
        cookie = self.request(command, offset, length, flags, payload)
        reply = self.reply(length if command == READ else 0, offset)
        assert reply.cookie == cookie, f"reply to {reply.cookie} instead of {cookie}"
        return reply

    def error_of(self, command, offset=0, length=0, flags=0, payload=b""):
        return self.ask(command, offset, length, flags, payload).error

    def is_closed(self):
        """Whether the server has closed the connection (waits for it)."""
        try:
            self.receive_bytes(1)
        except (Closed, ssl.SSLError):
            return True
        except TimeoutError:
            return False
        return False


def connect(server, export=None, dialect="structured", contexts=()):
    """A connection in the transmission phase."""
    client = Client(server.socket)
    client.greet()
    if dialect == "structured":
        client.use_structured()
    elif dialect == "extended":
        client.use_extended()
    name = server.export if export is None else export
    if contexts:
        client.contexts = client.meta_context(name, *contexts)
    answer = client.go(name, [INFO_BLOCK_SIZE])
    assert isinstance(answer, dict), f"OPT_GO `{name}` answered {answer:#x}"
    if INFO_BLOCK_SIZE in answer:
        client.payload_max = struct.unpack(">III", answer[INFO_BLOCK_SIZE])[2]
    return client
