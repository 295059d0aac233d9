//! The handshake, option by option.

use nbd::protocol::numbers::*;

use crate::client::{
    ACK, Client, ERR_EXT_HEADER_REQD, ERR_INVALID, ERR_POLICY, ERR_TOO_BIG, ERR_UNKNOWN, ERR_UNSUP, INFO, META,
    OptionAnswer, SERVER, info, query,
};
use crate::fixture::{Fixture, SIZE};

const WRITABLE: u16 = FLAG_HAS_FLAGS
    | FLAG_SEND_FLUSH
    | FLAG_SEND_FUA
    | FLAG_SEND_TRIM
    | FLAG_SEND_WRITE_ZEROES
    | FLAG_CAN_MULTI_CONN
    | FLAG_SEND_CACHE
    | FLAG_SEND_FAST_ZERO;

fn export_info(size: u64, flags: u16) -> OptionAnswer {
    OptionAnswer {
        kind: INFO,
        data: [&[0, 0], size.to_be_bytes().as_slice(), &flags.to_be_bytes()].concat(),
    }
}

fn ack() -> OptionAnswer {
    OptionAnswer {
        kind: ACK,
        data: Vec::new(),
    }
}

#[test]
fn export_name_enters_transmission_with_and_without_padding() {
    let fixture = Fixture::new();
    for (flags, padding) in [(3, 0), (1, 124), (0, 124), (2, 0)] {
        let mut client = Client::greet(fixture.connect(), flags);
        client.send_option(OPT_EXPORT_NAME, b"disk");
        assert_eq!(client.take(8), (SIZE as u64).to_be_bytes());
        assert_eq!(client.take(2), WRITABLE.to_be_bytes());
        assert_eq!(client.take(padding), vec![0; padding]);
        assert_eq!(client.write(0, b"hello"), 0);
    }
}

#[test]
fn export_name_of_an_unknown_export_ends_the_session() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.send_option(OPT_EXPORT_NAME, b"nothing");
    client.expect_end();
    fixture
        .events
        .wait_for("disconnected: export `nothing` can't be used: no export is named `nothing`");
}

#[test]
fn a_client_without_fixed_newstyle_may_only_name_an_export() {
    let fixture = Fixture::new();
    let mut client = Client::greet(fixture.connect(), 0);
    client.send_option(OPT_LIST, &[]);
    client.expect_end();
    fixture.events.wait_for("doesn't speak fixed newstyle");
}

#[test]
fn unknown_client_flags_end_the_session() {
    let fixture = Fixture::new();
    Client::greet(fixture.connect(), 7).expect_end();
    fixture
        .events
        .wait_for("disconnected: the client set unknown flags `0x7`");
}

#[test]
fn an_option_that_does_not_start_right_ends_the_session() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    client.send(b"IHAVEOPX\0\0\0\x03\0\0\0\0");
    client.expect_end();
    fixture.events.wait_for("an option starts with");
}

#[test]
fn abort_is_acknowledged_even_with_data() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    assert_eq!(client.option(OPT_ABORT, b"bye"), [ack()]);
    client.expect_end();
    fixture.events.wait_for("disconnected: the client disconnected");
}

#[test]
fn the_list_tells_names_and_descriptions() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let server = |data: &[u8]| OptionAnswer {
        kind: SERVER,
        data: data.to_vec(),
    };
    assert_eq!(
        client.option(OPT_LIST, &[]),
        [server(b"\0\0\0\x04diska disk"), server(b"\0\0\0\x04past"), ack()]
    );
    assert_eq!(client.outcome(OPT_LIST, b"x"), ERR_INVALID);
}

#[test]
fn info_tells_what_is_asked_for_and_nothing_else() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let size = SIZE as u64;
    assert_eq!(
        client.option(OPT_INFO, &info("disk", &[])),
        [export_info(size, WRITABLE), ack()]
    );
    let all = [INFO_NAME, INFO_DESCRIPTION, INFO_BLOCK_SIZE, 77, INFO_EXPORT];
    let piece = |data: &[&[u8]]| OptionAnswer {
        kind: INFO,
        data: data.concat(),
    };
    let expected = [
        export_info(size, WRITABLE),
        piece(&[&[0, 1], b"disk"]),
        piece(&[&[0, 2], b"a disk"]),
        piece(&[
            &[0, 3],
            &1_u32.to_be_bytes(),
            &4096_u32.to_be_bytes(),
            &PAYLOAD_SIZE_MAX.to_be_bytes(),
        ]),
        ack(),
    ];
    assert_eq!(
        client.option(OPT_INFO, &info("", &all)),
        expected,
        "of the default export"
    );
    assert_eq!(client.option(OPT_GO, &info("", &all)), expected);
    assert_eq!(client.write(0, b"x"), 0);
}

#[test]
fn flags_depend_on_the_export_and_on_what_was_negotiated() {
    let read_only =
        FLAG_HAS_FLAGS | FLAG_READ_ONLY | FLAG_SEND_FLUSH | FLAG_SEND_FUA | FLAG_CAN_MULTI_CONN | FLAG_SEND_CACHE;
    let fixture = Fixture::new();
    let mut client = fixture.client();
    let size = SIZE as u64;
    assert_eq!(
        client.option(OPT_INFO, &info("past", &[]))[0],
        export_info(1 << 20, read_only)
    );
    let mut client = client.structured();
    assert_eq!(
        client.option(OPT_INFO, &info("disk", &[]))[0],
        export_info(size, WRITABLE | FLAG_SEND_DF)
    );
    let mut client = client.with_extended_headers();
    let extended = WRITABLE | FLAG_SEND_DF | FLAG_BLOCK_STATUS_PAYLOAD;
    assert_eq!(
        client.option(OPT_INFO, &info("disk", &[]))[0],
        export_info(size, extended)
    );
    assert_eq!(client.outcome(OPT_STRUCTURED_REPLY, &[]), ERR_EXT_HEADER_REQD);
    client.send_option(OPT_EXPORT_NAME, b"disk");
    client.expect_end();
}

