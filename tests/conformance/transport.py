"""How clients reach the disk: TLS with and without client certificates, socket activation, many connections, slow strangers."""

import json
import os
import socket
import ssl
import time

import wire
from harness.certificates import Authority
from harness.runner import Skip
from harness.server import ServerError, binary, free_tcp_port

SIZE = 64 << 20

HOLDFAST_TLS = """
[server.tls]
mode = "{mode}"
certificate = "{folder}/server-cert.pem"
key = "{folder}/server-key.pem"
{client_ca}
"""


def start_with_tls(case, mode="require", verify_clients=True):
    """A server on TCP that speaks TLS, and the folder with its certificates."""
    case.needs("tls")
    case.needs_program("openssl")
    folder = Authority(case.folder / "certificates").folder
    port = free_tcp_port()
    if case.server_kind == "holdfast":
        client_ca = f'client_ca = "{folder}/ca-cert.pem"' if verify_clients else ""
        config = HOLDFAST_TLS.format(mode=mode, folder=folder, client_ca=client_ca)
        server = case.start_server(size_bytes=SIZE, tcp_port=port, config=config)
    else:
        words = [f"--tls={'require' if mode == 'require' else 'on'}", f"--tls-certificates={folder}"]
        words += ["--tls-verify-peer"] if verify_clients else []
        server = case.start_server(size_bytes=SIZE, tcp_port=port, extra=words)
    return server, folder


def tls_context(folder, certificate=None):
    context = ssl.create_default_context(cafile=str(folder / "ca-cert.pem"))
    if certificate:
        context.load_cert_chain(certificate / "client-cert.pem", certificate / "client-key.pem")
    return context


def tls_uri(server, folder):
    return f"nbds://localhost:{server.tcp_port}/{server.export}?tls-certificates={folder}"


def add_tls(suite):
    @suite.test
    def libnbd_works_over_tls_with_a_client_certificate(case):
        server, folder = start_with_tls(case)
        export = json.loads(case.run("nbdinfo", "--json", tls_uri(server, folder)).stdout)
        assert export["TLS"] and export["exports"][0]["export-size"] == SIZE
        (case.folder / "source.raw").write_bytes(os.urandom(1 << 20) * 64)
        case.run("nbdcopy", "--connections=4", case.folder / "source.raw", tls_uri(server, folder))
        case.run("nbdcopy", "--connections=4", tls_uri(server, folder), case.folder / "back.raw")
        case.run("cmp", case.folder / "source.raw", case.folder / "back.raw")

    @suite.test
    def qemu_works_over_tls_with_a_client_certificate(case):
        server, folder = start_with_tls(case)
        credentials = f"tls-creds-x509,id=tls,dir={folder},endpoint=client"
        image = f"driver=nbd,host=localhost,port={server.tcp_port},export={server.export},tls-creds=tls"
        steps = ["-c", "write -P 0x5a 1M 2M", "-c", "flush", "-c", "read -P 0x5a 1M 2M"]
        case.run("qemu-io", "--object", credentials, "--image-opts", *steps, image)

    @suite.test
    def a_client_without_a_certificate_is_turned_away(case):
        server, folder = start_with_tls(case)
        with wire.Client(("127.0.0.1", server.tcp_port)) as client:
            client.greet()
            try:
                client.start_tls(tls_context(folder))
                answer = client.go(server.export)
            except (OSError, wire.Closed):
                return
            raise AssertionError(f"served: {answer}")

    @suite.test
    def a_client_with_a_certificate_of_another_authority_is_turned_away(case):
        server, folder = start_with_tls(case)
        strangers = Authority(case.folder / "strangers").folder
        with wire.Client(("127.0.0.1", server.tcp_port)) as client:
            client.greet()
            try:
                client.start_tls(tls_context(folder, strangers))
                answer = client.go(server.export)
            except (OSError, wire.Closed):
                return
            raise AssertionError(f"served: {answer}")

    @suite.test
    def without_tls_nothing_is_told_where_tls_is_required(case):
        server, _ = start_with_tls(case)
        with wire.Client(("127.0.0.1", server.tcp_port)) as client:
            client.greet()
            assert client.go(server.export) == wire.REP_ERR_TLS_REQD
            assert client.option(wire.OPT_LIST)[-1][0] == wire.REP_ERR_TLS_REQD
            assert client.option(wire.OPT_STRUCTURED_REPLY)[-1][0] == wire.REP_ERR_TLS_REQD

    @suite.test
    def what_was_agreed_before_tls_is_forgotten(case):
        server, folder = start_with_tls(case, mode="allow")
        with wire.Client(("127.0.0.1", server.tcp_port)) as client:
            client.greet()
            assert client.option(wire.OPT_STRUCTURED_REPLY)[-1][0] in (wire.REP_ACK, wire.REP_ERR_TLS_REQD)
            client.start_tls(tls_context(folder, folder))
            assert client.meta_context(server.export, "base:allocation") == wire.REP_ERR_INVALID
            client.go(server.export)
            reply = client.ask(wire.READ, 0, 512)
            assert reply.data(512) == bytes(512)

    @suite.test
    def a_server_without_tls_says_so(case):
        server = case.start_server()
        with wire.Client(server.socket) as client:
            client.greet()
            answer = client.option(wire.OPT_STARTTLS)[-1][0]
            assert answer in (wire.REP_ERR_POLICY, wire.REP_ERR_UNSUP), hex(answer)
            assert isinstance(client.go(server.export), dict)


