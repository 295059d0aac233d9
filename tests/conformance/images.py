"""Disk images that go in and out: what `qemu-img` made we read, what we make `qemu-img` reads."""

import wire
from tools import patterned_file

SIZE = 64 << 20


def add_to(suite):
    for image_format in ("raw", "qcow2"):

        def imported(case, image_format=image_format):
            case.needs("moments")
            server = case.start_server(size_bytes=SIZE)
            source = patterned_file(case)
            image = case.folder / f"image.{image_format}"
            case.run("qemu-img", "convert", "-f", "raw", "-O", image_format, source, image)
            server.holdfast("volume", "import", "arrived", image)
            case.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.uri("arrived"))

        def exported(case, image_format=image_format):
            case.needs("moments", "pins")
            server = case.start_server(size_bytes=SIZE)
            source = patterned_file(case)
            case.run("nbdcopy", source, server.uri())
            server.holdfast("pin", "disk", "kept")
            with wire.connect(server) as client:
                assert client.error_of(wire.WRITE, 0, 4096, 0, b"later" + bytes(4091)) == 0
            image = case.folder / f"image.{image_format}"
            server.holdfast("volume", "export", "disk@kept", image, "--format", image_format)
            if image_format == "qcow2":
                case.run("qemu-img", "check", "-f", "qcow2", image)
            case.run("qemu-img", "compare", "-f", "raw", "-F", image_format, source, image)

        suite.add(f"a {image_format} image made by qemu-img is imported whole", imported)
        suite.add(f"a moment exported as {image_format} is what qemu-img reads", exported)

    @suite.test
    def a_compressed_qcow2_image_is_imported_whole(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        source = patterned_file(case)
        image = case.folder / "image.qcow2"
        case.run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", source, image)
        server.holdfast("volume", "import", "arrived", image)
        case.run("qemu-img", "compare", "-f", "raw", "-F", "raw", source, server.uri("arrived"))

    @suite.test
    def a_verified_disk_has_no_damage(case):
        case.needs("moments")
        server = case.start_server(size_bytes=SIZE)
        case.run("nbdcopy", patterned_file(case), server.uri())
        server.holdfast("volume", "verify", "disk")
