//! A file's records as events. What isn't understood is counted, and what can't be read is named.

use std::fs;
use std::io::{self, Read};

use jiff::Timestamp;
use threat::event::Event;
use threat::input::{Record, Source, Unreadable};
use threat::normalise::Normaliser;

use crate::Counts;
use crate::open::{Found, Problem};
use crate::records::{self, sample_of};

/// A file whose logs are read.
pub(crate) struct Events {
    received: Timestamp,
    /// Records that couldn't be read or understood.
    pub(crate) counts: Counts,
    /// Logs that couldn't be read to their end.
    pub(crate) problems: Vec<Problem>,
}

impl Events {
    /// Those of a file. When it was last written completes times without a year.
    pub(crate) fn of(found: &Found) -> Self {
        let modified = fs::metadata(&found.path).and_then(|metadata| metadata.modified());
        let received = modified.ok().and_then(|time| Timestamp::try_from(time).ok());
        Self {
            received: received.unwrap_or_else(Timestamp::now),
            counts: Counts::default(),
            problems: Vec::new(),
        }
    }

    /// Gives the events of one log, until `goes_on`, which is asked after each record, says no.
    pub(crate) fn of_log(
        &mut self,
        name: &Source,
        content: &mut dyn Read,
        goes_on: &dyn Fn() -> bool,
        give: &mut dyn FnMut(Event),
    ) {
        let Self {
            received,
            counts,
            problems,
        } = self;
        let mut normaliser = Normaliser::new();
        let read = records::of_log(content, name, &mut |record: Result<Record, Unreadable>| {
            match record {
                Ok(record) => {
                    let (origin, sample) = (record.origin.clone(), sample_of(&record));
                    normaliser.take(record, *received, &mut |event| match event {
                        Ok(event) => give(event),
                        Err(not) => counts.add(&origin, &not.reason, &sample),
                    });
                }
                Err(unreadable) => counts.unreadable(&unreadable),
            }
            goes_on()
        });
        normaliser.finish(&mut |event| {
            if let Ok(event) = event {
                give(event);
            }
        });
        // An error of the reader itself is told by whoever opened the file.
        if let Err(error) = read
            && error.kind() == io::ErrorKind::InvalidData
        {
            problems.push(Problem {
                name: name.to_string(),
                reason: error.to_string(),
            });
        }
    }
}
