//! What the NBD server tells, as log lines that say what it means.

use std::sync::Arc;

use nbd::{ClientStatus, Ending, Event, Refusal, RequestSummary, ServerEvents};
use volume::NoSpace;

use crate::desk::{self, sources};
use crate::engine::Engine;
use crate::log::{Level, Log};
use crate::size::format_size;
use crate::span::format_span;
use crate::when::local;

/// Logs events.
pub(super) struct LoggedEvents {
    engine: Arc<Engine>,
    log: Arc<Log>,
}

impl LoggedEvents {
    pub(super) fn new(engine: Arc<Engine>, log: Arc<Log>) -> Self {
        Self { engine, log }
    }
}

impl ServerEvents for LoggedEvents {
    fn event(&self, event: &Event<'_>) {
        if let Event::RequestFailed { export, error, .. } = event {
            if let volume::Error::NoSpace(why) = error {
                self.engine.note_refusal(export, *why);
            }
            if is_damage(event) {
                self.engine.note_damage(volume_of(export));
            }
        }
        if let Some((level, subject, message)) = describe(event) {
            if is_damage(event) {
                let now = desk::time(self.engine.now());
                self.engine
                    .front()
                    .tell(sources::damage(now, volume_of(subject), &message));
            }
            self.log.write(level, subject, message);
        }
    }
}

/// Whether an event is that something stored is damaged.
fn is_damage(event: &Event<'_>) -> bool {
    use volume::Error::{CorruptBlock, CorruptStructure};
    let Event::RequestFailed { error, .. } = event else {
        return false;
    };
    matches!(error, CorruptBlock { .. } | CorruptStructure { .. })
}

/// The level, subject and message of an event.
fn describe<'a>(event: &'a Event<'_>) -> Option<(Level, &'a str, String)> {
    Some(match event {
        Event::Refused { peer, reason } => (Level::Warning, "", refused(&peer.to_string(), *reason)),
        Event::AcceptFailed { address, error } => (
            Level::Error,
            address,
            format!("can't accept clients ({error}); trying again"),
        ),
        Event::Connected(client) => (Level::Detail, export(client), format!("{} connected", client.peer)),
        Event::Disconnected { client, reason } => {
            (disconnected_level(reason), export(client), disconnected(client, reason))
        }
        Event::RequestFailed {
            export,
            request,
            error,
            suppressed,
            ..
        } => {
            let (level, message) = failed(export, request, error, *suppressed)?;
            (level, export, message)
        }
        Event::RequestSlow {
            export, request, took, ..
        } => {
            let message = format!(
                "{} took {}: the disk below is slow or busy",
                shown(request),
                format_span(*took)
            );
            (Level::Warning, export, message)
        }
        _ => return None,
    })
}

fn export(client: &ClientStatus) -> &str {
    client.export.as_deref().unwrap_or("")
}

fn refused(peer: &str, reason: Refusal) -> String {
    match reason {
        Refusal::TooManyClients { limit } => {
            format!("turned {peer} away: {limit} clients are connected; raise `max_clients` if they are all wanted")
        }
        Refusal::Stopping => format!("turned {peer} away: the daemon is stopping"),
        _ => format!("turned {peer} away: the system is out of threads"),
    }
}

const fn disconnected_level(reason: &Ending) -> Level {
    match reason {
        Ending::Disconnected | Ending::Closed | Ending::Stopped | Ending::Kicked => Level::Detail,
        Ending::Panicked => Level::Error,
        _ => Level::Warning,
    }
}

fn disconnected(client: &ClientStatus, reason: &Ending) -> String {
    let traffic = &client.traffic;
    let moved = format!(
        "{} read, {} written",
        format_size(traffic.bytes_read),
        format_size(traffic.bytes_written)
    );
    format!("{} is gone: {reason}; {moved}", client.peer)
}

/// A request that failed for a reason that isn't the client's fault. Lack of space is told by the keeper, once.
fn failed(export: &str, request: &RequestSummary, error: &volume::Error, suppressed: u64) -> Option<(Level, String)> {
    use volume::Error;
    let more = if suppressed == 0 {
        String::new()
    } else {
        format!(" (and {suppressed} more)")
    };
    Some(match error {
        Error::NoSpace(NoSpace::Budget { .. } | NoSpace::Disk) => return None,
        Error::StaleEpoch => (
            Level::Warning,
            format!(
                "refused {}: the disk was restored after this client connected{more}; restart the machine, or detach \
                 and attach the disk, so that it forgets what it remembers",
                shown(request)
            ),
        ),
        Error::CorruptBlock {
            block,
            segment,
            offset,
            written,
        } => (
            Level::Error,
            format!(
                "{} met a damaged block and got an I/O error{more}: block {block} as written {} in segment {segment} at \
                 offset {offset}; all else is served; check the disk below, and `holdfast volume verify {}` tells the \
                 newest moment at which the block is intact",
                shown(request),
                local(*written),
                volume_of(export)
            ),
        ),
        other => (Level::Error, format!("{} failed{more}: {other}", shown(request))),
    })
}

/// The volume of an export, which may be a moment of it.
fn volume_of(export: &str) -> &str {
    export.split_once('@').map_or(export, |(volume, _)| volume)
}

fn shown(request: &RequestSummary) -> String {
    format!(
        "{:?} of {} at {}",
        request.kind,
        format_size(request.length),
        request.offset
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use nbd::RequestKind;

    #[test]
    fn a_damaged_block_is_told_with_what_to_do() {
        let request = RequestSummary {
            kind: RequestKind::Read,
            offset: 8192,
            length: 4096,
        };
        let error = volume::Error::CorruptBlock {
            block: 2,
            segment: 7,
            offset: 99,
            written: volume::Timestamp::ZERO,
        };
        let (level, message) = failed("disk@p", &request, &error, 3).unwrap();
        assert_eq!(level, Level::Error);
        assert!(
            message.starts_with("Read of 4 KiB at 8192 met a damaged block and got an I/O error (and 3 more): block 2")
        );
        assert!(message.contains("`holdfast volume verify disk`"));
    }

    #[test]
    fn lack_of_space_is_not_told_for_each_request() {
        let request = RequestSummary {
            kind: RequestKind::Write,
            offset: 0,
            length: 4096,
        };
        assert!(failed("disk", &request, &volume::Error::NoSpace(NoSpace::Disk), 0).is_none());
    }
}
