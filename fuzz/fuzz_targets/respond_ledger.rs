//! A ledger changed at will, as whoever can write its file can: opening, reading and verifying it may fail, but not panic, hang or
//! take memory without bound. The input is a list of changes to the file, eight bytes each (six of offset, one of length, one of
//! value); and a head's file as it is.

#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use respond::alert::{self, Layer, NewAlert, Severity};
use respond::intake::{Rules, take_in};
use respond::ledger::{self, HeadKey, LEDGER_NAME, SignedHead, verify};
use respond::{Error, Ledger, Page, Sequence, Time, incident};

/// Where the ledger lies, which is written anew for each input.
fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("respond-ledger-{}", std::process::id()))
}

/// A ledger with alerts, incidents and records, in one file, and a head of it.
fn template() -> Result<(Vec<u8>, SignedHead), Error> {
    let folder = folder().join("template");
    let mut ledger = Ledger::open(&folder)?;
    for number in 0..40_i64 {
        let time = Time::from_unix_millis(1_795_687_200_000 + number * 3_600_000);
        let alert = NewAlert {
            time,
            layer: Layer::Guard,
            kind: "fenced".to_owned(),
            severity: Severity::Critical,
            volume: Some(format!("disk-{}", number % 7)),
            host: None,
            identity: None,
            title: "Encryption recognised".to_owned(),
            text: "writes are stopped".to_owned(),
            facts: serde_json::Map::new(),
        };
        ledger.write(|w| take_in(w, time, &Rules::default(), vec![alert]))?;
    }
    let copy = folder.join("copy");
    ledger::backup(&ledger, &copy)?;
    let newest = ledger.newest()?.ok_or(Error::LedgerHead { path: copy.clone() })?;
    let head = HeadKey::open(&folder)?.sign(newest, Time::default());
    let bytes = std::fs::read(&copy).unwrap_or_default();
    Ok((bytes, head))
}

fn look(head: SignedHead) -> Result<(), Error> {
    let mut ledger = Ledger::open(&folder())?;
    let verification = verify(&ledger, &[head]);
    if let Ok(verification) = &verification {
        assert!(verification.findings.len() as u64 <= verification.finding_count);
    }
    let _ = ledger.alerts(&alert::Filter::default(), Page::default());
    let _ = ledger.incidents(&incident::Filter::default(), Page::default());
    let _ = ledger.records(&ledger::Filter::default(), 100);
    let _ = ledger.counts(Time::default());
    let _ = ledger::export(&ledger, Sequence(0), &[], &mut std::io::sink());
    let _ = ledger.write(|w| take_in(w, Time::default(), &Rules::default(), Vec::new()));
    Ok(())
}

fuzz_target!(|input: &[u8]| {
    static TEMPLATE: OnceLock<(Vec<u8>, SignedHead)> = OnceLock::new();
    let (bytes, head) = TEMPLATE.get_or_init(|| {
        let _ = std::fs::remove_dir_all(folder());
        template().expect("a new folder takes a ledger")
    });
    if let Some(parsed) = SignedHead::parse(input) {
        assert_eq!(SignedHead::parse(&parsed.encode()).as_ref(), Some(&parsed));
        let _ = parsed.is_genuine();
    }
    let mut bytes = bytes.clone();
    for change in input.chunks_exact(8) {
        let offset = change[..6]
            .iter()
            .fold(0, |offset, byte| offset << 8 | usize::from(*byte))
            % bytes.len();
        let end = (offset + usize::from(change[6] % 16) + 1).min(bytes.len());
        bytes[offset..end].fill(change[7]);
    }
    for name in [
        LEDGER_NAME.to_owned(),
        format!("{LEDGER_NAME}-wal"),
        format!("{LEDGER_NAME}-shm"),
    ] {
        let _ = std::fs::remove_file(folder().join(name));
    }
    std::fs::write(folder().join(LEDGER_NAME), &bytes).expect("the folder is there");
    let _ = look(head.clone());
});
