//! A document of any kind: whatever its bytes say, looking for personal data in it ends, stays within its limits, and shows no
//! more than masked examples. The first byte chooses the name, which is what is left to guess where the content doesn't tell.

#![no_main]

use libfuzzer_sys::fuzz_target;
use personal::{Limits, Report, scan, scan_reader};

const NAMES: [&str; 12] = [
    "a",
    "a.csv",
    "a.eml",
    "a.html",
    "a.xml",
    "a.json",
    "a.txt.gz",
    "a.tar",
    "a.docx",
    "a.pdf",
    "a.sqlite",
    "jane.doe@example.com.txt",
];

/// Small, so that the limits are reached too.
fn limits() -> Limits {
    Limits {
        memory_bytes: 1 << 20,
        text_bytes: 4 << 20,
        unpacked_bytes: 4 << 20,
        expansion_ratio: 100,
        members: 200,
        depth: 3,
    }
}

/// Examples are few and short, and counts fit together.
fn check(report: &Report) {
    for (class, finding) in &report.findings {
        assert!(
            finding.count > 0 && finding.distinct.count() <= finding.count,
            "{class:?}"
        );
        assert!(finding.examples.len() <= 3);
        for example in &finding.examples {
            assert!(example.contains('*'), "{class:?} is shown as {example:?}");
        }
    }
    assert!(report.text_bytes <= 4 << 20);
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else {
        return;
    };
    let name = NAMES[usize::from(*choice) % NAMES.len()];
    check(&scan(name, bytes, &limits()));
    if choice & 0x80 != 0 {
        let mut rest = bytes;
        check(&scan_reader(
            name,
            &mut rest,
            &Limits {
                memory_bytes: 512,
                ..limits()
            },
            &|| true,
        ));
    }
});
