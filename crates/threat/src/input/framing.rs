//! Messages of syslog over TCP and TLS (RFC 6587, RFC 5425): a decoder that is given bytes as they come, and knows no socket.
//!
//! Senders use two framings, some of them both in one connection: a count of octets and a space before each message, or a line end after
//! it. A frame that begins with a number, a space and `<` is counted; every other one ends with LF or NUL.

use super::lines::{LINE_BYTES_MAX, line_text, sample, too_long};

/// Digits of a count at most. A longer one is no count.
const COUNT_DIGITS_MAX: usize = 7;

/// A piece of a stream that is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, as a fragment.
    pub reason: String,
    /// Its beginning, for people.
    pub sample: String,
}

/// What a decoder has found.
pub type Framed = Result<String, Refused>;

/// The decoder of one connection. It holds no more than one message's bytes, and looks at every byte once.
#[derive(Debug)]
pub struct Framing {
    state: State,
    held: Vec<u8>,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between messages.
    Start,
    /// In digits that may be a count.
    Count,
    /// After digits and a space: `<` makes it a count.
    CountEnd { count: usize },
    /// In a counted message.
    Octets { left: usize },
    /// In a message that a line end ends.
    Line,
    /// In one that is too long.
    SkippedLine { passed: u64 },
    /// In a counted one that is too long.
    SkippedOctets { left: usize },
}

impl Default for Framing {
    fn default() -> Self {
        Self::new(LINE_BYTES_MAX)
    }
}

