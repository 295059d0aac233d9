"""The handshake: every option, well- and ill-formed."""

import struct

import wire


def greeted(server, flags=3):
    client = wire.Client(server.socket)
    server_flags = client.greet(flags)
    assert server_flags & 3 == 3, "fixed newstyle without padding is not offered"
    return client


def add_options(suite):
    @suite.test
    def an_unknown_option_is_answered_unsupported_and_the_next_one_is_served(case):
        server = case.start_server()
        with greeted(server) as client:
            assert client.option(1000, b"who knows")[-1][0] == wire.REP_ERR_UNSUP
            assert client.option(4)[-1][0] == wire.REP_ERR_UNSUP
            assert isinstance(client.go(server.export), dict)
            assert client.error_of(wire.READ, 0, 512) == 0

    @suite.test
    def an_unknown_export_is_answered_unknown_and_another_may_be_chosen(case):
        case.needs("list")
        server = case.start_server()
        with greeted(server) as client:
            assert client.go("no-such-disk") == wire.REP_ERR_UNKNOWN
            assert client.go("no-such-disk", option=wire.OPT_INFO) == wire.REP_ERR_UNKNOWN
            assert isinstance(client.go(server.export), dict)

    @suite.test
    def the_old_option_chooses_an_export_without_padding(case):
        server = case.start_server()
        with greeted(server) as client:
            name = server.export.encode()
            client.send("QII", wire.OPTION, wire.OPT_EXPORT_NAME, len(name), payload=name)
            size, flags = client.receive("QH")
            assert size == server.size_bytes and flags & 1
            assert client.error_of(wire.READ, 0, 512) == 0

    @suite.test
    def the_old_option_pads_its_answer_for_old_clients(case):
        server = case.start_server()
        with greeted(server, flags=1) as client:
            name = server.export.encode()
            client.send("QII", wire.OPTION, wire.OPT_EXPORT_NAME, len(name), payload=name)
            assert client.receive("QH")[0] == server.size_bytes
            assert client.receive_bytes(124) == bytes(124)
            assert client.error_of(wire.READ, 0, 512) == 0

    @suite.test
    def the_old_option_with_an_unknown_export_ends_the_connection(case):
        case.needs("list")
        with greeted(case.start_server()) as client:
            client.send("QII", wire.OPTION, wire.OPT_EXPORT_NAME, 7, payload=b"missing")
            assert client.is_closed()

    @suite.test
    def abort_is_acknowledged_and_ends_the_connection(case):
        with greeted(case.start_server()) as client:
            assert client.option(wire.OPT_ABORT) == [(wire.REP_ACK, b"")]
            assert client.is_closed()

    @suite.test
    def client_flags_that_were_not_offered_end_the_connection(case):
        with wire.Client(case.start_server().socket) as client:
            client.greet(flags=0xFFFF)
            assert client.is_closed()

    @suite.test
    def an_option_with_a_wrong_magic_number_ends_the_connection(case):
        with greeted(case.start_server()) as client:
            client.send("QII", 0x1122334455667788, wire.OPT_LIST, 0)
            assert client.is_closed()

    @suite.test
    def an_enormous_option_is_refused_without_being_stored(case):
        with greeted(case.start_server()) as client:
            client.send("QII", wire.OPTION, 1000, 0xFFFFFFF0)
            client.socket.settimeout(5)
            try:
                answer = client.receive("QIII")[2]
                assert answer in (wire.REP_ERR_TOO_BIG, wire.REP_ERR_INVALID, wire.REP_ERR_UNSUP), hex(answer)
            except wire.Closed:
                pass

    @suite.test
    def lengths_inside_an_option_that_contradict_it_are_answered_invalid(case):
        server = case.start_server()
        too_long = struct.pack(">I", 4000) + b"disk" + struct.pack(">H", 0)
        short = b"\0\0"
        odd_tail = struct.pack(">I", 4) + b"disk" + struct.pack(">H", 9) + b"\0\0"
        for payload in (too_long, short, odd_tail):
            for option in (wire.OPT_GO, wire.OPT_INFO):
                with greeted(server) as client:
                    assert client.option(option, payload)[-1][0] == wire.REP_ERR_INVALID, payload
                    assert isinstance(client.go(server.export), dict)

    @suite.test
    def options_that_carry_no_data_are_invalid_with_data(case):
        server = case.start_server()
        for option in (wire.OPT_LIST, wire.OPT_STRUCTURED_REPLY):
            with greeted(server) as client:
                assert client.option(option, b"extra")[-1][0] == wire.REP_ERR_INVALID, option


def add_information(suite):
    @suite.test
    def all_information_about_an_export_is_given(case):
        case.needs("block sizes")
        server = case.start_server()
        with greeted(server) as client:
            wanted = (wire.INFO_NAME, wire.INFO_DESCRIPTION, wire.INFO_BLOCK_SIZE)
            found = client.go(server.export, wanted, option=wire.OPT_INFO)
            assert client.size == server.size_bytes
            smallest, preferred, largest = struct.unpack(">III", found[wire.INFO_BLOCK_SIZE])
            assert smallest in (1, 512) and preferred == 4096 and largest >= 32 << 20
            assert found.get(wire.INFO_NAME, server.export.encode()) == server.export.encode()

    @suite.test
    def holdfast_offers_every_feature_it_promises(case):
        case.needs("moments")
        server = case.start_server()
        with greeted(server) as client:
            client.use_structured()
            client.go(server.export)
            names = {"flush": 4, "fua": 8, "trim": 32, "write zeroes": 64, "df": 128, "multi-conn": 256, "cache": 1024}
            names["fast zero"] = 2048
            missing = [name for name, bit in names.items() if not client.flags & bit]
            assert not missing, f"not offered: {missing}"
            assert not client.flags & 2, "read-only"
            assert not client.flags & 16, "rotational"

    @suite.test
    def a_client_may_choose_extended_headers_after_structured_replies(case):
        case.needs("extended headers")
        server = case.start_server()
        with greeted(server) as client:
            client.use_structured()
            client.use_extended()
            assert isinstance(client.go(server.export), dict)
            assert client.error_of(wire.READ, 0, 512) == 0


def add_contexts(suite):
    @suite.test
    def contexts_are_listed_and_chosen_by_name(case):
        server = case.start_server()
        with greeted(server) as client:
            client.use_structured()
            listed = client.meta_context(server.export, option=wire.OPT_LIST_META_CONTEXT)
            assert "base:allocation" in listed
            chosen = client.meta_context(server.export, "base:allocation", "no:such", "base:other")
            assert list(chosen) == ["base:allocation"]

    @suite.test
    def a_context_needs_structured_replies_first(case):
        server = case.start_server()
        with greeted(server) as client:
            assert client.meta_context(server.export, "base:allocation") == wire.REP_ERR_INVALID

    @suite.test
    def contexts_of_another_export_do_not_count(case):
        case.needs("list")
        server = case.start_server()
        with greeted(server) as client:
            client.use_structured()
            assert client.meta_context("other", "base:allocation") in (wire.REP_ERR_UNKNOWN, wire.REP_ERR_INVALID)
            client.go(server.export)
            assert client.error_of(wire.BLOCK_STATUS, 0, 4096) == wire.EINVAL

    @suite.test
    def block_status_without_a_chosen_context_is_invalid(case):
        with wire.connect(case.start_server()) as client:
            assert client.error_of(wire.BLOCK_STATUS, 0, 4096) == wire.EINVAL


def add_to(suite):
    add_options(suite)
    add_information(suite)
    add_contexts(suite)
