//! `guard status`, `set`, `announce` and `release` as text.

use guard::{Announced, Fence, Sensitive, Status, StatusState};

use super::super::table::{Align, Table};
use super::count;
use crate::control::{GuardListReport, GuardReport, GuardSummary, ReleaseReport};
use crate::size::format_size;
use crate::when::local_short;

/// Several guards as a table, one with everything that is known.
pub(super) fn list(report: &GuardListReport) -> String {
    let mut text = match report.guards.as_slice() {
        [] => return "there are no volumes\nhint: `holdfast volume create NAME SIZE` makes one\n".to_owned(),
        [only] => one(only),
        several => table(several),
    };
    if !report.watching {
        text += "nothing is watched: no daemon runs\nhint: `holdfast up` serves the volumes and watches them\n";
    }
    text
}

fn table(guards: &[GuardReport]) -> String {
    let mut table = Table::new(&[
        ("VOLUME", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Left),
        ("SUSPICION", Align::Right),
        ("FENCE", Align::Left),
        ("BEFORE THE ATTACK", Align::Left),
    ]);
    let mut notes = String::new();
    for guard in guards {
        let Some(status) = &guard.status else {
            table.row(vec![guard.volume.clone(), "unusable".to_owned()]);
            continue;
        };
        table.row(vec![
            guard.volume.clone(),
            state(status.state).to_owned(),
            local_short(status.since),
            format!("{} %", status.suspicion_percent),
            status.fence.unwrap_or(status.settings.fence).to_string(),
            status.before_attack.as_ref().map_or("-", |point| &point.pin).to_owned(),
        ]);
        if let Some(work) = &status.announced {
            notes += &format!("\nannounced on `{}`: {}\n", guard.volume, announced(work));
        }
        notes += &advice(status);
    }
    table.render() + &notes
}

fn one(guard: &GuardReport) -> String {
    let Some(status) = &guard.status else {
        let problem = guard
            .problem
            .as_ref()
            .map_or_else(String::new, |problem| format!(": {problem}"));
        return format!("`{}` can't be used{problem}\n", guard.volume);
    };
    let mut lines = vec![
        ("volume", status.volume.clone()),
        (
            "state",
            format!("{} since {}", state(status.state), local_short(status.since)),
        ),
        ("suspicion", format!("{} % of what fences", status.suspicion_percent)),
        ("fence", fence(status)),
    ];
    lines.extend(
        status
            .onset
            .map(|onset| ("began", format!("about {}", local_short(onset)))),
    );
    lines.extend(status.reasons.iter().map(|reason| ("because", reason.clone())));
    lines.extend(status.before_attack.as_ref().map(|point| {
        let of = if point.is_current { "" } else { ", of the last attack" };
        let text = format!(
            "pin `{}`: {} (#{}){of}",
            point.pin,
            local_short(point.time),
            point.sequence
        );
        ("before it", text)
    }));
    lines.extend(status.diverted.as_ref().map(|diverted| {
        let text = format!(
            "to the fork `{}`, {} so far",
            diverted.fork,
            format_size(diverted.stored_bytes)
        );
        ("diverted", text)
    }));
    lines.extend(status.announced.as_ref().map(|work| ("announced", announced(work))));
    lines.extend(
        status
            .sensitive
            .map(|sensitive| ("sensitive", self::sensitive(sensitive))),
    );
    let counts = &status.counts;
    let so_far = format!(
        "{} ({} kept), {}, {} that stopped nothing, {} released; {} by model {}",
        count(counts.bookmarks, "restore point"),
        status.bookmarks_kept,
        count(counts.fences, "fence"),
        count(counts.would_fence, "alarm"),
        counts.released,
        count(counts.assessments, "assessment"),
        status.model_version
    );
    lines.push(("so far", so_far));
    let text: String = lines
        .iter()
        .map(|(key, value)| format!("{key:<10} {value}\n"))
        .collect();
    text + &advice(status)
}

fn announced(work: &Announced) -> String {
    let until = local_short(work.until);
    format!(
        "\"{}\" until {until}: nothing is fenced, restore points are made",
        work.reason
    )
}

fn sensitive(sensitive: Sensitive) -> String {
    let (percent, until) = (sensitive.percent, local_short(sensitive.until));
    format!("{percent} % of the usual suspicion is enough until {until}")
}

/// What a fence does, in force or the next time.
fn fence(status: &Status) -> String {
    let chosen = status.settings.fence;
    match status.fence {
        Some(in_force) => format!("{in_force}, in force: {}", meaning(in_force)),
        None if !status.settings.enabled => "none: the guard is off".to_owned(),
        None if status.settings == status.configured => chosen.to_string(),
        None => format!("{chosen}, set by command"),
    }
}

const fn meaning(fence: Fence) -> &'static str {
    match fence {
        Fence::Refuse => "writes are refused (EPERM), reads go on",
        Fence::Pause => "writes find no space (ENOSPC), which pauses the machine; reads go on",
        Fence::Divert => "the machine reads and writes a fork, the disk stays as it is",
        Fence::Alert => "nothing is stopped",
    }
}

const fn state(state: StatusState) -> &'static str {
    match state {
        StatusState::Off => "off",
        StatusState::Calm => "calm",
        StatusState::Bookmarked => "bookmarked",
        StatusState::Fenced => "fenced",
    }
}

