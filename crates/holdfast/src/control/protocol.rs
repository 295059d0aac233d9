//! Requests and answers as types.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use drill::Case;
use guard::Fence;

use super::report::Response;
use super::report_threat::MarkOrder;
use crate::failure::Failure;
use crate::when::When;
use image::Format;

/// The protocol's version. A daemon of another version refuses with advice.
pub const VERSION: u32 = 1;

/// A request with the version of the protocol it is written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`VERSION`] of the sender.
    pub version: u32,
    /// The request.
    pub request: Request,
}

/// Everything that can be asked of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// What is served, to whom, and how the volumes are.
    Status,
    /// Makes an empty volume.
    Create {
        /// Its name.
        name: String,
        /// Its size.
        size_bytes: u64,
    },
    /// All volumes.
    List,
    /// One volume.
    Show {
        /// Its name.
        name: String,
    },
    /// Changes a volume's size.
    Resize {
        /// The volume.
        name: String,
        /// The new size.
        size_bytes: u64,
        /// Whether it may become smaller.
        shrink: bool,
    },
    /// Deletes a volume with its history.
    Delete {
        /// The volume.
        name: String,
    },
    /// Makes a volume from an image, whose open file comes with the request.
    Import {
        /// The new volume's name.
        name: String,
        /// The image's format; detected if `None`.
        format: Option<Format>,
    },
    /// Writes a moment of a volume into the empty file that comes with the request.
    Export {
        /// The volume.
        name: String,
        /// The moment; the newest if `None`.
        when: Option<When>,
        /// The image's format.
        format: Format,
    },
    /// Checks everything a volume has stored.
    Verify {
        /// The volume.
        name: String,
    },
    /// Makes a volume with a damaged log usable again.
    Repair {
        /// The volume.
        name: String,
    },
    /// What happened in a span of time.
    History {
        /// The volume.
        name: String,
        /// From when on; from the oldest moment kept if `None`.
        since: Option<When>,
        /// Up to when; up to now if `None`.
        until: Option<When>,
        /// Length of a bucket in seconds; chosen by the span if `None`.
        bucket_seconds: Option<u64>,
    },
    /// Keeps a moment under a name.
    Pin {
        /// The volume.
        name: String,
        /// The pin's name.
        pin: String,
        /// The moment; the newest if `None`.
        when: Option<When>,
    },
    /// Removes a pin.
    Unpin {
        /// The volume.
        name: String,
        /// The pin's name.
        pin: String,
    },
    /// Makes a writable volume that starts at a moment of another.
    Fork {
        /// The volume.
        name: String,
        /// The moment; the newest if `None`.
        when: Option<When>,
        /// The new volume's name.
        fork: String,
    },
    /// Returns a volume to a moment.
    Restore {
        /// The volume.
        name: String,
        /// The moment.
        when: When,
    },
    /// Takes the newest restore back.
    RestoreUndo {
        /// The volume.
        name: String,
    },
    /// Returns a volume to the restore point that its guard made before the attack.
    RestoreBeforeAttack {
        /// The volume.
        name: String,
    },
    /// Returns blocks to moments of the past, each piece to its own. The pieces are in the open file that comes with the request
    /// (`crate::aftermath::pieces`).
    RestoreBlocks {
        /// The volume.
        name: String,
    },
    /// What the guards see, and what they did.
    GuardStatus {
        /// The volume; all if `None`.
        name: Option<String>,
    },
    /// Changes what a guard does until the configuration does.
    GuardSet {
        /// The volume.
        name: String,
        /// What happens to writes once encryption was recognised; as it is if `None`.
        fence: Option<Fence>,
        /// Whether the disk is watched; as it is if `None`.
        enabled: Option<bool>,
    },
    /// Takes a fence down.
    GuardRelease {
        /// The volume.
        name: String,
        /// What becomes of the writes to a diverted disk; must be decided if there are some.
        diverted: Option<DivertedWrites>,
    },
    /// Looks into the past: once this is answered, the connection speaks `crate::past::protocol`.
    Look {
        /// The volume.
        name: String,
        /// What is looked at.
        what: Looked,
    },
    /// Announces work that looks like an attack, or that it is done.
    GuardAnnounce {
        /// The volumes; all if there are none.
        names: Vec<String>,
        /// The work; `None` if it is done.
        work: Option<AnnouncedWork>,
    },
    /// Fences a volume by hand.
    GuardFence {
        /// The volume.
        name: String,
        /// What the fence does; as the guard's settings have it if `None`, and `refuse` if those stop nothing.
        how: Option<Fence>,
        /// Why.
        because: String,
    },
    /// Has a guard act at less suspicion than usual for a while.
    GuardSensitivity {
        /// The volume; all if `None`.
        name: Option<String>,
        /// Per cent of the usual suspicion; 100 ends it.
        percent: u32,
        /// For how long from now.
        seconds: u64,
    },
    /// Tries a volume out on a fork of it.
    Drill {
        /// The volume.
        name: String,
        /// The attack; the one after the last if `None`.
        case: Option<Case>,
        /// What chooses files, moments and bytes; made up if `None`.
        seed: Option<u64>,
        /// Whether every file is compared.
        all: bool,
    },
    /// How drills went.
    Drills {
        /// The volume; all if `None`.
        name: Option<String>,
        /// How many of the newest results of each are wanted.
        results: u64,
    },
    /// Has a daemon read its configuration and rules again, as SIGHUP does.
    Reload,
    /// What is no sign of an attack.
    Marks(MarkOrder),
}

