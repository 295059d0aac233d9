//! What the thread does, round after round: read, find, tell, save, acknowledge.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use logs::follow::{Batch, Follower, Start};
use logs::listen::Listener;
use nbd::TlsIdentity;
use respond::alert::NewAlert;
use respond::{Desk, intake};
use threat::alert::Alert;
use threat::behaviour::{GeoDatabase, GeoDatabases};
use threat::detection::Detection;
use threat::event::Event;
use threat::input::Record;
use threat::normalise::{Normaliser, NotUnderstood};
use threat::rules::Engine as Rules;
use threat::story::{Change, ChangeKind};

use super::known::Known;
use super::memory::{self, FOLDER, Kept};
use super::rules;
use super::told::{self, of_guard};
use crate::config::ThreatSettings;
use crate::desk;
use crate::engine::Engine;
use crate::failure::{Failure, FailureCode};
use crate::geo_files;
use crate::log::{Level, Log};

/// How long a round waits for a record.
const PATIENCE: Duration = Duration::from_millis(100);
/// Messages of senders that are taken in one round.
const MESSAGES: usize = 4096;
/// How often what is known is saved while records come in; and, at least, after something was told.
const SAVE_EVERY: Duration = Duration::from_secs(20);
const SAVE_SOON: Duration = Duration::from_secs(1);
/// How long saving waits for records that belong together.
const COMPANIONS: Duration = Duration::from_secs(5);
/// How long it waits before it tries again what couldn't be written.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Batches that are read but not acknowledged, at most: then what is known is saved.
const BATCHES_MAX: usize = 64;
/// What guards told and nobody has heard yet, at most.
const GUARDS_MAX: usize = 1024;
/// The largest list of people and machines.
const ENTITIES_BYTES_MAX: u64 = 64 << 20;

/// What a configuration that was read again asks for.
pub(super) struct Wish {
    rules: Rules,
    entities: Option<String>,
    geo: (Vec<GeoDatabase>, Vec<String>),
    machines: BTreeMap<String, Vec<String>>,
}

impl Wish {
    pub(super) fn prepare(settings: &ThreatSettings) -> Result<Self, Failure> {
        Ok(Self {
            rules: rules::load(settings)?,
            entities: settings.entities.as_deref().map(entities).transpose()?,
            geo: geo_files::open(&settings.geo),
            machines: settings.machines.clone(),
        })
    }
}

/// All that the thread has.
pub(super) struct Rounds {
    engine: Arc<Engine>,
    desk: Arc<Desk>,
    log: Arc<Log>,
    follower: Option<Follower>,
    listener: Option<Listener>,
    normaliser: Normaliser,
    detection: Detection,
    machines: BTreeMap<String, Vec<String>>,
    wished: Receiver<Wish>,
    /// What guards tell of attacks.
    guards: Receiver<NewAlert>,
    known: Known,
    /// By the number of a log: where the last record ends that was taken.
    reached: BTreeMap<u64, u64>,
    /// Batches whose records were taken and that aren't acknowledged.
    taken: Vec<Batch>,
    /// Findings that aren't in the ledger yet.
    found: Vec<(Alert, Option<Change>)>,
    waiting: Vec<NewAlert>,
    saved: Instant,
    /// How long saving took the last time.
    saving: Duration,
    changed: bool,
    told: bool,
    failing: bool,
}

