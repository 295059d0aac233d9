//! The power is cut at every single write, sync and change of a directory of a script that uses everything.

use std::time::Duration;

use simulation::disk::{Cut, Geometry};
use simulation::image::read_image;
use simulation::operation::{Action, Back, Operation, Part, Past};
use simulation::options::{Class, Options};
use simulation::random::Random;
use simulation::simulation::Simulation;
use volume::{Hole, Settings};

/// Different ways in which unsynced sectors are lost, at every cut.
const TEARS: u64 = 6;

fn write(volume: usize, block: u64, length: usize, seed: u64) -> Operation {
    Operation {
        volume,
        action: Action::Write(vec![Part {
            offset: block * 4096,
            length,
            seed,
        }]),
    }
}

fn on(volume: usize, action: Action) -> Operation {
    Operation { volume, action }
}

/// Writes, flushes, checkpoints, a rollback and its undoing, a restore in part, compaction of expired and cold segments, bringing together what
/// lies apart, pins, resizes, a fork with writes of its own, and deletion.
fn script() -> Vec<Operation> {
    let mut script = vec![write(0, 0, 4096, 11), write(0, 1, 700, 12), on(0, Action::Flush)];
    script.extend(filling(0, 2));
    script.extend(
        [
            Action::Pin {
                name: "early".into(),
                moment: None,
            },
            Action::Trim {
                offset: 8192,
                length: 40_960,
            },
            Action::Checkpoint,
            Action::Write(vec![
                Part {
                    offset: 9000,
                    length: 9000,
                    seed: 21,
                },
                Part {
                    offset: 100,
                    length: 9,
                    seed: 22,
                },
            ]),
            Action::Zero {
                offset: 0,
                length: 1 << 20,
                hole: Hole::Refused,
            },
            Action::Flush,
            Action::Rollback(Past::Pin("early".into())),
            Action::Write(vec![Part {
                offset: 40_000,
                length: 9000,
                seed: 31,
            }]),
            Action::Undo,
            Action::Restore(vec![
                Back {
                    first: 0,
                    blocks: 2,
                    to: Past::Pin("early".into()),
                },
                Back {
                    first: 3,
                    blocks: 60,
                    to: Past::Share(200),
                },
            ]),
            Action::Resize((1 << 20) + 4096),
            Action::Fork {
                moment: Past::Pin("early".into()),
                name: "copy".into(),
            },
        ]
        .map(|action| on(0, action)),
    );
    script.extend(filling(1, 4));
    script.push(on(1, Action::Flush));
    script.push(on(0, Action::Wait(Duration::from_secs(30))));
    script.extend(filling(0, 5));
    script.extend(scattering(0, 6));
    script.push(on(0, Action::Flush));
    script.push(on(0, Action::Wait(Duration::from_secs(30))));
    script.extend(ending());
    script
}

/// Writes that fill several segments.
fn filling(volume: usize, seed: u64) -> impl Iterator<Item = Operation> {
    (0..12).map(move |at| write(volume, at * 3 % 32, 16_384, seed * 100 + at))
}

/// Writes of single blocks, each far from its neighbours in the log.
fn scattering(volume: usize, seed: u64) -> impl Iterator<Item = Operation> {
    let part = move |at: u64| Part {
        offset: at * 27 % 64 * 4096,
        length: 4096,
        seed: seed * 100 + at,
    };
    (0..64)
        .step_by(4)
        .map(move |at| on(volume, Action::Write((at..at + 4).map(part).collect())))
}

/// Compaction with and without what holds history, and the end of the fork.
fn ending() -> [Operation; 7] {
    let maintain = Action::Maintain {
        steps: 30,
        io_bytes: 1 << 20,
    };
    [
        on(0, maintain.clone()),
        on(1, maintain.clone()),
        on(0, Action::Unpin { name: "early".into() }),
        on(1, Action::Delete),
        on(0, maintain),
        on(0, Action::Reopen),
        write(0, 5, 4096, 61),
    ]
}

fn options(sector: usize) -> Options {
    let mut options = Options::draw(Class::Power, &mut Random::new(1));
    options.geometry = Geometry {
        sector,
        ..Geometry::default()
    };
    options.size_bytes = 1 << 20;
    options.settings = Settings {
        retention: Duration::from_secs(20),
        retention_floor: Duration::from_secs(10),
        segment_bytes: 1 << 16,
        map_cache_bytes: 1 << 16,
        compress_after: Duration::from_secs(5),
        defragment_after: Duration::from_secs(5),
        defragment_percent: 400,
        ..Settings::default()
    };
    options
}

/// Runs the script with a stop at the `nth` fault point. Gives the number of fault points of a run without a stop.
fn run(stop: Option<(u64, Cut)>, tear: u64) -> Result<u64, String> {
    let sector = if tear.is_multiple_of(2) { 512 } else { 4096 };
    let mut simulation = Simulation::start(options(sector), tear)?;
    let before = simulation.disk().points();
    if let Some((nth, cut)) = stop {
        simulation.stop_at(nth, cut);
    }
    for operation in script() {
        simulation.advance(Duration::from_millis(100));
        simulation
            .execute(&operation)
            .map_err(|found| format!("{operation:?}: {found}"))?;
    }
    let points = simulation.disk().points() - before;
    if stop.is_none() {
        let image = read_image(&simulation.disk().root()).map_err(|error| error.to_string())?;
        let has_moved = |bytes: &Vec<u8>| bytes.get(4..12) == Some(b"holdvol4");
        assert!(image.values().any(has_moved), "the script moves blocks");
    }
    simulation.finish().map_err(|found| format!("the end: {found}"))?;
    Ok(points)
}

fn sweep(cut: Cut) {
    let points = run(None, 0).expect("the script runs without a fault");
    assert!(points > 150, "the script has only {points} fault points");
    for nth in 1..=points {
        for tear in 0..TEARS {
            if let Err(found) = run(Some((nth, cut)), tear) {
                panic!("{cut:?} at fault point {nth} of {points}, tear {tear}: {found}");
            }
        }
    }
}

#[test]
fn power_cut_at_every_fault_point_loses_nothing_that_was_flushed() {
    sweep(Cut::Power);
}

#[test]
fn kill_at_every_fault_point_loses_nothing_that_was_acknowledged() {
    sweep(Cut::Kill);
}
