//! Stories over the alerts of AIT-ADS (Wazuh, Suricata and AMiner in simulated companies that are attacked), beside a simple baseline.
//!
//! `HOLDFAST_AIT=<folder with *_alerts.txt> cargo run --release -p threat --example ait_ads`. Labels are looked at after the last alert alone.
//! `--masked` takes every alert for low, so that names are nothing but identities; `--stories` shows the stories.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use threat::alert::{Alert, Finder, Level};
use threat::entity::Directory;
use threat::event::{Facts, Handle, HandleKind, Logsource, Origin};
use threat::story::{Stories, Story};

/// How many incidents or windows somebody looks at.
const FIRST: usize = 10;

/// One line: `time,name,ip,host,short,time_label,event_label`; names have commas in them.
struct Row {
    time: i64,
    name: Arc<str>,
    address: String,
    host: Arc<str>,
    /// The phase of the attack that goes on, if one does.
    phase: Option<Arc<str>>,
    /// Whether the phase or the data's finer label says that this is of the attack.
    attack: bool,
}

/// An hour of a host.
type Window = (Arc<str>, i64);

/// What was measured of one network.
#[derive(Default)]
struct Figures {
    first_true: Option<usize>,
    told: usize,
    told_true: usize,
    /// The heaviest story that is of the attack, and the heaviest that isn't.
    heaviest_true: f64,
    heaviest_false: f64,
    listed_true: usize,
    windows: usize,
    windows_true: usize,
    false_told: usize,
    steps: BTreeSet<Arc<str>>,
    steps_beside: BTreeSet<Arc<str>>,
    steps_around: BTreeSet<Arc<str>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var("HOLDFAST_AIT").map_err(|_| "HOLDFAST_AIT must name the folder with *_alerts.txt")?;
    let masked = std::env::args().any(|argument| argument == "--masked");
    let verbose = std::env::args().any(|argument| argument == "--stories");
    let mut out = std::io::stdout().lock();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.retain(|path| path.to_string_lossy().ends_with("_alerts.txt"));
    paths.sort();
    writeln!(
        out,
        "network          days alerts stories | rank told P(told) P@10w false/day steps +beside +around of | baseline: rank P@10w false/day steps"
    )?;
    let mut sums = Sums::default();
    for path in paths {
        let rows = read(&path)?;
        let began = std::time::Instant::now();
        let stories = tell(&rows, masked)?;
        let seconds = began.elapsed().as_secs_f64();
        let ours = measure(&rows, &stories);
        let base = baseline(&rows);
        let days = days(&rows);
        let steps: BTreeSet<&Arc<str>> = rows.iter().filter_map(|row| row.phase.as_ref()).collect();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .replace("_alerts", "");
        writeln!(
            out,
            "{name:16} {days:4.1} {:6} {:7} | {:4} {:4} {:7.2} {:5.2} {:9.2} {:5} {:7} {:7} {:2} | {:14} {:5.2} {:9.2} {:5}  ({seconds:.1} s)",
            rows.len(),
            stories.len(),
            ours.first_true.map_or("-".to_owned(), |rank| rank.to_string()),
            ours.told,
            share(ours.told_true, ours.told.min(FIRST)),
            share(ours.windows_true, ours.windows),
            ours.false_told as f64 / days,
            ours.steps.len(),
            ours.steps_beside.len(),
            ours.steps_around.len(),
            steps.len(),
            base.first_true.map_or("-".to_owned(), |rank| rank.to_string()),
            share(base.windows_true, base.windows),
            base.false_told as f64 / days,
            base.steps.len(),
        )?;
        sums.add(&ours, &base, days, steps.len());
        writeln!(
            out,
            "                 heaviest of the attack {:.0} points, heaviest other {:.0}; {} windows",
            ours.heaviest_true, ours.heaviest_false, ours.windows
        )?;
        writeln!(
            out,
            "                 only beside: {}; only around: {}; not seen: {}",
            list(ours.steps_beside.difference(&ours.steps)),
            list(ours.steps_around.difference(&ours.steps_beside)),
            list(steps.into_iter().filter(|step| !ours.steps_around.contains(*step)))
        )?;
        if verbose {
            describe(&mut out, &rows, &stories)?;
        }
    }
    sums.print(&mut out)?;
    Ok(())
}

