"""A proxy that records every byte on its way to a server and back, and can change what comes back."""

import socket
import threading

PIECE_BYTES = 1 << 16
CONNECTIONS_MAX = 256


class Recorder:
    """Listens on a port of its own. `sent` is what clients sent, one byte string a connection; `received` what they were sent."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.sent = []
        self.received = []
        # Called with each piece from the server; what it returns is passed on.
        self.change = lambda piece: piece
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS_MAX)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        # Closing alone doesn't wake the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def forget(self):
        """Only what comes from now on is looked at."""
        self.sent[:] = [bytearray() for _ in self.sent]
        self.received[:] = [bytearray() for _ in self.received]

    def told(self):
        """Everything that clients sent."""
        return b"".join(bytes(part) for part in self.sent)

    def requests(self):
        """The first lines of all requests, and the bodies of those that have one. Requests of this test are never pipelined."""
        lines, bodies = [], []
        for stream in map(bytes, self.sent):
            while stream:
                head, _, rest = stream.partition(b"\r\n\r\n")
                first, *headers = head.split(b"\r\n")
                lengths = [int(line.split(b":")[1]) for line in headers if line.lower().startswith(b"content-length:")]
                length = lengths[0] if lengths else 0
                lines.append(first.decode())
                if length:
                    bodies.append(rest[:length])
                stream = rest[length:]
        return lines, bodies

    def accept(self):
        while len(self.sent) < CONNECTIONS_MAX:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            sent, received = bytearray(), bytearray()
            number = len(self.sent)
            self.sent.append(sent)
            self.received.append(received)
            threading.Thread(target=self.pass_on, args=(client, server, self.sent, number, bytes), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, self.received, number, self.changed), daemon=True).start()

    def changed(self, piece):
        return self.change(piece)

    @staticmethod
    def pass_on(source, sink, records, number, change):
        try:
            while piece := source.recv(PIECE_BYTES):
                records[number] += piece
                sink.sendall(change(piece))
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()
