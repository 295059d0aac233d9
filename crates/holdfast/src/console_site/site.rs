//! The console's [`Site`]: every question becomes a request to the engine, with whoever asks.

use std::sync::Arc;

use console::{
    Activity, DrillView, ExposureView, Files, GuardState, Health, IncidentFileSettings, LogsView, MarkView, MarkWish,
    PinView, Problem, ProviderQuestion, RestorePreview, Restored, Site, VolumeView,
};
use respond::case_file::paper::RestoreStep;
use respond::case_file::timeline;
use respond::ledger::SignedHead;
use respond::policy::Policies;
use respond::{Actor, Desk, Origin, Time};

use super::ask::{invalid, problem};
use super::{exposure, files, toml_text, views};
use crate::config::Config;
use crate::control::{AnnouncedWork, DaemonReport, DivertedWrites, Request, Response};
use crate::desk;
use crate::engine::{DaemonFacts, Engine};
use crate::incident_file;
use crate::log::{Level, Log};
use crate::place::Place;
use crate::size::format_size;
use crate::webhook::host;

/// The program as the console sees it.
pub struct ConsoleSite {
    pub(super) engine: Arc<Engine>,
    pub(super) desk: Arc<Desk>,
    pub(super) log: Arc<Log>,
    pub(super) place: Place,
    pub(super) facts: Arc<dyn DaemonFacts>,
    exposure: exposure::Monitor,
}

impl ConsoleSite {
    /// The program, whose ledger is open.
    pub fn new(
        engine: Arc<Engine>,
        desk: Arc<Desk>,
        log: Arc<Log>,
        place: Place,
        facts: Arc<dyn DaemonFacts>,
    ) -> Arc<Self> {
        Arc::new(Self {
            exposure: exposure::Monitor::new(&place.data),
            engine,
            desk,
            log,
            place,
            facts,
        })
    }

    fn config(&self) -> Result<Config, Problem> {
        self.place.config().map_err(problem)
    }
}

impl std::fmt::Debug for ConsoleSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleSite")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// What nobody but the console itself asks for.
pub(super) fn console() -> Actor {
    Actor::System("console".to_owned())
}

impl Site for ConsoleSite {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn now(&self) -> Time {
        desk::time(self.engine.now())
    }

    fn log(&self, message: &str) {
        self.log.write(Level::Warning, "console", message);
    }

    fn origin(&self) -> Origin {
        Origin {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: host(),
        }
    }

    fn is_ready(&self) -> bool {
        self.facts.serves() && self.engine.troubles().is_empty()
    }

    fn health(&self) -> Health {
        let DaemonReport {
            version,
            started,
            listening,
            clients,
            ..
        } = self.facts.report();
        let mut problems = self.engine.troubles();
        if !self.facts.serves() {
            problems.insert(0, "the daemon stops".to_owned());
        }
        let ready = problems.is_empty();
        // What follows keeps nothing from being served.
        let lost = self.desk.codes_lost().unwrap_or_default();
        problems.extend((lost > 0).then(|| desk::codes_lost(lost)));
        problems.extend(self.engine.logs().into_iter().flat_map(|logs| logs.problems));
        Health {
            version,
            started: desk::time(started.0),
            ready,
            problems,
            listening,
            clients: clients.len() as u64,
        }
    }

    fn logs(&self) -> Option<LogsView> {
        self.engine.logs().map(views::logs)
    }

    fn volumes(&self) -> Result<Vec<VolumeView>, Problem> {
        let Response::Volumes(list) = self.ask(&console(), Request::List)? else {
            return Err(super::ask::unexpected());
        };
        let guards = self.guards(None)?;
        Ok(list
            .volumes
            .into_iter()
            .map(|volume| views::volume(volume, &guards))
            .collect())
    }

    fn volume(&self, name: &str) -> Result<VolumeView, Problem> {
        let request = Request::Show { name: name.to_owned() };
        let Response::Volume(report) = self.ask(&console(), request)? else {
            return Err(super::ask::unexpected());
        };
        let guards = if report.details.is_some() {
            self.guards(Some(name))?
        } else {
            Default::default()
        };
        let mut volume = views::volume(report, &guards);
        volume.drill = self.drills(Some(name), 1)?.into_iter().next();
        Ok(volume)
    }

    fn activity(&self, name: &str, from: Time, to: Time, buckets: u32) -> Result<Activity, Problem> {
        self.activity_of(name, from, to, buckets)
    }

