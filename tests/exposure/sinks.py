"""What the breach monitor talks to in tests: a mail server (aiosmtpd), a web server for messages and feeds, a DNS server (dnsmasq)."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import logging
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from harness.server import free_tcp_port

# A client that hangs up over a certificate is what some tests are about; the server needn't tell at length.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
USER, PASSWORD = "holdfast", "a mail password"


class Letter:
    """A mail that was accepted."""

    def __init__(self, envelope):
        self.recipients = envelope.rcpt_tos
        self.raw = envelope.original_content
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)
        self.to = self.recipients[0]
        self.subject = self.message["Subject"]
        self.text = self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")

    def link(self, page):
        """The link to a page of the server."""
        found = re.search(rf"https?://\S+/watch/{page}/\S+", self.text)
        assert found, f"no link to {page} in:\n{self.text}"
        return found.group(0)


class MailServer:
    """A mail server on this machine. `refuse` and `defer` are recipients; `hold` is called before a mail is accepted, `taken` after."""

    def __init__(self, port=None, context=None, encryption="none", login=False):
        self.port = port or free_tcp_port()
        self.letters = []
        self.refuse, self.defer = set(), set()
        self.refuse_sender = False
        self.hold = lambda _: None
        self.logins = 0
        options = {"auth_required": login, "authenticator": self.authenticate} if login else {}
        if encryption == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if encryption == "tls":
            options |= {"ssl_context": context, "auth_require_tls": False}
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self.controller.start()

    def authenticate(self, _server, _session, _envelope, _mechanism, data):
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins += right
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(self, _server, _session, envelope, address, _options):
        if self.refuse_sender:
            return "550 5.7.1 nothing from you"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refuse:
            return f"550 5.1.1 <{address}> is unknown here"
        if address in self.defer:
            return f"451 4.7.1 <{address}> later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        letter = Letter(envelope)
        self.letters.append(letter)
        self.hold(letter)
        return "250 taken"

    def to(self, address):
        return [letter for letter in self.letters if letter.to == address]

    def stop(self):
        self.controller.stop()


def tls_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "server-cert.pem", authority.folder / "server-key.pem")
    return context


class WebServer:
    """Takes messages (`posts`) and serves `pages` by path, with an ETag; `status` is what a POST is answered with."""

    def __init__(self, port=None):
        self.posts, self.pages, self.gets = [], {}, []
        self.status = 204
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((self.headers, body))
                self.answer(outer.status, b"")

            def do_GET(self):
                outer.gets.append((self.path, self.headers))
                body = outer.pages.get(self.path)
                if body is None:
                    return self.answer(404, b"")
                tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
                if self.headers.get("If-None-Match") == tag:
                    return self.answer(304, b"", tag)
                return self.answer(200, body, tag)

            def answer(self, status, body, tag=None):
                self.send_response(status)
                if tag:
                    self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port or 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def messages(self, secret):
        """The messages, their signatures checked."""
        for headers, body in self.posts:
            expected = "sha256=" + hmac.new(secret, body, "sha256").hexdigest()
            assert hmac.compare_digest(headers["Holdfast-Signature"], expected)
        return [json.loads(body) for _, body in self.posts]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class NameServer:
    """dnsmasq with TXT records, and nothing else."""

    def __init__(self, folder: pathlib.Path, records, port=None):
        self.port = port or free_tcp_port()
        words = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", f"--port={self.port}", "--listen-address=127.0.0.1"]
        words += ["--bind-interfaces", "--no-resolv", "--no-hosts", "--no-poll", f"--pid-file={folder / 'dnsmasq.pid'}", "--user="]
        words += ["--local=/example/"]
        words += [f"--txt-record={name},{value}" for name, value in records]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.wait()

    def wait(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("dnsmasq doesn't answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
