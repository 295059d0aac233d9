//! What is asked of the provider: where its endpoints are, its keys, and a token for a code.

use serde::Deserialize;

use super::id_token::KeySet;
use super::refused;
use crate::problem::Refusal;
use crate::settings::OidcSettings;
use crate::site::{ProviderQuestion, Site};

/// What the provider says about itself (OpenID Connect Discovery 1.0), as far as it matters.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
}

/// Where the provider's endpoints are.
pub(super) fn metadata(site: &dyn Site, settings: &OidcSettings) -> Result<Metadata, Refusal> {
    let url = format!("{}/.well-known/openid-configuration", settings.issuer);
    let body = site.ask_provider(&ProviderQuestion { url, form: None })?;
    let metadata: Metadata =
        serde_json::from_slice(&body).map_err(|error| not_understood(site, "what it says about itself", &error))?;
    if metadata.issuer.trim_end_matches('/') != settings.issuer {
        site.log(&format!("the OpenID provider calls itself `{}`", metadata.issuer));
        return Err(refused("the provider says that it is another one"));
    }
    // The browser is sent there, and the code: neither may go in the clear because of what an answer says.
    let is_secure = settings.issuer.starts_with("https://");
    let endpoints = [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &metadata.jwks_uri,
    ];
    if is_secure && !endpoints.iter().all(|endpoint| endpoint.starts_with("https://")) {
        return Err(refused("the provider names an address without TLS"));
    }
    Ok(metadata)
}

/// The provider's keys.
pub(super) fn keys(site: &dyn Site, metadata: &Metadata) -> Result<KeySet, Refusal> {
    let url = metadata.jwks_uri.clone();
    let body = site.ask_provider(&ProviderQuestion { url, form: None })?;
    serde_json::from_slice(&body).map_err(|error| not_understood(site, "its keys", &error))
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// The ID token for a code.
pub(super) fn id_token(
    site: &dyn Site,
    settings: &OidcSettings,
    metadata: &Metadata,
    (code, verifier, callback): (&str, &str, &str),
) -> Result<String, Refusal> {
    let mut form = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", callback.to_owned()),
        ("client_id", settings.client_id.clone()),
        ("code_verifier", verifier.to_owned()),
    ];
    if let Some(file) = &settings.client_secret_file {
        let secret = std::fs::read_to_string(file)
            .map_err(|error| Refusal::failed(format!("can't read `{}`: {error}", file.display())))?;
        form.push(("client_secret", secret.trim().to_owned()));
    }
    let form = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let url = metadata.token_endpoint.clone();
    let body = site.ask_provider(&ProviderQuestion { url, form: Some(form) })?;
    let tokens: Tokens = serde_json::from_slice(&body).map_err(|error| not_understood(site, "its token", &error))?;
    Ok(tokens.id_token)
}

fn not_understood(site: &dyn Site, what: &str, error: &serde_json::Error) -> Refusal {
    site.log(&format!(
        "the OpenID provider's answer isn't understood ({what}): {error}"
    ));
    refused(format!("the provider's answer isn't understood: {what}"))
}
