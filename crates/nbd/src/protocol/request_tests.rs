use super::*;
use crate::protocol::numbers::PAYLOAD_SIZE_MAX;

const DIALECTS: [Dialect; 3] = [Dialect::Simple, Dialect::Structured, Dialect::Extended];

/// A request as a client would send it.
fn encode(dialect: Dialect, flags: u16, kind: u16, offset: u64, length: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let magic = if dialect == Dialect::Extended {
        MAGIC_EXTENDED_REQUEST
    } else {
        MAGIC_REQUEST
    };
    bytes.extend(magic.to_be_bytes());
    bytes.extend(flags.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(77_u64.to_be_bytes());
    bytes.extend(offset.to_be_bytes());
    match dialect {
        Dialect::Extended => bytes.extend(length.to_be_bytes()),
        _ => bytes.extend((length as u32).to_be_bytes()),
    }
    bytes.extend(payload);
    bytes
}

fn command(bytes: &[u8], dialect: Dialect) -> Command<'_> {
    match decode_request(bytes, dialect).unwrap() {
        Decoded::Complete { request, size, skipped } => {
            assert_eq!(request.cookie, Cookie(77));
            assert_eq!(size as u64 + skipped, bytes.len() as u64);
            request.command
        }
        Decoded::Incomplete { needed } => panic!("{needed} bytes needed"),
    }
}

fn is_rejected(bytes: &[u8], dialect: Dialect) -> bool {
    matches!(
        command(bytes, dialect),
        Command::Rejected(Rejection {
            code: ErrorCode::Invalid,
            ..
        })
    )
}

#[test]
fn every_command_is_understood_in_every_dialect() {
    for dialect in DIALECTS {
        let payload_flag = if dialect == Dialect::Extended {
            CMD_FLAG_PAYLOAD_LEN
        } else {
            0
        };
        let parse = |flags, kind, length, payload: &[u8]| {
            let bytes = encode(dialect, flags, kind, 4096, length, payload);
            format!("{:?}", command(&bytes, dialect))
        };
        assert_eq!(
            parse(0, CMD_READ, 512, &[]),
            "Read { length: 512, unfragmented: false }"
        );
        assert_eq!(
            parse(payload_flag, CMD_WRITE, 3, &[1, 2, 3]),
            "Write { data: [1, 2, 3], durable: false }"
        );
        assert_eq!(
            parse(payload_flag | CMD_FLAG_FUA, CMD_WRITE, 3, &[1, 2, 3]),
            "Write { data: [1, 2, 3], durable: true }"
        );
        assert_eq!(parse(0, CMD_TRIM, 512, &[]), "Trim { length: 512, durable: false }");
        assert_eq!(parse(0, CMD_CACHE, 512, &[]), "Cache { length: 512 }");
        assert_eq!(
            parse(CMD_FLAG_FAST_ZERO | CMD_FLAG_FUA, CMD_WRITE_ZEROES, 512, &[]),
            "WriteZeroes { length: 512, durable: true, hole: Allowed }"
        );
        assert_eq!(
            parse(CMD_FLAG_NO_HOLE, CMD_WRITE_ZEROES, 512, &[]),
            "WriteZeroes { length: 512, durable: false, hole: Refused }"
        );
        assert_eq!(
            parse(CMD_FLAG_REQ_ONE, CMD_BLOCK_STATUS, 512, &[]),
            "BlockStatus { length: 512, single: true, contexts: Negotiated }"
        );
        assert_eq!(parse(0, CMD_DISC, 0, &[]), "Disconnect");
        assert_eq!(
            command(&encode(dialect, 0, CMD_FLUSH, 0, 0, &[]), dialect),
            Command::Flush
        );
    }
}

#[test]
fn flags_that_do_not_belong_to_a_command_are_rejected() {
    for dialect in DIALECTS {
        for (kind, flags) in [
            (CMD_READ, CMD_FLAG_NO_HOLE),
            (CMD_READ, 1 << 15),
            (CMD_TRIM, CMD_FLAG_DF),
            (CMD_CACHE, CMD_FLAG_REQ_ONE),
            (CMD_WRITE_ZEROES, CMD_FLAG_DF),
            (CMD_BLOCK_STATUS, CMD_FLAG_NO_HOLE),
            (CMD_FLUSH, CMD_FLAG_REQ_ONE),
        ] {
            assert!(
                is_rejected(&encode(dialect, flags, kind, 0, 0, &[]), dialect),
                "{kind} {flags} {dialect:?}"
            );
        }
        assert!(
            is_rejected(&encode(dialect, 0, 8, 0, 0, &[]), dialect),
            "resize is unknown"
        );
        assert!(is_rejected(&encode(dialect, 0, 999, 0, 0, &[]), dialect));
        assert!(is_rejected(&encode(dialect, 0, CMD_FLUSH, 1, 0, &[]), dialect));
    }
    assert!(is_rejected(
        &encode(Dialect::Simple, CMD_FLAG_DF, CMD_READ, 0, 512, &[]),
        Dialect::Simple
    ));
    assert!(!is_rejected(
        &encode(Dialect::Structured, CMD_FLAG_DF, CMD_READ, 0, 512, &[]),
        Dialect::Structured
    ));
}

#[test]
fn the_payload_of_a_rejected_write_is_skipped() {
    for dialect in DIALECTS {
        let bytes = encode(dialect, CMD_FLAG_REQ_ONE, CMD_WRITE, 0, 5, b"hello");
        let Decoded::Complete { request, size, skipped } = decode_request(&bytes, dialect).unwrap() else {
            panic!()
        };
        assert!(matches!(request.command, Command::Rejected(_)));
        assert_eq!((size, skipped), (dialect.request_header_size(), 5));
    }
}

