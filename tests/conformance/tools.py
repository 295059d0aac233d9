"""Tools of other projects at work on a served disk: libnbd's and QEMU's."""

import json
import os

from harness.server import free_tcp_port

MIB = 1 << 20
SIZE = 64 * MIB


def patterned_file(case, name="source.raw", size=SIZE):
    """An image with data, zeros and holes: 1 MiB of random bytes at every fourth MiB, the last bytes of the disk among them."""
    path = case.folder / name
    with open(path, "wb") as image:
        image.truncate(size)
        for start in range(0, size, 4 * MIB):
            image.seek(start)
            image.write(os.urandom(MIB))
        image.seek(size - 1000)
        image.write(os.urandom(1000))
    return path


def add_libnbd(suite):
    @suite.test
    def nbdinfo_describes_the_export(case):
        server = case.start_server(size_bytes=SIZE)
        export = json.loads(case.run("nbdinfo", "--json", server.uri()).stdout)["exports"][0]
        assert export["export-size"] == SIZE
        for feature in ("can_flush", "can_fua", "can_multi_conn", "can_trim", "can_zero", "can_df", "can_cache"):
            assert export[feature], f"{feature} is {export[feature]}"
        assert not export["is_read_only"] and not export["is_rotational"]
        assert "base:allocation" in export["contexts"]

    @suite.test
    def nbdinfo_answers_each_question_by_its_exit_code(case):
        server = case.start_server(size_bytes=SIZE)
        for feature in ("connect", "flush", "fua", "multi-conn", "trim", "zero", "cache", "df", "write", "read"):
            code = case.run("nbdinfo", "--can", feature, server.uri(), check=False).returncode
            assert code == 0, f"--can {feature} exited {code}"
        for feature in ("read-only", "rotational"):
            code = case.run("nbdinfo", "--is", feature, server.uri(), check=False).returncode
            assert code == 2, f"--is {feature} exited {code}"
        assert case.run("nbdinfo", "--size", server.uri()).stdout.strip() == str(SIZE)

    @suite.test
    def nbdinfo_lists_every_disk(case):
        case.needs("list")
        server = case.start_server(size_bytes=SIZE)
        listed = json.loads(case.run("nbdinfo", "--list", "--json", f"nbd+unix:///?socket={server.socket}").stdout)
        assert [export["export-name"] for export in listed["exports"]] == [server.export]

    @suite.test
    def nbdinfo_maps_data_and_holes(case):
        server = case.start_server(size_bytes=SIZE)
        source = patterned_file(case)
        case.run("nbdcopy", "--destination-is-zero", source, server.uri())
        extents = json.loads(case.run("nbdinfo", "--map", "--json", server.uri()).stdout)
        assert extents[0]["offset"] == 0 and sum(extent["length"] for extent in extents) == SIZE
        assert extents[0] == {"offset": 0, "length": MIB, "type": 0, "description": "data"}
        assert extents[1]["length"] == 3 * MIB and extents[1]["type"] == 3

    @suite.test
    def nbdcopy_there_and_back_is_identical(case):
        server = case.start_server(size_bytes=SIZE)
        source = patterned_file(case)
        case.run("nbdcopy", "--flush", "--connections=4", source, server.uri())
        case.run("nbdcopy", "--connections=4", server.uri(), case.folder / "back.raw")
        case.run("cmp", source, case.folder / "back.raw")
        case.run("nbdcopy", "--synchronous", server.uri(), case.folder / "again.raw")
        case.run("cmp", source, case.folder / "again.raw")

    @suite.test
    def nbdcopy_onto_a_full_disk_leaves_nothing_of_the_old_content(case):
        server = case.start_server(size_bytes=SIZE)
        (case.folder / "full.raw").write_bytes(b"\xee" * SIZE)
        source = patterned_file(case)
        case.run("nbdcopy", case.folder / "full.raw", server.uri())
        case.run("nbdcopy", source, server.uri())
        case.run("nbdcopy", server.uri(), case.folder / "back.raw")
        case.run("cmp", source, case.folder / "back.raw")

    @suite.test
    def a_server_of_another_project_between_client_and_us_changes_nothing(case):
        """nbdkit's nbd plugin reads us and serves on; its checks and block size rules see a strict client and server."""
        server = case.start_server(size_bytes=SIZE)
        source = patterned_file(case)
        proxy = f"nbdkit -U - --filter=checkwrite file {source} --run 'nbdcopy --destination-is-zero {server.uri()} \"$uri\"'"
        case.run("nbdcopy", source, server.uri())
        case.run("bash", "-c", proxy)

    @suite.test
    def fio_verifies_what_it_wrote_over_four_connections(case):
        server = case.start_server(size_bytes=SIZE)
        case.run(
            "fio", "--name=verify", "--ioengine=nbd", f"--uri={server.uri()}", "--rw=randwrite", "--bsrange=512-64k",
            "--bs_unaligned=0", "--iodepth=16", "--verify=crc32c", "--numjobs=4", "--size=16m", "--offset_increment=16m",
            "--do_verify=1", "--verify_fatal=1", cwd=case.folder,
        )


