//! What clients read is kept, within its bound, over restarts, and said to be unknown where it is.

use std::ops::ControlFlow;
use std::path::PathBuf;

use guard::{EventKind, Fence, Reading, Settings, read_back};
use volume::{Device, Timestamp, Wait};

use crate::fixture::{BATCH, BLOCK, Bench, DISK_BYTES, at, text};

/// Long after everything.
const LATER: u64 = 1 << 33;

fn read(disk: &dyn Device, first: u64, blocks: u64) {
    let mut buffer = vec![0; (blocks * BLOCK) as usize];
    disk.read(first * BLOCK, &mut buffer, Wait::Allowed).expect("read");
}

type Told = (Option<Timestamp>, Vec<(u64, u64)>);

fn span(bench: &Bench, from: Timestamp, to: Timestamp) -> Told {
    let mut found = Vec::new();
    let since = bench.guard.readings(from, to, &mut |reading| {
        assert!(reading.time <= reading.until && reading.until >= from && reading.time <= to);
        found.push((reading.first_block, reading.blocks));
        ControlFlow::Continue(())
    });
    (since.expect("read back"), found)
}

fn all(bench: &Bench) -> Told {
    span(bench, at(0), at(LATER))
}

fn readings(bench: &Bench) -> Vec<Reading> {
    let mut found = Vec::new();
    let visit = &mut |reading: &Reading| {
        found.push(*reading);
        ControlFlow::Continue(())
    };
    bench.guard.readings(at(0), at(LATER), visit).expect("read back");
    found
}

/// A volume on which nothing was read yet.
fn fresh() -> Bench {
    Bench::new(Fence::Divert)
}

fn now(bench: &Bench) -> Timestamp {
    volume::Clock::now(&*bench.clocks)
}

/// The files of what was read, with their lengths.
fn pieces(bench: &Bench) -> Vec<(PathBuf, u64)> {
    let files = std::fs::read_dir(bench.folder.path().join("disk")).expect("the volume's directory");
    let mut pieces: Vec<_> = files
        .map(|file| file.expect("a file").path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("reads-"))
        })
        .map(|path| (path.clone(), path.metadata().expect("its metadata").len()))
        .collect();
    pieces.sort();
    pieces
}

#[test]
fn what_was_read_is_told_with_its_second_and_holes_count_too() {
    let bench = fresh();
    let begun = at(0);
    let disk = bench.guard.attach();
    let start = now(&bench);
    read(&disk, 5, 1);
    read(&disk, 6, 3);
    bench.pass_seconds(1);
    // Nothing was ever written there, and a part of a block is that block.
    let mut part = [0; 10];
    disk.read(DISK_BYTES - 4096 + 7, &mut part, Wait::Allowed).unwrap();
    bench.pass_seconds(5);
    read(&disk, 0, 1);
    let last = DISK_BYTES / BLOCK - 1;
    assert_eq!(all(&bench), (Some(begun), vec![(5, 4), (last, 1), (0, 1)]));
    let second = std::time::Duration::from_secs(1);
    let (early, late) = (start.saturating_add(second / 2), start.saturating_add(second * 3));
    assert_eq!(span(&bench, start, early).1, [(5, 4)]);
    assert_eq!(span(&bench, start.saturating_add(second * 4), at(LATER)).1, [(0, 1)]);
    assert_eq!(span(&bench, start, late).1, [(5, 4), (last, 1)]);
    let all = readings(&bench);
    assert_eq!((all[0].time, all[0].until), (start, start.saturating_add(second)));
    assert!(
        all.iter()
            .all(|reading| reading.grain_blocks == 1 && !reading.is_diverted)
    );
    let mut seen = 0;
    let stop = &mut |_: &Reading| {
        seen += 1;
        ControlFlow::Break(())
    };
    assert_eq!(bench.guard.readings(at(0), at(LATER), stop).unwrap(), Some(begun));
    assert_eq!(seen, 1);
}

#[test]
fn what_failed_or_was_written_is_not_read() {
    let bench = fresh();
    let disk = bench.guard.attach();
    let mut beyond = vec![0; 8192];
    disk.read(DISK_BYTES - 4096, &mut beyond, Wait::Allowed).unwrap_err();
    bench.write_text(&disk, 0).unwrap();
    disk.flush().unwrap();
    disk.prefetch(0, 4096).unwrap();
    assert_eq!(all(&bench).1, []);
}