fn list<'a>(steps: impl Iterator<Item = &'a Arc<str>>) -> String {
    steps.map(|step| &**step).collect::<Vec<_>>().join(", ")
}

/// All networks together.
#[derive(Default)]
struct Sums {
    networks: f64,
    days: f64,
    ours: [f64; 8],
    base: [f64; 3],
    steps: usize,
}

impl Sums {
    fn add(&mut self, ours: &Figures, base: &Figures, days: f64, steps: usize) {
        self.networks += 1.0;
        self.days += days;
        self.steps += steps;
        let figures = [
            share(ours.told_true, ours.told.min(FIRST)),
            share(ours.windows_true, ours.windows),
            ours.false_told as f64,
            ours.steps.len() as f64,
            ours.steps_beside.len() as f64,
            share(ours.listed_true, FIRST),
            f64::from(u8::from(ours.first_true == Some(1))),
            ours.steps_around.len() as f64,
        ];
        for (sum, figure) in self.ours.iter_mut().zip(figures) {
            *sum += figure;
        }
        let figures = [
            share(base.windows_true, base.windows),
            base.false_told as f64,
            base.steps.len() as f64,
        ];
        for (sum, figure) in self.base.iter_mut().zip(figures) {
            *sum += figure;
        }
    }

    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let [told, windows, false_told, steps, beside, listed, first, around] = self.ours;
        let (networks, days, all) = (self.networks, self.days, self.steps);
        writeln!(
            out,
            "stories: attack first in {first} of {networks}; precision of the first {FIRST} told {:.2}, of their first {FIRST} windows {:.2}, of the first {FIRST} listed {:.2}; {:.2} false a day; steps {steps} of {all}, {beside} with what stands beside, {around} with the lighter stories around",
            told / networks,
            windows / networks,
            listed / networks,
            false_told / days
        )?;
        let [windows, false_told, steps] = self.base;
        writeln!(
            out,
            "baseline: precision of the first {FIRST} windows {:.2}; {:.2} false a day; steps {steps} of {all}",
            windows / networks,
            false_told / days
        )
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn days(rows: &[Row]) -> f64 {
    let first = rows.first().map_or(0, |row| row.time);
    rows.last().map_or(0, |row| row.time - first) as f64 / 86_400.0
}

fn read(path: &Path) -> Result<Vec<Row>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut names: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let mut intern = |name: &str| Arc::clone(names.entry(name.to_owned()).or_insert_with(|| Arc::from(name)));
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let (time, rest) = line.split_once(',').ok_or("a line without a time")?;
        let mut cells = rest.rsplitn(6, ',');
        let mut cell = || cells.next().ok_or("a line that is too short");
        let (event_label, time_label, _, host, address, name) = (cell()?, cell()?, cell()?, cell()?, cell()?, cell()?);
        rows.push(Row {
            time: time.parse()?,
            name: intern(name),
            address: address.to_owned(),
            host: intern(host),
            phase: (time_label != "false_positive").then(|| intern(time_label)),
            attack: time_label != "false_positive" || event_label != "-",
        });
    }
    rows.sort_by_key(|row| row.time);
    Ok(rows)
}

/// What the sensors would have said of their own finding. Only the names are in the data: Suricata's categories are the first words of its
/// names; the rest is taken as low, as is whatever an anomaly detector says.
fn level(name: &str) -> Level {
    let chatter = ["ET INFO", "ET POLICY", "ET DNS", "Alert - SURICATA"];
    if chatter.iter().any(|category| name.contains(category)) {
        Level::Informational
    } else if name.contains("ET SCAN") {
        Level::Medium
    } else {
        Level::Low
    }
}

fn alert(row: &Row, number: usize, masked: bool) -> Result<Alert, Box<dyn Error>> {
    let host = Handle::new(HandleKind::Host, &row.host);
    let address = row
        .address
        .parse::<IpAddr>()
        .ok()
        .and_then(|address| Handle::new(HandleKind::Address, &address.to_string()));
    Ok(Alert {
        time: Timestamp::from_second(row.time)?,
        finder: Finder::Rule(Arc::clone(&row.name)),
        title: Arc::clone(&row.name),
        level: if masked { Level::Low } else { level(&row.name) },
        attack: Arc::new([]),
        words: String::new(),
        logsource: Logsource {
            product: "linux",
            service: None,
            category: None,
        },
        facts: Facts {
            machine: host.into_iter().chain(address).collect(),
            ..Facts::default()
        },
        matched: Vec::new(),
        evidence: vec![Origin {
            source: Arc::from("ait"),
            record: number as u64,
        }],
        count: 1,
    })
}

