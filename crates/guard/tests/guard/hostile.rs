//! Attacks on the guard itself: many clients at once, clocks that jump, many volumes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use guard::{EventKind, Fence, Release};
use volume::{Clock, Device, Error as DiskError, WriteRequest};

use crate::fixture::{
    BATCH, BLOCK, Bench, Bytes, TO_FENCE, assert_clean, at, block_of, line_block, model_by, noise, text,
};

const YEAR: u64 = 365 * 86_400;

/// Ends the clients' threads, also when a test fails.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Encrypts until that is refused or `is_over`, over and over again: the clients' own writes in between make it take longer.
fn encrypt_in_the_crowd(bench: &Bench, is_over: impl Fn() -> bool) {
    let disk = bench.guard.attach();
    for _ in 0..100 {
        for batch in 0..16 {
            if is_over() || bench.encrypt(&disk, batch * BATCH).is_err() {
                return;
            }
        }
        bench.clocks.advance_millis(100_000);
        for batch in 0..16 {
            if bench.write_text(&disk, batch * BATCH).is_err() {
                return;
            }
        }
        bench.clocks.advance_millis(100_000);
    }
    panic!("never fenced: {:?}", bench.guard.status());
}

fn wait_until(is: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is() {
        assert!(began.elapsed().as_secs() < 60, "waited for a minute");
        std::thread::yield_now();
    }
}

fn clients_blocks(bench: &Bench) -> [Bytes; 4] {
    [4000, 4001, 4002, 4003].map(|block| line_block(&bench.volume, block))
}

#[test]
fn no_write_of_any_client_gets_through_once_the_gate_is_closed() {
    let bench = Bench::new(Fence::Refuse);
    let is_done = AtomicBool::new(false);
    let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let done = Done(&is_done);
        for client in 0..4 {
            let (bench, is_done, accepted, refused) = (&bench, &is_done, &accepted, &refused);
            scope.spawn(move || {
                let disk = bench.guard.attach();
                for number in 0.. {
                    if is_done.load(Ordering::SeqCst) {
                        return;
                    }
                    let write = WriteRequest {
                        offset: (4000 + client) * BLOCK,
                        data: &text(number).0,
                    };
                    match disk.write(&[write]) {
                        Ok(()) => accepted.fetch_add(1, Ordering::SeqCst),
                        Err(DiskError::Fenced) => refused.fetch_add(1, Ordering::SeqCst),
                        Err(other) => panic!("{other}"),
                    };
                }
            });
        }
        wait_until(|| accepted.load(Ordering::SeqCst) > 100);
        encrypt_in_the_crowd(&bench, || false);
        let at_fence = clients_blocks(&bench);
        let refused_then = refused.load(Ordering::SeqCst);
        wait_until(|| refused.load(Ordering::SeqCst) > refused_then + 100);
        assert_eq!(clients_blocks(&bench), at_fence);
        drop(done);
    });
    assert_eq!(bench.guard.status().counts.fences, 1);
    let told = bench.events.find(|kind| matches!(kind, EventKind::Fenced { .. }));
    assert_eq!(told.len(), 1);
}

/// Every client counts upwards in a block of its own. What it was told is written must be there, whatever the guard does.
#[test]
fn no_acknowledged_write_is_lost_while_clients_are_diverted_and_brought_back() {
    let bench = Bench::new(Fence::Divert);
    let is_done = AtomicBool::new(false);
    let written = [const { AtomicU64::new(0) }; 4];
    std::thread::scope(|scope| {
        let done = Done(&is_done);
        let clients: Vec<_> = (0..4)
            .zip(&written)
            .map(|(client, written)| {
                let (bench, is_done) = (&bench, &is_done);
                scope.spawn(move || {
                    let disk = bench.guard.attach();
                    while !is_done.load(Ordering::SeqCst) {
                        let number = written.load(Ordering::SeqCst) + 1;
                        let write = WriteRequest {
                            offset: (4000 + client) * BLOCK,
                            data: &text(number).0,
                        };
                        disk.write(&[write]).expect("never refused");
                        assert_eq!(block_of(&disk, 4000 + client), text(number), "its own write");
                        written.store(number, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let have_all_written = |than: [u64; 4]| {
            let now = written.each_ref().map(|number| number.load(Ordering::SeqCst));
            now.iter().zip(than).all(|(now, than)| *now > than + 20)
        };
        let numbers = || written.each_ref().map(|number| number.load(Ordering::SeqCst));
        wait_until(|| have_all_written([0; 4]));
        encrypt_in_the_crowd(&bench, || bench.guard.status().diverted.is_some());
        let (line, then) = (clients_blocks(&bench), numbers());
        wait_until(|| have_all_written(then));
        assert_eq!(clients_blocks(&bench), line, "written past the fence");
        bench.clocks.advance_millis(2000);
        bench.guard.release(Release::Keep).expect("released");
        let then = numbers();
        wait_until(|| have_all_written(then));
        drop(done);
        clients.into_iter().for_each(|thread| thread.join().expect("a client"));
        assert_eq!(clients_blocks(&bench), numbers().map(text));
    });
    bench.pass_seconds(61);
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
            bench.clocks.advance_millis(3000);
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
    // What was written just now may be read and replaced: this model goes by the age of what is replaced.
    let model = model_by("read, replaced random / written", 8);
    bench.model.replace(sentinel::Model::parse(model.into()).unwrap());
    bench.guard.tick();
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
