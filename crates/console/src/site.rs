//! What the console asks of the program that it is part of: disks, guards, drills, the breach monitor.
//!
//! All methods may wait for the disk: they are called from threads that may. All are about real things: nothing here is made up
//! for display.

use std::collections::BTreeMap;

use respond::case_file::clocks::Jurisdiction;
use respond::case_file::drafts::Templates;
use respond::case_file::paper::{Contact, RestoreStep};
use respond::case_file::timeline;
use respond::{Actor, Desk, Origin, Time};
use serde::{Deserialize, Serialize};

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What sort of problem.
    pub kind: ProblemKind,
    /// What happened and what it means.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// Sorts of problems; each has its HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request makes no sense (400).
    Invalid,
    /// Not without an approval (403).
    ApprovalNeeded,
    /// There is no such thing (404).
    NotFound,
    /// Not in the state that things are in (409).
    Refused,
    /// The disk below or something else failed (500).
    Failed,
}

/// The logs that the program reads, since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogsView {
    /// By the way on which they come.
    pub inputs: Vec<LogInputView>,
    /// What was sent and not taken, by reason.
    pub dropped: Vec<(String, u64)>,
    /// Bytes of files that weren't read yet.
    pub unread_bytes: u64,
    /// Messages that weren't judged yet.
    pub waiting_messages: u64,
    /// Reasons why logs that should be read aren't.
    pub problems: u64,
}

/// Logs of one way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogInputView {
    /// The way.
    pub input: String,
    /// Records that came in.
    pub records: u64,
    /// Those of which nothing could be made.
    pub not_understood: u64,
    /// Pieces that are no records.
    pub unreadable: u64,
    /// Messages, requests and connections that weren't taken.
    pub dropped: u64,
    /// When the last record came in, in seconds since 1970.
    pub last_record: Option<i64>,
    /// How old the last event was when it came in.
    pub behind_seconds: Option<i64>,
}

/// What the console needs of the program.
pub trait Site: Send + Sync + 'static {
    /// The ledger.
    fn desk(&self) -> &Desk;
    /// The time.
    fn now(&self) -> Time;
    /// Writes a line into the program's log: a problem that concerns nobody's request.
    fn log(&self, message: &str);
    /// Who tells, in formats of other programs.
    fn origin(&self) -> Origin;
    /// Whether it serves, and nothing keeps it from serving well: asked often, by anybody, and answered without asking the ledger.
    fn is_ready(&self) -> bool;
    /// How the program is.
    fn health(&self) -> Health;
    /// The logs that it reads; none if it is told to read none.
    fn logs(&self) -> Option<LogsView> {
        None
    }
    /// All volumes, by name.
    fn volumes(&self) -> Result<Vec<VolumeView>, Problem>;
    /// One volume.
    fn volume(&self, name: &str) -> Result<VolumeView, Problem>;
    /// What was written to a volume in a span of time, in at most `buckets` equal parts.
    fn activity(&self, name: &str, from: Time, to: Time, buckets: u32) -> Result<Activity, Problem>;
    /// What is in a folder of a volume at a moment (`-15m`, `2026-11-23 10:15`, a pin; the newest if `None`).
    fn files(&self, name: &str, moment: Option<&str>, path: &str) -> Result<Files, Problem>;
    /// What a restore to a moment would do.
    fn preview_restore(&self, name: &str, moment: &str) -> Result<RestorePreview, Problem>;
    /// Makes an empty volume.
    fn create(&self, actor: &Actor, name: &str, size_bytes: u64) -> Result<VolumeView, Problem>;
    /// Deletes a volume with its history.
    fn delete(&self, actor: &Actor, name: &str) -> Result<(), Problem>;
    /// Keeps a moment under a name.
    fn pin(&self, actor: &Actor, name: &str, pin: &str, moment: Option<&str>) -> Result<PinView, Problem>;
    /// Gives a pin up.
    fn unpin(&self, actor: &Actor, name: &str, pin: &str) -> Result<(), Problem>;
    /// Makes a writable volume that starts at a moment of another.
    fn fork(&self, actor: &Actor, name: &str, moment: Option<&str>, fork: &str) -> Result<VolumeView, Problem>;
    /// Returns a volume to a moment.
    fn restore(&self, actor: &Actor, name: &str, moment: &str) -> Result<Restored, Problem>;
    /// Returns a volume to the restore point that its guard made before the attack.
    fn restore_before_attack(&self, actor: &Actor, name: &str) -> Result<Restored, Problem>;
    /// Takes the newest restore back.
    fn undo_restore(&self, actor: &Actor, name: &str) -> Result<Restored, Problem>;
    /// Changes what a guard does: `fence` is `refuse`, `pause`, `divert` or `alert`.
    fn set_guard(
        &self,
        actor: &Actor,
        name: &str,
        fence: Option<&str>,
        enabled: Option<bool>,
    ) -> Result<GuardState, Problem>;
    /// Takes a fence down; `diverted` is `keep` or `drop`.
    fn release(&self, actor: &Actor, name: &str, diverted: Option<&str>) -> Result<GuardState, Problem>;
    /// Announces work that looks like an attack, or (`None`) that it is done.
    fn announce(&self, actor: &Actor, names: &[String], work: Option<(&str, u64)>) -> Result<(), Problem>;
    /// Begins a drill; its result comes as an alert and in [`Site::drills`].
    fn start_drill(&self, actor: &Actor, name: &str, case: Option<&str>) -> Result<(), Problem>;
    /// The newest results of drills, newest first; of all volumes if `None`.
    fn drills(&self, name: Option<&str>, most: usize) -> Result<Vec<DrillView>, Problem>;
    /// The report of a drill as a page of its own.
    fn drill_report(&self, id: &str) -> Result<String, Problem>;
    /// The report on what happened to a volume's files in an incident, as a page of its own; made now, which takes a while.
    fn investigate(&self, name: &str, from: Option<&str>, to: Option<&str>) -> Result<String, Problem>;
    /// The breach monitor.
    fn exposure(&self) -> Result<ExposureView, Problem>;
    /// Asks the OpenID provider of the settings something, and returns what it answers with a status of 200; within a few seconds,
    /// and a megabyte at most.
    fn ask_provider(&self, question: &ProviderQuestion) -> Result<Vec<u8>, Problem>;
    /// Whether a password is known to have leaked; `false` where no leaked passwords are loaded.
    fn is_password_leaked(&self, password: &str) -> bool;
    /// The configuration in force, as TOML, without secrets.
    fn settings(&self) -> Result<String, Problem>;
    /// The policies in force, which know the names of this site; or what would be, were `text` laid over the built-in ones.
    fn policies(&self, text: Option<&str>) -> Result<respond::policy::Policies, Problem>;
    /// The signed heads of the ledger that lie beside the volumes' segments.
    fn ledger_heads(&self) -> Vec<respond::ledger::SignedHead>;
    /// What the configuration says for the files of incidents.
    fn incident_file(&self) -> Result<IncidentFileSettings, Problem>;
    /// All volumes in the order in which they are to be restored.
    fn restore_steps(&self) -> Result<Vec<RestoreStep>, Problem>;
    /// What was done with a volume in a span of time, from its own history.
    fn disk_events(&self, name: &str, from: Time, to: Time) -> Result<Vec<timeline::DiskEvent>, Problem>;
    /// Findings in logs that are held back.
    fn marks(&self) -> Result<Vec<MarkView>, Problem>;
    /// Says that an alert or story is no sign of an attack.
    fn mark(&self, actor: &Actor, wish: &MarkWish) -> Result<Vec<MarkView>, Problem>;
    /// Takes a mark back.
    fn unmark(&self, actor: &Actor, id: u64) -> Result<(), Problem>;
    /// The places that notices can be sent to, by name.
    fn notice_channels(&self) -> Vec<String>;
    /// Sends a notice that says that it is a test, now.
    fn test_notice(&self, actor: &Actor, channel: &str) -> Result<(), Problem>;
}