#[test]
fn a_payload_that_a_command_does_not_have_is_skipped() {
    let bytes = encode(Dialect::Extended, CMD_FLAG_PAYLOAD_LEN, CMD_READ, 0, 6, b"filler");
    let Decoded::Complete { request, skipped, .. } = decode_request(&bytes, Dialect::Extended).unwrap() else {
        panic!()
    };
    assert!(matches!(request.command, Command::Rejected(_)));
    assert_eq!(skipped, 6);
}

#[test]
fn an_extended_write_has_a_payload_even_without_the_flag() {
    let bytes = encode(Dialect::Extended, 0, CMD_WRITE, 0, 3, &[1, 2, 3]);
    assert_eq!(
        command(&bytes, Dialect::Extended),
        Command::Write {
            data: &[1, 2, 3],
            durable: false
        }
    );
}

#[test]
fn a_payload_is_bounded() {
    let limit = u64::from(PAYLOAD_SIZE_MAX);
    let decode = |dialect, length| decode_request(&encode(dialect, 0, CMD_WRITE, 0, length, &[]), dialect).map(|_| ());
    for dialect in DIALECTS {
        let header = encode(dialect, 0, CMD_WRITE, 0, limit, &[]);
        let needed = dialect.request_header_size() + limit as usize;
        assert_eq!(decode_request(&header, dialect), Ok(Decoded::Incomplete { needed }));
    }
    let slightly_too_long = encode(Dialect::Simple, 0, CMD_WRITE, 0, limit + 1, &[]);
    let decoded = decode_request(&slightly_too_long, Dialect::Simple).unwrap();
    assert!(matches!(decoded, Decoded::Complete { skipped, .. } if skipped == limit + 1));
    let unreasonable = PAYLOAD_SIZE_SKIPPED_MAX + 1;
    let too_large = |length| Err(ProtocolViolation::PayloadTooLarge { length });
    assert_eq!(decode(Dialect::Simple, unreasonable), too_large(unreasonable));
    assert_eq!(decode(Dialect::Extended, limit + 1), too_large(limit + 1));
    assert_eq!(decode(Dialect::Extended, u64::MAX), too_large(u64::MAX));
}

#[test]
fn lengths_without_a_payload_use_all_64_bits() {
    let bytes = encode(Dialect::Extended, 0, CMD_WRITE_ZEROES, 0, 1 << 45, &[]);
    let command = command(&bytes, Dialect::Extended);
    assert!(matches!(command, Command::WriteZeroes { length, .. } if length == 1 << 45));
}

#[test]
fn block_status_takes_a_list_of_contexts() {
    let list = |ids: &[u32]| {
        let mut payload = (1_u64 << 40).to_be_bytes().to_vec();
        payload.extend(ids.iter().flat_map(|id| id.to_be_bytes()));
        payload
    };
    let flags = CMD_FLAG_PAYLOAD_LEN;
    let status = |payload: &[u8]| {
        encode(
            Dialect::Extended,
            flags,
            CMD_BLOCK_STATUS,
            0,
            payload.len() as u64,
            payload,
        )
    };
    let bytes = status(&list(&[2, 7]));
    let Command::BlockStatus { length, contexts, .. } = command(&bytes, Dialect::Extended) else {
        panic!()
    };
    assert_eq!(length, 1 << 40);
    assert_eq!(contexts.listed().unwrap().collect::<Vec<_>>(), [2, 7]);
    assert!(is_rejected(&status(&[0; 7]), Dialect::Extended));
    assert!(is_rejected(&status(&[0; 10]), Dialect::Extended));
    assert!(is_rejected(&status(&list(&[1; 17])), Dialect::Extended));
}

#[test]
fn a_truncated_request_says_how_much_it_needs_and_never_more_than_that() {
    for dialect in DIALECTS {
        let bytes = encode(dialect, 0, CMD_WRITE, 8, 100, &[9; 100]);
        for length in 0..bytes.len() {
            match decode_request(&bytes[..length], dialect).unwrap() {
                Decoded::Incomplete { needed } => assert!(needed > length && needed <= bytes.len()),
                decoded => panic!("{length} bytes gave {decoded:?}"),
            }
        }
    }
}

#[test]
fn a_flipped_byte_is_noticed_or_changes_one_field_only() {
    for dialect in DIALECTS {
        let header_size = dialect.request_header_size();
        let bytes = encode(dialect, 0, CMD_WRITE, 8, 16, &[9; 16]);
        for position in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[position] ^= 0x40;
            let decoded = decode_request(&flipped, dialect);
            match position {
                0..4 => assert!(matches!(decoded, Err(ProtocolViolation::RequestMagic { .. }))),
                _ if position >= header_size => {
                    let Ok(Decoded::Complete { request, .. }) = decoded else {
                        panic!()
                    };
                    assert!(matches!(request.command, Command::Write { data, .. } if data != [9; 16]));
                }
                _ => assert!(
                    decoded.is_err()
                        || decoded.is_ok_and(|decoded| decoded != decode_request(&bytes, dialect).unwrap())
                ),
            }
        }
    }
}

#[test]
fn a_wrong_magic_number_is_noticed_before_the_header_is_complete() {
    assert!(decode_request(&[0x12, 0x56, 0x09, 0x53], Dialect::Simple).is_err());
    assert!(decode_request(&MAGIC_REQUEST.to_be_bytes(), Dialect::Extended).is_err());
    assert!(decode_request(&MAGIC_EXTENDED_REQUEST.to_be_bytes(), Dialect::Structured).is_err());
}
