"""Signing in by an OpenID provider: the real program and a real provider process, over HTTPS on this machine."""

import concurrent.futures
import http.client
import http.cookies
import json
import pathlib
import re
import ssl
import subprocess
import sys
import time
import urllib.parse

from daemon import Daemon
from harness.certificates import Authority
from harness.server import free_tcp_port
from provider import SECRET

HERE = pathlib.Path(__file__).resolve().parent
DISCOVERY = "/.well-known/openid-configuration"
# How long the console waits for the provider, and then some.
PATIENCE_SECONDS = 20


class Provider:
    """The provider's process."""

    def __init__(self, case):
        self.folder = case.folder / "provider"
        self.authority = Authority(self.folder)
        self.port = free_tcp_port()
        self.issuer = f"https://localhost:{self.port}"
        self.context = ssl.create_default_context(cafile=self.folder / "ca-cert.pem")
        self.process = None
        case.cleanup.callback(self.stop)
        self.start()

    def start(self):
        files = [self.folder / "server-cert.pem", self.folder / "server-key.pem", self.folder]
        words = [sys.executable, HERE / "provider.py", str(self.port), *files]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE)
        end = time.monotonic() + 60
        while True:
            try:
                self.control(make=[["rsa", "RS256"], ["ec", "ES256"]], published=["rsa", "ec"], signs="rsa")
                return
            except OSError:
                assert time.monotonic() < end, "the provider doesn't start"
                time.sleep(0.05)

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, path, body=None):
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=60, context=self.context)
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def control(self, **wanted):
        """Changes how it behaves; the paths that it was asked for since it was last forgotten."""
        status, _, body = self.ask("/control", json.dumps(wanted).encode())
        assert status == 200, body
        return json.loads(body)["asked"]

    def settings(self, authority=None):
        secret = self.folder / "client-secret"
        secret.write_text(SECRET + "\n")
        return (
            f'[console.oidc]\nissuer = "{self.issuer}"\nclient_id = "holdfast"\nclient_secret_file = "{secret}"\n'
            f'authority = "{authority or self.folder / "ca-cert.pem"}"\nroles = {{ operator = ["staff"], viewer = ["guests"] }}\n'
        )


class Browser:
    """A browser: it keeps cookies, and follows the way to the provider and back."""

    def __init__(self, daemon, provider):
        self.daemon, self.provider = daemon, provider
        self.cookies = {}

    def get(self, path, timeout=90):
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=timeout)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request("GET", path, headers={"Host": f"localhost:{self.daemon.port}"} | ({"Cookie": cookies} if cookies else {}))
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if not morsel.value:
                    del self.cookies[name]
        return answer.status, answer.headers, answer.read().decode(errors="replace")

    def go(self):
        """To the provider; where it sends the browser back to."""
        status, headers, body = self.get("/sign-in/provider?next=/disks")
        assert status == 303, (status, body)
        target = urllib.parse.urlsplit(headers["Location"])
        assert f"https://{target.netloc}" == self.provider.issuer, headers["Location"]
        status, headers, body = self.provider.ask(f"{target.path}?{target.query}")
        assert status == 302, (status, body)
        back = urllib.parse.urlsplit(headers["Location"])
        assert back.netloc == f"localhost:{self.daemon.port}", headers["Location"]
        return f"{back.path}?{back.query}"

    def sign_in(self):
        """The answer to the whole way."""
        return self.get(self.go())

    def me(self):
        status, _, body = self.get("/api/v1/me")
        return json.loads(body) if status == 200 else None


def scene(case):
    provider = Provider(case)
    return provider, Daemon(case, provider.settings())


def signed_in(daemon, provider):
    browser = Browser(daemon, provider)
    status, _, body = browser.sign_in()
    assert status == 200 and "url=/disks" in body, (status, body)
    return browser


def refused(daemon, provider, why=None):
    browser = Browser(daemon, provider)
    status, _, body = browser.sign_in()
    assert status == 401 and browser.me() is None, (status, body)
    assert why is None or why in body, body


def who_a_provider_knows_comes_in_with_either_kind_of_key_and_the_role_of_their_groups(case):
    provider, daemon = scene(case)
    for key in ("rsa", "ec"):
        provider.control(signs=key, asked=[])
        me = signed_in(daemon, provider).me()
        assert (me["name"], me["role"], me["kind"]) == ("ann", "operator", "person"), me
        asked = provider.control()
        assert asked == [DISCOVERY, "/authorize", DISCOVERY, "/token", "/keys"], asked
    guest = {"sub": "1", "preferred_username": "ann", "groups": ["guests", "others"]}
    provider.control(person=guest)
    assert signed_in(daemon, provider).me()["role"] == "viewer", "the role follows the groups"
    provider.control(person=guest | {"groups": ["others"]})
    refused(daemon, provider, "groups")
    people = json.loads(daemon.run("--json", "console", "people", "list"))["people"]
    assert [one["name"] for one in people] == ["ann"], people


