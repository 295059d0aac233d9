//! What `[guard]` means: where events go, which model is used, and how much is kept of what clients read.

use std::path::PathBuf;

use super::file::GuardTable;
use super::web_address::webhook;
use crate::size::format_size;

/// The least that can be kept of what clients read, unless it is nothing, in bytes: 1 MiB.
const READS_KEPT_BYTES_MIN: u64 = 1 << 20;

/// What all guards share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardSettings {
    /// Where events are sent to.
    pub webhook: Option<WebhookSettings>,
    /// The model to be used instead of the one that is built in.
    pub model: Option<SignedModel>,
    /// Most bytes a volume in which is kept what clients read; 0 for nothing.
    pub reads_kept_bytes: u64,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            webhook: None,
            model: None,
            reads_kept_bytes: guard::READS_KEPT_BYTES,
        }
    }
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
    let webhook = webhook(
        "[guard]",
        table.webhook.as_deref(),
        table.webhook_secret_file.as_deref(),
    )?;
    let model = match (&table.model, &table.model_key) {
        (None, None) => None,
        (Some(file), Some(key)) => Some(SignedModel {
            file: file.clone(),
            key: key.clone(),
        }),
        _ => return Err("[guard]: `model` and `model_key` are needed together".to_owned()),
    };
    let reads_kept_bytes = table.reads_kept.map_or(guard::READS_KEPT_BYTES, |size| size.0);
    if (1..READS_KEPT_BYTES_MIN).contains(&reads_kept_bytes) {
        return Err(format!(
            "[guard] reads_kept: `{}` is too little to tell anything; give 1 MiB or more, or 0 to keep nothing",
            format_size(reads_kept_bytes)
        ));
    }
    Ok(GuardSettings {
        webhook,
        model,
        reads_kept_bytes,
    })
}