    fn files(&self, name: &str, moment: Option<&str>, path: &str) -> Result<Files, Problem> {
        let moment = self.moment(name, moment.unwrap_or("now"))?;
        files::list(&self.place, name, moment, path)
    }

    fn preview_restore(&self, name: &str, moment: &str) -> Result<RestorePreview, Problem> {
        self.preview(name, moment)
    }

    fn create(&self, actor: &Actor, name: &str, size_bytes: u64) -> Result<VolumeView, Problem> {
        let name_owned = name.to_owned();
        self.ask(
            actor,
            Request::Create {
                name: name_owned,
                size_bytes,
            },
        )?;
        self.log
            .info(name, format!("{actor} made a volume of {}", format_size(size_bytes)));
        self.volume(name)
    }

    fn delete(&self, actor: &Actor, name: &str) -> Result<(), Problem> {
        self.ask(actor, Request::Delete { name: name.to_owned() })?;
        self.log
            .write(Level::Warning, name, format!("{actor} deleted it with its history"));
        Ok(())
    }

    fn pin(&self, actor: &Actor, name: &str, pin: &str, moment: Option<&str>) -> Result<PinView, Problem> {
        let when = moment.map(|moment| self.when(moment)).transpose()?;
        let request = Request::Pin {
            name: name.to_owned(),
            pin: pin.to_owned(),
            when,
        };
        match self.ask(actor, request)? {
            Response::Pinned(pin) => Ok(views::pin(pin)),
            _ => Err(super::ask::unexpected()),
        }
    }

    fn unpin(&self, actor: &Actor, name: &str, pin: &str) -> Result<(), Problem> {
        let request = Request::Unpin {
            name: name.to_owned(),
            pin: pin.to_owned(),
        };
        self.ask(actor, request).map(drop)
    }

    fn fork(&self, actor: &Actor, name: &str, moment: Option<&str>, fork: &str) -> Result<VolumeView, Problem> {
        let when = moment.map(|moment| self.when(moment)).transpose()?;
        let request = Request::Fork {
            name: name.to_owned(),
            when,
            fork: fork.to_owned(),
        };
        self.ask(actor, request)?;
        self.volume(fork)
    }

    fn restore(&self, actor: &Actor, name: &str, moment: &str) -> Result<Restored, Problem> {
        let when = self.when(moment)?;
        self.restored(
            actor,
            Request::Restore {
                name: name.to_owned(),
                when,
            },
        )
    }

    fn restore_before_attack(&self, actor: &Actor, name: &str) -> Result<Restored, Problem> {
        self.restored(actor, Request::RestoreBeforeAttack { name: name.to_owned() })
    }

    fn undo_restore(&self, actor: &Actor, name: &str) -> Result<Restored, Problem> {
        self.restored(actor, Request::RestoreUndo { name: name.to_owned() })
    }

    fn set_guard(
        &self,
        actor: &Actor,
        name: &str,
        fence: Option<&str>,
        enabled: Option<bool>,
    ) -> Result<GuardState, Problem> {
        let parse = |text: &str| {
            let fence = serde_json::from_value(serde_json::json!(text));
            fence.map_err(|_| {
                invalid(format!(
                    "`{text}` is no fence; there are `refuse`, `pause`, `divert` and `alert`"
                ))
            })
        };
        let request = Request::GuardSet {
            name: name.to_owned(),
            fence: fence.map(parse).transpose()?,
            enabled,
        };
        self.ask(actor, request)?;
        self.guard(name)
    }

    fn release(&self, actor: &Actor, name: &str, diverted: Option<&str>) -> Result<GuardState, Problem> {
        let diverted = match diverted {
            None => None,
            Some("keep") => Some(DivertedWrites::Keep),
            Some("drop") => Some(DivertedWrites::Drop),
            Some(other) => {
                return Err(invalid(format!(
                    "`{other}`: diverted writes are kept (`keep`) or dropped (`drop`)"
                )));
            }
        };
        self.ask(
            actor,
            Request::GuardRelease {
                name: name.to_owned(),
                diverted,
            },
        )?;
        self.guard(name)
    }

    fn announce(&self, actor: &Actor, names: &[String], work: Option<(&str, u64)>) -> Result<(), Problem> {
        let work = work.map(|(reason, seconds)| AnnouncedWork {
            reason: reason.to_owned(),
            seconds,
        });
        let names = names.to_vec();
        self.ask(actor, Request::GuardAnnounce { names, work }).map(drop)
    }

