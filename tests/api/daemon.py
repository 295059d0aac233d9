"""The real program with one disk, and its console at a port of its own."""

import http.client
import json
import socket
import subprocess
import time

from harness.server import binary, free_tcp_port


class Daemon:
    """The real program with one disk, and its console at a port of its own."""

    def __init__(self, case, config="", start=True):
        self.folder = case.folder / "daemon"
        self.folder.mkdir(parents=True)
        self.data = self.folder / "data"
        self.port = free_tcp_port()
        self.config = self.folder / "holdfast.toml"
        self.config.write_text(f'[console]\nlisten = "127.0.0.1:{self.port}"\n{config}')
        self.log = open(self.folder / "log", "wb")
        self.process = None
        case.cleanup.callback(self.stop)
        if start:
            self.start()

    def command(self, *words):
        return [binary(), "--data", self.data, "--config", self.config, *words]

    def start(self):
        up = self.command("up", "--create", "disk=64M")
        self.process = subprocess.Popen(up, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def run(self, *words):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        return done.stdout

    def token(self, name, role, *words):
        return json.loads(self.run("--json", "console", "tokens", "make", name, "--role", role, *words))["token"]

    def ask(self, path, method="GET", token=None, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