impl Rounds {
    pub(super) fn open(
        engine: &Arc<Engine>,
        desk: &Arc<Desk>,
        settings: &ThreatSettings,
        log: &Arc<Log>,
        wished: Receiver<Wish>,
    ) -> Result<Self, Failure> {
        let data = engine.data();
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Failure::io(format!("make the folder `{}`", folder.display()), &error))?;
        let wish = Wish::prepare(settings)?;
        say_of_rules(&wish.rules, log);
        let (overhearing, guards) = sync_channel(GUARDS_MAX);
        engine.front().overhear(overhearing);
        let (reached, detection) = match memory::read(data)? {
            Some(kept) => (kept.reached, Detection::with_memory(wish.rules, kept.memory)),
            None => (BTreeMap::new(), Detection::new(wish.rules)),
        };
        let mut rounds = Self {
            engine: Arc::clone(engine),
            desk: Arc::clone(desk),
            log: Arc::clone(log),
            follower: follower(&folder, settings)?,
            listener: listener(settings)?,
            normaliser: Normaliser::new(),
            detection,
            machines: wish.machines,
            wished,
            guards,
            known: Known::of(desk)?,
            reached,
            taken: Vec::new(),
            found: Vec::new(),
            waiting: Vec::new(),
            saved: Instant::now(),
            saving: Duration::ZERO,
            changed: false,
            told: false,
            failing: false,
        };
        rounds.know(wish.entities.as_deref());
        rounds.locate(wish.geo, true);
        rounds.say_where();
        Ok(rounds)
    }

    /// Reads what there is, and does with it all that is to be done.
    pub(super) fn round(&mut self) {
        while let Ok(wish) = self.wished.try_recv() {
            say_of_rules(&wish.rules, &self.log);
            self.detection.set_rules(wish.rules);
            self.machines = wish.machines;
            self.know(wish.entities.as_deref());
            self.locate(wish.geo, false);
        }
        while let Ok(alert) = self.guards.try_recv() {
            let found = &mut self.found;
            self.detection.note(&of_guard(&alert, &self.machines), &mut |finding| {
                // The ledger has it from the guard: it is told here only where it completes a story.
                if finding.change.is_some_and(|change| change.kind == ChangeKind::Told) {
                    found.push((finding.alert.clone(), finding.change));
                }
            });
        }
        if self.waiting.is_empty() {
            self.read();
        }
        if !self.tell() {
            std::thread::sleep(TRY_AGAIN);
            return;
        }
        let since = self.saved.elapsed();
        // Of a large memory it takes long: it is at most a tenth of what the thread does.
        let soon = SAVE_SOON.max(self.saving * 10);
        let is_due = since >= SAVE_EVERY || self.told && since >= soon || self.taken.len() >= BATCHES_MAX;
        if self.changed && is_due {
            self.save();
        }
    }

    /// Tells and saves what is left.
    pub(super) fn finish(&mut self) {
        let (detection, found) = (&mut self.detection, &mut self.found);
        self.normaliser.finish(&mut |event| hear(detection, found, event));
        if self.tell() && self.changed {
            self.save();
        }
    }

    fn read(&mut self) {
        let wait = if self.listener.is_some() {
            Duration::ZERO
        } else {
            PATIENCE
        };
        let mut batch = match self.follower.as_mut().map(|follower| follower.next(wait)) {
            None => None,
            Some(Ok(batch)) => batch,
            Some(Err(error)) => {
                self.complain(&format!("logs aren't read on: {error}"));
                std::thread::sleep(TRY_AGAIN);
                None
            }
        };
        let now = Timestamp::now();
        // What is kept until the checkpoint moves is the batch's number, not what was in it.
        let records = batch.as_mut().map(|batch| std::mem::take(&mut batch.records));
        for positioned in records.unwrap_or_default() {
            let (number, end) = (positioned.position.log, positioned.position.end);
            let reached = self.reached.entry(number).or_default();
            if end <= *reached {
                // Taken before a restart.
                continue;
            }
            *reached = end;
            if let Ok(record) = positioned.record {
                self.take(record, now);
            }
        }
        let patience = if batch.is_some() { Duration::ZERO } else { PATIENCE };
        self.taken.extend(batch);
        let messages = self
            .listener
            .as_ref()
            .map(|listener| listener.take(MESSAGES, patience))
            .unwrap_or_default();
        for message in messages {
            self.take(message.record, message.received);
        }
        let (detection, found) = (&mut self.detection, &mut self.found);
        self.normaliser
            .expire(Timestamp::now(), &mut |event| hear(detection, found, event));
    }

    fn take(&mut self, record: Record, received: Timestamp) {
        self.changed = true;
        let (detection, found) = (&mut self.detection, &mut self.found);
        self.normaliser
            .take(record, received, &mut |event| hear(detection, found, event));
    }

    /// Has the ledger know what was found. Whether it does.
    fn tell(&mut self) -> bool {
        if !self.found.is_empty() {
            let all = self.engine.names().unwrap_or_default();
            for (alert, change) in std::mem::take(&mut self.found) {
                let told = told::of(&alert, change, &self.detection, &self.machines, &all);
                if self.known.note(&told.key) {
                    self.waiting.extend(told.alerts);
                }
            }
        }
        if self.waiting.is_empty() {
            return true;
        }
        let (now, rules) = (desk::time(self.engine.now()), self.engine.front().rules());
        let alerts = self.waiting.clone();
        match self.desk.write(|w| intake::take_in(w, now, &rules, alerts)) {
            Ok(_) => {
                self.waiting.clear();
                self.told = true;
                self.failing = false;
                true
            }
            Err(error) => {
                self.complain(&format!(
                    "what logs show can't be noted: {error}; logs aren't read on until it can"
                ));
                false
            }
        }
    }

    /// Saves what is known, and has the logs' checkpoint move.
    fn save(&mut self) {
        if self.normaliser.waiting().next().is_some() && self.saved.elapsed() < SAVE_EVERY + COMPANIONS {
            return;
        }
        let begun = Instant::now();
        let kept = Kept::new(self.reached.clone(), self.detection.memory());
        if let Err(error) = memory::write(self.engine.data(), &kept) {
            self.complain(&format!("what is known of people and machines can't be saved: {error}"));
            std::thread::sleep(TRY_AGAIN);
            return;
        }
        let taken = std::mem::take(&mut self.taken);
        let acknowledged = self.follower.as_mut().map(|follower| follower.acknowledge_all(&taken));
        if let Some(Err(error)) = acknowledged {
            self.complain(&format!("the place in the logs can't be saved: {error}"));
        }
        (self.changed, self.told, self.failing) = (false, false, false);
        self.saved = Instant::now();
        self.saving = begun.elapsed();
    }

    /// Learns people and machines of a list.
    fn know(&mut self, entities: Option<&str>) {
        let Some(text) = entities else { return };
        let now = Timestamp::now().as_second();
        match self.detection.directory_mut().load_csv(text, now) {
            Ok(loaded) => self
                .log
                .info("threat", format!("people and machines are listed: {loaded:?}")),
            Err(error) => self.log.write(
                Level::Error,
                "threat",
                format!("[threat] entities: {error}; nothing of the list is used"),
            ),
        }
    }

    /// Looks up places in these databases from now on. Where some can't be used, the others are at the start, and those from before later on.
    fn locate(&mut self, (databases, problems): (Vec<GeoDatabase>, Vec<String>), is_start: bool) {
        let consequence = if is_start {
            "places are what logs and the other databases name"
        } else {
            "the databases from before stay in use"
        };
        for problem in &problems {
            self.log.write(
                Level::Error,
                "threat",
                format!("[threat] geo: {problem}; {consequence}"),
            );
        }
        if !is_start && !problems.is_empty() {
            return;
        }
        for database in &databases {
            let what = geo_files::describe(database);
            self.log.info("threat", format!("addresses are looked up in {what}"));
        }
        self.detection.set_places(Arc::new(GeoDatabases(databases)));
    }

    fn say_where(&self) {
        if let Some(listener) = &self.listener {
            let addresses = listener.addresses();
            let places = [("udp", addresses.udp), ("tcp", addresses.tcp), ("tls", addresses.tls)];
            for (way, address) in places {
                if let Some(address) = address {
                    self.log.info("threat", format!("syslog is taken on {way}:{address}"));
                }
            }
        }
    }

    /// Says what is wrong, once until it isn't any more.
    fn complain(&mut self, message: &str) {
        if !self.failing {
            self.log.write(Level::Error, "threat", message);
        }
        self.failing = true;
    }
}

