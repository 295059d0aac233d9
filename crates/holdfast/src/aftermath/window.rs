//! The span of time that is looked at: named by the user, or that of the incident that the guard knows of.

use answers::{Part, Past};
use volume::{Moment, Sequence, Timestamp};

use crate::control::{Progress, Request, Response};
use crate::failure::Failure;
use crate::past::VolumePast;
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
    /// Opens what a span needs.
    pub fn open(place: &Place, name: &str, span: &Span, progress: &mut dyn Progress) -> Result<Self, Failure> {
        let volume = VolumePast::open(place, name)?;
        let newest = Moment::After(volume.open_when(&When::Now)?.sequence);
        match span {
            Span::Between { from, to } => {
                let (start, end) = (volume.open_when(from)?.sequence, volume.open_when(to)?);
                Ok(Self {
                    from: Moment::After(start),
                    way_back: format!("holdfast restore {name} '#{}' --keep-good", start.0),
                    to: Moment::After(end.sequence),
                    reads_until: if *to == When::Now { Timestamp::MAX } else { end.time },
                    volume,
                    diverted: None,
                })
            }
            Span::Incident => {
                let (pin, fork) = incident(&volume, name, progress)?;
                let diverted = fork.map(|fork| -> Result<Diverted, Failure> {
                    Ok(Diverted {
                        past: Box::new(volume.beside(place, &fork)?),
                        start: Moment::Pin(format!("fork.{fork}")),
                        fork,
                    })
                });
                let diverted = diverted.transpose()?;
                Ok(Self {
                    from: Moment::Pin(pin),
                    way_back: format!("holdfast restore {name} --before-attack --keep-good"),
                    to: diverted.as_ref().map_or(newest, |diverted| diverted.start.clone()),
                    reads_until: Timestamp::MAX,
                    volume,
                    diverted,
                })
            }
        }
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
            let newest = diverted.past.open(&newest).map_err(crate::past::failure_of)?.sequence;
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
fn incident(volume: &VolumePast, name: &str, progress: &mut dyn Progress) -> Result<(String, Option<String>), Failure> {
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
            "`holdfast history {name}` shows when writing went wild; give the time before it: `holdfast investigate {name} --from MOMENT`"
        )));
    };
    let fork = status.and_then(|status| status.diverted).map(|diverted| diverted.fork);
    Ok((point.pin, fork))
}
