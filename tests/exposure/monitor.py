"""A breach monitor under test: the real program, a data folder of its own, and a client that says exactly what it is told to."""

import collections
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

from harness import server as servers

STOP_SECONDS_MAX = 60
NOTICED_SECONDS_MAX = 60
AGENT = "tests of holdfast"
# Any 32 digits are a key for the accounts that test clients.
ANY_KEY = "0" * 32
# Everything that the corpus says about people has one of these in it, so that a log with one of them tells too much.
PERSONAL = ["corp.example", "jane", "hunter2"]

Answer = collections.namedtuple("Answer", "status headers body")


def text_of(answer):
    return answer.body.decode()


def json_of(answer):
    assert answer.headers["content-type"].startswith("application/json"), answer
    return json.loads(answer.body)


class Monitor:
    """`folder` holds data, configuration and log. Invariant: the server is gone when `stop` returns."""

    def __init__(self, case, config=""):
        self.folder = case.folder
        self.data = self.folder / "data"
        self.config = self.folder / "holdfast.toml"
        self.config.write_text(config)
        self.log_path = self.folder / "serve.log"
        self.process = None
        self.address = None
        self.secrets = set()
        self.context = None
        case.cleanup.callback(self.stop)

    def holdfast(self, *words, check=True, codes=(0,), **options):
        command = self.command_on(*words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment(), **options)
        if check and done.returncode not in codes:
            raise AssertionError(f"`{' '.join(command)}` exited {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def key(self, name, *scopes, rpm=1000):
        """Makes a key and returns it."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        made = json.loads(self.holdfast("keys", "make", name, "--rpm", rpm, *words, "--json").stdout)
        self.secrets.add(made["key"])
        return made["key"]

    def command_on(self, *words):
        command = [servers.binary(), "exposure", *words, "--data", self.data, "--config", self.config]
        return [str(word) for word in command]

    def on_terminal(self, terminal, *words):
        return subprocess.Popen(self.command_on(*words), stdin=terminal, stdout=terminal, stderr=terminal, env=environment())

    def serve(self, *words, environment_more=None, command_before=()):
        command = [*command_before, servers.binary(), "exposure", "serve", "--json", "--data", self.data, "--config", self.config]
        if "--listen" not in words:
            command += ["--listen", "127.0.0.1:0"]
        command = [str(word) for word in [*command, *words]]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env={**environment(), **(environment_more or {})}
            )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the server did not start: {self.log()}")
        self.serving = json.loads(line)["serving"]
        host, port = self.serving["address"].rsplit(":", 1)
        self.address = (host, int(port))
        return self

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def stop(self):
        """Returns the exit code. Whatever was asked, the log says nothing of people and keys."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS_MAX)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
        log = self.log().lower()
        told = [word for word in [*PERSONAL, *self.secrets] if word.lower() in log]
        assert not told, f"the log has {told} in it:\n{self.log()}"
        return code

    def ask(self, path, key=None, agent=AGENT, method="GET", body=None, headers=None):
        """One request on a connection of its own. Header names of the answer are in lower case."""
        if self.context is None:
            connection = http.client.HTTPConnection(*self.address, timeout=60)
        else:
            connection = http.client.HTTPSConnection("localhost", self.address[1], timeout=60, context=self.context)
        sent = {"hibp-api-key": key} if key else {}
        sent |= {"user-agent": agent} if agent is not None else {}
        sent |= headers or {}
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            if body is not None:
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                sent.setdefault("content-length", str(len(body)))
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            received = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, received, response.read())
        finally:
            connection.close()

    def v3(self, path, *words, **options):
        return self.ask("/api/v3" + path, *words, **options)

    def raw(self, sent, seconds=15):
        """Sends bytes as they are, and returns everything that comes until the server ends the connection or nothing more comes."""
        with socket.create_connection(self.address, timeout=seconds) as connection:
            received = b""
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    received += piece
            except OSError:
                # The server has ended the connection: what came before counts.
                pass
            return received

    def statuses(self, sent):
        """The statuses of all answers to bytes sent on one connection."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.raw(sent))]

    def until(self, question, seconds=NOTICED_SECONDS_MAX):
        """Asks until the answer is true; a server notices changes by others within a second or two."""
        end = time.monotonic() + seconds
        while not question():
            assert time.monotonic() < end, f"not so after {seconds} s"
            time.sleep(0.1)

    def use_tls(self, authority):
        self.context = ssl.create_default_context(cafile=str(authority.folder / "ca-cert.pem"))


def environment():
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "HOLDFAST", "CARGO_TARGET_DIR") if name in os.environ}
    return {**kept, "TZ": "UTC"}


def write(folder: pathlib.Path, name, content):
    path = folder / name
    path.write_text(content)
    return path
