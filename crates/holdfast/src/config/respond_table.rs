//! `[respond]`: where policies are, and what they may send and run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::guard_table::WebhookSettings;
use super::values::SpanValue;
use super::web_address::web_address;
use crate::names::is_name;
use crate::span::format_span;

/// How long a command may run, unless something else is said, and at most.
const TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT_MOST: Duration = Duration::from_secs(3600);
/// Arguments of a command, and the longest of them, in bytes.
const ARGUMENTS_MAX: usize = 64;
const ARGUMENT_BYTES_MAX: usize = 4096;

/// `[respond]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RespondTable {
    /// The folder with policies.
    pub policies: Option<PathBuf>,
    /// `[respond.commands.NAME]`
    pub commands: BTreeMap<String, CommandTable>,
    /// `[respond.webhooks.NAME]`
    pub webhooks: BTreeMap<String, RespondWebhookTable>,
}

/// `[respond.commands.NAME]`: a program that policies may run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandTable {
    /// The program's file.
    pub program: PathBuf,
    /// What it is called with; nothing is filled in.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// How long it may run.
    pub timeout: Option<SpanValue>,
}

/// `[respond.webhooks.NAME]`: a web server that policies may send messages to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RespondWebhookTable {
    /// Where messages go.
    pub url: String,
    /// File with the secret that signs them.
    pub secret_file: Option<PathBuf>,
}

/// What `[respond]` means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RespondSettings {
    /// The folder with policies, if there is one.
    pub policies: Option<PathBuf>,
    /// Programs that policies may run.
    pub commands: BTreeMap<String, CommandSettings>,
    /// Web servers that policies may send messages to.
    pub webhooks: BTreeMap<String, WebhookSettings>,
}

/// A program that policies may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSettings {
    /// The program's file, by its whole path.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
}

/// Checks `[respond]`.
pub(super) fn resolve(table: &RespondTable) -> Result<RespondSettings, String> {
    if let Some(folder) = table.policies.as_ref().filter(|folder| !folder.is_absolute()) {
        return Err(format!(
            "[respond] policies: `{}` is no whole path; write it from `/` on",
            folder.display()
        ));
    }
    let mut settings = RespondSettings {
        policies: table.policies.clone(),
        ..RespondSettings::default()
    };
    for (name, command) in &table.commands {
        settings.commands.insert(name.clone(), resolve_command(name, command)?);
    }
    for (name, webhook) in &table.webhooks {
        let place = format!("[respond.webhooks.{name}]");
        named(&place, name)?;
        let url = web_address(&format!("{place} url"), &webhook.url)?;
        let secret_file = webhook.secret_file.clone();
        settings
            .webhooks
            .insert(name.clone(), WebhookSettings { url, secret_file });
    }
    Ok(settings)
}

fn resolve_command(name: &str, command: &CommandTable) -> Result<CommandSettings, String> {
    let place = format!("[respond.commands.{name}]");
    named(&place, name)?;
    if !command.program.is_absolute() {
        return Err(format!(
            "{place} program: `{}` is no whole path; no shell looks for it: write it from `/` on",
            command.program.display()
        ));
    }
    let is_too_long = |argument: &String| argument.len() > ARGUMENT_BYTES_MAX || argument.contains('\0');
    if command.arguments.len() > ARGUMENTS_MAX || command.arguments.iter().any(is_too_long) {
        return Err(format!(
            "{place} arguments: at most {ARGUMENTS_MAX}, each of at most {ARGUMENT_BYTES_MAX} bytes"
        ));
    }
    let timeout = command.timeout.map_or(TIMEOUT, |span| span.0);
    if timeout < Duration::from_secs(1) || timeout > TIMEOUT_MOST {
        return Err(format!(
            "{place} timeout: `{}` is not within 1 s to 1 h",
            format_span(timeout)
        ));
    }
    Ok(CommandSettings {
        program: command.program.clone(),
        arguments: command.arguments.clone(),
        timeout,
    })
}

fn named(place: &str, name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!("{place}: `{name}` can't be a name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        resolve(&toml::from_str(text).unwrap()).unwrap_err()
    }

    #[test]
    fn what_policies_may_run_and_send_is_checked() {
        let table = "policies = \"/etc/p\"\n[commands.a]\nprogram = \"/bin/true\"\narguments = [\"-x\"]\n[webhooks.b]\nurl = \
                     \"https://example.org/x\"\n";
        let settings = resolve(&toml::from_str(table).unwrap()).unwrap();
        assert_eq!(settings.commands["a"].timeout, Duration::from_secs(30));
        assert_eq!(settings.webhooks["b"].url, "https://example.org/x");
        for (text, expected) in [
            (
                "policies = \"p\"",
                "[respond] policies: `p` is no whole path; write it from `/` on",
            ),
            (
                "[commands.a]\nprogram = \"true\"",
                "[respond.commands.a] program: `true` is no whole path; no shell looks for it: write it from `/` on",
            ),
            (
                "[commands.a]\nprogram = \"/bin/true\"\ntimeout = \"2h\"",
                "[respond.commands.a] timeout: `2 h` is not within 1 s to 1 h",
            ),
            (
                "[commands.\"a b\"]\nprogram = \"/x\"",
                "[respond.commands.a b]: `a b` can't be a name",
            ),
            (
                "[webhooks.b]\nurl = \"example.org\"",
                "[respond.webhooks.b] url: `example.org` is no address of a web server; write it like \
                 `https://alerts.example.org/holdfast`",
            ),
        ] {
            assert_eq!(refusal(text), expected);
        }
    }
}
