//! Actions outside of the volumes: messages to web servers, programs of this machine, drills.

use respond::action::Action;
use respond::{Error, Ledger};
use serde_json::{Value, json};

use super::{Lanes, command};
use crate::engine::DrillOrder;
use crate::failure::{Failure, FailureCode};
use crate::webhook::{Target, host};

/// The header by which a receiver knows a message again.
const KEY_HEADER: &str = "Idempotency-Key";

impl Lanes {
    /// Sends a signed message about what happened to a web server. What came of it names the target: its address may hold a secret, and
    /// everybody who sees actions would read it.
    pub(super) fn post(&self, action: &Action, name: &str) -> Result<String, Failure> {
        let settings = self.engine.respond_settings();
        let target = settings
            .webhooks
            .get(name)
            .ok_or_else(|| Failure::not_found(format!("there is no target `{name}` in [respond.webhooks]")))?;
        let target = Target::load(target, &format!("[respond.webhooks.{name}]"))?;
        let body = self.message(action)?.to_string();
        let mut headers = target.proof(&body, self.now().unix_millis() / 1000);
        headers.push((KEY_HEADER, action.mark()));
        let answer = target
            .ask(&body, &headers)
            .map_err(|error| Failure::new(FailureCode::Failure, format!("`{name}`: {error}")))?;
        if (200..300).contains(&answer.status) {
            return Ok(format!("`{name}` took it ({})", answer.told));
        }
        Err(Failure::new(
            FailureCode::Failure,
            format!("`{name}` answered with status {}; it is not sent again", answer.told),
        ))
    }

    fn message(&self, action: &Action) -> Result<Value, Failure> {
        let read = |ledger: &Ledger| -> Result<Value, Error> {
            let alert = action.alert.map(|id| ledger.alert(id)).transpose()?.flatten();
            let incident = action.incident.map(|id| ledger.incident(id)).transpose()?.flatten();
            Ok(json!({
                "version": 1, "host": host(), "action": action.id, "because": action.because, "alert": alert, "incident": incident,
            }))
        };
        self.desk.read(read).map_err(|error| crate::desk::failed(&error))
    }

    /// Runs a program, which learns of what happened from its environment.
    pub(super) fn command(&self, action: &Action, name: &str) -> Result<String, Failure> {
        let settings = self.engine.respond_settings();
        let settings = settings
            .commands
            .get(name)
            .ok_or_else(|| Failure::not_found(format!("there is no command `{name}` in [respond.commands]")))?;
        let message = self.message(action)?;
        let noticed = |key: &str| {
            message
                .pointer(&format!("/alert/{key}"))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let environment = [
            ("HOLDFAST_ACTION_ID", action.mark()),
            ("HOLDFAST_BECAUSE", action.because.clone()),
            ("HOLDFAST_KIND", noticed("kind")),
            ("HOLDFAST_SEVERITY", noticed("severity")),
            ("HOLDFAST_VOLUME", noticed("volume")),
            ("HOLDFAST_HOST", noticed("host")),
            ("HOLDFAST_IDENTITY", noticed("identity")),
            (
                "HOLDFAST_INCIDENT",
                action.incident.map_or_else(String::new, |id| id.to_string()),
            ),
        ];
        let environment = environment.map(|(name, value)| (name, value.replace('\0', "")));
        let ended = command::run(settings, &environment, &|| self.is_stopping())?;
        let output = ended.output.trim();
        match ended.code {
            Some(0) => Ok(format!("it ended well; it printed: {output}")),
            Some(code) => Err(Failure::new(
                FailureCode::Failure,
                format!("it ended with exit code {code}; it printed: {output}"),
            )),
            None => Err(Failure::new(
                FailureCode::Failure,
                format!("something killed it; it printed: {output}"),
            )),
        }
    }

    /// Tries a volume out.
    pub(super) fn drill(&self, volume: &str) -> Result<String, Failure> {
        let order = DrillOrder {
            case: None,
            seed: None,
            all: false,
            trigger: drill::Trigger::Command,
        };
        let result = self.engine.drill(volume, order, &mut super::volumes::Unseen)?;
        Ok(format!("the drill's verdict: {:?}", result.verdict).to_lowercase())
    }
}
