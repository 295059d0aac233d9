//! Attacks on the guard itself: many clients at once, clocks that jump, many volumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use guard::{EventKind, Fence, Release};
use volume::{Clock, Device, Error as DiskError, WriteRequest};

use crate::fixture::{BATCH, BLOCK, Bench, TO_FENCE, assert_clean, at, block_of, line_block, noise, text};

const YEAR: u64 = 365 * 86_400;

#[test]
fn no_write_of_any_client_gets_through_once_the_fence_is_told() {
    let bench = Bench::new(Fence::Refuse);
    let is_done = AtomicBool::new(false);
    let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (bench, is_done, accepted, refused) = (&bench, &is_done, &accepted, &refused);
            scope.spawn(move || {
                let disk = bench.guard.attach();
                while !is_done.load(Ordering::SeqCst) {
                    let write = WriteRequest {
                        offset: (4000 + client) * BLOCK,
                        data: &text(client).0,
                    };
                    match disk.write(&[write]) {
                        Ok(()) => accepted.fetch_add(1, Ordering::SeqCst),
                        Err(DiskError::Fenced) => refused.fetch_add(1, Ordering::SeqCst),
                        Err(other) => panic!("{other}"),
                    };
                }
            });
        }
        let disk = bench.guard.attach();
        while accepted.load(Ordering::SeqCst) < 100 {
            std::thread::yield_now();
        }
        // So much of the clients' own writing is in between that it takes more of the attack.
        let mut batch = 0;
        while bench.encrypt(&disk, batch % 16 * BATCH).is_ok() {
            if batch % 16 == 15 {
                bench.clocks.advance_millis(100_000);
                (0..16).for_each(|batch| drop(bench.write_text(&disk, batch * BATCH)));
                bench.clocks.advance_millis(100_000);
            }
            batch += 1;
            assert!(batch < 1000, "never fenced: {:?}", bench.guard.status());
        }
        let newest = bench.volume.newest();
        let refused_then = refused.load(Ordering::SeqCst);
        while refused.load(Ordering::SeqCst) < refused_then + 100 {
            std::thread::yield_now();
        }
        // Pins are the only entries in the log from here on.
        assert_eq!(bench.volume.newest().time, newest.time.max(bench.volume.newest().time));
        is_done.store(true, Ordering::SeqCst);
    });
    assert_eq!(bench.guard.status().counts.fences, 1);
    assert_eq!(
        bench.events.find(|kind| matches!(kind, EventKind::Fenced { .. })).len(),
        1
    );
}

/// Every client counts upwards in a block of its own. What it was told is written must be there, whatever the guard does.
#[test]
fn no_acknowledged_write_is_lost_while_clients_are_diverted_and_brought_back() {
    let bench = Bench::new(Fence::Divert);
    let is_done = AtomicBool::new(false);
    let line_at_fence = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4_u64)
            .map(|client| {
                let (bench, is_done) = (&bench, &is_done);
                scope.spawn(move || {
                    let disk = bench.guard.attach();
                    let mut last = 0;
                    while !is_done.load(Ordering::SeqCst) {
                        let data = text(last + 1);
                        let offset = (4000 + client) * BLOCK;
                        disk.write(&[WriteRequest { offset, data: &data.0 }])
                            .expect("never refused");
                        last += 1;
                        assert!(block_of(&disk, 4000 + client) == data, "its own write, at {last}");
                    }
                    last
                })
            })
            .collect();
        let disk = bench.guard.attach();
        let mut rounds = 0;
        while bench.guard.status().diverted.is_none() {
            bench.encrypt(&disk, rounds % 16 * BATCH).unwrap();
            if rounds % 16 == 15 {
                bench.clocks.advance_millis(100_000);
                (0..16).for_each(|batch| bench.write_text(&disk, batch * BATCH).unwrap());
                bench.clocks.advance_millis(100_000);
            }
            rounds += 1;
            assert!(rounds < 1000, "never fenced: {:?}", bench.guard.status());
        }
        let line: Vec<_> = (4000..4004).map(|block| line_block(&bench.volume, block)).collect();
        std::thread::sleep(std::time::Duration::from_millis(200));
        let later: Vec<_> = (4000..4004).map(|block| line_block(&bench.volume, block)).collect();
        assert!(line == later, "written past the fence");
        bench.clocks.advance_millis(2000);
        bench.guard.release(Release::Keep).expect("released");
        std::thread::sleep(std::time::Duration::from_millis(100));
        is_done.store(true, Ordering::SeqCst);
        for (client, thread) in (0..4).zip(clients) {
            let last = thread.join().expect("a client");
            assert!(last > 0);
            assert!(
                line_block(&bench.volume, 4000 + client) == text(last),
                "client {client}"
            );
        }
        line
    });
    assert_eq!(line_at_fence.len(), 4);
    assert_eq!(bench.store.names().unwrap(), ["disk"]);
}

#[test]
fn a_wall_clock_that_jumps_moves_no_bookmark_behind_the_attack() {
    for jump in [
        at(10 * YEAR),
        volume::Timestamp::from_unix_seconds(1_000_000_000),
        at(0),
    ] {
        let bench = Bench::new(Fence::Refuse);
        let disk = bench.guard.attach();
        bench.encrypt(&disk, 0).unwrap();
        bench.clocks.set_wall(jump);
        for batch in 1..TO_FENCE {
            bench.encrypt(&disk, batch * BATCH).unwrap();
        }
        let status = bench.guard.status();
        assert_eq!(status.fence, Some(Fence::Refuse), "{status:?}");
        assert_clean(&bench.volume, &status.before_attack.unwrap().pin);
        drop(disk);
        // And over a restart, with the clock back where it was.
        bench.clocks.set_wall(at(20_000));
        let bench = bench.restart();
        assert_eq!(bench.guard.status().fence, Some(Fence::Refuse));
        assert_clean(&bench.volume, &bench.guard.before_attack().unwrap().pin);
        bench.guard.release(Release::Keep).unwrap();
    }
}

#[test]
fn a_clock_that_was_ahead_hides_no_attack_afterwards() {
    let bench = Bench::new(Fence::Refuse);
    let disk = bench.guard.attach();
    let now = bench.clocks.now();
    bench.clocks.set_wall(at(10 * YEAR));
    for batch in 0..16 {
        bench.write_text(&disk, batch * BATCH).unwrap();
    }
    bench.clocks.set_wall(now);
    bench.pass_seconds(100);
    assert!(bench.encrypt_until_fenced(&disk) <= TO_FENCE + 1);
}

#[test]
fn many_volumes_are_guarded_at_once_and_apart() {
    let benches: Vec<Arc<Bench>> = (0..64).map(|_| Arc::new(Bench::new(Fence::Refuse))).collect();
    std::thread::scope(|scope| {
        for (number, bench) in benches.iter().enumerate() {
            let attacked = number % 4 == 0;
            scope.spawn(move || {
                let disk = bench.guard.attach();
                for batch in 0..16 {
                    if attacked {
                        let _ = bench.encrypt(&disk, batch * BATCH);
                    } else {
                        bench.write_text(&disk, batch * BATCH).unwrap();
                    }
                }
                bench.guard.tick();
            });
        }
    });
    for (number, bench) in benches.iter().enumerate() {
        let status = bench.guard.status();
        assert_eq!(status.fence.is_some(), number % 4 == 0, "{number}: {status:?}");
        if status.fence.is_some() {
            assert_clean(&bench.volume, &status.before_attack.unwrap().pin);
            assert_eq!(line_block(&bench.volume, 0), noise(0));
        }
    }
}
