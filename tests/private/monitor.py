"""A breach monitor with people in it, served by the real program."""

import json
import subprocess
import time

from harness import server as servers

READY_SECONDS_MAX = 90


class Monitor:
    """Data folder, server, and what is asked of them."""

    def __init__(self, folder, listen="127.0.0.1:0", words=()):
        self.folder = folder
        self.data = folder / "data"
        self.listen = listen
        self.words = list(words)
        self.process = None
        self.url = None

    def holdfast(self, *words, text="", check=True):
        command = [str(word) for word in (servers.binary(), *words, "--data", self.data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, input=text)
        assert not check or done.returncode == 0, f"{words} exited {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def load(self, name, addresses, **about):
        """Imports a breach."""
        people, known = self.folder / f"{name}.txt", self.folder / f"{name}.json"
        people.write_text("\n".join(addresses) + "\n")
        known.write_text(json.dumps({"name": name, "title": f"The {name}", "breach_date": "2026-04-01", **about}))
        self.holdfast("exposure", "import", "breach", people, "--about", known)

    def build(self):
        """Builds the index without waiting for the server to do so."""
        return json.loads(self.holdfast("exposure", "private", "build", "--json").stdout.splitlines()[-1])

    def serve(self):
        """Starts the server, and returns when it answers private questions."""
        command = [servers.binary(), "exposure", "serve", "--listen", self.listen, "--json", *self.words, "--data", self.data]
        self.log = open(self.folder / "serve.log", "wb")
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True
        )
        line = self.process.stdout.readline()
        assert line, f"the server didn't start: {(self.folder / 'serve.log').read_text()}"
        self.url = json.loads(line)["serving"]["url"]
        return self

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process.stdout.close()
            self.log.close()
            self.process = None


def wait_until(condition, seconds=READY_SECONDS_MAX):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not so after {seconds} s"
        time.sleep(0.1)
