//! A client that sends exactly the bytes a test wants, and takes replies apart.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use nbd::protocol::numbers::*;

/// What a reply to an option holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OptionAnswer {
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
}

/// A chunk of a structured or extended reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) cookie: u64,
    pub(crate) done: bool,
    pub(crate) kind: u16,
    pub(crate) payload: Vec<u8>,
}

/// A connection, not encrypted unless `S` is.
pub(crate) struct Client<S = UnixStream> {
    pub(crate) stream: S,
    pub(crate) extended: bool,
}

pub(crate) const ACK: u32 = 1;
pub(crate) const SERVER: u32 = 2;
pub(crate) const INFO: u32 = 3;
pub(crate) const META: u32 = 4;
pub(crate) const ERR_UNSUP: u32 = (1 << 31) + 1;
pub(crate) const ERR_POLICY: u32 = (1 << 31) + 2;
pub(crate) const ERR_INVALID: u32 = (1 << 31) + 3;
pub(crate) const ERR_TLS_REQD: u32 = (1 << 31) + 5;
pub(crate) const ERR_UNKNOWN: u32 = (1 << 31) + 6;
pub(crate) const ERR_TOO_BIG: u32 = (1 << 31) + 9;
pub(crate) const ERR_EXT_HEADER_REQD: u32 = (1 << 31) + 10;

impl<S: Read + Write> Client<S> {
    /// A connection on which nothing was said.
    pub(crate) fn raw(stream: S) -> Self {
        Self {
            stream,
            extended: false,
        }
    }