/// What to do now, where something is to be done.
fn advice(status: &Status) -> String {
    let volume = &status.volume;
    match status.state {
        StatusState::Fenced => advice_on_fence(volume, status.diverted.is_some(), status.before_attack.is_some()),
        StatusState::Bookmarked => format!(
            "\n`{volume}` sees suspicious writes, too few to be sure; the moment before them is kept\n\
             hint: look at what the machine does; `holdfast guard release {volume}` if it is ordinary work\n"
        ),
        StatusState::Off | StatusState::Calm => String::new(),
    }
}

fn advice_on_fence(volume: &str, is_diverted: bool, has_point: bool) -> String {
    let release = if is_diverted {
        format!("`holdfast guard release {volume} --keep` (takes over what was written since; `--drop` forgets it)")
    } else {
        format!("`holdfast guard release {volume}`")
    };
    let restore = if has_point {
        format!("shut the machine down, then `holdfast restore {volume} --before-attack`")
    } else {
        format!(
            "shut the machine down; `holdfast history {volume}` shows when it began, `holdfast restore` returns to before"
        )
    };
    format!(
        "\n`{volume}` is fenced: an attack was recognised\nhint: if it is one: {restore}\nhint: if it is a false alarm: {release}\n"
    )
}

/// A guard in a row of the list of volumes.
pub(super) fn summary(guard: Option<&GuardSummary>) -> String {
    match guard {
        None => "-".to_owned(),
        Some(guard) if guard.state == StatusState::Fenced => format!("fenced ({})", guard.fence),
        Some(guard) => state(guard.state).to_owned(),
    }
}

/// What follows the list of volumes for one that is fenced.
pub(super) fn fenced(volume: &str, guard: &GuardSummary) -> Option<String> {
    let is_fenced = guard.state == StatusState::Fenced;
    is_fenced.then(|| advice_on_fence(volume, guard.diverted_to.is_some(), guard.before_attack.is_some()))
}

pub(super) fn released(report: &ReleaseReport) -> String {
    let volume = &report.volume;
    let mut text = match &report.diverted_to {
        None => format!("released: writes to `{volume}` go on, and the guard watches on\n"),
        Some(fork) if report.kept => format!(
            "released: `{volume}` took over what was diverted to `{fork}`, and the machine goes on without noticing\n"
        ),
        Some(fork) => format!(
            "released: `{volume}` is as it was when the fence went up; what was diverted to `{fork}` is forgotten\n"
        ),
    };
    text += &refused(report.clients_refused);
    if let Some(pin) = &report.before_attack {
        text += &format!("pin `{pin}` keeps the moment before for some days more\n");
    }
    text
}

/// Who has to reconnect.
pub(super) fn refused(clients: u64) -> String {
    if clients == 0 {
        return String::new();
    }
    let who = count(clients, "connected client") + if clients == 1 { " is" } else { " are" };
    format!("{who} refused writes until reconnected: restart the machine, or detach and attach the disk\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard::{Counts, Diverted, RestorePoint, Settings};
    use volume::Timestamp;

    fn report(state: StatusState, diverted: bool) -> GuardReport {
        let settings = Settings {
            enabled: true,
            fence: Fence::Divert,
        };
        let status = Status {
            volume: "disk".to_owned(),
            state,
            since: Timestamp::from_unix_seconds(0),
            settings,
            configured: settings,
            fence: (state == StatusState::Fenced).then_some(Fence::Divert),
            suspicion_percent: 100,
            before_attack: Some(RestorePoint {
                pin: "guard-1".to_owned(),
                sequence: 7,
                time: Timestamp::from_unix_seconds(0),
                is_current: true,
            }),
            onset: Some(Timestamp::from_unix_seconds(0)),
            reasons: vec!["40 of 100 blocks turned random".to_owned()],
            announced: None,
            sensitive: None,
            diverted: diverted.then(|| Diverted {
                fork: "disk.diverted".to_owned(),
                stored_bytes: 3 << 20,
                keep_begun: false,
            }),
            bookmarks_kept: 1,
            counts: Counts::default(),
            model_version: 3,
        };
        GuardReport {
            volume: "disk".to_owned(),
            problem: None,
            status: Some(status),
        }
    }

    #[test]
    fn a_fence_says_what_it_does_and_what_to_do() {
        let text = one(&report(StatusState::Fenced, true));
        for line in [
            "because    40 of 100 blocks turned random\n",
            "diverted   to the fork `disk.diverted`, 3 MiB so far\n",
            "hint: if it is one: shut the machine down, then `holdfast restore disk --before-attack`\n",
            "hint: if it is a false alarm: `holdfast guard release disk --keep` (takes over what was written since; `--drop` \
             forgets it)\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let text = list(&GuardListReport {
            watching: false,
            guards: vec![report(StatusState::Calm, false), report(StatusState::Bookmarked, false)],
        });
        assert!(text.contains("hint: look at what the machine does"), "{text}");
        assert!(text.contains("nothing is watched: no daemon runs"), "{text}");
    }

    #[test]
    fn a_release_says_what_became_of_diverted_writes() {
        let report = |kept, diverted: bool| ReleaseReport {
            volume: "disk".to_owned(),
            diverted_to: diverted.then(|| "disk.diverted".to_owned()),
            kept,
            clients_refused: u64::from(diverted && !kept),
            before_attack: Some("guard-1".to_owned()),
        };
        assert!(released(&report(false, false)).starts_with("released: writes to `disk` go on"));
        assert!(released(&report(true, true)).contains("took over what was diverted to `disk.diverted`"));
        let text = released(&report(false, true));
        assert!(
            text.contains("1 connected client is refused writes until reconnected"),
            "{text}"
        );
    }
}
