"""A real browser: Chromium, driven by Playwright. The driver is a program of its own (driver.mjs), asked over its standard input."""

import json
import pathlib
import shutil
import subprocess

from harness.runner import Skip

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE / "node_modules"


def install():
    """Playwright and axe-core, as the lock file has them. Their files are compared with its hashes."""
    for program in ("node", "npm", "chromium"):
        if shutil.which(program) is None:
            raise Skip(f"not installed: {program}")
    if not (MODULES / "axe-core").exists() or not (MODULES / "playwright-core").exists():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"`{' '.join(command)}` failed: {done.stdout}{done.stderr}")


class Driver:
    """A browser with any number of pages. Invariant: its processes are gone when `close` returns."""

    def __init__(self, folder):
        install()
        self.log = open(folder / "browser.log", "wb")
        command = ["node", str(HERE / "driver.mjs")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the browser ended: {pathlib.Path(self.log.name).read_text(errors='replace')[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{command}: {answer['error']}")
        return answer["result"]

    def open(self, base, **options):
        """A page of somebody else: with cookies of its own."""
        return Page(self, base, self.ask(operation="open", **options))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Page:
    """A page, and where the site is that it shows."""

    def __init__(self, driver, base, number):
        self.driver, self.base, self.number = driver, base, number

    def ask(self, operation, **given):
        return self.driver.ask(operation=operation, page=self.number, **given)

    def goto(self, path):
        """Opens a path or an address. The status."""
        return self.ask("goto", url=path if "://" in path else self.base + path)

    def click(self, selector):
        self.ask("click", selector=selector)

    def fill(self, selector, text):
        self.ask("fill", selector=selector, text=text)

    def press(self, keys):
        self.ask("press", keys=keys)

    def choose(self, selector, value):
        self.ask("choose", selector=selector, value=value)

    def text(self, selector="main"):
        return self.ask("text", selector=selector)

    def count(self, selector):
        return self.ask("count", selector=selector)

    def wait(self, selector, seconds=30):
        """The text of an element, once it is there."""
        return self.ask("wait", selector=selector, seconds=seconds)

    def arrive(self, path):
        self.ask("arrive", path=path)

    def path(self):
        return self.ask("url").removeprefix(self.base)

    def run(self, script):
        return self.ask("run", script=script)

    def problems(self):
        """What the browser complained about since the last time: blocked content, errors of scripts."""
        return self.ask("problems")