#[test]
fn reads_are_known_over_restarts_in_good_order_and_not_over_crashes() {
    let bench = fresh();
    let disk = bench.guard.attach();
    read(&disk, 1, 1);
    drop(disk);
    let bench = bench.restart();
    bench.pass_seconds(10);
    assert_eq!(all(&bench), (Some(at(0)), vec![(1, 1)]), "without anybody attached");
    let disk = bench.guard.attach();
    read(&disk, 2, 1);
    bench.pass_seconds(2);
    // What was written down survives; the last second doesn't, and nobody can tell what it was.
    read(&disk, 3, 1);
    drop(disk);
    let bench = bench.crash();
    bench.pass_seconds(7);
    assert_eq!(all(&bench), (Some(at(0)), vec![(1, 1), (2, 1)]));
    let known = now(&bench);
    let disk = bench.guard.attach();
    read(&disk, 4, 1);
    assert_eq!(all(&bench), (Some(known), vec![(1, 1), (2, 1), (4, 1)]));
    let before = known.saturating_sub(std::time::Duration::from_secs(8));
    assert_eq!(
        span(&bench, at(0), before).0,
        Some(at(0)),
        "of an earlier time more is known"
    );
    // Without a guard.
    let mut found = 0;
    let visit = &mut |_: &Reading| {
        found += 1;
        ControlFlow::Continue(())
    };
    assert_eq!(
        read_back(&bench.store, "disk", at(0), at(LATER), visit).unwrap(),
        Some(known)
    );
    assert_eq!(found, 3);
}

#[test]
fn reads_of_who_is_still_attached_when_the_guard_is_closed_are_not_taken_for_known() {
    let bench = fresh();
    let disk = bench.guard.attach();
    read(&disk, 1, 1);
    bench.guard.close();
    read(&disk, 2, 1);
    assert_eq!(all(&bench), (None, vec![(1, 1)]));
    drop(disk);
    let bench = bench.crash();
    bench.pass_seconds(1);
    let known = now(&bench);
    let disk = bench.guard.attach();
    read(&disk, 3, 1);
    assert_eq!(all(&bench), (Some(known), vec![(1, 1), (3, 1)]));
}

#[test]
fn a_power_cut_costs_the_torn_end_and_is_noticed() {
    let bench = fresh();
    let disk = bench.guard.attach();
    for block in 0..10 {
        read(&disk, block * 2, 1);
        bench.pass_seconds(1);
    }
    drop(disk);
    let (newest, length) = pieces(&bench).pop().unwrap();
    for cut in [2, 20, 40, 100] {
        let bytes = std::fs::read(&newest).unwrap();
        // Space that was set aside and never written.
        let mut torn = bytes[..bytes.len() - cut].to_vec();
        torn.resize(bytes.len(), 0);
        std::fs::write(&newest, torn).unwrap();
        let (since, found) = {
            let mut found = Vec::new();
            let since = read_back(&bench.store, "disk", at(0), at(LATER), &mut |reading| {
                found.push(reading.first_block);
                ControlFlow::Continue(())
            });
            (since.unwrap(), found)
        };
        assert_eq!(since, Some(at(0)));
        assert!(found.len() < 10 && !found.is_empty(), "cut {cut}: {found:?}");
        assert!(found.iter().zip(0..).all(|(block, index)| *block == index * 2));
    }
    assert!(length > 200);
    let bench = bench.crash();
    let known = now(&bench);
    let disk = bench.guard.attach();
    read(&disk, 99, 1);
    let (since, found) = all(&bench);
    assert_eq!((since, found.last()), (Some(known), Some(&(99, 1))));
}