def add_activation(suite):
    @suite.test
    def a_socket_inherited_from_systemd_is_served(case):
        case.needs("activation")
        try:
            import nbd
        except ImportError as error:
            raise Skip(str(error)) from error
        if case.server_kind == "holdfast":
            command = [str(binary()), "up", "--data", str(case.folder / "data"), "--create", f"disk={SIZE}"]
        else:
            command = ["nbdkit", "--foreground", "memory", str(SIZE)]
        handle = nbd.NBD()
        handle.set_export_name("disk")
        handle.connect_systemd_socket_activation(command)
        assert handle.get_size() == SIZE
        handle.pwrite(b"x" * 512, 512)
        assert handle.pread(512, 512) == b"x" * 512
        handle.shutdown()


def add_connections(suite):
    @suite.test
    def a_flush_on_one_connection_covers_the_writes_of_all(case):
        case.needs("persistent")
        server = case.start_server(size_bytes=SIZE)
        writers = [wire.connect(server) for _ in range(4)]
        for number, writer in enumerate(writers):
            assert writer.flags & 256, "multi-conn is not offered"
            for block in range(100):
                content = bytes([number * 16 + block % 16 + 1]) * 4096
                assert writer.error_of(wire.WRITE, (number * 100 + block) * 4096, 4096, 0, content) == 0
        with wire.connect(server) as flusher:
            assert flusher.error_of(wire.FLUSH) == 0
        server.kill()
        server.start()
        with wire.connect(server) as reader:
            for number in range(4):
                for block in range(100):
                    found = reader.ask(wire.READ, (number * 100 + block) * 4096, 4096).data(4096)
                    assert found == bytes([number * 16 + block % 16 + 1]) * 4096, f"block {number * 100 + block}"

    @suite.test
    def a_write_with_fua_survives_a_kill_without_a_flush(case):
        case.needs("persistent")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            assert client.error_of(wire.WRITE, 8192, 4096, wire.FUA, b"f" * 4096) == 0
            assert client.error_of(wire.WRITE_ZEROES, 10240, 512, wire.FUA) == 0
            assert client.error_of(wire.TRIM, 1 << 20, 4096, wire.FUA) == 0
            server.kill()
        server.start()
        with wire.connect(server) as client:
            assert client.ask(wire.READ, 8192, 4096).data(4096) == b"f" * 2048 + bytes(512) + b"f" * 1536

    @suite.test
    def a_write_on_one_connection_is_seen_by_another_at_once(case):
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as first, wire.connect(server, dialect="simple") as second:
            for number in range(200):
                content = bytes([number % 256]) * 4096
                assert first.error_of(wire.WRITE, 4096 * (number % 7), 4096, 0, content) == 0
                assert second.ask(wire.READ, 4096 * (number % 7), 4096).data(4096) == content

    @suite.test
    def a_stop_signal_ends_the_server_with_clients_connected_and_loses_nothing(case):
        case.needs("persistent", "graceful stop")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            assert client.error_of(wire.WRITE, 0, 4096, 0, b"s" * 4096) == 0
            started = time.monotonic()
            code = server.stop()
            assert code == 0, f"exit code {code}"
            assert time.monotonic() - started < 15
        server.start()
        with wire.connect(server) as client:
            assert client.ask(wire.READ, 0, 4096).data(4096) == b"s" * 4096


def add_limits(suite):
    @suite.test
    def strangers_that_say_nothing_do_not_keep_others_out(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        strangers = []
        for _ in range(100):
            stranger = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stranger.connect(str(server.socket))
            strangers.append(stranger)
        with wire.connect(server) as client:
            assert client.error_of(wire.READ, 0, 4096) == 0
        for stranger in strangers:
            stranger.close()

    @suite.test
    def more_clients_than_allowed_are_turned_away_and_the_rest_is_served(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE, config="[server]\nmax_clients = 3\n")
        clients = [wire.connect(server) for _ in range(3)]
        try:
            wire.connect(server)
        except (OSError, wire.Closed):
            pass
        else:
            raise AssertionError("a fourth client was served")
        assert all(client.error_of(wire.READ, 0, 512) == 0 for client in clients)
        clients.pop().socket.close()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with wire.connect(server):
                    return
            except (OSError, wire.Closed):
                time.sleep(0.1)
        raise AssertionError("a place that became free is not given away")

    @suite.test
    def one_data_folder_is_served_by_one_daemon_only(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        command = [str(word) for word in [binary(), "up", "--data", server.data, "--listen", f"unix:{case.folder}/other.sock"]]
        done = case.run(*command, check=False, timeout=60)
        if done.returncode == 0:
            raise ServerError("a second daemon ran on the same folder")
        assert "lock" in done.stderr or "running" in done.stderr or "in use" in done.stderr, done.stderr


def add_to(suite):
    add_tls(suite)
    add_activation(suite)
    add_connections(suite)
    add_limits(suite)
