//! The JSON export of Bitwarden.

use serde::Deserialize;

use super::Entry;

#[derive(Deserialize)]
struct Vault {
    #[serde(default)]
    encrypted: bool,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    login: Option<Login>,
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

pub(super) fn entries(text: &str) -> Result<Vec<Entry>, String> {
    // What serde says could quote the file.
    let vault: Vault = serde_json::from_str(text).map_err(|error| {
        format!(
            "is no export of Bitwarden: line {}, column {} is not as expected",
            error.line(),
            error.column()
        )
    })?;
    if vault.encrypted {
        return Err("is encrypted; export it without a password".to_owned());
    }
    let entries = vault.items.into_iter().filter_map(|item| {
        let login = item.login?;
        Some(Entry {
            name: item.name.unwrap_or_default(),
            user: login.username.unwrap_or_default(),
            password: login.password.filter(|password| !password.is_empty())?,
        })
    });
    Ok(entries.collect())
}