#[test]
fn the_end_of_a_piece_that_went_missing_is_a_gap() {
    let bench = fresh();
    let disk = bench.guard.attach();
    read(&disk, 1, 1);
    bench.pass_seconds(1);
    read(&disk, 2, 1);
    drop(disk);
    let bench = bench.restart();
    let known = now(&bench);
    let disk = bench.guard.attach();
    read(&disk, 3, 1);
    bench.pass_seconds(1);
    assert_eq!(all(&bench).0, Some(at(0)));
    let (first, length) = pieces(&bench).remove(0);
    let mut bytes = std::fs::read(&first).unwrap();
    bytes.truncate(length as usize - 60);
    std::fs::write(&first, bytes).unwrap();
    assert_eq!(all(&bench), (Some(known), vec![(1, 1), (3, 1)]));
    std::fs::remove_file(&first).unwrap();
    assert_eq!(all(&bench), (Some(known), vec![(3, 1)]));
}

#[test]
fn reads_are_unknown_while_the_guard_is_off() {
    let bench = fresh();
    let disk = bench.guard.attach();
    let settings = bench.guard.status().settings;
    let off = Settings {
        enabled: false,
        ..settings
    };
    read(&disk, 1, 1);
    bench.pass_seconds(1);
    let on_until = now(&bench);
    bench.guard.set(off).unwrap();
    read(&disk, 2, 1);
    bench.pass_seconds(2);
    assert_eq!(all(&bench), (None, vec![(1, 1)]));
    let before = on_until.saturating_sub(std::time::Duration::from_secs(1));
    assert_eq!(span(&bench, at(0), before).0, Some(at(0)), "before it was off");
    bench.guard.set(settings).unwrap();
    bench.pass_seconds(1);
    let known = now(&bench);
    read(&disk, 3, 1);
    bench.pass_seconds(1);
    assert_eq!(all(&bench), (Some(known), vec![(1, 1), (3, 1)]));
    // Off over a whole run, between two in good order.
    drop(disk);
    bench.guard.close();
    let bench = bench.restart_with(off);
    let disk = bench.guard.attach();
    read(&disk, 4, 1);
    bench.pass_seconds(1);
    drop(disk);
    bench.guard.close();
    assert_eq!(all(&bench), (None, vec![(1, 1), (3, 1)]));
    let bench = bench.restart_with(settings);
    bench.pass_seconds(1);
    let known = now(&bench);
    let disk = bench.guard.attach();
    read(&disk, 5, 1);
    assert_eq!(all(&bench), (Some(known), vec![(1, 1), (3, 1), (5, 1)]));
}

#[test]
fn the_oldest_reads_go_when_there_are_too_many_but_not_those_of_an_incident() {
    const KEPT: u64 = 1 << 20;
    let bench = fresh();
    bench.guard.set_reads_kept(KEPT);
    let disk = bench.guard.attach();
    // Blocks apart, in another place each second.
    let spread = |second: u64| {
        for index in 0..3000 {
            read(&disk, (index * 5 + second) % (DISK_BYTES / BLOCK), 1);
        }
        bench.pass_seconds(1);
    };
    let kept = || pieces(&bench).iter().map(|(_, length)| length).sum::<u64>();
    for second in 0..500 {
        spread(second);
        assert!(kept() <= KEPT + (128 << 10), "second {second}: {} bytes", kept());
    }
    assert!(kept() > KEPT * 3 / 4);
    let (since, _) = span(&bench, now(&bench), now(&bench));
    assert!(
        since.is_some_and(|since| since > at(7200)),
        "the beginning went: {since:?}"
    );
    bench.encrypt_until_fenced(&disk);
    bench.guard.tick();
    let (known, _) = span(&bench, now(&bench), now(&bench));
    for second in 0..120 {
        spread(second);
    }
    let (since, _) = span(&bench, now(&bench), now(&bench));
    assert_eq!(since, known, "nothing that may be asked for went");
    assert!(kept() > KEPT * 5 / 4);
    for second in 0..500 {
        spread(second);
        assert!(kept() <= 2 * KEPT + (128 << 10), "twice as much at most");
    }
}

#[test]
fn more_than_is_kept_exactly_is_rounded_outwards() {
    let bench = fresh();
    let disk = bench.guard.attach();
    let blocks = DISK_BYTES / BLOCK;
    for index in 0..blocks / 3 {
        read(&disk, index * 3 * 7 % blocks, 1);
    }
    bench.pass_seconds(1);
    let found = readings(&bench);
    assert!(found.len() <= 4096);
    assert!(found.iter().any(|reading| reading.grain_blocks > 1));
    for index in 0..blocks / 3 {
        let block = index * 3 * 7 % blocks;
        let holds = |reading: &Reading| (reading.first_block..reading.first_block + reading.blocks).contains(&block);
        assert!(found.iter().any(holds), "block {block}");
    }
    read(&disk, 17, 1);
    assert_eq!(
        readings(&bench)
            .last()
            .map(|reading| (reading.first_block, reading.grain_blocks)),
        Some((17, 1))
    );
}

