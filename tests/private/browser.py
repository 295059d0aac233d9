"""A real browser, driven over WebDriver (a W3C standard): Chromium by its own driver."""

import json
import subprocess
import time
import urllib.error
import urllib.request

from harness import server as servers

START_SECONDS_MAX = 90
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A browser with one window and a profile of its own, which is gone when it is closed."""

    def __init__(self, folder):
        port = servers.free_tcp_port()
        self.log = open(folder / "chromedriver.log", "wb")
        self.process = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=self.log, stderr=self.log, start_new_session=True)
        self.driver = f"http://127.0.0.1:{port}"
        self.session = None
        try:
            self.begin(folder)
        except BaseException:
            self.close()
            raise

    def begin(self, folder):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}"]
        # Only the server under test is spoken to.
        arguments += ["--disable-background-networking", "--disable-component-update", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                self.session = self.call("POST", "/session", {"capabilities": wanted})["sessionId"]
                return
            except urllib.error.URLError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.driver + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode(errors='replace')[:500]}") from error

    def do(self, method, path, body=None):
        return self.call(method, f"/session/{self.session}{path}", body)

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def find(self, selector):
        return self.do("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def type(self, selector, text):
        """Types into a field, emptied before. "\\n" is the Enter key."""
        element = self.find(selector)
        self.do("POST", f"/element/{element}/clear", {})
        self.do("POST", f"/element/{element}/value", {"text": text})

    def click(self, selector):
        self.do("POST", f"/element/{self.find(selector)}/click", {})

    def text(self, selector):
        """What is shown of an element: nothing if it is hidden."""
        return self.do("GET", f"/element/{self.find(selector)}/text")

    def label(self, selector):
        """What a screen reader calls an element."""
        return self.do("GET", f"/element/{self.find(selector)}/computedlabel")

    def run(self, script, *arguments):
        """Runs an asynchronous script in the page; what it returns, or passes to its promise."""
        body = "const done = arguments[arguments.length - 1]; (async (...given) => {" + script + "})(...arguments).then(done, (error) => done(`failed: ${error}`));"
        return self.do("POST", "/execute/async", {"script": body, "args": list(arguments)})

    def problems(self):
        """What the browser complained about: blocked content, errors of scripts."""
        entries = self.do("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING") and "favicon.ico" not in entry["message"]]

    def wait_for(self, selector, seconds=60):
        """The text of an element, once it has one."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.text(selector)
            if text:
                return text
            time.sleep(0.05)
        raise AssertionError(f"nothing appeared at `{selector}` within {seconds} s")

    def close(self):
        if self.session is not None:
            self.do("DELETE", "")
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
