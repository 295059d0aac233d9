//! What `[guard]` means: where events go, and which model is used.

use std::path::{Path, PathBuf};

use super::file::GuardTable;

/// What all guards share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardSettings {
    /// Where events are sent to.
    pub webhook: Option<WebhookSettings>,
    /// The model to be used instead of the one that is built in.
    pub model: Option<SignedModel>,
}

/// Where events are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// `http://` or `https://`.
    pub url: String,
    /// File with the secret that signs what is sent.
    pub secret_file: Option<PathBuf>,
}

/// A model in a file, and the key that must have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedModel {
    /// The model; its signature is beside it, with `.minisig` added to the name.
    pub file: PathBuf,
    /// The public key, as minisign writes it.
    pub key: String,
}

impl SignedModel {
    /// The file with the signature.
    #[must_use]
    pub fn signature_file(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".minisig");
        name.into()
    }
}

/// Checks `[guard]`.
pub(super) fn resolve(table: &GuardTable) -> Result<GuardSettings, String> {
    let webhook = match &table.webhook {
        Some(url) => Some(webhook(url, table.webhook_secret_file.as_deref())?),
        None if table.webhook_secret_file.is_some() => {
            return Err("[guard]: `webhook_secret_file` signs nothing without `webhook`".to_owned());
        }
        None => None,
    };
    let model = match (&table.model, &table.model_key) {
        (None, None) => None,
        (Some(file), Some(key)) => Some(SignedModel {
            file: file.clone(),
            key: key.clone(),
        }),
        _ => return Err("[guard]: `model` and `model_key` are needed together".to_owned()),
    };
    Ok(GuardSettings { webhook, model })
}

fn webhook(url: &str, secret_file: Option<&Path>) -> Result<WebhookSettings, String> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
        return Err(format!(
            "[guard] webhook: `{url}` is no address of a web server; write it like `https://alerts.example.org/holdfast`"
        ));
    }
    Ok(WebhookSettings {
        url: url.to_owned(),
        secret_file: secret_file.map(Path::to_owned),
    })
}
