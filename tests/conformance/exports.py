"""What only Holdfast has: moments as exports, forks, resizing, and connections that a rollback leaves behind."""

import contextlib
import datetime
import json
import pathlib
import subprocess
import time

import wire

SIZE = 64 << 20
BLOCK = 4096


def fill(client, byte, blocks=16):
    """Writes the same byte to the first blocks, and flushes."""
    assert client.error_of(wire.WRITE, 0, blocks * BLOCK, 0, bytes([byte]) * (blocks * BLOCK)) == 0
    assert client.error_of(wire.FLUSH) == 0


def first_byte(server, export=None):
    with wire.connect(server, export) as client:
        return client.ask(wire.READ, 0, BLOCK).data(BLOCK)[0]


def open_moments(server, count):
    """Opens moments one after the other, sixteen at a time, and reads a block of each."""
    open_ones = []
    for number in range(count):
        pin = number % 50
        client = wire.connect(server, f"disk@pin-{pin}")
        assert client.ask(wire.READ, 0, BLOCK).data(BLOCK)[0] == pin + 1
        open_ones.append(client)
        if len(open_ones) == 16:
            open_ones.pop(0).socket.close()
    for client in open_ones:
        client.socket.close()


def resident_kib(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def sleep_into_next_second():
    """Returns the second that has just begun, with its past safely over."""
    time.sleep(1.05 - time.time() % 1)
    return datetime.datetime.fromtimestamp(int(time.time()), datetime.timezone.utc)


def add_moments(suite):
    @suite.test
    def a_pin_is_an_export_that_keeps_its_content(case):
        case.needs("pins")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            server.holdfast("pin", "disk", "before")
            fill(client, 2)
        assert first_byte(server, "disk@before") == 1
        assert first_byte(server) == 2

    @suite.test
    def a_moment_is_chosen_by_the_time_of_day(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            between = sleep_into_next_second()
            time.sleep(1)
            fill(client, 2)
        moment = between.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert first_byte(server, f"disk@{moment}") == 1
        assert first_byte(server) == 2

    @suite.test
    def a_moment_is_chosen_by_its_age(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            time.sleep(4)
            fill(client, 2)
            time.sleep(1)
        assert first_byte(server, "disk@-3s") == 1
        assert first_byte(server, "disk@-0s") == 2

    @suite.test
    def a_moment_is_read_only_and_says_so(case):
        case.needs("pins")
        server = case.start_server(size_bytes=SIZE)
        server.holdfast("pin", "disk", "empty")
        assert case.run("nbdinfo", "--is", "read-only", server.uri("disk@empty"), check=False).returncode == 0
        with wire.connect(server, "disk@empty") as client:
            assert client.flags & 2
            assert client.error_of(wire.WRITE, 0, 512, 0, bytes(512)) == wire.EPERM
            assert client.error_of(wire.TRIM, 0, BLOCK) == wire.EPERM
            assert client.error_of(wire.WRITE_ZEROES, 0, BLOCK) == wire.EPERM
            assert client.error_of(wire.READ, 0, 512) == 0

    @suite.test
    def a_moment_that_does_not_exist_is_an_unknown_export(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        for name in ("disk@no-such-pin", "disk@2001-01-01T00:00:00Z", "disk@", "disk@-", "other@-1s"):
            with wire.Client(server.socket) as client:
                client.greet()
                answer = client.go(name)
                assert answer == wire.REP_ERR_UNKNOWN, f"`{name}` answered {answer}"

    @suite.test
    def moments_opened_by_the_thousand_leave_nothing_behind(case):
        case.needs("pins")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            for round_ in range(50):
                fill(client, round_ + 1, blocks=round_ + 1)
                server.holdfast("pin", "disk", f"pin-{round_}")
        open_moments(server, 500)
        before = resident_kib(server)
        open_moments(server, 3000)
        grown = resident_kib(server) - before
        assert grown < 16 << 10, f"{grown} KiB more after 3000 moments"
        assert json.loads(server.holdfast("status", "--json").stdout), "the daemon answers"

    @suite.test
    def the_time_of_the_last_write_is_a_metadata_context(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        context = "x-holdfast:written"
        with wire.connect(server, contexts=(context,)) as client:
            assert list(client.contexts) == [context]
            before = int(time.time())
            fill(client, 1, blocks=4)
            reply = client.ask(wire.BLOCK_STATUS, 0, SIZE)
            body = reply.chunks[0][2]
            fields = [int.from_bytes(body[at : at + 4], "big") for at in range(4, len(body), 4)]
            assert fields[0] == 4 * BLOCK and before <= fields[1] <= time.time()
            assert fields[3] == 0, "a block that was never written has a time"


def add_rollback(suite):
    @suite.test
    def a_connection_from_before_a_rollback_is_refused_writes(case):
        case.needs("rollback")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as old:
            fill(old, 1)
            server.holdfast("pin", "disk", "good")
            fill(old, 2)
            server.holdfast("restore", "disk", "good")
            assert old.error_of(wire.WRITE, 0, BLOCK, 0, b"x" * BLOCK) == wire.EPERM
            assert old.error_of(wire.TRIM, 0, BLOCK) == wire.EPERM
            assert old.error_of(wire.WRITE_ZEROES, 0, BLOCK) == wire.EPERM
            assert old.error_of(wire.WRITE, 0, BLOCK, wire.FUA, b"x" * BLOCK) == wire.EPERM
            assert old.error_of(wire.WRITE_ZEROES, 100, 100, wire.FUA | wire.NO_HOLE) == wire.EPERM
            assert old.error_of(wire.TRIM, 0, SIZE, wire.FUA) == wire.EPERM
            # What others wrote may be flushed by anybody.
            assert old.error_of(wire.FLUSH) == 0
            assert old.error_of(wire.READ, 0, BLOCK) == 0
            with wire.connect(server) as new:
                assert new.ask(wire.READ, 0, BLOCK).data(BLOCK) == b"\1" * BLOCK
                fill(new, 3)
        assert first_byte(server) == 3

    @suite.test
    def a_client_that_asked_before_a_rollback_and_connects_after_it_may_write(case):
        case.needs("rollback")
        server = case.start_server(size_bytes=SIZE)
        server.holdfast("pin", "disk", "good")
        with wire.Client(server.socket) as client:
            client.greet()
            assert isinstance(client.go("disk", option=wire.OPT_INFO), dict)
            server.holdfast("restore", "disk", "good")
            assert isinstance(client.go("disk"), dict)
            assert client.error_of(wire.WRITE, 0, BLOCK, 0, b"x" * BLOCK) == 0

    @suite.test
    def a_rollback_can_be_undone(case):
        case.needs("rollback")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            server.holdfast("pin", "disk", "good")
            fill(client, 2)
        server.holdfast("restore", "disk", "good")
        assert first_byte(server) == 1
        server.holdfast("restore", "disk", "--undo")
        assert first_byte(server) == 2

    @suite.test
    def a_rollback_survives_a_kill(case):
        case.needs("rollback")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            server.holdfast("pin", "disk", "good")
            fill(client, 2)
        server.holdfast("restore", "disk", "good")
        server.kill()
        server.start()
        assert first_byte(server) == 1
        assert first_byte(server, "disk@good") == 1

    @suite.test
    def a_view_stays_as_it_is_through_rollbacks(case):
        case.needs("rollback")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            server.holdfast("pin", "disk", "first")
            fill(client, 2)
            server.holdfast("pin", "disk", "second")
        with wire.connect(server, "disk@second") as view:
            server.holdfast("restore", "disk", "first")
            assert view.ask(wire.READ, 0, BLOCK).data(BLOCK) == b"\2" * BLOCK
        assert first_byte(server) == 1


def add_forks(suite):
    @suite.test
    def a_fork_starts_at_its_moment_and_goes_its_own_way(case):
        case.needs("fork")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            fill(client, 1)
            server.holdfast("pin", "disk", "start")
            fill(client, 2)
        server.holdfast("fork", "disk@start", "copy")
        with wire.connect(server, "copy") as copy:
            assert copy.ask(wire.READ, 0, BLOCK).data(BLOCK) == b"\1" * BLOCK
            fill(copy, 3, blocks=1)
            assert copy.ask(wire.READ, BLOCK, BLOCK).data(BLOCK) == b"\1" * BLOCK
        assert first_byte(server) == 2
        assert first_byte(server, "copy") == 3

    @suite.test
    def forks_are_listed_beside_their_origin(case):
        case.needs("fork")
        server = case.start_server(size_bytes=SIZE)
        server.holdfast("pin", "disk", "start")
        server.holdfast("fork", "disk@start", "copy")
        listed = json.loads(case.run("nbdinfo", "--list", "--json", f"nbd+unix:///?socket={server.socket}").stdout)
        names = sorted(export["export-name"] for export in listed["exports"])
        assert [name for name in names if "@" not in name] == ["copy", "disk"], names


def add_resize(suite):
    @suite.test
    def a_larger_size_is_seen_by_new_connections_and_usable_by_open_ones(case):
        case.needs("resize")
        server = case.start_server(size_bytes=SIZE)
        with wire.connect(server) as client:
            assert client.error_of(wire.WRITE, SIZE, BLOCK, 0, b"x" * BLOCK) == wire.ENOSPC
            server.holdfast("volume", "resize", "disk", str(2 * SIZE))
            assert client.error_of(wire.WRITE, SIZE, BLOCK, 0, b"x" * BLOCK) == 0
        with wire.connect(server) as client:
            assert client.size == 2 * SIZE
            assert client.ask(wire.READ, SIZE, BLOCK).data(BLOCK) == b"x" * BLOCK
            assert client.ask(wire.READ, 2 * SIZE - BLOCK, BLOCK).data(BLOCK) == bytes(BLOCK)


    @suite.test
    def qemu_grows_a_disk_while_it_is_in_use(case):
        """QEMU can't resize an NBD node, but it can go on with a new one: docs/operations.md says how."""
        case.needs("resize")
        case.needs_program("qemu-storage-daemon")
        server = case.start_server(size_bytes=SIZE)
        words = [f"driver=nbd,node-name=old,server.type=unix,server.path={server.socket},export={server.export}"]
        with qemu(case, *words, "driver=raw,node-name=disk,file=old") as ask:
            server.holdfast("volume", "resize", "disk", str(2 * SIZE))
            larger = {"node-name": "disk", "size": 2 * SIZE}
            assert "Cannot grow NBD nodes" in ask("block_resize", larger)["error"]["desc"]
            address = {"type": "unix", "path": str(server.socket)}
            node = {"driver": "nbd", "node-name": "new", "server": address, "export": server.export}
            format_node = {"driver": "raw", "node-name": "disk", "file": "new"}
            for command, arguments in [
                ("blockdev-add", node),
                ("blockdev-reopen", {"options": [format_node]}),
                ("block_resize", larger),
                ("blockdev-del", {"node-name": "old"}),
            ]:
                assert "return" in ask(command, arguments), command
            nodes = ask("query-named-block-nodes", {"flat": True})["return"]
            assert {node["node-name"]: node["image"]["virtual-size"] for node in nodes} == {"new": 2 * SIZE, "disk": 2 * SIZE}


@contextlib.contextmanager
def qemu(case, *nodes):
    """QEMU without a machine, with these block nodes. Gives a function that sends it a command and returns the answer."""
    words = [word for node in nodes for word in ("--blockdev", node)]
    words += ["--chardev", "stdio,id=monitor", "--monitor", "chardev=monitor"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["qemu-storage-daemon", *words], **pipes) as process:
        case.cleanup.callback(process.kill)

        def ask(command, arguments):
            process.stdin.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            process.stdin.flush()
            while True:
                answer = json.loads(process.stdout.readline())
                if "return" in answer or "error" in answer:
                    return answer

        ask("qmp_capabilities", {})
        yield ask
        ask("quit", {})


def add_to(suite):
    add_moments(suite)
    add_rollback(suite)
    add_forks(suite)
    add_resize(suite)
