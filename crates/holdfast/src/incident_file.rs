//! What the configuration says for incident files: laws and templates of one's own, and the order in which volumes are restored.

use std::collections::BTreeMap;
use std::path::Path;

use respond::Time;
use respond::case_file::clocks::{Jurisdiction, with_own};
use respond::case_file::drafts::{DraftKind, Templates};
use respond::case_file::paper::RestoreStep;
use respond::case_file::timeline::DiskEvent;

use crate::config::{Config, IncidentFileSettings};
use crate::control::{HistoryReport, Request, VolumeReport};
use crate::desk;
use crate::failure::{Failure, FailureCode};
use crate::size::format_size;

/// Files that are read from a folder of one's own, at most.
const OWN_FILES_MAX: usize = 200;
/// Largest of them.
const OWN_FILE_BYTES_MAX: u64 = 2 << 20;

/// What the configuration has for drafts, by name.
#[must_use]
pub fn values(config: &Config) -> BTreeMap<String, String> {
    let mut values = config.incident_file.values.clone();
    if let Some(url) = &config.exposure.public_url {
        values.entry("monitor-url".to_owned()).or_insert_with(|| url.clone());
    }
    values
}

/// What is asked of a volume whose events belong to a timeline.
#[must_use]
pub fn history_request(volume: &str) -> Request {
    Request::History {
        name: volume.to_owned(),
        since: None,
        until: None,
        bucket_seconds: Some(86_400),
    }
}

/// What was done with a volume from one time to another, of its answer to [`history_request`].
#[must_use]
pub fn disk_events(volume: &str, history: HistoryReport, from: Time, to: Time) -> Vec<DiskEvent> {
    let events = history.events.into_iter().map(|event| DiskEvent {
        time: desk::time(event.moment.time.0),
        volume: volume.to_owned(),
        text: event.text,
    });
    events.filter(|event| event.time >= from && event.time <= to).collect()
}

/// All laws that are known, and those of one's own.
///
/// # Errors
/// When a file of one's own can't be read or understood.
pub fn laws(settings: &IncidentFileSettings) -> Result<Vec<Jurisdiction>, Failure> {
    let own = own_files(settings.jurisdictions_folder.as_deref(), "toml")?;
    with_own(&own).map_err(|error| config_failure(error.to_string()))
}

/// A law by its name.
///
/// # Errors
/// When there is none.
pub fn named<'l>(laws: &'l [Jurisdiction], id: &str) -> Result<&'l Jurisdiction, Failure> {
    laws.iter().find(|law| law.id == id).ok_or_else(|| {
        let known: Vec<&str> = laws.iter().map(|law| law.id.as_str()).collect();
        Failure::not_found(format!("no jurisdiction is named `{id}`")).hint(format!("known are {}", known.join(", ")))
    })
}

/// The laws that the configuration chose.
///
/// # Errors
/// When one isn't known.
pub fn chosen(settings: &IncidentFileSettings, laws: &[Jurisdiction]) -> Result<Vec<Jurisdiction>, Failure> {
    let each = settings.jurisdictions.iter().map(|id| named(laws, id).cloned());
    each.collect()
}

/// Templates, those of one's own among them.
///
/// # Errors
/// When a file of one's own can't be read or understood, or is the template of nothing.
pub fn templates(settings: &IncidentFileSettings) -> Result<Templates, Failure> {
    let mut templates = Templates::default();
    for (name, text) in own_files(settings.templates_folder.as_deref(), "txt")? {
        let kind = DraftKind::ALL
            .into_iter()
            .find(|kind| name.ends_with(&format!("/{}.txt", kind.name())));
        let kind = kind.ok_or_else(|| {
            let names = DraftKind::ALL.map(|kind| format!("{}.txt", kind.name()));
            config_failure(format!(
                "`{name}` is the template of nothing: there are {}",
                names.join(", ")
            ))
        })?;
        templates
            .replace(kind, &name, text)
            .map_err(|error| config_failure(error.to_string()))?;
    }
    Ok(templates)
}

