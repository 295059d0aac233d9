"""The mistakes that libnbd sends only when told not to check its arguments (strict mode off), as its own tests make them."""

from harness.runner import Skip

SIZE = 64 << 20
UNKNOWN_FLAG = 0x8000


def open_handle(server, structured=True):
    try:
        import nbd
    except ImportError as error:
        raise Skip(f"python3-libnbd: {error}") from error
    handle = nbd.NBD()
    handle.set_strict_mode(0)
    handle.set_request_structured_replies(structured)
    handle.add_meta_context("base:allocation")
    handle.connect_uri(server.uri())
    return handle


def expect(handle, errno, function, *arguments, **options):
    """The call fails with exactly `errno`, and the next read works."""
    import nbd

    try:
        function(*arguments, **options)
    except nbd.Error as error:
        assert error.errno == errno, f"{error.errno} instead of {errno}: {error}"
    else:
        raise AssertionError(f"succeeded instead of {errno}")
    assert len(handle.pread(512, 0)) == 512


def add_to(suite):
    @suite.test
    def libnbd_gets_einval_for_reads_past_the_end(case):
        handle = open_handle(case.start_server(size_bytes=SIZE))
        expect(handle, "EINVAL", handle.pread, 512, SIZE)
        expect(handle, "EINVAL", handle.pread, 1024, SIZE - 512)
        expect(handle, "EINVAL", handle.pread, 512, (1 << 63) - 512)

    @suite.test
    def libnbd_gets_enospc_for_writes_past_the_end(case):
        case.needs("ENOSPC past the end")
        handle = open_handle(case.start_server(size_bytes=SIZE))
        expect(handle, "ENOSPC", handle.pwrite, bytes(512), SIZE)
        expect(handle, "ENOSPC", handle.pwrite, bytes(1024), SIZE - 512)
        expect(handle, "ENOSPC", handle.zero, 1024, SIZE - 512)

    @suite.test
    def libnbd_gets_einval_for_trims_read_ahead_and_status_past_the_end(case):
        handle = open_handle(case.start_server(size_bytes=SIZE))
        expect(handle, "EINVAL", handle.trim, 1024, SIZE - 512)
        expect(handle, "EINVAL", handle.cache, 1024, SIZE - 512)
        expect(handle, "EINVAL", handle.block_status, 1024, SIZE, lambda *_: 0)

    @suite.test
    def libnbd_gets_einval_for_unknown_flags(case):
        handle = open_handle(case.start_server(size_bytes=SIZE))
        expect(handle, "EINVAL", handle.pread, 512, 0, flags=UNKNOWN_FLAG)
        expect(handle, "EINVAL", handle.pwrite, bytes(512), 0, flags=UNKNOWN_FLAG)
        expect(handle, "EINVAL", handle.trim, 512, 0, flags=UNKNOWN_FLAG)
        expect(handle, "EINVAL", handle.zero, 512, 0, flags=UNKNOWN_FLAG)
        expect(handle, "EINVAL", handle.flush, flags=UNKNOWN_FLAG)

    @suite.test
    def libnbd_gets_eperm_for_every_change_to_a_moment(case):
        case.needs("pins")
        server = case.start_server(size_bytes=SIZE)
        server.holdfast("pin", "disk", "still")
        server.export = "disk@still"
        handle = open_handle(server)
        expect(handle, "EPERM", handle.pwrite, bytes(512), 0)
        expect(handle, "EPERM", handle.trim, 512, 0)
        expect(handle, "EPERM", handle.zero, 512, 0)

    @suite.test
    def libnbd_is_refused_block_status_without_structured_replies(case):
        handle = open_handle(case.start_server(size_bytes=SIZE), structured=False)
        assert not handle.get_structured_replies_negotiated()
        assert handle.pread(4096, 0) == bytes(4096)
