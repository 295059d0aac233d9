//! What is in the paper pack, in the order in which it is needed.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::layout::Block;
use crate::case_file::clocks::{Clock, Force, Jurisdiction, Start, Within};
use crate::case_file::drafts::date_and_time;
use crate::case_file::facts::Fact;
use crate::case_file::timeline::Timeline;
use crate::time::Time;

/// Entries of the timeline that are printed, at most: the newest.
const ENTRIES_MAX: usize = 400;

/// Somebody to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// What they do: "incident lead", "insurer".
    pub role: String,
    /// Who.
    pub name: String,
    /// Their telephone number.
    pub phone: String,
    /// Another way that doesn't need the company's network.
    pub other: String,
}

/// A volume to be restored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreStep {
    /// 1 is restored first.
    pub tier: u32,
    /// The volume.
    pub volume: String,
    /// What is known of it: its size, its restore point from before the attack, its newest drill.
    pub state: String,
    /// The command.
    pub command: String,
}

/// What a pack is made of.
#[derive(Clone, Debug)]
pub struct Pack<'a> {
    /// The organisation; empty if it isn't known.
    pub organisation: &'a str,
    /// Whom to call, in that order.
    pub contacts: &'a [Contact],
    /// What to restore, in that order.
    pub restore: &'a [RestoreStep],
    /// Laws whose clocks may have to be started.
    pub jurisdictions: &'a [Jurisdiction],
    /// The incident, if there is one already.
    pub case: Option<Case<'a>>,
    /// The time now.
    pub now: Time,
    /// The time zone of what is printed.
    pub zone: &'a TimeZone,
}

/// What is known of an incident.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Its timeline.
    pub timeline: &'a Timeline,
    /// Its register.
    pub facts: &'a [Fact],
    /// Its clocks.
    pub clocks: &'a [Clock],
    /// The letter to those concerned.
    pub letter: &'a str,
}

/// The title and the footer of every page.
pub(super) fn titles(pack: &Pack<'_>) -> (String, String) {
    let title = match &pack.case {
        Some(case) => format!("Paper pack: incident {}", case.timeline.incident),
        None => "Paper pack: for the day when nothing works".to_owned(),
    };
    let footer = format!(
        "{title} - made {} - keep it where no computer is needed",
        date_and_time(pack.now, pack.zone)
    );
    (title, footer)
}

/// Everything in the pack.
pub(super) fn blocks(pack: &Pack<'_>) -> Vec<Block> {
    let mut blocks = first_page(pack);
    contacts(pack, &mut blocks);
    restore(pack, &mut blocks);
    approvals(&mut blocks);
    regulators(pack, &mut blocks);
    if let Some(case) = &pack.case {
        facts(case, &mut blocks);
        timeline(case, pack.zone, &mut blocks);
        letter(case, &mut blocks);
    }
    log_sheet(&mut blocks);
    blocks
}

/// After CISA's and MS-ISAC's StopRansomware guide, part 2: the first three steps are in this order.
const STEPS: &[&str] = &[
    "Isolate what is hit. If it is many machines or a part of the network, take the network down at the switch: don't do it machine by machine.",
    "Talk over the telephone or in person only. Mail and chat of the company may be read by the attackers, and ransom mail may come from inside.",
    "Turn off only what you can't disconnect from the network: what is in its memory is evidence, and is lost.",
    "Call the people on the next page. One person leads; one person writes down everything, with times, on the sheet at the end.",
    "Decide what has to run first: people's safety, then what earns or pays money, then the rest. The restore order is on its own page.",
    "Don't write to the disks that were hit. With Holdfast their past is safe: nobody inside a machine can change it.",
    "Note when you became aware that people's data may be concerned. From that minute on regulators' clocks run (see their page).",
    "Keep images of a few machines and their memory, logs, and the ransom note. Don't answer the attackers without counsel and police.",
    "Help desk: no password or second factor is reset over the telephone. Call back on the number on file, and have a second person approve it.",
    "Find out how they got in, and close that, before anything goes back onto the network.",
    "Restore in order, into a clean network, from a moment before the attack. Change all passwords of administrators first.",
    "Tell those concerned what is known and what isn't, as soon as it is confirmed by two people.",
];

fn first_page(pack: &Pack<'_>) -> Vec<Block> {
    let (title, _) = titles(pack);
    let mut blocks = vec![Block::Title(title)];
    if !pack.organisation.is_empty() {
        blocks.push(Block::Heading(pack.organisation.to_owned()));
    }
    let state = format!("State of {}.", date_and_time(pack.now, pack.zone));
    let about = match &pack.case {
        Some(case) => format!("{state} Incident {}: {}.", case.timeline.incident, case.timeline.title),
        None => format!("{state} Print it again when people, telephone numbers or disks change."),
    };
    blocks.push(Block::Text(about));
    blocks.push(Block::Heading("What to do first, in this order".to_owned()));
    blocks.push(Block::Text(
        "Tick what is done; write the time and your initials on the line.".to_owned(),
    ));
    blocks.extend(
        (1..)
            .zip(STEPS)
            .map(|(number, text)| Block::Step(number, (*text).to_owned())),
    );
    blocks
}