/// What is asked of the OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderQuestion {
    /// The address.
    pub url: String,
    /// Fields of a form, if one is sent.
    pub form: Option<Vec<(String, String)>>,
}

/// What is no sign of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The finding that an alert of the ledger tells of.
    Alert(i64),
    /// All findings of a story.
    Story(u64),
}

/// What somebody says of an alert or story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkWish {
    /// What is meant.
    pub what: Marked,
    /// Why.
    pub because: String,
    /// For how long, in seconds.
    pub seconds: u64,
    /// Whether it's meant for what is critical on tier 0, too.
    pub even_critical_on_tier_zero: bool,
}

/// A finding on one person or machine that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MarkView {
    /// Its number.
    pub id: u64,
    /// The rule's identifier, or the name of the model of what is usual.
    pub rule: String,
    /// What is found, in a few words.
    pub title: String,
    /// On whom.
    pub entity: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub because: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Time,
    /// How often it held something back.
    pub held_back: u64,
    /// When last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_held_back: Option<Time>,
    /// Whether it's meant for what is critical on tier 0, too.
    pub even_critical_on_tier_zero: bool,
}

/// What the configuration says for the files of incidents.
#[derive(Clone, Debug, Default)]
pub struct IncidentFileSettings {
    /// All laws that are known.
    pub laws: Vec<Jurisdiction>,
    /// The names of those that apply.
    pub chosen: Vec<String>,
    /// Templates of drafts.
    pub templates: Templates,
    /// What drafts ask for, whatever the incident.
    pub values: BTreeMap<String, String>,
    /// Whom to call, in that order.
    pub contacts: Vec<Contact>,
}

/// How the program is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// The program's version.
    pub version: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started: Time,
    /// Whether it does all of its work: every volume is served, and what is noticed is noted in the ledger. Not any more once it stops.
    pub ready: bool,
    /// What is wrong, in words; empty if nothing is. Not all of it keeps it from being ready.
    pub problems: Vec<String>,
    /// Where disks are served.
    pub listening: Vec<String>,
    /// Connected clients.
    pub clients: u64,
}

/// A moment of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Moment {
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub time: Time,
    /// Its number: `#NUMBER` names it.
    pub sequence: u64,
}

