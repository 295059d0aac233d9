//! Questions to the OpenID provider by which people sign in.

use std::time::Duration;

use console::{OidcSettings, Problem, ProviderQuestion};

use super::ask::{failed, problem};
use crate::asking::trusted_file;
use crate::web;

/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// What needs it, for failures.
const SETTING: &str = "[console.oidc]";

/// Asks, and returns the answer.
pub(super) fn ask(settings: Option<&OidcSettings>, question: &ProviderQuestion) -> Result<Vec<u8>, Problem> {
    let url = &question.url;
    let authority = settings.and_then(|settings| settings.authority.as_deref());
    let agent = match authority {
        Some(file) => web::agent_trusting(url, PATIENCE, 0, || trusted_file(file)),
        None => web::agent(url, SETTING, PATIENCE, 0),
    };
    let agent = agent.map_err(problem)?;
    let answered = match &question.form {
        Some(form) => agent
            .post(url)
            .send_form(form.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        None => agent.get(url).call(),
    };
    let unreachable = |error: ureq::Error| failed(format!("the OpenID provider doesn't answer at `{url}`: {error}"));
    let mut answer = answered.map_err(unreachable)?;
    if answer.status() != 200 {
        return Err(failed(format!(
            "the OpenID provider answered `{}` at `{url}`",
            answer.status()
        )));
    }
    answer
        .body_mut()
        .with_config()
        .limit(ANSWER_BYTES_MAX)
        .read_to_vec()
        .map_err(unreachable)
}
