//! Logs of hosts, hypervisors and gates: whatever their bytes say, reading them ends, a stream gives the same messages wherever it is cut,
//! nothing over the limit is held, and every record of the audit daemon is given exactly once.

#![no_main]

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use threat::event::Origin;
use threat::input::framing::{Framed, Framing, datagram};
use threat::input::lines::{Lines, Unended};
use threat::input::{Body, Record, Source};
use threat::normalise::{Normaliser, normalise};

/// Small, so that the fuzzer finds it.
const LIMIT: usize = 512;
const RECEIVED: Timestamp = Timestamp::constant(1_795_694_400, 0);

fuzz_target!(|input: &[u8]| {
    let whole = framed(&[input]);
    let cut = usize::from(input.first().copied().unwrap_or_default()).min(input.len());
    let (head, tail) = input.split_at(cut);
    assert_eq!(framed(&[head, tail]), whole);
    let _ = datagram(input);
    for message in whole.into_iter().flatten() {
        means(&message, 1);
    }
    lines(input);
});

fn framed(pieces: &[&[u8]]) -> Vec<Framed> {
    let mut framing = Framing::new(LIMIT);
    let mut found = Vec::new();
    for piece in pieces {
        framing.push(piece, &mut |frame| found.push(frame));
        assert!(framing.held() <= LIMIT);
    }
    framing.finish(&mut |frame| found.push(frame));
    assert_eq!(framing.held(), 0);
    found
}

/// The event of a line is an object of the time and place that it names, and the same each time.
fn means(line: &str, number: u64) {
    let record = || Record {
        body: Body::Line(line.to_owned()),
        origin: origin(number),
    };
    let Ok(event) = normalise(record(), RECEIVED) else {
        return;
    };
    assert!(event.fields.is_object());
    assert_eq!(event.origin, origin(number));
    let again = normalise(record(), RECEIVED).expect("what was understood once is understood again");
    assert_eq!(
        (event.time, &event.facts, &event.fields),
        (again.time, &again.facts, &again.fields)
    );
}

/// All lines through the normaliser that joins records: each one gives one event, or the reason why not, or waits.
fn lines(input: &[u8]) {
    let mut lines = Lines::new(input, source(), Unended::AreALine);
    let mut normaliser = Normaliser::new();
    let mut given: HashMap<u64, usize> = HashMap::new();
    let mut refused = 0_u64;
    let mut taken = 0_u64;
    let mut once = HashSet::new();
    while let Some(line) = lines.read().expect("memory has no errors") {
        let Ok(record) = line else { continue };
        let Body::Line(text) = &record.body else { continue };
        // Heads of tables and ends of events say nothing of their own.
        let silent = text.starts_with('#') || text.contains("EOE");
        taken += u64::from(!silent);
        // Only what carries a document can be several events.
        if !text.contains('{') {
            once.insert(record.origin.record);
        }
        normaliser.take(record, RECEIVED, &mut |event| match event {
            Ok(event) => *given.entry(event.origin.record).or_default() += 1,
            Err(_) => refused += 1,
        });
    }
    assert_eq!(lines.offset(), input.len() as u64);
    let waiting = normaliser.waiting().count();
    let mut late = 0;
    normaliser.expire(RECEIVED + SignedDuration::from_secs(2), &mut |event| {
        let event = event.expect("what waits was understood");
        *given.entry(event.origin.record).or_default() += 1;
        late += 1;
    });
    assert!(late <= waiting);
    assert_eq!(normaliser.waiting().count(), 0);
    normaliser.finish(&mut |_| panic!("given twice"));
    assert!(
        given
            .iter()
            .all(|(record, &times)| times == 1 || !once.contains(record))
    );
    assert!(
        given.len() as u64 + refused >= taken,
        "{} and {refused} of {taken}",
        given.len()
    );
}

fn origin(record: u64) -> Origin {
    Origin {
        source: source(),
        record,
    }
}

fn source() -> Source {
    "fuzz".into()
}