/// A pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PinView {
    /// Its name.
    pub name: String,
    /// The moment that it keeps.
    pub moment: Moment,
    /// The fork that starts here, which holds the pin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<String>,
}

/// How a guard is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GuardState {
    /// `off`, `calm`, `bookmarked` or `fenced`.
    pub state: String,
    /// What the fence in force does, or the next one would: `refuse`, `pause`, `divert` or `alert`.
    pub fence: String,
    /// Suspicion now, in per cent of what fences.
    pub suspicion_percent: u32,
    /// Why, strongest first.
    pub reasons: Vec<String>,
    /// When what is suspected began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub onset: Option<Time>,
    /// The pin from before it.
    pub before_attack: Option<PinView>,
    /// The fork that reads and writes go to.
    pub diverted_to: Option<String>,
    /// Announced work.
    pub announced: Option<String>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VolumeView {
    /// Its name.
    pub name: String,
    /// Why it can't be used, if it can't; then all numbers are 0.
    pub problem: Option<String>,
    /// The disk's size.
    pub size_bytes: u64,
    /// Bytes on the disk below, history included.
    pub stored_bytes: u64,
    /// The newest moment.
    pub newest: Option<Moment>,
    /// The oldest moment kept.
    pub oldest: Option<Moment>,
    /// How far back every moment is kept, in seconds.
    pub retention_seconds: u64,
    /// Clients that use the disk.
    pub clients: u64,
    /// Whether writes are refused for lack of space.
    pub no_space: bool,
    /// Whether something damaged was met.
    pub damaged: bool,
    /// Its guard.
    pub guard: Option<GuardState>,
    /// Its pins, oldest moment first.
    pub pins: Vec<PinView>,
    /// Its newest drill.
    pub drill: Option<DrillView>,
    /// Whether a drill is missed.
    pub drill_overdue: bool,
}

/// What was written to a volume in a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Activity {
    /// Start of the span.
    #[schema(value_type = String, format = DateTime)]
    pub from: Time,
    /// End of the span.
    #[schema(value_type = String, format = DateTime)]
    pub to: Time,
    /// Length of a bucket, in seconds.
    pub bucket_seconds: u64,
    /// Buckets in which something was written, in order.
    pub buckets: Vec<ActivityBucket>,
    /// What was done with the volume, in order.
    pub events: Vec<DiskEvent>,
}

/// What was written in a part of the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActivityBucket {
    /// When it starts.
    #[schema(value_type = String, format = DateTime)]
    pub start: Time,
    /// Bytes written.
    pub written_bytes: u64,
    /// Bytes of those whose content looked random, as ciphertext and compressed data do.
    pub random_bytes: u64,
    /// Bytes zeroed or trimmed.
    pub discarded_bytes: u64,
}

/// Something that was done with a volume: `pinned`, `restored`, `resized`, `bookmarked`, `fenced`, `drill`, ...
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DiskEvent {
    /// When, and at which batch.
    pub moment: Moment,
    /// What.
    pub kind: String,
    /// The same in words.
    pub text: String,
}

/// A folder at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Files {
    /// The volume.
    pub volume: String,
    /// The moment that was looked at.
    pub moment: Option<Moment>,
    /// The folder.
    pub path: String,
    /// What is in it.
    pub rows: Vec<FileRow>,
    /// Whether there is more than is listed.
    pub truncated: bool,
}

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileRow {
    /// Its name; bytes that are no text are escaped.
    pub name: String,
    /// `file`, `directory`, `symlink` or another.
    pub kind: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was changed last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub modified: Option<Time>,
}

/// What a restore would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RestorePreview {
    /// The moment that the disk would be as of.
    pub to: Moment,
    /// The newest moment now; a restore can be undone, which returns here.
    pub from: Moment,
    /// Bytes written in between, by whatever wrote them.
    pub written_bytes: u64,
    /// Clients that would have to reconnect.
    pub clients: u64,
}

/// A restore that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Restored {
    /// The moment that the disk is as of now.
    pub to: Moment,
    /// The newest moment before.
    pub from: Moment,
    /// Clients that must reconnect.
    pub clients_refused: u64,
}

/// A drill's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DrillView {
    /// Its name.
    pub id: String,
    /// The volume.
    pub volume: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub began: Time,
    /// `passed`, `failed` or `inconclusive`.
    pub verdict: String,
    /// The attack.
    pub case: Option<String>,
    /// Bytes that it wrote before it was stopped.
    pub detected_after_bytes: Option<u64>,
    /// How long the way back took.
    pub recovery_microseconds: Option<u64>,
    /// Files that were compared.
    pub files_compared: Option<u64>,
    /// What failed, or what has to be known.
    pub remarks: Vec<String>,
}

/// The breach monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExposureView {
    /// Whether anything is loaded.
    pub is_used: bool,
    /// Leaked password hashes.
    pub password_hashes: u64,
    /// Breaches in the catalogue.
    pub breaches: u64,
    /// People and addresses in them.
    pub identities: u64,
    /// Domains that are watched.
    pub domains: Vec<String>,
    /// People who are watched.
    pub watches: u64,
    /// Notices that wait to be sent.
    pub notices_waiting: u64,
}