def keys_that_a_provider_changes_are_used_at_once_and_asked_for_once_a_sign_in(case):
    provider, daemon = scene(case)
    signed_in(daemon, provider)
    # A new key beside the old one, then in its place: both times without a restart.
    provider.control(make=[["rsa-2", "RS256"], ["ec-2", "ES256"], ["secret", "ES256"]], published=["rsa", "rsa-2", "ec-2"], signs="rsa-2")
    signed_in(daemon, provider)
    provider.control(published=["ec-2"], signs="ec-2")
    signed_in(daemon, provider)
    # What is signed with a key that was taken back, or never was there, opens nothing, and makes nobody ask again and again.
    for key in ("rsa", "secret"):
        provider.control(signs=key, asked=[])
        refused(daemon, provider, "signed")
        assert provider.control().count("/keys") == 1
    # A key of one kind with the name of another.
    provider.control(make=[["ec-2", "RS256"]], published=["ec-2"], signs="ec-2")
    signed_in(daemon, provider)
    provider.control(published=[], asked=[])
    refused(daemon, provider, "signed")


def what_isnt_an_answer_to_this_attempt_lets_nobody_in(case):
    provider, daemon = scene(case)
    browser = Browser(daemon, provider)
    back = browser.go()
    assert Browser(daemon, provider).get(back)[0] == 401, "another browser"
    assert browser.get(back)[0] == 200
    assert browser.get(back)[0] == 401, "once"
    # The code of one attempt in another: whoever can place a code in somebody's browser doesn't know the verifier.
    first, second = Browser(daemon, provider), Browser(daemon, provider)
    code = lambda back: re.search(r"code=([^&]+)", back).group(1)
    theirs, own = first.go(), second.go()
    swapped = own.replace(code(own), code(theirs))
    status, _, body = second.get(swapped)
    assert status >= 400 and second.me() is None, (status, body)
    for claims in ({"nonce": "another"}, {"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": ""}):
        provider.control(claims=claims)
        refused(daemon, provider)
    provider.control(claims={})
    signed_in(daemon, provider)


def attempt(daemon, provider):
    """Tries to sign in with a provider that doesn't do what it should; how long that took."""
    began = time.monotonic()
    browser = Browser(daemon, provider)
    status, headers, body = browser.get("/sign-in/provider")
    if status == 303:
        target = urllib.parse.urlsplit(headers["Location"])
        _, headers, _ = provider.ask(f"{target.path}?{target.query}")
        back = urllib.parse.urlsplit(headers["Location"])
        status, _, body = browser.get(f"{back.path}?{back.query}")
    assert status >= 400 and browser.me() is None, (status, body)
    assert "traceback" not in body.lower() and SECRET not in body, body
    return time.monotonic() - began


def resident_bytes(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1)) << 10


def a_provider_that_is_broken_lets_nobody_in_and_costs_little(case):
    provider, daemon = scene(case)
    token = daemon.token("t", "viewer")
    before = resident_bytes(daemon)
    for path in (DISCOVERY, "/token", "/keys"):
        for mode in ("rubbish", "broken", "elsewhere", "huge"):
            provider.control(modes={path: mode})
            took = attempt(daemon, provider)
            assert took < PATIENCE_SECONDS, (path, mode, took)
    grown = resident_bytes(daemon) - before
    assert grown < 64 << 20, f"grew by {grown >> 20} MiB"
    provider.control(modes={})
    signed_in(daemon, provider)
    provider.stop()
    took = attempt(daemon, provider)
    assert took < PATIENCE_SECONDS, took
    assert daemon.ask("/api/v1/me", token=token)[0] == 200, "local accounts and tokens go on"
    provider.start()
    signed_in(daemon, provider)
    assert SECRET not in (daemon.folder / "log").read_text()


def a_provider_that_is_slow_holds_up_nobody_else(case):
    provider, daemon = scene(case)
    token = daemon.token("t", "viewer")
    for mode in ("slow", "drips"):
        provider.control(modes={DISCOVERY: mode})
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            attempts = [pool.submit(attempt, daemon, provider) for _ in range(8)]
            time.sleep(1)
            began = time.monotonic()
            assert daemon.ask("/api/v1/volumes", token=token)[0] == 200
            assert Browser(daemon, provider).get("/sign-in")[0] == 200
            assert time.monotonic() - began < 2, "pages wait for a provider"
            took = sorted(attempt.result() for attempt in attempts)
        # Four are asked at a time, and each for ten seconds.
        assert took[-1] < 3 * PATIENCE_SECONDS, took
    provider.control(modes={})
    signed_in(daemon, provider)


def a_provider_whose_certificate_isnt_trusted_is_told_nothing(case):
    provider = Provider(case)
    stranger = Authority(case.folder / "stranger")
    daemon = Daemon(case, provider.settings(stranger.folder / "ca-cert.pem"))
    provider.control(asked=[])
    attempt(daemon, provider)
    assert provider.control() == []


TESTS = [
    who_a_provider_knows_comes_in_with_either_kind_of_key_and_the_role_of_their_groups,
    keys_that_a_provider_changes_are_used_at_once_and_asked_for_once_a_sign_in,
    what_isnt_an_answer_to_this_attempt_lets_nobody_in,
    a_provider_that_is_broken_lets_nobody_in_and_costs_little,
    a_provider_that_is_slow_holds_up_nobody_else,
    a_provider_whose_certificate_isnt_trusted_is_told_nothing,
]
