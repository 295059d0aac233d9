//! The span of time that is looked at: named by the user, or that of the incident that the guard knows of.

use answers::{Part, Past};
use volume::{Moment, Sequence, Timestamp};

use super::returned::{self, Returned};
use crate::browse::changed::events;
use crate::control::{MomentReport, Progress, Request, Response};
use crate::engine::is_diverted_name;
use crate::failure::Failure;
use crate::past::{VolumePast, failure_of};
use crate::place::Place;
use crate::when::When;

/// A fork counts batches anew; its first is what it was forked from.
const FORK_BEGINS: Sequence = Sequence(1);

/// Which span is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// From before what the guard suspects until now.
    Incident,
    /// Between two moments.
    Between {
        /// The moment before.
        from: When,
        /// The last moment.
        to: When,
    },
}

/// The pasts that a span is looked at in.
pub struct Window {
    /// The fork that the guest's writes were diverted to. Let go of before the volume, which holds the data folder.
    diverted: Option<Diverted>,
    from: Moment,
    to: Moment,
    /// Up to when reads count.
    pub reads_until: Timestamp,
    /// The command that goes back to where the span begins, and keeps good work.
    pub way_back: String,
    /// The restore that made the disk's present another than the end of the span.
    pub returned: Option<Returned>,
    /// What restores hide of the span.
    pub limits: Vec<String>,
    /// The volume's.
    pub volume: VolumePast,
}

/// A fork: its name, its past, and the pin of the volume that keeps its beginning.
struct Diverted {
    fork: String,
    past: Box<dyn Past>,
    start: Moment,
}

impl Window {
    /// Opens what a span needs. `by_moment` is the command to be given where there is no incident.
    pub fn open(
        place: &Place,
        name: &str,
        span: &Span,
        by_moment: &str,
        progress: &mut dyn Progress,
    ) -> Result<Self, Failure> {
        let volume = VolumePast::open(place, name)?;
        match span {
            Span::Between { from, to } => Self::between(volume, name, from, to),
            Span::Incident => Self::incident(place, volume, name, by_moment, progress),
        }
    }

    fn between(volume: VolumePast, name: &str, from: &When, to: &When) -> Result<Self, Failure> {
        let (start, end) = (volume.open_when(from)?, volume.open_when(to)?);
        let history = events(&volume, Some(&When::AtNanos(start.time.as_unix_nanos())))?;
        let (first, last) = (start.sequence.0, end.sequence.0);
        Ok(Self {
            from: Moment::After(start.sequence),
            way_back: format!("holdfast restore {name} '#{first}' --keep-good"),
            to: Moment::After(end.sequence),
            reads_until: if *to == When::Now { Timestamp::MAX } else { end.time },
            returned: None,
            limits: returned::inside(&history.events, first, last).into_iter().collect(),
            volume,
            diverted: None,
        })
    }

    /// From before what the guard suspects until now, or until the disk was returned to an earlier moment.
    fn incident(
        place: &Place,
        volume: VolumePast,
        name: &str,
        by_moment: &str,
        progress: &mut dyn Progress,
    ) -> Result<Self, Failure> {
        let (pin, fork) = incident(&volume, name, by_moment, progress)?;
        let from = Moment::Pin(pin);
        let start = volume.open(&from).map_err(failure_of)?;
        let history = events(&volume, Some(&When::AtNanos(start.time.as_unix_nanos())))?;
        let returned = returned::since(&history.events, start.sequence.0);
        let fork = match &returned {
            Some(returned) => diverted_before(&volume, name, start.sequence.0, returned, progress)?,
            None => fork,
        };
        let diverted = fork.map(|fork| -> Result<Diverted, Failure> {
            Ok(Diverted {
                past: Box::new(volume.beside(place, &fork)?),
                start: Moment::Pin(format!("fork.{fork}")),
                fork,
            })
        });
        let diverted = diverted.transpose()?;
        let end = match (&diverted, &returned) {
            (Some(diverted), _) => diverted.start.clone(),
            (None, Some(returned)) => Moment::After(Sequence(returned.last)),
            (None, None) => Moment::After(Sequence(history.newest.sequence)),
        };
        Ok(Self {
            from,
            way_back: format!("holdfast restore {name} --before-attack --keep-good"),
            to: end,
            reads_until: returned.map_or(Timestamp::MAX, |returned| returned.time),
            limits: returned.iter().map(Returned::limit).collect(),
            returned,
            volume,
            diverted,
        })
    }

    /// The parts to be investigated.
    pub fn parts(&self) -> Result<Vec<Part<'_>>, Failure> {
        let mut parts = vec![Part {
            past: &self.volume,
            from: self.from.clone(),
            to: self.to.clone(),
        }];
        if let Some(diverted) = &self.diverted {
            let newest = Moment::At(Timestamp::MAX);
            let newest = diverted.past.open(&newest).map_err(failure_of)?.sequence;
            parts.push(Part {
                past: &*diverted.past,
                from: Moment::After(FORK_BEGINS),
                to: Moment::After(newest),
            });
        }
        Ok(parts)
    }

    /// The fork that the guest's writes were diverted to.
    #[must_use]
    pub fn fork(&self) -> Option<&str> {
        Some(&self.diverted.as_ref()?.fork)
    }
}

/// The pin from before the attack, and the fork that writes were diverted to.
fn incident(
    volume: &VolumePast,
    name: &str,
    by_moment: &str,
    progress: &mut dyn Progress,
) -> Result<(String, Option<String>), Failure> {
    let request = Request::GuardStatus {
        name: Some(name.to_owned()),
    };
    let Response::Guards(report) = volume.ask(request, progress)? else {
        return Err(Failure::refused("the guard didn't answer"));
    };
    let status = report.guards.into_iter().next().and_then(|guard| guard.status);
    let point = status.as_ref().and_then(|status| status.before_attack.clone());
    let Some(point) = point else {
        return Err(Failure::not_found(format!(
            "the guard of `{name}` has seen nothing suspicious, so there is no incident to look into"
        ))
        .hint(format!(
            "`holdfast history {name}` shows when writing went wild; give the time before it: `{by_moment}`"
        )));
    };
    let fork = status.and_then(|status| status.diverted).map(|diverted| diverted.fork);
    Ok((point.pin, fork))
}

/// The fork that the guest's writes were diverted to when the disk was returned to an earlier moment, if it is still there.
fn diverted_before(
    volume: &VolumePast,
    name: &str,
    from: u64,
    returned: &Returned,
    progress: &mut dyn Progress,
) -> Result<Option<String>, Failure> {
    let request = Request::Show { name: name.to_owned() };
    let Response::Volume(report) = volume.ask(request, progress)? else {
        return Err(Failure::refused("the volume wasn't shown"));
    };
    let pins = report.details.map(|details| details.pins).unwrap_or_default();
    let is_inside = |moment: &MomentReport| moment.sequence >= from && moment.sequence <= returned.last;
    let mut forks = pins
        .into_iter()
        .filter(|pin| is_inside(&pin.moment))
        .filter_map(|pin| pin.fork);
    Ok(forks.rfind(|fork| is_diverted_name(fork)))
}
