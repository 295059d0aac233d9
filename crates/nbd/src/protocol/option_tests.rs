use super::*;

fn text_field(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

fn info(name: &str, kinds: &[u16]) -> Vec<u8> {
    let mut data = text_field(name);
    data.extend((kinds.len() as u16).to_be_bytes());
    data.extend(kinds.iter().flat_map(|kind| kind.to_be_bytes()));
    data
}

fn query(export: &str, queries: &[&str]) -> Vec<u8> {
    let mut data = text_field(export);
    data.extend((queries.len() as u32).to_be_bytes());
    data.extend(queries.iter().flat_map(|query| text_field(query)));
    data
}

fn reply_to(option: u32, data: &[u8]) -> OptionReply {
    OptionRequest::decode(option, data).unwrap_err().reply
}

#[test]
fn headers_are_read_and_foreign_ones_refused() {
    let mut bytes = [0; OPTION_HEADER_SIZE];
    bytes[..8].copy_from_slice(b"IHAVEOPT");
    bytes[11] = 7;
    bytes[15] = 9;
    assert_eq!(OptionHeader::decode(&bytes), Ok(OptionHeader { option: 7, length: 9 }));
    for position in 0..8 {
        let mut flipped = bytes;
        flipped[position] ^= 1;
        assert!(matches!(
            OptionHeader::decode(&flipped),
            Err(ProtocolViolation::OptionMagic { .. })
        ));
    }
}

#[test]
fn options_without_data_refuse_data() {
    for option in [OPT_LIST, OPT_STARTTLS, OPT_STRUCTURED_REPLY, OPT_EXTENDED_HEADERS] {
        assert!(OptionRequest::decode(option, &[]).is_ok());
        assert_eq!(reply_to(option, &[0]), OptionReply::Invalid);
    }
    assert_eq!(OptionRequest::decode(OPT_ABORT, &[1, 2, 3]), Ok(OptionRequest::Abort));
}

#[test]
fn unknown_options_are_unknown_whatever_their_data() {
    for option in [0, 4, 12, u32::MAX] {
        assert_eq!(OptionRequest::decode(option, &[0xff; 9]), Ok(OptionRequest::Unknown));
    }
}

#[test]
fn information_requests_are_understood_and_unknown_ones_ignored() {
    let data = info("disk", &[INFO_BLOCK_SIZE, 999, INFO_NAME]);
    let Ok(OptionRequest::Go(request)) = OptionRequest::decode(OPT_GO, &data) else {
        panic!()
    };
    assert_eq!(request.export, "disk");
    assert!(request.wants_name && request.wants_block_size && !request.wants_description);
}

#[test]
fn truncated_or_overlong_data_is_invalid() {
    for (option, data) in [
        (OPT_GO, info("disk", &[1, 2])),
        (OPT_INFO, info("", &[3])),
        (OPT_LIST_META_CONTEXT, query("disk", &["base:", "x"])),
        (OPT_SET_META_CONTEXT, query("", &["base:allocation"])),
    ] {
        assert!(OptionRequest::decode(option, &data).is_ok());
        for length in 0..data.len() {
            assert_eq!(reply_to(option, &data[..length]), OptionReply::Invalid);
        }
        let longer = [data.as_slice(), &[0, 0]].concat();
        assert_eq!(reply_to(option, &longer), OptionReply::Invalid);
    }
}

#[test]
fn strings_and_lists_are_bounded() {
    let longest = "n".repeat(STRING_LENGTH_MAX);
    let too_long = "n".repeat(STRING_LENGTH_MAX + 1);
    assert!(OptionRequest::decode(OPT_EXPORT_NAME, longest.as_bytes()).is_ok());
    assert_eq!(reply_to(OPT_EXPORT_NAME, too_long.as_bytes()), OptionReply::TooBig);
    assert_eq!(reply_to(OPT_GO, &info(&too_long, &[])), OptionReply::TooBig);
    assert_eq!(reply_to(OPT_GO, &info("disk", &[0; 33])), OptionReply::TooBig);
    assert!(OptionRequest::decode(OPT_SET_META_CONTEXT, &query("disk", &["base:"; 32])).is_ok());
    assert_eq!(
        reply_to(OPT_SET_META_CONTEXT, &query("disk", &["base:"; 33])),
        OptionReply::TooBig
    );
    let mut billions = text_field("disk");
    billions.extend(u32::MAX.to_be_bytes());
    assert_eq!(reply_to(OPT_SET_META_CONTEXT, &billions), OptionReply::TooBig);
    let lying_length = [&u32::MAX.to_be_bytes(), b"disk".as_slice()].concat();
    assert_eq!(reply_to(OPT_GO, &lying_length), OptionReply::Invalid);
}

#[test]
fn strings_must_be_text() {
    assert_eq!(reply_to(OPT_EXPORT_NAME, &[0xff, 0xfe]), OptionReply::Invalid);
    assert_eq!(reply_to(OPT_EXPORT_NAME, b"di\0sk"), OptionReply::Invalid);
}

#[test]
fn replies_repeat_the_option_and_tell_their_length() {
    let mut out = Vec::new();
    encode_option_reply(&mut out, OPT_LIST, OptionReply::Unsupported, &[b"ab", b"c"]);
    let expected = [
        &0x0003_e889_0455_65a9_u64.to_be_bytes(),
        [0, 0, 0, 3, 0x80, 0, 0, 1, 0, 0, 0, 3].as_slice(),
        b"abc",
    ]
    .concat();
    assert_eq!(out, expected);
}