/// What is looked at of a volume's past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Looked {
    /// The disk as it was at a moment.
    Moment(When),
    /// What was changed after a batch, up to and including another.
    Changes {
        /// The sequence of the first batch that isn't shown.
        from: u64,
        /// The sequence of the last one.
        to: u64,
    },
    /// What clients read.
    Readings {
        /// From when on, in nanoseconds since the Unix epoch.
        from_nanos: u64,
        /// Up to when.
        to_nanos: u64,
    },
}

/// What becomes of what was written to a diverted disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DivertedWrites {
    /// The disk takes it over.
    Keep,
    /// It is forgotten.
    Drop,
}

/// Work that looks like an attack and is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnouncedWork {
    /// What it is.
    pub reason: String,
    /// For how long from now.
    pub seconds: u64,
}

/// Whether an open file comes with the request.
#[must_use]
pub const fn is_image_request(request: &Request) -> bool {
    matches!(
        request,
        Request::Import { .. } | Request::Export { .. } | Request::RestoreBlocks { .. }
    )
}

/// What the daemon answers, a line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The request goes on.
    Progress {
        /// Bytes done.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The request was carried out.
    Done(Box<Response>),
    /// The request failed.
    Failed(Failure),
}

/// Is told how far a request is, and may break it off.
pub trait Progress {
    /// `done` of `total` bytes are done.
    fn update(&mut self, done: u64, total: u64) -> ControlFlow<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_of_json() {
        let request = Request::Restore {
            name: "disk".to_owned(),
            when: When::Pin("nightly".to_owned()),
        };
        let line = serde_json::to_string(&Envelope {
            version: VERSION,
            request: request.clone(),
        })
        .unwrap();
        assert_eq!(
            line,
            r#"{"version":1,"request":{"restore":{"name":"disk","when":{"pin":"nightly"}}}}"#
        );
        assert_eq!(serde_json::from_str::<Envelope>(&line).unwrap().request, request);
    }

    #[test]
    fn requests_with_unknown_parts_are_refused() {
        for line in [
            r#"{"version":1,"request":"destroy"}"#,
            r#"{"version":1,"request":{"delete":{"name":"x","force":true}}}"#,
            r#"{"version":1}"#,
        ] {
            assert!(serde_json::from_str::<Envelope>(line).is_err(), "{line}");
        }
    }
}
