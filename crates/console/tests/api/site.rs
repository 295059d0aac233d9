//! A site for tests: one volume, and a clock that is set by hand.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::Receiver;

use console::{
    Activity, DrillView, ExposureView, Files, GuardState, Health, IncidentFileSettings, MarkView, MarkWish, Moment,
    PinView, Problem, ProblemKind, ProviderQuestion, RestorePreview, Restored, Site, VolumeView,
};
use respond::case_file::clocks::built_in;
use respond::case_file::paper::RestoreStep;
use respond::case_file::timeline;
use respond::ledger::SignedHead;
use respond::policy::Policies;
use respond::{Actor, Desk, Origin, Time};

use crate::provider::Provider;

/// The site.
pub(crate) struct TestSite {
    pub(crate) desk: Desk,
    pub(crate) now: AtomicI64,
    /// What was done, by whom.
    pub(crate) done: Mutex<Vec<String>>,
    /// Why the volume can't be used.
    pub(crate) problem: Mutex<Option<String>>,
    /// The volume's newest drill.
    pub(crate) drill: Mutex<Option<DrillView>>,
    /// The OpenID provider.
    pub(crate) provider: Provider,
    /// What keeps the program from being ready.
    pub(crate) trouble: Mutex<Option<String>>,
    /// What is held back.
    pub(crate) marks: Mutex<Vec<MarkView>>,
    /// What the next pin waits for, if it is to take a while.
    pub(crate) pause: Mutex<Option<Receiver<()>>>,
}

impl TestSite {
    pub(crate) fn new(folder: &std::path::Path) -> Self {
        Self {
            desk: Desk::open(folder).unwrap(),
            now: AtomicI64::new(1_795_428_900_000),
            done: Mutex::default(),
            problem: Mutex::default(),
            drill: Mutex::default(),
            provider: Provider::new(),
            trouble: Mutex::default(),
            marks: Mutex::default(),
            pause: Mutex::default(),
        }
    }

    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn did(&self, actor: &Actor, what: &str) {
        self.done.lock().unwrap().push(format!("{actor}: {what}"));
    }

    fn moment(&self) -> Moment {
        Moment {
            time: self.now(),
            sequence: 7,
        }
    }

    fn guard(&self) -> GuardState {
        GuardState {
            state: "calm".to_owned(),
            fence: "divert".to_owned(),
            suspicion_percent: 0,
            reasons: Vec::new(),
            onset: None,
            before_attack: None,
            diverted_to: None,
            announced: None,
        }
    }

    fn restored(&self) -> Restored {
        Restored {
            to: self.moment(),
            from: self.moment(),
            clients_refused: 0,
        }
    }

    fn named(&self, name: &str) -> Result<VolumeView, Problem> {
        if name != "disk" {
            return Err(Problem {
                kind: ProblemKind::NotFound,
                message: format!("no volume is named `{name}`"),
                hint: None,
            });
        }
        Ok(VolumeView {
            name: name.to_owned(),
            problem: self.problem.lock().unwrap().clone(),
            size_bytes: 1 << 30,
            stored_bytes: 1 << 20,
            newest: Some(self.moment()),
            oldest: Some(self.moment()),
            retention_seconds: 86_400,
            clients: 1,
            no_space: false,
            damaged: false,
            guard: Some(self.guard()),
            pins: Vec::new(),
            drill: None,
            drill_overdue: false,
        })
    }
}

