//! Volumes and their moments as NBD exports: `disk`, `disk@-15m`, `disk@2026-11-23T10:15:00Z`, `disk@before-update`.

use std::sync::Arc;
use std::time::Instant;

use jiff::ZonedDateTime;
use nbd::{ExportInfo, ExportProvider, OpenError, OpenedExport};

use super::refused::Refused;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::log::Log;
use crate::names::split_moment;
use crate::when::{When, local};

/// The exports of an engine.
pub(super) struct Exports {
    engine: Arc<Engine>,
    log: Arc<Log>,
    refused: Refused,
}

impl Exports {
    pub(super) fn new(engine: Arc<Engine>, log: Arc<Log>) -> Self {
        Self {
            engine,
            log,
            refused: Refused::default(),
        }
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The volume meant by the empty name: the only one.
    fn default_name(&self) -> Result<String, Failure> {
        let names = self.engine.names()?;
        match names.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Failure::not_found("there are no volumes")),
            several => Err(Failure::not_found(format!(
                "name one of the volumes {}",
                several.join(", ")
            ))),
        }
    }

    fn open_named(&self, name: &str) -> Result<OpenedExport, Failure> {
        let (mut volume_name, when) = split_moment(name, &ZonedDateTime::now())?;
        if volume_name.is_empty() {
            volume_name = self.default_name()?;
        }
        let volume = self.engine.whole_volume(&volume_name)?;
        let Some(when) = when else {
            return Ok(OpenedExport {
                device: Arc::new(self.engine.guard_of(&volume).attach()),
                name: volume_name,
                description: "the live disk".to_owned(),
            });
        };
        let moment = when.resolve(self.engine.now())?;
        let view = self.engine.view(&volume, &moment)?;
        let description = format!("read-only, as of {} (#{})", local(view.time()), view.sequence().0);
        let name = match when {
            When::Pin(pin) => format!("{volume_name}@{pin}"),
            _ => format!("{volume_name}@#{}", view.sequence().0),
        };
        Ok(OpenedExport {
            device: Arc::new(view),
            name,
            description,
        })
    }
}

impl ExportProvider for Exports {
    fn list(&self) -> Vec<ExportInfo> {
        let mut exports = Vec::new();
        for name in self.engine.names().unwrap_or_default() {
            let Ok(volume) = self.engine.whole_volume(&name) else {
                continue;
            };
            exports.push(ExportInfo {
                name: name.clone(),
                description: "the live disk".to_owned(),
            });
            // Pins that hold the start of a fork are the fork's business.
            for pin in volume.pins().into_iter().filter(|pin| pin.fork.is_none()) {
                let description = format!("read-only, as of {}", local(pin.time));
                exports.push(ExportInfo {
                    name: format!("{name}@{}", pin.name),
                    description,
                });
            }
        }
        exports
    }

    fn open(&self, name: &str) -> Result<OpenedExport, OpenError> {
        self.open_named(name).map_err(|failure| {
            let reason = failure.with_hint();
            if let Some(line) = self.refused.line(name, &reason, Instant::now()) {
                self.log.info("", line);
            }
            OpenError::Unknown(reason)
        })
    }
}
