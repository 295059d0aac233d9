"""A scanner of web applications of another project (Wapiti, from PyPI) against the real program over TLS: as a stranger, and signed in as an
administrator, who may do everything. It follows links, submits forms, and tries to break in by every parameter that it finds.

Wapiti is told of one address of this machine, and its modules that have a server call somewhere are left out.
"""

import http.client
import json
import os
import pathlib
import re
import ssl
import time
import venv

from daemon import Daemon
from harness.account import sign_up
from harness.runner import Skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
WAPITI = "wapiti3==3.2.3"
MODULES = "cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,sql,timesql,upload,xss"
# Seconds for following links, and for each module: without an end, the moments of a disk alone make thousands of addresses.
SECONDS = int(os.environ.get("SCAN_SECONDS", "4"))
# Of one of the two scans, with what installing takes.
SCAN_SECONDS_MAX = 40 * SECONDS + 120
TEST_SECONDS = 2 * SCAN_SECONDS_MAX + 180
# Addresses whose number has no end, and what would end the scanner's own session.
LEFT_OUT = ["disks/*position=*", "sign-out*", "settings/sessions/end*", "settings/people/1/*", "settings/passkeys*", "settings/password*"]
# What is found and is meant to be so, with the reason.
EXPECTED = {
    # No session, no token of one: `Origin` and `Sec-Fetch-Site` are looked at, see `nobody_is_made_to_sign_in_by_another_website`.
    ("Cross Site Request Forgery", "POST", "/sign-in"),
}


def wapiti(case):
    """The program, installed once into a folder of the target."""
    folder = ROOT / "target/wapiti"
    program = folder / "bin/wapiti"
    if not program.exists():
        venv.create(folder, with_pip=True)
        done = case.run(folder / "bin/pip", "install", "--quiet", WAPITI, check=False)
        if done.returncode != 0:
            raise Skip("wapiti3 can't be installed from PyPI")
    return program


def signed_in(daemon):
    """The cookie of the first administrator's session."""
    context = ssl.create_default_context(cadata=daemon.run("console", "certificate"))
    connection = http.client.HTTPSConnection("localhost", daemon.port, timeout=30, context=context)
    return sign_up(connection, json.loads(daemon.run("--json", "console", "link"))["link"])


def scan(case, daemon, *words):
    """What Wapiti found that isn't expected, and how many pages it looked at."""
    base = f"https://localhost:{daemon.port}/"
    report = case.folder / "report.json"
    left_out = [word for address in LEFT_OUT for word in ("-x", base + address)]
    limits = ["--max-scan-time", SECONDS, "--max-attack-time", SECONDS]
    store = ["--store-session", case.folder / "session", "--store-config", case.folder / "config", "--flush-session"]
    # No address of anybody else is named, not even in what it tries.
    nowhere = ["--endpoint", "http://127.0.0.1:9/", "--no-bugreport"]
    command = [wapiti(case), "-u", base, "-m", MODULES, *left_out, *limits, *store, *nowhere, "-f", "json", "-o", report, *words]
    case.run(*command, timeout=SCAN_SECONDS_MAX)
    found = json.loads(report.read_text())
    problems = []
    for part in ("vulnerabilities", "anomalies"):
        for category, items in found[part].items():
            problems += [(category, one["method"], one["path"], one["parameter"], one["info"]) for one in items]
    unexpected = [problem for problem in problems if problem[:3] not in EXPECTED]
    return unexpected, found["infos"]["crawled_pages_nbr"]


def a_scanner_finds_nothing(case):
    daemon = Daemon(case, "tls = true\n")
    session = signed_in(daemon)
    for who, words, least in [("a stranger", [], 3), ("an administrator", ["-C", session], 30)]:
        began = time.monotonic()
        problems, pages = scan(case, daemon, *words)
        assert not problems, f"{who}: {problems}"
        assert pages >= least, f"{who} saw {pages} pages: the test shows little"
        print(f"        as {who}: {pages} pages, nothing found ({time.monotonic() - began:.0f} s)")
    log = (daemon.folder / "log").read_text()
    assert not re.search("panicked|internal error", log), log[-3000:]