/// The stories of a network, told first; the labels are not looked at.
fn tell(rows: &[Row], masked: bool) -> Result<Vec<Story>, Box<dyn Error>> {
    let mut directory = Directory::new();
    let mut stories = Stories::new();
    for (number, row) in rows.iter().enumerate() {
        stories.take(&alert(row, number, masked)?, &mut directory);
    }
    Ok(stories.incidents(&directory))
}

fn rows_of<'a>(rows: &'a [Row], evidence: impl Iterator<Item = &'a Origin>) -> Vec<&'a Row> {
    evidence
        .filter_map(|origin| rows.get(usize::try_from(origin.record).ok()?))
        .collect()
}

/// The share of a story's points that is of the attack.
fn truth(rows: &[Row], story: &Story) -> f64 {
    let mut of_attack = 0.0;
    for stage in &story.stages {
        let evidence = rows_of(rows, stage.evidence.iter());
        of_attack += stage.points * share(evidence.iter().filter(|row| row.attack).count(), evidence.len());
    }
    of_attack
        / story
            .stages
            .iter()
            .map(|stage| stage.points)
            .sum::<f64>()
            .max(f64::MIN_POSITIVE)
}

fn measure(rows: &[Row], stories: &[Story]) -> Figures {
    let attacked = attacked_windows(rows);
    let mut figures = Figures::default();
    let mut windows: Vec<Window> = Vec::new();
    for (rank, story) in stories.iter().enumerate() {
        let is_true = truth(rows, story) >= 0.5;
        if is_true {
            figures.first_true.get_or_insert(rank + 1);
        }
        let heaviest = if is_true {
            &mut figures.heaviest_true
        } else {
            &mut figures.heaviest_false
        };
        *heaviest = heaviest.max(story.score);
        figures.listed_true += usize::from(is_true && rank < FIRST);
        if story.told.is_none() {
            continue;
        }
        figures.told += 1;
        figures.false_told += usize::from(!is_true);
        if rank >= FIRST {
            continue;
        }
        figures.told_true += usize::from(is_true);
        // In the order in which the story is told: from its beginning.
        let mut evidence = rows_of(rows, story.evidence());
        evidence.sort_by_key(|row| row.time);
        for row in evidence {
            let window = (Arc::clone(&row.host), row.time / 3600);
            if !windows.contains(&window) {
                windows.push(window);
            }
            figures.steps.extend(row.phase.clone());
        }
        let beside = story.meanwhile.iter().flat_map(|beside| &beside.evidence);
        figures
            .steps_beside
            .extend(rows_of(rows, beside).iter().filter_map(|row| row.phase.clone()));
    }
    figures.steps_beside.extend(figures.steps.iter().cloned());
    let around = stories
        .iter()
        .take(FIRST)
        .flat_map(|story| &story.around)
        .flat_map(|other| &other.evidence);
    figures
        .steps_around
        .extend(rows_of(rows, around).iter().filter_map(|row| row.phase.clone()));
    figures.steps_around.extend(figures.steps_beside.iter().cloned());
    windows.truncate(FIRST);
    figures.windows = windows.len();
    figures.windows_true = windows.iter().filter(|window| attacked.contains_key(*window)).count();
    figures
}

fn attacked_windows(rows: &[Row]) -> BTreeMap<Window, BTreeSet<Arc<str>>> {
    let mut attacked: BTreeMap<Window, BTreeSet<Arc<str>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.attack) {
        attacked
            .entry((Arc::clone(&row.host), row.time / 3600))
            .or_default()
            .extend(row.phase.clone());
    }
    attacked
}

