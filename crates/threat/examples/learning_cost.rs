//! What learning costs: sign-ins, programs and file reads of 500 people on 60 machines, and a flood of names that were made up.
//!
//! `cargo run --release -p threat --example learning_cost`

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use threat::behaviour::{Behaviour, NoPlaces};
use threat::entity::Directory;
use threat::event::{Activity, Event, Facts, Handle, HandleKind, Logsource, Origin, Outcome, Place};

const EVENTS: i64 = 1_000_000;
const START: i64 = 1_735_804_800;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source: Arc<str> = Arc::from("cost");
    let (mut directory, mut behaviour) = (Directory::new(), Behaviour::new());
    let mut alerts = 0;
    let began = std::time::Instant::now();
    for number in 0..EVENTS {
        let event = event(number, &source)?;
        let parties = directory.learn(&event);
        alerts += behaviour.take(&event, &parties, &directory, &NoPlaces).len();
    }
    let seconds = began.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{EVENTS} events in {seconds:.1} s: {:.0} a second; {alerts} alerts, {} entities",
        EVENTS as f64 / seconds,
        directory.entities().count()
    )?;
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or("VmHWM unknown");
    writeln!(out, "{peak}")?;
    Ok(())
}

fn event(number: i64, source: &Arc<str>) -> Result<Event, Box<dyn std::error::Error>> {
    // A multiplier that spreads the numbers, so that people and machines are mixed.
    let mixed = number.wrapping_mul(2_654_435_761).rem_euclid(1 << 31);
    let person = mixed % 500;
    let machine = mixed / 500 % 60;
    let made_up = number % 10 == 9;
    let names = if made_up {
        vec![Handle::new(HandleKind::Mail, &format!("x{number}@acme.example"))]
    } else {
        vec![
            Handle::new(HandleKind::Sid, &format!("S-1-5-21-1-2-3-{}", 1000 + person)),
            Handle::new(HandleKind::Sam, &format!("ACME\\p{person}")),
            Handle::new(HandleKind::Mail, &format!("p{person}@acme.example")),
        ]
    };
    let activity = match number % 4 {
        0 | 1 => Activity::SignIn,
        2 => Activity::Process,
        _ => Activity::FileRead,
    };
    let facts = Facts {
        activity: if made_up { Activity::SignIn } else { activity },
        outcome: if made_up { Outcome::Failure } else { Outcome::Success },
        actor: names.into_iter().flatten().collect(),
        machine: [
            Handle::new(HandleKind::Host, &format!("m{machine}.acme.example")),
            Handle::new(HandleKind::Address, &format!("10.0.0.{}", 1 + machine)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        address: Some(
            std::net::Ipv4Addr::from(u32::try_from(0x0b00_0000 + if made_up { number } else { person })?).into(),
        ),
        object: Some(format!("C:\\Windows\\program{}.exe /x", mixed % 200)),
        place: Place {
            network: Some(format!("AS {}", mixed % 7)),
            ..Place::default()
        },
        ..Facts::default()
    };
    Ok(Event {
        time: Timestamp::from_second(START + number)?,
        logsource: Logsource {
            product: "windows",
            service: Some("security"),
            category: None,
        },
        fields: serde_json::json!({"EventID": 4624}),
        facts,
        origin: Origin {
            source: Arc::clone(source),
            record: number.unsigned_abs(),
        },
    })
}