#[test]
fn a_dialect_can_be_chosen_once_and_only_raised() {
    let fixture = Fixture::new();
    let mut client = fixture.client().structured();
    assert_eq!(client.outcome(OPT_STRUCTURED_REPLY, &[]), ERR_INVALID);
    let mut client = client.with_extended_headers();
    assert_eq!(client.outcome(OPT_EXTENDED_HEADERS, &[]), ERR_INVALID);
    assert_eq!(client.outcome(OPT_STRUCTURED_REPLY, &[]), ERR_EXT_HEADER_REQD);
    // What was agreed on before the refusals still holds.
    assert_eq!(client.go("disk").status(CMD_FLUSH, 0, 0, 0, &[]), 0);
}

#[test]
fn exports_that_can_not_be_opened_are_refused_with_a_reason() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for (name, kind, message) in [
        ("nothing", ERR_UNKNOWN, "no export is named `nothing`"),
        ("locked", ERR_POLICY, "the disk is locked"),
        ("b@d", ERR_INVALID, "no moment is named `d`"),
    ] {
        for option in [OPT_INFO, OPT_GO] {
            let answer = OptionAnswer {
                kind,
                data: message.as_bytes().to_vec(),
            };
            assert_eq!(client.option(option, &info(name, &[])), [answer]);
        }
    }
    assert_eq!(client.go("disk").write(0, b"x"), 0);
}

#[test]
fn options_that_are_not_known_are_refused_and_the_session_goes_on() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for option in [0, 4, 12, 0xffff_ffff] {
        assert_eq!(client.outcome(option, &[1; 300]), ERR_UNSUP);
    }
    assert_eq!(client.outcome(OPT_STARTTLS, &[]), ERR_POLICY, "TLS is off");
    assert_eq!(client.outcome(OPT_GO, b"xx"), ERR_INVALID);
    assert_eq!(client.outcome(OPT_LIST, &[]), ACK);
}

#[test]
fn an_option_with_much_data_is_refused_and_one_with_more_ends_the_session() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    assert_eq!(client.outcome(OPT_GO, &vec![0; 300 << 10]), ERR_TOO_BIG);
    assert_eq!(client.outcome(OPT_LIST, &[]), ACK);
    client.send(b"IHAVEOPT\0\0\0\x03\x7f\0\0\0");
    client.expect_end();
    fixture.events.wait_for("an option has 2130706432 bytes of data");
}

#[test]
fn metadata_contexts_need_structured_replies() {
    let fixture = Fixture::new();
    let mut client = fixture.client();
    for option in [OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT] {
        assert_eq!(
            client.outcome(option, &query("disk", &["base:allocation"])),
            ERR_INVALID
        );
    }
}

#[test]
fn metadata_contexts_are_listed_by_name_and_by_namespace() {
    let fixture = Fixture::new();
    let mut client = fixture.client().structured();
    let mut list = |queries: &[&str]| {
        let mut answers = client.option(OPT_LIST_META_CONTEXT, &query("disk", queries));
        assert_eq!(answers.pop(), Some(ack()));
        let name = |answer: OptionAnswer| {
            assert_eq!(answer.kind, META);
            String::from_utf8(answer.data[4..].to_vec()).unwrap()
        };
        answers.into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(list(&[]), ["base:allocation", "x-holdfast:written"]);
    assert_eq!(list(&["base:"]), ["base:allocation"]);
    assert_eq!(list(&["x-holdfast:"]), ["x-holdfast:written"]);
    assert_eq!(list(&["x-holdfast:written", "base:allocation"]).len(), 2);
    assert_eq!(list(&["qemu:dirty-bitmap:x", "base:nothing", "colonless"]).len(), 0);
    assert_eq!(
        client.outcome(OPT_LIST_META_CONTEXT, &query("nothing", &[])),
        ERR_UNKNOWN
    );
}

#[test]
fn only_whole_names_select_a_metadata_context() {
    let fixture = Fixture::new();
    let mut client = fixture.client().structured();
    let mut set = |queries: &[&str]| {
        let answers = client.option(OPT_SET_META_CONTEXT, &query("disk", queries));
        answers
            .iter()
            .filter(|answer| answer.kind == META)
            .map(|answer| answer.data[3])
            .collect::<Vec<_>>()
    };
    assert_eq!(set(&["base:"]), [0_u8; 0]);
    assert_eq!(set(&[]), [0_u8; 0]);
    assert_eq!(set(&["x-holdfast:written", "qemu:x", "base:allocation"]), [1, 2]);
    assert_eq!(
        client.outcome(OPT_SET_META_CONTEXT, &query("disk", &["base:"; 33])),
        ERR_TOO_BIG
    );
    assert_eq!(
        client.outcome(OPT_SET_META_CONTEXT, &query("nothing", &["base:"])),
        ERR_UNKNOWN
    );
}
