//! A file that may be an archive (tar, zip, gzip, zstd, in each other), whatever its bytes: reading it ends, gives no more than it may unpack
//! to, and each log in it is cut into records.

#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use logs::open::{self, Found, Limits, Problem, Sink};
use threat::input::Source;

const UNPACKED_BYTES_MAX: u64 = 4 << 20;

#[derive(Default)]
struct Counting {
    bytes: u64,
    logs: u64,
}

impl Sink for Counting {
    fn log(&mut self, name: Source, content: &mut dyn Read) -> bool {
        self.logs += 1;
        if self.logs % 2 == 0 {
            let mut content = Bounded {
                content,
                bytes: &mut self.bytes,
            };
            let _ = logs::read_log(&mut content, &name, &mut |_| true);
        } else {
            self.bytes += std::io::copy(content, &mut std::io::sink()).unwrap_or(0);
        }
        true
    }

    fn problem(&mut self, problem: Problem) {
        assert!(!problem.reason.is_empty());
    }
}

struct Bounded<'a> {
    content: &'a mut dyn Read,
    bytes: &'a mut u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.content.read(into)?;
        *self.bytes += length as u64;
        Ok(length)
    }
}

fuzz_target!(|input: &[u8]| {
    let path = std::env::temp_dir().join(format!("fuzz-archive-{}", std::process::id()));
    std::fs::write(&path, input).expect("there is room for it");
    let found = Found {
        path,
        bytes: input.len() as u64,
    };
    let limits = Limits {
        members_max: 100,
        unpacked_bytes_max: UNPACKED_BYTES_MAX,
        ..Limits::default()
    };
    let mut counting = Counting::default();
    open::read(&found, &limits, &|_| true, &mut counting);
    assert!(counting.bytes <= UNPACKED_BYTES_MAX);
    assert!(counting.logs <= 100);
});
