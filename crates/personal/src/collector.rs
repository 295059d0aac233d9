//! Where findings come together, and where the limits of one scan are kept.

use std::collections::BTreeMap;

use crate::class::Class;
use crate::detect::{Certainty, Context, Match, find, masked};
use crate::limits::Limits;
use crate::report::{EXAMPLES_MAX, Finding, Reason, Report, Unread};

/// Text is looked at in parts of about as much, so that a scan can be stopped. A line that is longer is cut at a space.
const PART_BYTES: usize = 128 << 10;
/// Names of parts kept for what couldn't be read; beyond, only the document is named.
const UNREAD_MAX: usize = 256;
/// Longest name of a part that is shown.
const NAME_MAX: usize = 200;

/// The state of one scan.
pub(crate) struct Collector<'a> {
    pub(crate) limits: &'a Limits,
    keep_going: &'a dyn Fn() -> bool,
    pub(crate) report: Report,
    unread: BTreeMap<(String, Reason), u64>,
    /// The way to the part that is being read.
    path: Vec<String>,
    text_left: u64,
    unpacked_left: u64,
    members_left: u64,
    is_stopped: bool,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(limits: &'a Limits, keep_going: &'a dyn Fn() -> bool) -> Self {
        Self {
            limits,
            keep_going,
            report: Report::default(),
            unread: BTreeMap::new(),
            path: Vec::new(),
            text_left: limits.text_bytes,
            unpacked_left: limits.unpacked_bytes,
            members_left: limits.members,
            is_stopped: false,
        }
    }

    /// The report, complete.
    pub(crate) fn finish(mut self) -> Report {
        self.report.unread = self
            .unread
            .into_iter()
            .map(|((part, reason), count)| Unread { part, reason, count })
            .collect();
        self.report.count_persons();
        self.report
    }

    /// Whether the scan is over, for lack of time or because a limit was reached.
    pub(crate) fn is_stopped(&mut self) -> bool {
        if !self.is_stopped && !(self.keep_going)() {
            self.stop();
        }
        self.is_stopped
    }

    fn stop(&mut self) {
        self.is_stopped = true;
        self.unread(Reason::Stopped);
    }

    /// Notes that something couldn't be read, in the part that is being read.
    pub(crate) fn unread(&mut self, reason: Reason) {
        let mut part = self.path.join("/");
        if self.unread.len() >= UNREAD_MAX {
            part.clear();
        }
        let count = self.unread.entry((part, reason)).or_default();
        *count = count.saturating_add(1);
    }

    /// Notes that a part by this name couldn't be read.
    pub(crate) fn unread_part(&mut self, name: &str, reason: Reason) {
        self.path.push(shown(name));
        self.unread(reason);
        self.path.pop();
    }

    /// Reads a part of a document: an attachment, a member of an archive.
    pub(crate) fn within(&mut self, name: &str, read: impl FnOnce(&mut Self)) {
        if self.path.len() >= self.limits.depth as usize {
            self.unread_part(name, Reason::TooDeep);
            return;
        }
        self.path.push(shown(name));
        read(self);
        self.path.pop();
    }

    /// Takes one of the members that may be looked at.
    pub(crate) fn take_member(&mut self) -> bool {
        if self.members_left == 0 || self.is_stopped() {
            return false;
        }
        self.members_left -= 1;
        if self.members_left == 0 {
            self.unread(Reason::TooManyMembers);
        }
        true
    }

    /// How much may be unpacked from so many packed bytes.
    pub(crate) fn unpacked_limit(&self, packed: usize) -> usize {
        let by_ratio = (packed as u64).saturating_mul(self.limits.expansion_ratio).max(1 << 20);
        usize::try_from(by_ratio.min(self.unpacked_left).min(self.limits.memory_bytes)).unwrap_or(usize::MAX)
    }

    /// Counts what was unpacked.
    pub(crate) fn unpacked(&mut self, bytes: usize) {
        self.unpacked_left = self.unpacked_left.saturating_sub(bytes as u64);
    }

    /// Running text. It is cut where lines end.
    pub(crate) fn text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() && !self.is_stopped() {
            let (part, behind) = rest.split_at(cut(rest));
            if !self.count_text(part.len()) {
                return;
            }
            let context = Context::default();
            find(part, &context, &mut |found: Match| {
                if found.certainty > Certainty::OnlyByColumn {
                    note(
                        &mut self.report.findings,
                        found.class,
                        part.get(found.start..found.end).unwrap_or_default(),
                    );
                }
            });
            rest = behind;
        }
    }

    /// Takes text out of what may be looked at. False if nothing is left.
    pub(crate) fn count_text(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if bytes > self.text_left {
            if !self.is_stopped {
                self.stop();
            }
            return false;
        }
        self.text_left -= bytes;
        self.report.text_bytes = self.report.text_bytes.saturating_add(bytes);
        true
    }
}

/// Adds one finding.
pub(crate) fn note(findings: &mut BTreeMap<Class, Finding>, class: Class, text: &str) {
    let finding = findings.entry(class).or_default();
    finding.count = finding.count.saturating_add(1);
    if finding.distinct.insert(class.canonical(text).as_bytes()) && finding.examples.len() < EXAMPLES_MAX {
        let example = masked(class, text);
        if !finding.examples.contains(&example) {
            finding.examples.push(example);
        }
    }
}

/// Where a part ends: behind a line, or else a space, or else anywhere between two characters.
fn cut(text: &str) -> usize {
    if text.len() <= PART_BYTES {
        return text.len();
    }
    let mut end = PART_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    head.rfind('\n')
        .or_else(|| head.rfind(' '))
        .map_or(end, |position| position + 1)
}

/// A name as it may be shown: in one line, not too long, and without an address or number that a file was named after.
fn shown(name: &str) -> String {
    let name: String = name
        .chars()
        .filter(|character| !character.is_control())
        .take(NAME_MAX)
        .collect();
    let mut found = Vec::new();
    // Behind an address, the ending of a file would be taken for a part of it.
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    find(stem, &Context::default(), &mut |one| found.push(one));
    if found.is_empty() {
        find(&name, &Context::default(), &mut |one| found.push(one));
    }
    let mut shown = name.clone();
    found.sort_unstable_by_key(|one| std::cmp::Reverse(one.start));
    for one in found {
        if let Some(text) = name.get(one.start..one.end) {
            let mask = masked(one.class, text);
            if shown.is_char_boundary(one.start) && shown.is_char_boundary(one.end) && one.end <= shown.len() {
                shown.replace_range(one.start..one.end, &mask);
            }
        }
    }
    shown
}