def add_qemu(suite):
    @suite.test
    def qemu_img_converts_there_and_back(case):
        server = case.start_server(size_bytes=SIZE)
        source = patterned_file(case)
        case.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", "-W", "-m", "8", source, server.uri())
        case.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.uri())
        case.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", server.uri(), case.folder / "back.qcow2")
        case.run("qemu-img", "compare", "-F", "qcow2", "-f", "raw", server.uri(), case.folder / "back.qcow2")

    @suite.test
    def qemu_img_maps_data_and_holes(case):
        server = case.start_server(size_bytes=SIZE)
        case.run("nbdcopy", "--destination-is-zero", patterned_file(case), server.uri())
        extents = json.loads(case.run("qemu-img", "map", "--output=json", "-f", "raw", server.uri()).stdout)
        assert sum(extent["length"] for extent in extents) == SIZE
        assert extents[0]["length"] == MIB and extents[0]["data"] and not extents[0]["zero"]
        assert extents[1]["length"] == 3 * MIB and extents[1]["zero"] and not extents[1]["data"]

    @suite.test
    def qemu_img_bench_writes_with_flushes(case):
        server = case.start_server(size_bytes=SIZE)
        writes = ["qemu-img", "bench", "-f", "raw", "-w", "-t", "none", "-c", "2000", "-d", "16", "-s", "4096"]
        case.run(*writes, "--flush-interval=16", server.uri())
        case.run(*writes, "--flush-interval=64", "--no-drain", server.uri())
        case.run("qemu-img", "bench", "-f", "raw", "-t", "none", "-c", "2000", "-d", "16", "-s", "65536", server.uri())

    @suite.test
    def qemu_io_reads_the_patterns_it_wrote(case):
        server = case.start_server(size_bytes=SIZE)
        steps = [
            "write -P 0x11 0 8M", "read -P 0x11 0 8M",
            "write -f -P 0x22 1M 64k", "read -P 0x22 1M 64k", "read -P 0x11 1088k 64k",
            "write -z 2M 1M", "read -P 0 2M 1M", "write -z -u 3M 1M", "read -P 0 3M 1M",
            "write -z -f 5M 4k", "read -P 0 5M 4k",
            "discard 4M 1M", "read -P 0 4M 1M", "read -P 0x11 6M 2M",
            "write -P 0x33 512 512", "read -P 0x33 512 512", "read -P 0x11 0 512", "read -P 0x11 1024 3072",
            "aio_write -P 0x44 10M 1M", "aio_write -P 0x55 11M 1M", "aio_flush", "read -P 0x44 10M 1M", "read -P 0x55 11M 1M",
            "flush",
        ]
        words = [word for step in steps for word in ("-c", step)]
        output = case.run("qemu-io", "-f", "raw", "-t", "none", "-d", "unmap", *words, server.uri()).stdout
        assert "Pattern verification failed" not in output and "failed" not in output, output

    @suite.test
    def qemu_io_is_refused_past_the_end(case):
        server = case.start_server(size_bytes=SIZE)
        done = case.run("qemu-io", "-f", "raw", "-c", f"write {SIZE} 4k", server.uri(), check=False)
        assert done.returncode != 0


def add_tcp(suite):
    @suite.test
    def the_same_disk_is_served_over_tcp(case):
        port = free_tcp_port()
        server = case.start_server(size_bytes=SIZE, tcp_port=port)
        source = patterned_file(case)
        case.run("nbdcopy", "--connections=4", source, server.tcp_uri())
        case.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.tcp_uri())
        if case.server_kind == "holdfast":
            case.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.uri())


def add_to(suite):
    add_libnbd(suite)
    add_qemu(suite)
    add_tcp(suite)