fn config_failure(message: String) -> Failure {
    Failure::new(FailureCode::Config, message)
}

/// The files of a folder with an ending, by name, with their texts.
fn own_files(folder: Option<&Path>, ending: &str) -> Result<Vec<(String, String)>, Failure> {
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let unreadable = |error| Failure::io(format!("read `{}`", folder.display()), &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
        if paths.len() > OWN_FILES_MAX {
            return Err(config_failure(format!(
                "`{}` has more than {OWN_FILES_MAX} files",
                folder.display()
            )));
        }
    }
    paths.sort();
    let read =
        |path: std::path::PathBuf| read_text(&path, OWN_FILE_BYTES_MAX).map(|text| (path.display().to_string(), text));
    paths.into_iter().map(read).collect()
}

/// Reads a file of text.
fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let bytes = read_bytes(path, bytes_max)?;
    String::from_utf8(bytes).map_err(|_| config_failure(format!("`{}` is no text in UTF-8", path.display())))
}

/// Reads a file that is no larger than it may be.
///
/// # Errors
/// When it can't be read or is too large.
pub fn read_bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let unreadable = |error| Failure::io(format!("read `{}`", path.display()), &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::usage(format!(
            "`{}` is larger than {} MiB",
            path.display(),
            bytes_max >> 20
        )));
    }
    Ok(bytes)
}

/// All volumes, by the tiers of the configuration (`order`); those without one come last.
#[must_use]
pub fn steps(order: &[Vec<String>], volumes: &[VolumeReport]) -> Vec<RestoreStep> {
    let last = u32::try_from(order.len()).unwrap_or(u32::MAX).saturating_add(1);
    let tier_of = |name: &str| {
        let tier = order.iter().position(|tier| tier.iter().any(|known| known == name));
        tier.and_then(|tier| u32::try_from(tier + 1).ok()).unwrap_or(last)
    };
    let mut steps: Vec<RestoreStep> = volumes
        .iter()
        .map(|volume| step(volume, tier_of(&volume.name)))
        .collect();
    // Volumes that the configuration names and that aren't there: whoever reads it has to know.
    for (tier, name) in (1..)
        .zip(order)
        .flat_map(|(tier, names)| names.iter().map(move |name| (tier, name)))
    {
        if !volumes.iter().any(|volume| volume.name == *name) {
            steps.push(RestoreStep {
                tier,
                volume: name.clone(),
                state: "is in the restore order, but there is no such volume".to_owned(),
                command: format!("holdfast volume show {name}"),
            });
        }
    }
    let place_in_tier = |step: &RestoreStep| {
        let tier = order.get(usize::try_from(step.tier).unwrap_or(0).wrapping_sub(1));
        tier.and_then(|tier| tier.iter().position(|name| *name == step.volume))
    };
    steps.sort_by_key(|step| (step.tier, place_in_tier(step), step.volume.clone()));
    steps
}

fn step(volume: &VolumeReport, tier: u32) -> RestoreStep {
    let Some(details) = &volume.details else {
        let problem = volume
            .problem
            .as_ref()
            .map_or_else(String::new, |problem| problem.message.clone());
        return RestoreStep {
            tier,
            volume: volume.name.clone(),
            state: format!("can't be used: {problem}"),
            command: format!("holdfast volume show {}", volume.name),
        };
    };
    let point = details.guard.as_ref().and_then(|guard| guard.before_attack.as_ref());
    let (point, command) = match point {
        Some(pin) => (
            format!("restore point from before the attack: {pin}"),
            format!("holdfast restore {} --before-attack", volume.name),
        ),
        None => (
            "no attack was recognised on it: choose a moment from before".to_owned(),
            format!("holdfast restore {} \"YYYY-MM-DD HH:MM\"", volume.name),
        ),
    };
    RestoreStep {
        tier,
        volume: volume.name.clone(),
        state: format!(
            "{}, {} clients; {point}",
            format_size(details.size_bytes),
            details.clients
        ),
        command,
    }
}