impl Site for TestSite {
    fn logs(&self) -> Option<console::LogsView> {
        Some(console::LogsView {
            inputs: vec![console::LogInputView {
                input: "syslog-udp".to_owned(),
                records: 12,
                // Ahead of this machine's clock.
                behind_seconds: Some(-5),
                ..console::LogInputView::default()
            }],
            dropped: vec![("an empty message".to_owned(), 3)],
            unread_bytes: 4096,
            waiting_messages: 0,
            problems: 1,
        })
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn now(&self) -> Time {
        Time::from_unix_millis(self.now.load(Ordering::SeqCst))
    }

    fn log(&self, _message: &str) {}

    fn origin(&self) -> Origin {
        Origin {
            version: "1".to_owned(),
            host: "store".to_owned(),
        }
    }

    fn is_ready(&self) -> bool {
        self.trouble.lock().unwrap().is_none()
    }

    fn health(&self) -> Health {
        let problems: Vec<String> = self.trouble.lock().unwrap().clone().into_iter().collect();
        Health {
            version: "1".to_owned(),
            started: self.now(),
            ready: problems.is_empty(),
            problems,
            listening: Vec::new(),
            clients: 0,
        }
    }

    fn volumes(&self) -> Result<Vec<VolumeView>, Problem> {
        let mut volume = self.named("disk")?;
        // A list knows how a drill ended and no more of it.
        volume.drill = self.drill.lock().unwrap().clone().map(|drill| DrillView {
            recovery_microseconds: None,
            files_compared: None,
            remarks: Vec::new(),
            ..drill
        });
        Ok(vec![volume])
    }

    fn volume(&self, name: &str) -> Result<VolumeView, Problem> {
        self.named(name)
    }

    fn activity(&self, name: &str, from: Time, to: Time, _buckets: u32) -> Result<Activity, Problem> {
        self.named(name)?;
        Ok(Activity {
            from,
            to,
            bucket_seconds: 60,
            buckets: Vec::new(),
            events: Vec::new(),
        })
    }

    fn files(&self, name: &str, _moment: Option<&str>, path: &str) -> Result<Files, Problem> {
        self.named(name)?;
        Ok(Files {
            volume: name.to_owned(),
            moment: Some(self.moment()),
            path: path.to_owned(),
            rows: Vec::new(),
            truncated: false,
        })
    }

    fn preview_restore(&self, name: &str, _moment: &str) -> Result<RestorePreview, Problem> {
        self.named(name)?;
        Ok(RestorePreview {
            to: self.moment(),
            from: self.moment(),
            written_bytes: 0,
            clients: 0,
        })
    }

    fn create(&self, actor: &Actor, name: &str, _size_bytes: u64) -> Result<VolumeView, Problem> {
        self.did(actor, &format!("create {name}"));
        Ok(VolumeView {
            name: name.to_owned(),
            ..self.named("disk")?
        })
    }

    fn delete(&self, actor: &Actor, name: &str) -> Result<(), Problem> {
        self.did(actor, &format!("delete {name}"));
        self.named(name).map(drop)
    }

    fn pin(&self, actor: &Actor, name: &str, pin: &str, _moment: Option<&str>) -> Result<PinView, Problem> {
        let pause = self.pause.lock().unwrap().take();
        if let Some(pause) = pause {
            pause.recv().unwrap();
        }
        self.did(actor, &format!("pin {name} {pin}"));
        self.named(name)?;
        Ok(PinView {
            name: pin.to_owned(),
            moment: self.moment(),
            fork: None,
        })
    }

    fn unpin(&self, actor: &Actor, name: &str, pin: &str) -> Result<(), Problem> {
        self.did(actor, &format!("unpin {name} {pin}"));
        self.named(name).map(drop)
    }

    fn fork(&self, actor: &Actor, name: &str, _moment: Option<&str>, fork: &str) -> Result<VolumeView, Problem> {
        self.did(actor, &format!("fork {name} {fork}"));
        self.named(name)
    }

    fn restore(&self, actor: &Actor, name: &str, moment: &str) -> Result<Restored, Problem> {
        self.did(actor, &format!("restore {name} {moment}"));
        self.named(name).map(|_| self.restored())
    }

    fn restore_before_attack(&self, actor: &Actor, name: &str) -> Result<Restored, Problem> {
        self.did(actor, &format!("restore {name} before the attack"));
        self.named(name).map(|_| self.restored())
    }

    fn undo_restore(&self, actor: &Actor, name: &str) -> Result<Restored, Problem> {
        self.did(actor, &format!("undo {name}"));
        self.named(name).map(|_| self.restored())
    }

    fn set_guard(
        &self,
        actor: &Actor,
        name: &str,
        _fence: Option<&str>,
        _enabled: Option<bool>,
    ) -> Result<GuardState, Problem> {
        self.did(actor, &format!("set {name}"));
        self.named(name).map(|_| self.guard())
    }

    fn release(&self, actor: &Actor, name: &str, _diverted: Option<&str>) -> Result<GuardState, Problem> {
        self.did(actor, &format!("release {name}"));
        self.named(name).map(|_| self.guard())
    }

    fn announce(&self, actor: &Actor, names: &[String], _work: Option<(&str, u64)>) -> Result<(), Problem> {
        self.did(actor, &format!("announce {names:?}"));
        Ok(())
    }

    fn marks(&self) -> Result<Vec<MarkView>, Problem> {
        Ok(self.marks.lock().unwrap().clone())
    }

    fn mark(&self, actor: &Actor, wish: &MarkWish) -> Result<Vec<MarkView>, Problem> {
        self.did(actor, &format!("mark {:?} for {} s", wish.what, wish.seconds));
        let mark = MarkView {
            id: 1,
            rule: "a-rule".to_owned(),
            title: "A rule".to_owned(),
            entity: "fs01".to_owned(),
            by: actor.to_string(),
            because: wish.because.clone(),
            since: self.now(),
            until: self.now(),
            held_back: 0,
            last_held_back: None,
            even_critical_on_tier_zero: wish.even_critical_on_tier_zero,
        };
        self.marks.lock().unwrap().push(mark);
        self.marks()
    }

    fn unmark(&self, actor: &Actor, id: u64) -> Result<(), Problem> {
        self.did(actor, &format!("unmark {id}"));
        self.marks.lock().unwrap().retain(|mark| mark.id != id);
        Ok(())
    }

    fn start_drill(&self, actor: &Actor, name: &str, _case: Option<&str>) -> Result<(), Problem> {
        self.did(actor, &format!("drill {name}"));
        self.named(name).map(drop)
    }

    fn drills(&self, _name: Option<&str>, _most: usize) -> Result<Vec<DrillView>, Problem> {
        Ok(self.drill.lock().unwrap().clone().into_iter().collect())
    }

    fn drill_report(&self, id: &str) -> Result<String, Problem> {
        Ok(format!("<h1>{id}</h1>"))
    }

    fn investigate(&self, name: &str, _from: Option<&str>, _to: Option<&str>) -> Result<String, Problem> {
        self.named(name).map(|_| "<h1>report</h1>".to_owned())
    }

    fn exposure(&self) -> Result<ExposureView, Problem> {
        Ok(ExposureView {
            is_used: false,
            password_hashes: 0,
            breaches: 0,
            identities: 0,
            domains: Vec::new(),
            watches: 0,
            notices_waiting: 0,
        })
    }

    fn ask_provider(&self, question: &ProviderQuestion) -> Result<Vec<u8>, Problem> {
        Ok(self.provider.answer(question))
    }

    fn is_password_leaked(&self, password: &str) -> bool {
        password == "correct horse leaked"
    }

    fn settings(&self) -> Result<String, Problem> {
        Ok("[console]\n".to_owned())
    }

    fn policies(&self, text: Option<&str>) -> Result<Policies, Problem> {
        match text {
            None => Ok(Policies::defaults()),
            Some(text) => Policies::parse(text, "the request").map_err(|error| Problem {
                kind: ProblemKind::Invalid,
                message: error.to_string(),
                hint: None,
            }),
        }
    }

    fn ledger_heads(&self) -> Vec<SignedHead> {
        Vec::new()
    }

    fn incident_file(&self) -> Result<IncidentFileSettings, Problem> {
        Ok(IncidentFileSettings {
            laws: built_in().unwrap(),
            chosen: vec!["uk-gdpr".to_owned()],
            values: [("organisation".to_owned(), "Example Ltd".to_owned())].into(),
            ..IncidentFileSettings::default()
        })
    }

    fn restore_steps(&self) -> Result<Vec<RestoreStep>, Problem> {
        Ok(vec![RestoreStep {
            tier: 1,
            volume: "disk".to_owned(),
            state: "1 GiB".to_owned(),
            command: "holdfast restore disk --before-attack".to_owned(),
        }])
    }

    fn disk_events(&self, name: &str, from: Time, _to: Time) -> Result<Vec<timeline::DiskEvent>, Problem> {
        self.named(name)?;
        Ok(vec![timeline::DiskEvent {
            time: from,
            volume: name.to_owned(),
            text: "pinned `nightly`".to_owned(),
        }])
    }

    fn notice_channels(&self) -> Vec<String> {
        vec!["mail".to_owned()]
    }

    fn test_notice(&self, actor: &Actor, channel: &str) -> Result<(), Problem> {
        self.did(actor, &format!("try {channel}"));
        Ok(())
    }
}
