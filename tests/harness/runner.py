"""A test runner in a page.

A test is a function whose name is a sentence. It gets a `Case`: a scratch folder, servers that are stopped again whatever happens,
and the means to run programs. The last line printed is always `N passed, N failed`; what was skipped is printed before it with
the reason, so that nothing is left out silently.
"""

import argparse
import contextlib
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from harness import server as servers


class Skip(Exception):
    """Raised by a test that can't run here; the text says why."""


# How long a test may take. Beside others, on a machine with two processors, one takes several times as long as alone.
TEST_SECONDS_MAX = 400


class Case:
    """What one test works with. Invariant: everything started through it is gone when `close` returns."""

    def __init__(self, server_kind):
        self.server_kind = server_kind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        self.cleanup = contextlib.ExitStack()
        self.servers = []

    def start_server(self, **options):
        """Starts the server under test with a disk of its own; see `server.start_server`."""
        folder = self.folder / f"server-{len(self.servers)}"
        folder.mkdir()
        server = servers.start_server(self.server_kind, folder, **options)
        self.servers.append(server)
        self.cleanup.callback(server.stop)
        return server

    def needs(self, *features):
        """Skips the test when the server under test lacks one of `features` (stand-ins do; Holdfast has all)."""
        missing = [name for name in features if not servers.has_feature(self.server_kind, name)]
        if missing:
            raise Skip(f"{self.server_kind} has no {', '.join(missing)}")

    def needs_program(self, *programs):
        missing = [name for name in programs if shutil.which(name) is None]
        if missing:
            raise Skip(f"not installed: {', '.join(missing)}")

    def run(self, *command, check=True, **options):
        """Runs a program and returns it completed, its output captured as text."""
        options.setdefault("timeout", 300)
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", **options)
        if check and done.returncode != 0:
            raise AssertionError(f"`{' '.join(map(str, command))}` exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def close(self, keep):
        self.cleanup.close()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def server_logs(self):
        for server in self.servers:
            text = server.log_path.read_text(errors="replace") if server.log_path.exists() else ""
            yield f"--- {server.log_path} (end)\n" + "\n".join(text.splitlines()[-25:])


class Suite:
    """A list of tests and the command line to run them."""

    def __init__(self, title):
        self.title = title
        self.tests = []

    def test(self, function):
        self.tests.append((sentence(function), function, TEST_SECONDS_MAX))
        return function

    def add(self, name, function, seconds=TEST_SECONDS_MAX):
        """Adds a test under a name of its own: for cases made in a loop."""
        self.tests.append((name, function, seconds))

    def main(self):
        options = parse_arguments(self.title)
        chosen = [test for test in self.tests if options.only in test[0] and (not options.exactly or test[0] in options.exactly)]
        if options.list:
            print("\n".join(name for name, _, _ in chosen))
            return 0
        # Stopped from outside, the runner still unmounts and stops what it started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        outcomes = {"passed": 0, "failed": 0, "skipped": 0}
        for name, function, seconds in chosen:
            outcomes[run_one(name, function, seconds, options)] += 1
        if outcomes["skipped"]:
            print(f"{outcomes['skipped']} SKIPPED (reasons above)")
        if not chosen:
            print("no test has such a name")
        print(f"{outcomes['passed']} passed, {outcomes['failed']} failed")
        return 1 if outcomes["failed"] or not chosen else 0


def sentence(function):
    return function.__name__.replace("_", " ")


def parse_arguments(title):
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--server", default="holdfast", choices=servers.kinds(), help="which server is tested")
    parser.add_argument("--only", default="", metavar="WORDS", help="run the tests whose name contains WORDS")
    parser.add_argument("--exactly", action="append", metavar="NAME", help="run the test of this name, and others so named")
    parser.add_argument("--list", action="store_true", help="print the names of the tests")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folders of failed tests")
    return parser.parse_args()


def run_one(name, function, seconds, options):
    """Runs one test and prints its outcome on a line."""
    started = time.monotonic()
    case = Case(options.server)
    outcome = "failed"
    try:
        with time_limit(seconds):
            function(case)
        outcome = "passed"
        report = f"ok      {name}"
    except Skip as reason:
        outcome = "skipped"
        report = f"SKIPPED {name}: {reason}"
    except Exception:
        lines = [f"FAILED  {name}", traceback.format_exc().rstrip(), *case.server_logs()]
        report = "\n".join(lines)
    finally:
        try:
            with time_limit(60):
                case.close(options.keep and outcome == "failed")
        except Exception:
            outcome = "failed"
            report = f"FAILED  {name}: tidying up failed\n{traceback.format_exc().rstrip()}"
    print(f"{report} ({time.monotonic() - started:.1f} s)", flush=True)
    return outcome


@contextlib.contextmanager
def time_limit(seconds):
    """Ends the block with an error after `seconds`: a server that hangs is a failure, not a hung test run."""

    def expire(*_):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
