//! What the thread does, round after round: read, find, tell, save, acknowledge.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use logs::Counts;
use logs::follow::{Batch, Follower};
use logs::listen::Listener;
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

use super::clock;
use super::flood::Floods;
use super::inputs::{Waiting, Work};
use super::known::Known;
use super::marks::{Order, carry_out};
use super::memory::{self, FOLDER, Kept};
use super::rules;
use super::sources::{follower, listener, say_where};
use super::status::Counting;
use super::told::{self, of_guard};
use crate::config::ThreatSettings;
use crate::control::MarkReport;
use crate::desk;
use crate::engine::{Asked, Engine};
use crate::failure::{Failure, FailureCode};
use crate::geo_files;
use crate::log::{Level, Log};

/// How long a round waits for a record.
const PATIENCE: Duration = Duration::from_millis(100);
/// Messages of senders that are taken in one round.
const MESSAGES: usize = 4096;
/// How often that many are taken at the end, at most: as many as may wait.
const LAST_MESSAGES_ROUNDS: usize = 4;
/// Alerts from which on no more are made before those are in the ledger.
const TOLD_AT_ONCE: usize = 1024;
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
            entities: settings.entities.as_deref().map(read_entities).transpose()?,
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
    /// All volumes, when they were listed last.
    volumes: Vec<String>,
    wished: Receiver<Wish>,
    /// What people say about marks.
    asked: Receiver<Asked>,
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
    counting: Counting,
    floods: Floods,
    saved: Instant,
    /// How long saving took the last time.
    saving: Duration,
    changed: bool,
    told: bool,
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
        let follower = follower(&folder, settings)?;
        let follows = follower.as_ref().map(Follower::identity);
        let (reached, detection) = match memory::read(data)? {
            Some(kept) => {
                // Of a checkpoint that was begun anew the numbers are of other logs: nothing of them was taken yet.
                let is_its = follows.is_none_or(|follows| follows == kept.follows);
                let reached = if is_its { kept.reached } else { BTreeMap::new() };
                (reached, Detection::with_memory(wish.rules, kept.memory))
            }
            None => (BTreeMap::new(), Detection::new(wish.rules)),
        };
        let mut rounds = Self {
            engine: Arc::clone(engine),
            desk: Arc::clone(desk),
            log: Arc::clone(log),
            follower,
            listener: listener(data, settings)?,
            normaliser: Normaliser::new(),
            detection,
            machines: wish.machines,
            volumes: engine.names().unwrap_or_default(),
            wished,
            asked: engine.take_marks(),
            guards,
            known: Known::of(desk)?,
            reached,
            taken: Vec::new(),
            found: Vec::new(),
            waiting: Vec::new(),
            counting: Counting::new(settings),
            floods: Floods::new(Instant::now()),
            saved: Instant::now(),
            saving: Duration::ZERO,
            changed: false,
            told: false,
        };
        rounds.know(wish.entities.as_deref());
        if let Some(listener) = &rounds.listener {
            say_where(listener, settings, data, &rounds.log);
        }
        rounds.locate(wish.geo, true);
        rounds.count(true);
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
        while let Ok(asked) = self.asked.try_recv() {
            let answer = self.mark(&asked.order);
            // Whoever asked may have had enough of waiting.
            let _ = asked.answer.try_send(answer);
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
        if self.waiting.is_empty() && self.found.is_empty() {
            self.read();
        }
        self.count(false);
        if !self.tell() {
            std::thread::sleep(TRY_AGAIN);
            return;
        }
        let since = self.saved.elapsed();
        // Of a large memory it takes long: it is at most a tenth of what the thread does.
        let soon = SAVE_SOON.max(self.saving * 10);
        let is_due =
            since >= SAVE_EVERY.max(self.saving * 10) || self.told && since >= soon || self.taken.len() >= BATCHES_MAX;
        if self.changed && is_due {
            self.save();
        }
    }

    /// Takes what was received, listens no more, tells and saves what is left.
    pub(super) fn finish(&mut self) {
        // Senders count as told what was received.
        for _ in 0..LAST_MESSAGES_ROUNDS {
            let listener = self.listener.as_ref();
            let messages = listener.map(|listener| listener.take(MESSAGES, Duration::ZERO));
            for message in messages.unwrap_or_default() {
                self.take(message.record, message.received);
            }
        }
        self.listener = None;
        self.settle();
        self.count(true);
    }

    /// Takes records that wait for others as they are, tells and saves what there is. Reading goes on afterwards.
    fn settle(&mut self) {
        let (detection, found) = (&mut self.detection, &mut self.found);
        self.normaliser.finish(&mut |event| hear(detection, found, event));
        if self.tell() && self.changed {
            self.save();
        }
    }

    /// Does what somebody says about marks; what was changed is durable then.
    fn mark(&mut self, order: &Order) -> Result<Vec<MarkReport>, Failure> {
        let done = carry_out(&mut self.detection, order)?;
        if !order.only_reads() {
            self.changed = true;
            // Records that wait for others are taken as they are, so that what is known can be saved.
            self.settle();
            if self.changed {
                return Err(Failure::new(
                    FailureCode::Failure,
                    "it is done until the daemon ends, and can't be saved at present",
                )
                .hint("the daemon's log says why; it is tried again"));
            }
        }
        Ok(done)
    }

    fn read(&mut self) {
        let wait = if self.listener.is_some() {
            Duration::ZERO
        } else {
            PATIENCE
        };
        let mut batch = match self.follower.as_mut().map(|follower| follower.next(wait)) {
            None => None,
            Some(Ok(batch)) => {
                self.counting.inputs.goes_on(Work::Reading);
                batch
            }
            Some(Err(error)) => {
                self.complain(Work::Reading, &format!("logs aren't read on: {error}"));
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
            match positioned.record {
                Ok(record) => self.take(record, now),
                Err(unreadable) => self.counting.unreadable(&unreadable),
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
        let (detection, found, counting) = (&mut self.detection, &mut self.found, &mut self.counting);
        let normaliser = &mut self.normaliser;
        detection.directory_mut().came_in(received.as_second());
        let (origin, sample) = (record.origin.clone(), logs::sample_of(&record));
        // Whoever finds a record that the program fails on mustn't blind it: after every start it would be read again.
        let taken = catch_unwind(AssertUnwindSafe(|| {
            counting.record(&origin, received);
            normaliser.take(record, received, &mut |event| {
                match &event {
                    Ok(event) => counting.event(event, received),
                    Err(not) => counting.not_understood(&origin, &not.reason, &sample),
                }
                hear(detection, found, event);
            });
        }));
        if taken.is_err() {
            self.log.write(
                Level::Error,
                "threat",
                format!(
                    "the program failed on {}#{}, which is passed over; please report that record",
                    origin.source, origin.record
                ),
            );
        }
    }

    /// Has the ledger know what was found. Whether it does.
    fn tell(&mut self) -> bool {
        if !self.write() {
            return false;
        }
        if self.found.is_empty() {
            return true;
        }
        // What can't be listed now was listed before: nobody's disk goes without its alert.
        if let Ok(names) = self.engine.names() {
            self.volumes = names;
        }
        let mut found = std::mem::take(&mut self.found).into_iter();
        loop {
            // One finding may be as many alerts as there are disks: they are never all held at once.
            while self.waiting.len() < TOLD_AT_ONCE
                && let Some((alert, change)) = found.next()
            {
                let told = told::of(&alert, change, &self.detection, &self.machines, &self.volumes);
                if self.known.note(&told.key) {
                    let admitted = self.floods.admitted(&alert.finder, Instant::now(), told.alerts);
                    self.waiting.extend(admitted);
                }
            }
            if self.waiting.is_empty() {
                return true;
            }
            if !self.write() {
                self.found.extend(found);
                return false;
            }
        }
    }

    /// Writes what waits into the ledger. Whether that was done.
    fn write(&mut self) -> bool {
        if self.waiting.is_empty() {
            return true;
        }
        let (now, rules) = (desk::time(self.engine.now()), self.engine.front().rules());
        let alerts = self.waiting.clone();
        match self.desk.write(|w| intake::take_in(w, now, &rules, alerts)) {
            Ok(_) => {
                self.waiting.clear();
                self.told = true;
                self.counting.inputs.goes_on(Work::Noting);
                true
            }
            Err(error) => {
                let message = format!("what logs show can't be noted: {error}; logs aren't read on until it can");
                self.complain(Work::Noting, &message);
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
        let follows = self.follows();
        let kept = Kept::new(follows, self.reached.clone(), self.detection.memory());
        if let Err(error) = memory::write(self.engine.data(), &kept) {
            let message = format!("what is known of people and machines can't be saved: {error}");
            self.complain(Work::Saving, &message);
            std::thread::sleep(TRY_AGAIN);
            return;
        }
        let taken = std::mem::take(&mut self.taken);
        let acknowledged = self.follower.as_mut().map(|follower| follower.acknowledge_all(&taken));
        match acknowledged {
            Some(Err(error)) => self.complain(Work::Saving, &format!("the place in the logs can't be saved: {error}")),
            Some(Ok(())) | None => self.counting.inputs.goes_on(Work::Saving),
        }
        (self.changed, self.told) = (false, false);
        self.saved = Instant::now();
        self.saving = begun.elapsed();
    }

    /// Which checkpoint the numbers of logs are of. Of logs that are gone for good nothing is kept: they are never asked for again.
    fn follows(&mut self) -> String {
        let Some(follower) = &self.follower else {
            return String::new();
        };
        self.reached.retain(|log, _| follower.knows(*log));
        follower.identity().to_owned()
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

    /// Tells what is read and what is lost.
    fn count(&mut self, now: bool) {
        if !now && !self.counting.is_due() {
            return;
        }
        let dropped = self.listener.as_ref().map(Listener::dropped).unwrap_or_default();
        let none = Counts::default();
        let problems = self.follower.as_ref().map_or(&none, Follower::problems);
        for news in self.counting.news(&dropped, problems) {
            self.log.write(Level::Warning, "threat", news);
        }
        self.counting.write(self.engine.data(), now, &dropped, problems);
        let waiting = Waiting {
            unread_bytes: self.follower.as_ref().map_or(0, Follower::unread_bytes),
            messages: self.listener.as_ref().map_or(0, |listener| listener.waiting() as u64),
            is_down: self.listener.as_ref().is_some_and(Listener::is_down),
        };
        let report = self.counting.inputs.report(&dropped, waiting, Instant::now());
        self.engine.tell_of_logs(report);
    }

    /// Says what is wrong, once until it isn't any more.
    fn complain(&mut self, work: Work, message: &str) {
        if self.counting.inputs.stands_still(work, message) {
            self.log.write(Level::Error, "threat", message);
        }
    }
}

/// Takes an event, and keeps what is to be told of it.
fn hear(detection: &mut Detection, found: &mut Vec<(Alert, Option<Change>)>, event: Result<Event, NotUnderstood>) {
    let Ok(mut event) = event else { return };
    event.time = clock::believed(event.time, Timestamp::now());
    detection.take(&event, &mut |finding| {
        if !finding.held_back && told::is_told(finding.alert, finding.change) {
            found.push((finding.alert.clone(), finding.change));
        }
    });
}

/// Reads the list of people and machines.
///
/// # Errors
/// When it can't be read, or is too large.
pub fn read_entities(path: &Path) -> Result<String, Failure> {
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
