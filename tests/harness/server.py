"""The server under test: Holdfast, or a stand-in that serves a plain file.

The stand-ins keep the tests honest: what holds for any correct NBD server must also pass against nbdkit and qemu-nbd, so that a test
which only Holdfast fails is a finding about Holdfast, and one that all fail is a mistake in the test.
"""

import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60
DISK = "disk"


class ServerError(Exception):
    """The server did not do what a server has to: start, stop, or answer a command."""


class Server:
    """A server process with one disk. `folder` holds its data, its socket and its log."""

    features = frozenset()

    def __init__(self, folder, size_bytes, tcp_port=None, export=DISK, extra=()):
        self.folder = folder
        self.size_bytes = size_bytes
        self.tcp_port = tcp_port
        self.export = export
        self.extra = list(extra)
        self.socket = folder / "nbd.sock"
        self.log_path = folder / "server.log"
        self.process = None

    def prepare(self):
        """Makes the disk. Called once, before the first start."""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return os.environ.copy()

    def start(self):
        self.socket.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(),
                start_new_session=True,
            )
        wait_for_socket(self)

    def kill(self):
        """SIGKILL: nothing of the process runs any more, and nothing is tidied up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        """SIGTERM, and SIGKILL with an error when that isn't obeyed. Returns the exit code."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired as late:
            process.kill()
            process.wait()
            raise ServerError(f"still running {STOP_SECONDS_MAX} s after SIGTERM") from late

    def uri(self, export=None):
        return f"nbd+unix:///{self.export if export is None else export}?socket={self.socket}"

    def tcp_uri(self, export=None):
        return f"nbd://127.0.0.1:{self.tcp_port}/{self.export if export is None else export}"


class Holdfast(Server):
    """The real thing. Commands go to the running daemon through the same binary."""

    features = frozenset(
        ["moments", "pins", "rollback", "fork", "resize", "tls", "activation", "extended headers", "list", "persistent"]
        + ["ENOSPC past the end", "limit of payloads", "block sizes", "strict stream", "graceful stop"]
    )

    def __init__(self, folder, size_bytes, config="", **options):
        super().__init__(folder, size_bytes, **options)
        self.data = folder / "data"
        self.config = folder / "holdfast.toml"
        self.config.write_text(config)
        self.has_config = bool(config)

    def command(self):
        words = [binary(), "up", "--data", self.data, "--create", f"{self.export}={self.size_bytes}"]
        words += ["--listen", f"unix:{self.socket}"]
        if self.tcp_port is not None:
            words += ["--listen", f"tcp:127.0.0.1:{self.tcp_port}"]
        if self.has_config:
            words += ["--config", self.config]
        return words + self.extra

    def holdfast(self, *words, check=True):
        """Runs a holdfast command against this server's data folder."""
        done = subprocess.run(self.command_on(*words), capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise ServerError(f"`holdfast {' '.join(map(str, words))}` exited {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def command_on(self, *words):
        """The words of a holdfast command on this server's data folder."""
        return [str(word) for word in (binary(), *words, "--data", self.data)]


class Nbdkit(Server):
    """nbdkit's file plugin."""

    features = frozenset(["tls", "activation", "persistent", "ENOSPC past the end", "strict stream"])

    def prepare(self):
        make_sparse_file(self.folder / "disk.raw", self.size_bytes)

    def command(self):
        words = ["nbdkit", "--foreground", "--threads", "8"]
        listen = ["--port", self.tcp_port, "--ipaddr", "127.0.0.1"] if self.tcp_port else ["--unix", self.socket]
        return [*words, *listen, *self.extra, "file", self.folder / "disk.raw"]


class QemuNbd(Server):
    """qemu-nbd on a raw file, the page cache in writeback mode."""

    features = frozenset(["extended headers", "list", "persistent", "limit of payloads", "block sizes", "graceful stop"])

    def prepare(self):
        make_sparse_file(self.folder / "disk.raw", self.size_bytes)

    def command(self):
        listen = ["-p", self.tcp_port, "-b", "127.0.0.1"] if self.tcp_port else ["-k", self.socket]
        options = ["-x", self.export, "-t", "-e", "8", "-f", "raw", "--discard=unmap", "--cache=writeback"]
        return ["qemu-nbd", *options, *listen, *self.extra, self.folder / "disk.raw"]


KINDS = {"holdfast": Holdfast, "nbdkit": Nbdkit, "qemu-nbd": QemuNbd}


def kinds():
    return list(KINDS)


def has_feature(kind, feature):
    return feature in KINDS[kind].features


def start_server(kind, folder, size_bytes=64 << 20, **options):
    """Makes a disk of `size_bytes`, starts the server, and returns when it accepts connections."""
    server = KINDS[kind](folder, size_bytes, **options)
    server.prepare()
    server.start()
    return server


def binary():
    """The holdfast binary: $HOLDFAST, else the newest build in the target folder."""
    if "HOLDFAST" in os.environ:
        return pathlib.Path(os.environ["HOLDFAST"])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [target / profile / "holdfast" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    if not built:
        raise ServerError(f"no holdfast binary in `{target}`: run `cargo build` or set HOLDFAST")
    return max(built, key=lambda path: path.stat().st_mtime)


def build_release():
    """Builds the binary as it is shipped and makes it the one that is started, unless another is named."""
    if "HOLDFAST" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "-p", "holdfast"], cwd=ROOT, check=True)
        os.environ["HOLDFAST"] = str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "holdfast")


def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_sparse_file(path, size_bytes):
    with open(path, "wb") as image:
        image.truncate(size_bytes)


def wait_for_socket(server):
    """Returns when the server accepts a connection; raises with its log when it doesn't."""
    until = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < until:
        if server.process.poll() is not None:
            break
        if accepts(server):
            return
        time.sleep(0.02)
    log = server.log_path.read_text(errors="replace")
    raise ServerError(f"server did not start (exit code {server.process.poll()}):\n{log[-3000:]}")


def accepts(server):
    by_tcp_only = server.tcp_port is not None and not isinstance(server, Holdfast)
    family, address = (socket.AF_INET, ("127.0.0.1", server.tcp_port)) if by_tcp_only else (socket.AF_UNIX, str(server.socket))
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True