    fn start_drill(&self, actor: &Actor, name: &str, case: Option<&str>) -> Result<(), Problem> {
        self.begin_drill(actor, name, case)
    }

    fn drills(&self, name: Option<&str>, most: usize) -> Result<Vec<DrillView>, Problem> {
        let mut drills = self.drill_results(name, most)?;
        drills.sort_by_key(|drill| std::cmp::Reverse(drill.started));
        Ok(drills
            .into_iter()
            .take(most)
            .map(|drill| views::drill(&drill))
            .collect())
    }

    fn drill_report(&self, id: &str) -> Result<String, Problem> {
        self.report_of_drill(id)
    }

    fn investigate(&self, name: &str, from: Option<&str>, to: Option<&str>) -> Result<String, Problem> {
        self.engine.whole_volume(name).map_err(problem)?;
        let sequence = |moment: &str| self.moment(name, moment);
        let (from, to) = (from.map(sequence).transpose()?, to.map(sequence).transpose()?);
        files::investigate(&self.place, name, from, to)
    }

    fn exposure(&self) -> Result<ExposureView, Problem> {
        self.exposure.view()
    }

    fn ask_provider(&self, question: &ProviderQuestion) -> Result<Vec<u8>, Problem> {
        super::provider::ask(self.config()?.console.oidc.as_ref(), question)
    }

    fn is_password_leaked(&self, password: &str) -> bool {
        self.exposure.is_leaked(password)
    }

    fn settings(&self) -> Result<String, Problem> {
        toml_text::in_force(&self.place)
    }

    fn policies(&self, text: Option<&str>) -> Result<Policies, Problem> {
        let known = self.engine.known_names();
        let Some(text) = text else {
            return Ok(self.engine.front().rules().policies.knowing(known));
        };
        let refused = |error: respond::Error| invalid(error.to_string());
        let parsed = Policies::parse(text, "the request").map_err(refused)?;
        let policies = Policies::over_defaults(vec![parsed]).map_err(refused)?;
        Ok(policies.knowing(known))
    }

    fn ledger_heads(&self) -> Vec<SignedHead> {
        desk::heads::kept(self.engine.data()).heads
    }

    fn incident_file(&self) -> Result<IncidentFileSettings, Problem> {
        let config = self.config()?;
        let values = incident_file::values(&config);
        let settings = config.incident_file;
        Ok(IncidentFileSettings {
            laws: incident_file::laws(&settings).map_err(problem)?,
            chosen: settings.jurisdictions.clone(),
            templates: incident_file::templates(&settings).map_err(problem)?,
            values,
            contacts: settings.contacts,
        })
    }

    fn restore_steps(&self) -> Result<Vec<RestoreStep>, Problem> {
        let Response::Volumes(list) = self.ask(&console(), Request::List)? else {
            return Err(super::ask::unexpected());
        };
        let order = self.config()?.incident_file.restore_order;
        Ok(incident_file::steps(&order, &list.volumes))
    }

    fn disk_events(&self, name: &str, from: Time, to: Time) -> Result<Vec<timeline::DiskEvent>, Problem> {
        self.events_of(name, from, to)
    }

    fn marks(&self) -> Result<Vec<MarkView>, Problem> {
        self.all_marks()
    }

    fn mark(&self, actor: &Actor, wish: &MarkWish) -> Result<Vec<MarkView>, Problem> {
        self.make_marks(actor, wish)
    }

    fn unmark(&self, actor: &Actor, id: u64) -> Result<(), Problem> {
        self.take_mark_back(actor, id)
    }

    fn notice_channels(&self) -> Vec<String> {
        self.config()
            .map(|config| config.notices.ways.into_keys().collect())
            .unwrap_or_default()
    }

    fn test_notice(&self, actor: &Actor, channel: &str) -> Result<(), Problem> {
        let config = self.config()?;
        self.log.info("notices", format!("{actor} tries `{channel}`"));
        let tried = desk::deliver::test(&self.desk, &config.notices, self.now(), channel).map_err(problem)?;
        let failed = tried.into_iter().find_map(|tried| tried.outcome.err());
        failed.map_or(Ok(()), |why| {
            Err(super::ask::failed(format!(
                "`{channel}` didn't take it: {}",
                views::not_taken(&why)
            )))
        })
    }
}
