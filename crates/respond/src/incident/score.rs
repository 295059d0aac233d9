//! The risk score: 0 to 100, the sum of parts that say why.

use super::current::Current;
use super::standing::Standing;
use super::vocabulary::{IncidentId, IncidentState, ScorePart};
use crate::alert::Severity;
use crate::error::Error;
use crate::ledger::Writing;

/// The highest score.
pub const SCORE_MAX: u32 = 100;
/// What is left of a score once everything is back: somebody should find out how it happened, and close it.
const RECOVERED_POINTS: u32 = 10;

/// How the last drill on a volume went, as far as alerts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrillState {
    Unknown,
    Passed,
    Failed,
}

/// The score of an incident and what makes it up, largest first. `drills` are those of volumes that were encrypted.
pub(super) fn parts(incident: &Current, drills: &[(&str, DrillState)]) -> (u32, Vec<ScorePart>) {
    if incident.state == IncidentState::Recovered {
        let because =
            "what it concerns was returned to a moment before it; what is left is to find out how it happened"
                .to_owned();
        let points = RECOVERED_POINTS;
        return (points, vec![ScorePart { points, because }]);
    }
    let parts = [
        Some(severity(incident.severity)),
        encryption(incident),
        containment(incident),
        volumes(incident.volumes().count()),
        layers(incident),
        drill(drills),
    ];
    let mut parts: Vec<ScorePart> = parts.into_iter().flatten().collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.points));
    let score: u32 = parts.iter().map(|part| part.points).sum();
    debug_assert!(score <= SCORE_MAX, "{parts:?}");
    (score.min(SCORE_MAX), parts)
}

fn part(points: u32, because: impl Into<String>) -> ScorePart {
    ScorePart {
        points,
        because: because.into(),
    }
}

fn severity(worst: Severity) -> ScorePart {
    let points = match worst {
        Severity::Informational => 0,
        Severity::Low => 5,
        Severity::Medium => 15,
        Severity::High => 30,
        Severity::Critical => 40,
    };
    part(points, format!("its worst alert is {worst}"))
}

fn encryption(incident: &Current) -> Option<ScorePart> {
    let encrypted = incident
        .volumes()
        .filter(|(_, standing)| *standing != Standing::Concerned)
        .count();
    let is_attack = encrypted > 0 && incident.class != super::standing::DRILL_CLASS;
    is_attack.then(|| part(20, format!("encryption was recognised on {}", disks(encrypted))))
}

fn containment(incident: &Current) -> Option<ScorePart> {
    let with = |wanted| {
        let names = incident.volumes().filter(move |(_, standing)| *standing == wanted);
        names
            .map(|(name, _)| format!("`{name}`"))
            .take(3)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (encrypting, released, contained) = (
        with(Standing::Encrypting),
        with(Standing::Released),
        with(Standing::Contained),
    );
    if !encrypting.is_empty() {
        return Some(part(10, format!("nothing stops the writes to {encrypting}")));
    }
    if !released.is_empty() {
        return Some(part(
            5,
            format!("the fence of {released} was taken down, and writes go on"),
        ));
    }
    (!contained.is_empty()).then(|| part(0, format!("contained: the writes to {contained} are stopped")))
}

fn volumes(count: usize) -> Option<ScorePart> {
    let points = match count {
        0 | 1 => return None,
        2 => 5,
        3..=9 => 8,
        10..=49 => 12,
        _ => 15,
    };
    Some(part(points, format!("it concerns {}", disks(count))))
}

fn layers(incident: &Current) -> Option<ScorePart> {
    let count = incident.layers.len();
    let points = match count {
        0 | 1 => return None,
        2 => 5,
        _ => 10,
    };
    let names: Vec<&str> = incident.layers.iter().map(|layer| layer.name()).collect();
    Some(part(
        points,
        format!("{count} layers noticed something: {}", names.join(", ")),
    ))
}

fn drill(drills: &[(&str, DrillState)]) -> Option<ScorePart> {
    let first = |wanted| {
        drills
            .iter()
            .find(|(_, state)| *state == wanted)
            .map(|(volume, _)| *volume)
    };
    if let Some(volume) = first(DrillState::Failed) {
        return Some(part(
            5,
            format!("the last drill on `{volume}` failed: the way back isn't proven"),
        ));
    }
    if let Some(volume) = first(DrillState::Unknown) {
        return Some(part(
            3,
            format!("no drill is known on `{volume}`: the way back isn't proven"),
        ));
    }
    let volume = first(DrillState::Passed)?;
    Some(part(
        0,
        format!("the last drill on `{volume}` passed: the way back is proven"),
    ))
}

fn disks(count: usize) -> String {
    match count {
        1 => "1 volume".to_owned(),
        count => format!("{count} volumes"),
    }
}

/// Computes the score of an incident anew, after its state changed.
pub(super) fn refresh(w: &Writing<'_>, id: IncidentId) -> Result<(), Error> {
    let loaded = w.tried(Current::load(w.connection(), id))?;
    let Some(incident) = loaded else { return Ok(()) };
    let (score, parts) = w.tried(incident.score(w.connection()))?;
    // Numbers and strings only.
    let parts = serde_json::to_string(&parts).unwrap_or_default();
    let written = w.connection().execute(
        "update incident set score = ?2, score_parts = ?3 where id = ?1",
        (id.0, score, parts),
    );
    w.tried(written).map(drop)
}
