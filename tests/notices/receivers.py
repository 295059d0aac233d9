"""Who takes notices in tests: a mail server that keeps a Maildir, Dovecot that serves it over IMAP, rsyslog, and a web server."""

import contextlib
import email
import email.policy
import grp
import hmac
import http.server
import imaplib
import json
import mailbox
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import threading
import time

from harness.server import free_tcp_port
from sinks import MailServer

IMAP_PASSWORD = "imap-password"


class Post(MailServer):
    """A mail server that keeps what it takes in a Maildir, as a real one would."""

    def __init__(self, folder, **options):
        self.maildir = mailbox.Maildir(folder, create=True)
        self.holding = None
        self.is_stopped = False
        super().__init__(**options)
        self.hold = self.keep

    def keep(self, letter):
        self.maildir.add(letter.raw)
        if self.holding:
            self.holding(letter)

    def stop(self):
        """Once: tests stop it in the middle, and it is stopped at the end anyway."""
        if not self.is_stopped:
            self.is_stopped = True
            super().stop()


class Dovecot:
    """An IMAP server on a Maildir."""

    def __init__(self, folder: pathlib.Path, maildir):
        folder.mkdir()
        self.port = free_tcp_port()
        user = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(user.pw_gid).gr_name
        # As root, Dovecot insists on the users that its package made.
        ours = os.geteuid() != 0
        login, internal, internal_group = (user.pw_name, user.pw_name, group) if ours else ("dovenull", "dovecot", "dovecot")
        # Nor does it read root's mail.
        self.owner = user if ours else pwd.getpwnam("nobody")
        self.maildir = maildir
        folder.parent.chmod(0o711)
        config = folder / "dovecot.conf"
        config.write_text(f"""
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{maildir}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={IMAP_PASSWORD}
}}
userdb {{
  driver = static
  args = uid={self.owner.pw_uid} gid={self.owner.pw_gid} home={maildir}
}}
""")
        self.log = folder / "dovecot.log"
        self.process = subprocess.Popen(["dovecot", "-F", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for_port(self.port, self.process)

    def letters(self):
        """All mails, as an IMAP client sees them."""
        for path in [self.maildir, *self.maildir.rglob("*")]:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        with imaplib.IMAP4("127.0.0.1", self.port) as client:
            client.login("anna", IMAP_PASSWORD)
            client.select("INBOX", readonly=True)
            _, (numbers,) = client.search(None, "ALL")
            raw = [client.fetch(number, "(RFC822)")[1][0][1] for number in numbers.split()]
        return [email.message_from_bytes(one, policy=email.policy.default) for one in raw]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()


class Rsyslog:
    """rsyslog with inputs for datagrams, TCP and TLS; each message is a JSON object with what rsyslog understood."""

    def __init__(self, folder: pathlib.Path, authority):
        folder.mkdir()
        self.folder = folder
        self.ports = {"tcp": free_tcp_port(), "tls": free_tcp_port(), "udp": free_udp_port()}
        self.config = folder / "rsyslog.conf"
        keys = authority.folder
        self.config.write_text(f"""
global(workDirectory="{folder}" maxMessageSize="64k"
       defaultNetstreamDriverCAFile="{keys}/ca-cert.pem"
       defaultNetstreamDriverCertFile="{keys}/server-cert.pem"
       defaultNetstreamDriverKeyFile="{keys}/server-key.pem")
module(load="imudp")
module(load="imtcp")
template(name="understood" type="list" option.jsonf="on") {{
  property(outname="priority" name="pri" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="program" name="app-name" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
  property(outname="input" name="inputname" format="jsonf")
}}
ruleset(name="keep") {{ action(type="omfile" file="{folder}/messages" template="understood" asyncWriting="off" flushOnTXEnd="on") }}
input(type="imudp" address="127.0.0.1" port="{self.ports['udp']}" ruleset="keep" name="udp")
input(type="imtcp" address="127.0.0.1" port="{self.ports['tcp']}" ruleset="keep" name="tcp")
input(type="imtcp" address="127.0.0.1" port="{self.ports['tls']}" ruleset="keep" name="tls"
      streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
""")
        self.process = None
        self.start()

    def start(self):
        words = ["rsyslogd", "-n", "-f", str(self.config), "-i", str(self.folder / "rsyslog.pid")]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for_port(self.ports["tls"], self.process)

    def messages(self):
        path = self.folder / "messages"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process.stderr.close()
            self.process = None


class Web:
    """Takes whatever is posted: the path, the headers, the body. `status` and `text` are the answer."""

    def __init__(self):
        self.posts = []
        self.status, self.text = 200, b"ok"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((self.path, self.headers, body))
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.text)))
                self.end_headers()
                self.wfile.write(outer.text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def to(self, path):
        return [(headers, json.loads(body)) for found, headers, body in list(self.posts) if found == path]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def check_signature(headers, body, secret):
    """As a receiver would: the signature is of the timestamp and the body, and the timestamp is of now."""
    timestamp = headers["Holdfast-Timestamp"]
    expected = "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, "sha256").hexdigest()
    assert hmac.compare_digest(headers["Holdfast-Signature"], expected), headers["Holdfast-Signature"]
    assert abs(time.time() - int(timestamp)) < 300, timestamp


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, process.stderr.read()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    raise AssertionError(f"nothing answers at port {port}: {process.stderr.read()}")