fn contacts(pack: &Pack<'_>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("Whom to call".to_owned()));
    let columns = vec![("Role", 3.0), ("Name", 3.0), ("Telephone", 3.0), ("Another way", 4.0)];
    if pack.contacts.is_empty() {
        blocks.push(Block::Text(
            "No contacts are in the configuration (table [incident_file]). Write them in by hand, now, while you can look them up."
                .to_owned(),
        ));
        blocks.push(Block::Form(columns, 18));
        return;
    }
    blocks.push(Block::Text(
        "In this order. Whoever can't be reached: call the next, and try again later.".to_owned(),
    ));
    let rows = pack.contacts.iter();
    let rows = rows.map(|one| vec![one.role.clone(), one.name.clone(), one.phone.clone(), one.other.clone()]);
    blocks.push(Block::Table(columns.clone(), rows.collect()));
    blocks.push(Block::Form(columns, 4));
}

fn restore(pack: &Pack<'_>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("What to restore, in this order".to_owned()));
    blocks.push(Block::Text(
        "On the machine that runs Holdfast, as its user or as root. A restore is done in seconds, needs no space, and can be taken back \
         (--undo). Only restore what is cut off from the attackers."
            .to_owned(),
    ));
    let mut tiers: BTreeMap<u32, Vec<&RestoreStep>> = BTreeMap::new();
    for step in pack.restore {
        tiers.entry(step.tier).or_default().push(step);
    }
    if tiers.is_empty() {
        blocks.push(Block::Text("There are no volumes.".to_owned()));
    }
    for (tier, steps) in tiers {
        blocks.push(Block::Heading(format!("Tier {tier}")));
        for step in steps {
            blocks.push(Block::Point(format!("{}: {}", step.volume, step.state)));
            blocks.push(Block::Command(step.command.clone()));
        }
    }
    blocks.push(Block::Heading("If that is not what you want".to_owned()));
    for (text, command) in [
        ("See what happened to a disk, and when:", "holdfast history VOLUME"),
        (
            "Which files were hit, and whose data is in them:",
            "holdfast investigate VOLUME --incident --html report.html",
        ),
        (
            "Look at files as they were, without changing anything:",
            "holdfast files ls VOLUME@-2h /",
        ),
        (
            "Bring damaged files back and keep good work since:",
            "holdfast restore VOLUME --keep-good",
        ),
        ("Return to any moment:", "holdfast restore VOLUME \"2026-11-23 10:15\""),
        ("Take a restore back:", "holdfast restore VOLUME --undo"),
    ] {
        blocks.push(Block::Point(text.to_owned()));
        blocks.push(Block::Command(command.to_owned()));
    }
}

fn approvals(blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("Approvals, and breaking the glass".to_owned()));
    blocks.push(Block::Text(
        "If approvals are on, a restore, a release of a fence, a deletion and a letter need other people. Whoever asks can't approve."
            .to_owned(),
    ));
    for (text, command) in [
        ("What waits for approval:", "holdfast approvals list"),
        (
            "Approve a request (somebody else than who asked):",
            "holdfast approvals approve NUMBER",
        ),
    ] {
        blocks.push(Block::Point(text.to_owned()));
        blocks.push(Block::Command(command.to_owned()));
    }
    blocks.push(Block::Text(
        "If nobody can be reached, a sealed code does it alone. Everybody is told at once, and it stays on record. Each code works once, and allows one \
         thing: the command that was refused says what to put here. The code is read from the standard input."
            .to_owned(),
    ));
    blocks.push(Block::Command(
        "holdfast approvals break-glass restore VOLUME --detail '#123' --because 'nobody answers' < code".to_owned(),
    ));
    blocks.push(Block::Text(
        "Where the sealed codes are, and who may open them (write it in by hand; never the codes):".to_owned(),
    ));
    blocks.push(Block::Form(
        vec![("Place", 4.0), ("Who", 3.0), ("Opened: time, by whom, why", 5.0)],
        5,
    ));
}

