//! A follower's checkpoint, whatever its bytes: it is refused, or following goes on from it, gives each record of the log at most once, and
//! what is written then is a checkpoint.

#![no_main]

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use logs::follow::{Follower, Settings};

const LOG: &str = "time,user,what\n1,anna,\"a\nb\"\n2,bob,x\n3,carl,y\n";

fuzz_target!(|input: &[u8]| {
    let folder = std::env::temp_dir().join(format!("fuzz-checkpoint-{}", std::process::id()));
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).expect("there is room for it");
    std::fs::write(logs.join("a.csv"), LOG).expect("there is room for it");
    std::fs::write(logs.join("b.log"), "one\ntwo\n").expect("there is room for it");
    let checkpoint = folder.join("checkpoint");
    std::fs::write(&checkpoint, input).expect("there is room for it");
    if follow(&logs, &checkpoint) {
        assert!(follow(&logs, &checkpoint), "what was written is refused");
    }
});

/// Whether the checkpoint was taken.
fn follow(logs: &Path, checkpoint: &Path) -> bool {
    let mut settings = Settings::new(vec![logs.to_owned()], checkpoint.to_owned());
    settings.every = Duration::ZERO;
    let Ok(mut follower) = Follower::open(settings) else {
        return false;
    };
    let mut seen = HashSet::new();
    // A checkpoint may send it to any place; it gives no more batches than there are records.
    for _ in 0..8 {
        let Ok(Some(batch)) = follower.next(Duration::ZERO) else {
            break;
        };
        for record in &batch.records {
            assert!(seen.insert(record.position), "{:?} was given twice", record.position);
        }
        follower.acknowledge(&batch).expect("it is the oldest one");
    }
    assert!(follower.next(Duration::ZERO).is_ok_and(|batch| batch.is_none()));
    true
}