/// The simple way: how rare each name is over the hours of hosts before the attack, summed for each hour of a host. It may peek at when
/// the attack begins, which ours may not. Flagged is what is above all windows that it learnt from.
fn baseline(rows: &[Row]) -> Figures {
    let mut windows: BTreeMap<Window, BTreeSet<Arc<str>>> = BTreeMap::new();
    for row in rows {
        windows
            .entry((Arc::clone(&row.host), row.time / 3600))
            .or_default()
            .insert(Arc::clone(&row.name));
    }
    let attack = rows
        .iter()
        .filter(|row| row.phase.is_some())
        .map(|row| row.time / 3600)
        .min()
        .unwrap_or(i64::MAX);
    let mut hours: BTreeMap<&Arc<str>, f64> = BTreeMap::new();
    let learnt = windows.iter().filter(|((_, hour), _)| *hour < attack);
    let mut all = 0.0;
    for (_, names) in learnt {
        all += 1.0;
        for name in names {
            *hours.entry(name).or_default() += 1.0;
        }
    }
    let bits = |names: &BTreeSet<Arc<str>>| -> f64 {
        names
            .iter()
            .map(|name| -((hours.get(name).copied().unwrap_or(0.0) + 0.5) / (all + 1.0)).log2())
            .sum()
    };
    let mut ranked: Vec<(f64, &Window)> = windows.iter().map(|(window, names)| (bits(names), window)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let attacked = attacked_windows(rows);
    let mut before: Vec<f64> = ranked
        .iter()
        .filter(|(_, window)| window.1 < attack)
        .map(|(bits, _)| *bits)
        .collect();
    before.sort_by(f64::total_cmp);
    let threshold = before.get(before.len() * 99 / 100).copied().unwrap_or(0.0);
    let flagged = ranked.iter().filter(|(bits, _)| *bits > threshold);
    let first: Vec<&Window> = ranked.iter().take(FIRST).map(|(_, window)| *window).collect();
    Figures {
        first_true: ranked
            .iter()
            .position(|(_, window)| attacked.contains_key(*window))
            .map(|place| place + 1),
        windows: first.len(),
        windows_true: first.iter().filter(|window| attacked.contains_key(**window)).count(),
        false_told: flagged.filter(|(_, window)| !attacked.contains_key(*window)).count(),
        steps: first
            .iter()
            .filter_map(|window| attacked.get(*window))
            .flatten()
            .cloned()
            .collect(),
        ..Figures::default()
    }
}

fn describe(out: &mut impl Write, rows: &[Row], stories: &[Story]) -> std::io::Result<()> {
    let began = rows.first().map_or(0, |row| row.time);
    for (rank, story) in stories.iter().enumerate().filter(|(_, story)| truth(rows, story) > 0.0) {
        writeln!(
            out,
            "    rank {} with {:.1} points, {:.2} of the attack, hour {:.2}",
            rank + 1,
            story.score,
            truth(rows, story),
            (story.first - began) as f64 / 3600.0
        )?;
    }
    for story in stories.iter().filter(|story| story.told.is_some()) {
        for stage in &story.stages {
            for row in rows_of(rows, stage.evidence.iter())
                .into_iter()
                .filter(|row| !row.attack)
            {
                writeln!(
                    out,
                    "    not of the attack: hour {:.2}, {} {}, {:.1} points",
                    (row.time - began) as f64 / 3600.0,
                    row.host,
                    row.name,
                    stage.points
                )?;
            }
        }
    }
    for story in stories.iter().take(FIRST + 2) {
        let hour = |time: i64| (time - began) as f64 / 3600.0;
        let told = if story.told.is_some() { "told" } else { "kept" };
        let hosts: Vec<&str> = story
            .entities
            .iter()
            .take(6)
            .map(|entity| entity.name.as_str())
            .collect();
        writeln!(
            out,
            "  {told} {:6.1} points, of the attack {:.2}, hours {:.2} to {:.2}, {} alerts, on {}",
            story.score,
            truth(rows, story),
            hour(story.first),
            hour(story.last),
            story.alerts,
            hosts.join(" ")
        )?;
        let mut stages: Vec<_> = story.stages.iter().collect();
        stages.sort_by(|a, b| b.points.total_cmp(&a.points));
        for stage in stages.iter().take(6) {
            writeln!(out, "      {:5.1} {} ({})", stage.points, stage.title, stage.unusual)?;
        }
    }
    Ok(())
}