    /// Exchanges greetings.
    pub(crate) fn greet(stream: S, flags: u32) -> Self {
        let mut client = Self::raw(stream);
        assert_eq!(client.take(16), b"NBDMAGICIHAVEOPT");
        assert_eq!(client.take(2), [0, 3]);
        client.send(&flags.to_be_bytes());
        client
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Waits for the server to close the connection, without having sent anything more.
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(rest, b"", "the server goes on"),
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof),
                    "{error}"
                );
            }
        }
    }

    pub(crate) fn send_option(&mut self, option: u32, data: &[u8]) {
        let length = (data.len() as u32).to_be_bytes();
        self.send(&[b"IHAVEOPT", option.to_be_bytes().as_slice(), &length, data].concat());
    }

    /// All replies to an option, the final one last.
    pub(crate) fn option(&mut self, option: u32, data: &[u8]) -> Vec<OptionAnswer> {
        self.send_option(option, data);
        let mut answers = Vec::new();
        loop {
            let header = self.take(20);
            assert_eq!(header[..8], MAGIC_OPTION_REPLY.to_be_bytes());
            assert_eq!(header[8..12], option.to_be_bytes());
            let field = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
            let data = self.take(field(16) as usize);
            answers.push(OptionAnswer { kind: field(12), data });
            if field(12) == ACK || field(12) >> 31 == 1 {
                return answers;
            }
        }
    }

    /// The type of the final reply to an option.
    pub(crate) fn outcome(&mut self, option: u32, data: &[u8]) -> u32 {
        self.option(option, data).last().unwrap().kind
    }

    /// Chooses an export and enters transmission.
    pub(crate) fn go(mut self, name: &str) -> Self {
        assert_eq!(self.outcome(OPT_GO, &info(name, &[])), ACK);
        self
    }

    pub(crate) fn structured(mut self) -> Self {
        assert_eq!(self.outcome(OPT_STRUCTURED_REPLY, &[]), ACK);
        self
    }

    pub(crate) fn with_extended_headers(mut self) -> Self {
        assert_eq!(self.outcome(OPT_EXTENDED_HEADERS, &[]), ACK);
        self.extended = true;
        self
    }

    pub(crate) fn with_contexts(mut self, name: &str, contexts: &[&str]) -> Self {
        assert_eq!(self.outcome(OPT_SET_META_CONTEXT, &query(name, contexts)), ACK);
        self
    }

    /// Sends a request. Its payload, if it has one, is `payload`; `length` is what the header says.
    pub(crate) fn request(&mut self, kind: u16, flags: u16, cookie: u64, offset: u64, length: u64, payload: &[u8]) {
        let bytes = self.encode(kind, flags, cookie, offset, length, payload);
        self.send(&bytes);
    }

    pub(crate) fn encode(
        &self,
        kind: u16,
        flags: u16,
        cookie: u64,
        offset: u64,
        length: u64,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(
            if self.extended {
                MAGIC_EXTENDED_REQUEST
            } else {
                MAGIC_REQUEST
            }
            .to_be_bytes(),
        );
        let payload_flag = if self.extended && !payload.is_empty() {
            CMD_FLAG_PAYLOAD_LEN
        } else {
            0
        };
        bytes.extend((flags | payload_flag).to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(cookie.to_be_bytes());
        bytes.extend(offset.to_be_bytes());
        if self.extended {
            bytes.extend(length.to_be_bytes());
        } else {
            bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
        }
        bytes.extend(payload);
        bytes
    }

    /// A simple reply without payload: the cookie and the error.
    pub(crate) fn simple_reply(&mut self) -> (u64, u32) {
        let header = self.take(16);
        assert_eq!(header[..4], MAGIC_SIMPLE_REPLY.to_be_bytes());
        (
            u64::from_be_bytes(header[8..16].try_into().unwrap()),
            u32::from_be_bytes(header[4..8].try_into().unwrap()),
        )
    }

    pub(crate) fn chunk(&mut self) -> Chunk {
        let size = if self.extended { 32 } else { 20 };
        let header = self.take(size);
        let magic = if self.extended {
            MAGIC_EXTENDED_REPLY
        } else {
            MAGIC_STRUCTURED_REPLY
        };
        assert_eq!(header[..4], magic.to_be_bytes());
        let length = if self.extended {
            u64::from_be_bytes(header[24..32].try_into().unwrap()) as usize
        } else {
            u32::from_be_bytes(header[16..20].try_into().unwrap()) as usize
        };
        Chunk {
            done: header[5] & 1 == 1,
            kind: u16::from_be_bytes(header[6..8].try_into().unwrap()),
            cookie: u64::from_be_bytes(header[8..16].try_into().unwrap()),
            payload: self.take(length),
        }
    }

    /// All chunks of a reply.
    pub(crate) fn reply(&mut self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        loop {
            chunks.push(self.chunk());
            if chunks.last().unwrap().done {
                return chunks;
            }
        }
    }

    /// The error of a reply that is one error chunk.
    pub(crate) fn error_reply(&mut self) -> u32 {
        let chunks = self.reply();
        assert_eq!(chunks.len(), 1, "{chunks:?}");
        assert_eq!(chunks[0].kind >> 15, 1, "{chunks:?}");
        u32::from_be_bytes(chunks[0].payload[..4].try_into().unwrap())
    }

    /// Sends a request and returns its error, or 0. Only for requests whose reply has no data.
    pub(crate) fn status(&mut self, kind: u16, flags: u16, offset: u64, length: u64, payload: &[u8]) -> u32 {
        self.request(kind, flags, 99, offset, length, payload);
        if self.extended {
            let chunks = self.reply();
            let chunk = &chunks[0];
            return if chunk.kind == REPLY_TYPE_NONE {
                0
            } else {
                u32::from_be_bytes(chunk.payload[..4].try_into().unwrap())
            };
        }
        let (cookie, error) = self.simple_reply();
        assert_eq!(cookie, 99);
        error
    }

    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) -> u32 {
        self.status(CMD_WRITE, 0, offset, data.len() as u64, data)
    }

    /// Reads with simple replies.
    pub(crate) fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, u32> {
        self.request(CMD_READ, 0, 98, offset, u64::from(length), &[]);
        let (cookie, error) = self.simple_reply();
        assert_eq!(cookie, 98);
        if error == 0 {
            Ok(self.take(length as usize))
        } else {
            Err(error)
        }
    }
}

fn text_field(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

/// The data of `OPT_INFO` and `OPT_GO`.
pub(crate) fn info(name: &str, kinds: &[u16]) -> Vec<u8> {
    let mut data = text_field(name);
    data.extend((kinds.len() as u16).to_be_bytes());
    data.extend(kinds.iter().flat_map(|kind| kind.to_be_bytes()));
    data
}

/// The data of options about metadata contexts.
pub(crate) fn query(name: &str, queries: &[&str]) -> Vec<u8> {
    let mut data = text_field(name);
    data.extend((queries.len() as u32).to_be_bytes());
    data.extend(queries.iter().flat_map(|query| text_field(query)));
    data
}