fn regulators(pack: &Pack<'_>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("Who has to be told, by when".to_owned()));
    blocks.push(Block::Text("We became aware on (date, time, who, how):".to_owned()));
    blocks.push(Block::Form(vec![("Date and time", 3.0), ("Who", 3.0), ("How", 6.0)], 2));
    let clocks = pack.case.as_ref().map_or(&[][..], |case| case.clocks);
    if !clocks.is_empty() {
        blocks.push(Block::Heading("Clocks that run".to_owned()));
        let columns = vec![("What, by which law", 4.0), ("Whom", 4.0), ("Due", 3.0), ("State", 2.0)];
        let rows = clocks.iter().map(|clock| {
            let due = clock
                .due
                .map_or_else(|| clock.duty.within.words(), |due| date_and_time(due, pack.zone));
            let what = format!("{} ({})", clock.duty.title, clock.duty.reference);
            vec![what, clock.duty.tell.clone(), due, clock.state.words().to_owned()]
        });
        blocks.push(Block::Table(columns, rows.collect()));
    }
    blocks.push(Block::Heading("What the law asks for".to_owned()));
    let columns = vec![
        ("Law", 3.0),
        ("Whom", 4.0),
        ("When", 4.0),
        ("Within", 2.0),
        ("Reference", 3.0),
    ];
    let mut rows = Vec::new();
    for law in pack.jurisdictions {
        let force = match &law.force {
            Force::Yes => String::new(),
            Force::No(why) => format!(" ({why})"),
        };
        for duty in &law.duties {
            let from = match (&duty.from, duty.within) {
                (_, Within::NoFixedTime) => String::new(),
                (Start::Aware, _) => " of awareness".to_owned(),
                (Start::Determined, _) => " of the decision to report".to_owned(),
                (Start::Reported(id), _) => format!(" of the {}", id.replace('-', " ")),
            };
            rows.push(vec![
                format!("{}{force}", law.name),
                duty.tell.clone(),
                duty.when.clone(),
                format!("{}{from}", duty.within.words()),
                duty.reference.clone(),
            ]);
        }
    }
    if rows.is_empty() {
        blocks.push(Block::Text(
            "No jurisdictions are chosen: [incident_file] jurisdictions.".to_owned(),
        ));
    } else {
        blocks.push(Block::Table(columns, rows));
    }
    blocks.push(Block::Text(
        "Check with counsel: this is a reminder, not legal advice.".to_owned(),
    ));
}

fn facts(case: &Case<'_>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("What is known of people's data".to_owned()));
    if case.facts.is_empty() {
        blocks.push(Block::Text(
            "The register is empty: nothing is known yet. Don't guess.".to_owned(),
        ));
    }
    let columns = vec![
        ("Data", 3.0),
        ("System", 3.0),
        ("Answer", 2.0),
        ("Confirmed", 2.0),
        ("Evidence", 6.0),
    ];
    let rows = case.facts.iter().map(|fact| {
        let confirmed = match (fact.is_confirmed(), fact.approvals.len()) {
            (true, _) => "yes".to_owned(),
            (false, count) => format!("no ({count} of 2)"),
        };
        let reference = fact
            .said
            .reference
            .as_ref()
            .map_or_else(String::new, |reference| format!(" [{reference}]"));
        vec![
            fact.said.class.clone(),
            fact.said.system.clone(),
            fact.said.answer.words().to_owned(),
            confirmed,
            format!("{}{reference}", fact.said.evidence),
        ]
    });
    if !case.facts.is_empty() {
        blocks.push(Block::Table(columns.clone(), rows.collect()));
    }
    blocks.push(Block::Form(columns, 6));
}

fn timeline(case: &Case<'_>, zone: &TimeZone, blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("What happened so far".to_owned()));
    let skipped = case.timeline.entries.len().saturating_sub(ENTRIES_MAX);
    if skipped > 0 {
        blocks.push(Block::Text(format!(
            "The first {skipped} entries are in the incident's file only."
        )));
    }
    let columns = vec![("Time", 3.0), ("Who", 3.0), ("What", 8.0)];
    let rows = case.timeline.entries.iter().skip(skipped).map(|entry| {
        let time = entry
            .time
            .timestamp()
            .to_zoned_datetime(zone.clone())
            .strftime("%-d %b %H:%M:%S")
            .to_string();
        vec![time, entry.who.clone(), entry.what.clone()]
    });
    blocks.push(Block::Table(columns, rows.collect()));
}

fn letter(case: &Case<'_>, blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("Draft of the letter to those concerned".to_owned()));
    for paragraph in case.letter.split("\n\n") {
        let is_heading = !paragraph.is_empty() && paragraph.chars().all(|c| !c.is_lowercase());
        if is_heading {
            blocks.push(Block::Heading(paragraph.trim().to_owned()));
            continue;
        }
        for line in paragraph.lines() {
            blocks.push(match line.strip_prefix("- ") {
                Some(point) => Block::Point(point.to_owned()),
                None => Block::Text(line.to_owned()),
            });
        }
    }
}

fn log_sheet(blocks: &mut Vec<Block>) {
    blocks.push(Block::Chapter("Log".to_owned()));
    blocks.push(Block::Text(
        "Everything that is seen, decided and done, as it happens.".to_owned(),
    ));
    blocks.push(Block::Form(
        vec![("Date, time", 2.0), ("Who", 2.0), ("What", 8.0), ("Initials", 1.5)],
        26,
    ));
}
