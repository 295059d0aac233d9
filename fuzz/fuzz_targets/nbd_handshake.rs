//! Options of the handshake: headers and data one after the other.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nbd::protocol::{OPTION_HEADER_SIZE, OptionHeader, OptionReply, OptionRequest, encode_option_reply};

const STRING_LENGTH_MAX: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let mut stream = input;
    while let Some((header, rest)) = stream.split_first_chunk::<OPTION_HEADER_SIZE>() {
        let Ok(OptionHeader { option, length }) = OptionHeader::decode(header) else {
            return;
        };
        let Some((data, next)) = rest.split_at_checked(length as usize) else {
            return;
        };
        check(option, data);
        stream = next;
    }
    // Without a header, the first byte is the option, so that data is reached soon.
    if let Some((option, data)) = input.split_first() {
        check(u32::from(option % 16), data);
    }
});

fn check(option: u32, data: &[u8]) {
    match OptionRequest::decode(option, data) {
        Err(error) => {
            assert!(matches!(error.reply, OptionReply::Invalid | OptionReply::TooBig));
            let mut out = Vec::new();
            encode_option_reply(&mut out, option, error.reply, &[error.message.as_bytes()]);
            assert_eq!(out.len(), 20 + error.message.len());
        }
        Ok(OptionRequest::Info(info) | OptionRequest::Go(info)) => {
            assert!(info.export.len() <= STRING_LENGTH_MAX && info.export.len() + 6 <= data.len());
        }
        Ok(OptionRequest::ListMetaContext(query) | OptionRequest::SetMetaContext(query)) => {
            assert!(query.queries.len() <= 32);
            let strings = query.queries.iter().map(|query| query.len() + 4).sum::<usize>();
            assert_eq!(query.export.len() + 8 + strings, data.len());
        }
        Ok(_) => {}
    }
}