/// Takes an event, and keeps what is to be told of it. What isn't understood is shown by `holdfast threat scan` on the same log.
fn hear(detection: &mut Detection, found: &mut Vec<(Alert, Option<Change>)>, event: Result<Event, NotUnderstood>) {
    let Ok(event) = event else { return };
    detection.take(&event, &mut |finding| {
        if told::is_told(finding.alert, finding.change) {
            found.push((finding.alert.clone(), finding.change));
        }
    });
}

fn follower(folder: &Path, settings: &ThreatSettings) -> Result<Option<Follower>, Failure> {
    if settings.follow.is_empty() {
        return Ok(None);
    }
    let mut wanted = logs::follow::Settings::new(settings.follow.clone(), folder.join("followed"));
    if !settings.from_beginning {
        wanted.start = Start::End;
    }
    Follower::open(wanted).map(Some).map_err(|error| failed(&error))
}

fn listener(settings: &ThreatSettings) -> Result<Option<Listener>, Failure> {
    if settings.syslog.is_none() && settings.syslog_tls.is_none() {
        return Ok(None);
    }
    let tls = settings.syslog_tls.as_ref().map(|tls| {
        TlsIdentity::load(&tls.certificate, &tls.key, tls.client_ca.as_deref())
            .map(|identity| (tls.listen, identity.config()))
    });
    let wanted = logs::listen::Settings {
        udp: settings.syslog,
        tcp: settings.syslog,
        tls: tls.transpose().map_err(|error| failed(&error))?,
        ..logs::listen::Settings::default()
    };
    Listener::start(wanted).map(Some).map_err(|error| failed(&error))
}

fn entities(path: &Path) -> Result<String, Failure> {
    let failed = |why: &str| {
        Failure::new(
            FailureCode::Config,
            format!("[threat] entities: `{}` can't be read: {why}", path.display()),
        )
    };
    let metadata = std::fs::metadata(path).map_err(|error| failed(&error.to_string()))?;
    if metadata.len() > ENTITIES_BYTES_MAX {
        return Err(failed("it is larger than any list of people"));
    }
    std::fs::read_to_string(path).map_err(|error| failed(&error.to_string()))
}

fn say_of_rules(rules: &Rules, log: &Log) {
    let refused = rules.refused();
    log.info(
        "threat",
        format!(
            "{} rules are in force, {} can't be used",
            rules.rules().len(),
            refused.len()
        ),
    );
    let unknown = rules.settings().choices.unknown(rules.rules());
    if !unknown.is_empty() {
        let message = format!("[rules] names rules that aren't loaded: {}", unknown.join(", "));
        log.write(Level::Warning, "threat", message);
    }
    if let Some(first) = refused.first() {
        log.write(
            Level::Warning,
            "threat",
            format!(
                "`{}` line {}: {}; {}. `holdfast threat rules check` tells of each",
                first.file, first.line, first.reason, first.hint
            ),
        );
    }
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureCode::Failure, format!("[threat] {error}"))
}