#[test]
fn reads_of_diverted_clients_are_told_as_such() {
    let bench = fresh();
    let disk = bench.guard.attach();
    read(&disk, 9000, 1);
    bench.encrypt_until_fenced(&disk);
    read(&disk, 9002, 1);
    let found = readings(&bench);
    let is_diverted = |block| {
        found
            .iter()
            .find(|reading| reading.first_block == block)
            .map(|reading| reading.is_diverted)
    };
    assert_eq!((is_diverted(9000), is_diverted(9002)), (Some(false), Some(true)));
    let attacked = found.iter().filter(|reading| reading.first_block < 16 * BATCH);
    assert!(attacked.map(|reading| reading.blocks).sum::<u64>() >= BATCH);
}

#[test]
fn a_wall_clock_that_is_set_back_leaves_reads_in_their_order() {
    let bench = fresh();
    let disk = bench.guard.attach();
    for (block, second) in [(1, 100_000), (2, 50_000), (3, 50_010)] {
        bench.clocks.set_wall(at(second));
        read(&disk, block, 1);
        bench.guard.tick();
    }
    let times: Vec<_> = readings(&bench)
        .iter()
        .map(|reading| (reading.time, reading.until))
        .collect();
    assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{times:?}");
    assert!(times.iter().all(|(from, until)| from <= until));
    drop(disk);
    let bench = bench.restart();
    let disk = bench.guard.attach();
    read(&disk, 4, 1);
    let found = readings(&bench);
    assert!(found[2].until <= found[3].time, "over a restart, too");
}

#[test]
fn nothing_is_kept_if_nothing_is_to_be_kept() {
    let bench = fresh();
    let disk = bench.guard.attach();
    read(&disk, 1, 1);
    bench.pass_seconds(1);
    assert_eq!(pieces(&bench).len(), 1);
    bench.guard.set_reads_kept(0);
    read(&disk, 2, 1);
    bench.pass_seconds(1);
    assert_eq!((pieces(&bench), all(&bench)), (Vec::new(), (None, Vec::new())));
    bench.guard.set_reads_kept(1 << 20);
    bench.pass_seconds(1);
    let known = now(&bench);
    read(&disk, 3, 1);
    assert_eq!(all(&bench), (Some(known), vec![(3, 1)]));
}

#[test]
fn who_only_looks_at_a_volume_writes_nothing_down() {
    let bench = fresh();
    let bench = bench.restart();
    let before = pieces(&bench);
    bench.pass_seconds(3);
    bench.guard.close();
    assert_eq!(pieces(&bench), before);
}

#[test]
fn what_cannot_be_written_down_is_told_once_and_unknown_from_then_on() {
    let bench = fresh();
    let bench = bench.restart();
    let number = pieces(&bench).len() as u32 + 1;
    // In the way of the next piece.
    let obstacle = bench.folder.path().join(format!("disk/reads-{number:08x}"));
    std::fs::create_dir(&obstacle).unwrap();
    let disk = bench.guard.attach();
    assert_eq!(read_one(&disk, 7), text(7).0, "served in any case");
    bench.pass_seconds(3);
    let failed = bench.events.find(|kind| matches!(kind, EventKind::Failed { .. }));
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0].text().contains("which blocks are read"),
        "{}",
        failed[0].text()
    );
    std::fs::remove_dir(&obstacle).unwrap();
    bench.pass_seconds(1);
    let known = now(&bench);
    read(&disk, 8, 1);
    let (since, found) = all(&bench);
    assert_eq!((since, found), (Some(known), vec![(8, 1)]));
}

fn read_one(disk: &dyn Device, block: u64) -> Vec<u8> {
    let mut data = vec![0; BLOCK as usize];
    disk.read(block * BLOCK, &mut data, Wait::Allowed).expect("read");
    data
}
