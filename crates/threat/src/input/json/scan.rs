//! Where a JSON document ends, without parsing it.

/// Containers within each other of which the kind is remembered. Deeper ones are no records: the parser refuses them.
const DEPTH_MAX: u32 = 128;

/// Why the end of a document isn't found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The log ends first.
    End,
    /// A line ends within a text. Reading goes on with the next line.
    Line,
    /// A bracket stands where none can: the document's end is missing, or it was never one.
    Misplaced,
}

impl Broken {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::End => "the log ends within a record",
            Self::Line => "a line ends within a text",
            Self::Misplaced => "a bracket stands where none can",
        }
    }
}

/// The state between two pieces of a document.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    depth: u32,
    /// Bit `n` is set if the container at depth `n + 1` is an object.
    objects: u128,
    /// Whether a name must come next, if in an object.
    before_name: bool,
    in_text: bool,
    escaped: bool,
}

impl Scan {
    /// In an object, behind one of its values.
    pub(super) fn within_object() -> Self {
        let mut scan = Self::default();
        scan.open(true);
        scan.before_name = false;
        scan
    }

    /// Goes on with more bytes: how many of them belong to the document, and whether it is complete.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, Result<bool, Broken>) {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_text = false,
                    b'\n' => return (at + 1, Err(Broken::Line)),
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => {
                    self.in_text = true;
                    self.before_name = false;
                }
                b'{' | b'[' if self.before_name && self.in_object() => return (at, Err(Broken::Misplaced)),
                b'{' | b'[' => self.open(byte == b'{'),
                b'}' | b']' => {
                    if self.depth <= DEPTH_MAX && self.in_object() != (byte == b'}') {
                        return (at + 1, Err(Broken::Misplaced));
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.before_name = false;
                    if self.depth == 0 {
                        return (at + 1, Ok(true));
                    }
                }
                b',' => self.before_name = true,
                _ => {}
            }
        }
        (bytes.len(), Ok(false))
    }

    fn open(&mut self, object: bool) {
        if self.depth < DEPTH_MAX {
            let bit = 1 << self.depth;
            self.objects = if object {
                self.objects | bit
            } else {
                self.objects & !bit
            };
        }
        self.depth = self.depth.saturating_add(1);
        self.before_name = true;
    }

    const fn in_object(&self) -> bool {
        self.depth > 0 && self.depth <= DEPTH_MAX && self.objects >> (self.depth - 1) & 1 == 1
    }
}