impl Framing {
    /// A decoder of messages of at most so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            state: State::Start,
            held: Vec::new(),
            limit: limit.clamp(1, LINE_BYTES_MAX),
        }
    }

    /// Bytes that wait for the rest of their message.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes of the connection and gives every message that they complete.
    pub fn push(&mut self, mut bytes: &[u8], give: &mut dyn FnMut(Framed)) {
        while let Some(&first) = bytes.first() {
            let taken = match self.state {
                State::Start => self.start(first),
                State::Count => self.count(first),
                State::CountEnd { count } => self.count_end(first, count, give),
                State::Octets { left } => self.octets(bytes, left, give),
                State::Line => self.line(bytes, give),
                State::SkippedLine { passed } => self.skipped_line(bytes, passed, give),
                State::SkippedOctets { left } => self.skipped_octets(bytes, left),
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// The connection has ended: gives what is a message without a line end, and tells what was cut off.
    pub fn finish(&mut self, give: &mut dyn FnMut(Framed)) {
        match self.state {
            State::Octets { left } => {
                let reason = format!("the connection ended {left} octets before the message did");
                let sample = sample(&line_text(&self.held));
                give(Err(Refused { reason, sample }));
            }
            State::SkippedLine { passed } => give(Err(self.refused(passed))),
            _ => self.give_held(give),
        }
        self.held.clear();
        self.state = State::Start;
    }

    fn start(&mut self, first: u8) -> usize {
        match first {
            b'\n' | b'\r' | b'\0' => return 1,
            b'1'..=b'9' => self.state = State::Count,
            _ => self.state = State::Line,
        }
        0
    }

    fn count(&mut self, first: u8) -> usize {
        if first.is_ascii_digit() && self.held.len() < COUNT_DIGITS_MAX {
            self.held.push(first);
            return 1;
        }
        let count = std::str::from_utf8(&self.held)
            .ok()
            .and_then(|digits| digits.parse().ok());
        self.state = match count {
            Some(count) if first == b' ' => State::CountEnd { count },
            _ => State::Line,
        };
        if self.state == State::Line {
            return 0;
        }
        self.held.push(first);
        1
    }

    fn count_end(&mut self, first: u8, count: usize, give: &mut dyn FnMut(Framed)) -> usize {
        if first != b'<' {
            self.state = State::Line;
            return 0;
        }
        self.held.clear();
        self.state = if count > self.limit {
            give(Err(self.refused(count as u64)));
            State::SkippedOctets { left: count }
        } else {
            State::Octets { left: count }
        };
        0
    }

    fn octets(&mut self, bytes: &[u8], left: usize, give: &mut dyn FnMut(Framed)) -> usize {
        let part = bytes.get(..left).unwrap_or(bytes);
        self.held.extend_from_slice(part);
        let left = left - part.len();
        self.state = State::Octets { left };
        if left == 0 {
            self.give_held(give);
            self.state = State::Start;
        }
        part.len()
    }

    fn line(&mut self, bytes: &[u8], give: &mut dyn FnMut(Framed)) -> usize {
        let end = line_end(bytes);
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if self.held.len() + part.len() > self.limit {
            let passed = self.held.len() as u64;
            self.held
                .extend(part.iter().take(self.limit.saturating_sub(self.held.len())));
            self.state = State::SkippedLine { passed };
            return 0;
        }
        self.held.extend_from_slice(part);
        if end.is_some() {
            self.give_held(give);
            self.state = State::Start;
        }
        part.len()
    }

    fn skipped_line(&mut self, bytes: &[u8], passed: u64, give: &mut dyn FnMut(Framed)) -> usize {
        let end = line_end(bytes);
        let part = end.unwrap_or(bytes.len());
        let passed = passed + part as u64;
        self.state = State::SkippedLine { passed };
        if end.is_some() {
            give(Err(self.refused(passed)));
            self.held.clear();
            self.state = State::Start;
        }
        part
    }

    fn skipped_octets(&mut self, bytes: &[u8], left: usize) -> usize {
        let part = left.min(bytes.len());
        self.state = match left - part {
            0 => State::Start,
            left => State::SkippedOctets { left },
        };
        part
    }

    fn give_held(&mut self, give: &mut dyn FnMut(Framed)) {
        if let Some(message) = datagram(&self.held) {
            give(Ok(message));
        }
        self.held.clear();
    }

    fn refused(&self, bytes: u64) -> Refused {
        Refused {
            reason: too_long("line", bytes, self.limit),
            sample: sample(&line_text(&self.held)),
        }
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| matches!(byte, b'\n' | b'\0'))
}

/// The message of one datagram, or of one frame, without the line ends and NULs that some senders put behind it; none if it is empty.
#[must_use]
pub fn datagram(bytes: &[u8]) -> Option<String> {
    let text = line_text(
        bytes
            .trim_ascii_end()
            .strip_suffix(b"\0")
            .unwrap_or(bytes)
            .trim_ascii_end(),
    );
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(pieces: &[&[u8]], limit: usize) -> Vec<Framed> {
        let mut framing = Framing::new(limit);
        let mut found = Vec::new();
        for piece in pieces {
            framing.push(piece, &mut |frame| found.push(frame));
            assert!(framing.held() <= limit.max(COUNT_DIGITS_MAX + 1));
        }
        framing.finish(&mut |frame| found.push(frame));
        found
    }

    #[test]
    fn counted_and_ended_messages_of_one_connection_are_told_apart_wherever_it_is_cut() {
        let stream = b"10 <13>a b\nc!<14>one\r\n\n12 <13>two\nmore2023-12-05T17:36:17Z esx shell: x\n<15>last";
        let whole = decoded(&[stream], 100);
        let texts: Vec<&str> = whole.iter().map(|frame| frame.as_ref().unwrap().as_str()).collect();
        assert_eq!(
            texts,
            [
                "<13>a b\nc!",
                "<14>one",
                "<13>two\nmore",
                "2023-12-05T17:36:17Z esx shell: x",
                "<15>last"
            ]
        );
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            assert_eq!(decoded(&[head, tail], 100), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decoded(&bytes, 100), whole);
    }

    #[test]
    fn a_line_that_only_begins_with_a_number_is_no_counted_message() {
        assert_eq!(decoded(&[b"12 monkeys\n99999999 <13>x\n"], 100).len(), 2);
    }

    #[test]
    fn messages_over_the_limit_are_told_once_and_the_next_one_is_found() {
        let found = decoded(
            &[
                b"<13>",
                b"0123456789",
                b"0123456789\n<13>ok\n21 <13>4567890123456789x<13>ok\n",
            ],
            12,
        );
        let words: Vec<String> = found
            .into_iter()
            .map(|frame| frame.unwrap_or_else(|refused| refused.reason))
            .collect();
        assert_eq!(
            words,
            [
                "the line has 24 bytes, more than 12",
                "<13>ok",
                "the line has 21 bytes, more than 12",
                "<13>ok"
            ]
        );
    }

    #[test]
    fn a_counted_message_that_the_end_of_the_connection_cuts_is_told() {
        let found = decoded(&[b"100 <13>half"], 200);
        assert_eq!(found.len(), 1);
        assert!(found[0].as_ref().unwrap_err().reason.contains("92 octets before"));
    }

    #[test]
    fn a_datagram_loses_the_line_end_and_the_nul_behind_it() {
        assert_eq!(datagram(b"<13>x\n\0").as_deref(), Some("<13>x"));
        assert_eq!(datagram(b"<13>x\r\n").as_deref(), Some("<13>x"));
        assert_eq!(datagram(b"\n\0"), None);
    }
}
