//! How laws and timelines are shown.

use respond::Time;
use respond::case_file::clocks::{Duty, Force, Jurisdiction, Start};
use respond::case_file::timeline::{Entry, Timeline};
use serde::Serialize;
use utoipa::ToSchema;

/// What a law asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DutyView {
    /// Its name, behind the law's: `authority`.
    pub(super) id: String,
    /// What is to be done.
    title: String,
    /// Who is told.
    tell: String,
    /// When it is asked for, and when it isn't.
    when: String,
    /// What the clock counts from: `aware`, `determined`, or `reported:DUTY`.
    from: String,
    /// How long there is, in words.
    within: String,
    /// How long there is from awareness at most, where the clock counts from something else.
    no_later_than: Option<String>,
    /// Article, section or rule.
    reference: String,
    /// Where it can be read.
    url: String,
    /// What else has to be known.
    note: Option<String>,
}

impl From<Duty> for DutyView {
    fn from(duty: Duty) -> Self {
        Self {
            id: duty.id,
            title: duty.title,
            tell: duty.tell,
            when: duty.when,
            from: match duty.from {
                Start::Aware => "aware".to_owned(),
                Start::Determined => "determined".to_owned(),
                Start::Reported(id) => format!("reported:{id}"),
            },
            within: duty.within.words(),
            no_later_than: duty.no_later_than.map(respond::case_file::clocks::Within::words),
            reference: duty.reference,
            url: duty.url,
            note: duty.note,
        }
    }
}

/// A law, and what it asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LawView {
    /// Its short name, like `uk-gdpr`.
    id: String,
    /// Its name.
    name: String,
    /// Where it applies, and to whom.
    applies: String,
    /// Whether the configuration says that it applies here.
    chosen: bool,
    /// Why it isn't in force; null if it is.
    not_in_force: Option<String>,
    /// When the entry was last compared with something: a date.
    checked: String,
    /// What it was compared with.
    against: String,
    /// What has to be said with every figure.
    caveat: String,
    /// What it asks for.
    duties: Vec<DutyView>,
}

impl LawView {
    pub(super) fn new(chosen: bool, law: Jurisdiction) -> Self {
        Self {
            id: law.id,
            name: law.name,
            applies: law.applies,
            chosen,
            not_in_force: not_in_force(law.force),
            checked: law.checked,
            against: law.against,
            caveat: law.caveat,
            duties: law.duties.into_iter().map(DutyView::from).collect(),
        }
    }
}

/// Why a law isn't in force.
pub(super) fn not_in_force(force: Force) -> Option<String> {
    match force {
        Force::Yes => None,
        Force::No(why) => Some(why),
    }
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    time: Time,
    /// Where it comes from: `alert`, `incident`, `action`, `approval`, `notice`, `fact`, `clock`, `draft`, `disk`.
    from: String,
    /// Who did it, or noticed it.
    who: String,
    /// What, in words.
    what: String,
    /// The ledger's record that says so; what happened to a disk is in the disk's own history.
    record: Option<i64>,
    /// The volume that it is about.
    volume: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            time: entry.time,
            from: entry.from,
            who: entry.who,
            what: entry.what,
            record: entry.record.map(|record| record.0),
            volume: entry.volume,
        }
    }
}

/// What happened about an incident.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimelineView {
    /// What happened, oldest first.
    entries: Vec<EntryView>,
    /// Entries that are left out because there are too many.
    left_out: u64,
    /// What could not be found out.
    remarks: Vec<String>,
}

impl TimelineView {
    pub(super) fn new(timeline: Timeline, remarks: Vec<String>) -> Self {
        Self {
            entries: timeline.entries.into_iter().map(EntryView::from).collect(),
            left_out: timeline.left_out,
            remarks,
        }
    }
}
