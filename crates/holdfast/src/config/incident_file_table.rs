//! What `[incident_file]` means: who we are, whom to call, what to restore first, and which laws apply.

use std::collections::BTreeMap;
use std::path::PathBuf;

use respond::case_file::drafts::check_value;
use respond::case_file::paper::Contact;
use serde::Deserialize;

use crate::names::is_name;

/// Contacts at most.
const CONTACTS_MAX: usize = 200;
/// Longest text of a contact.
const TEXT_BYTES_MAX: usize = 200;

/// `[incident_file]`: what drafts and the paper pack need to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IncidentFileTable {
    /// The laws that apply, like `uk-gdpr`.
    pub jurisdictions: Vec<String>,
    /// Folder with data files of jurisdictions of one's own.
    pub jurisdictions_folder: Option<PathBuf>,
    /// Folder with templates of one's own.
    pub templates_folder: Option<PathBuf>,
    /// Volumes in the order in which they are restored: a list for each tier.
    pub restore_order: Vec<Vec<String>>,
    /// `[incident_file.values]`: what drafts ask for, whatever the incident.
    pub values: BTreeMap<String, String>,
    /// `[[incident_file.contacts]]`
    pub contacts: Vec<ContactTable>,
}

/// `[[incident_file.contacts]]`: somebody to call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactTable {
    /// What they do.
    pub role: String,
    /// Who.
    #[serde(default)]
    pub name: String,
    /// Their telephone number.
    #[serde(default)]
    pub phone: String,
    /// Another way that doesn't need the company's network.
    #[serde(default)]
    pub other: String,
}

/// What drafts and the paper pack need to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentFileSettings {
    /// The laws that apply.
    pub jurisdictions: Vec<String>,
    /// Folder with data files of jurisdictions of one's own.
    pub jurisdictions_folder: Option<PathBuf>,
    /// Folder with templates of one's own.
    pub templates_folder: Option<PathBuf>,
    /// Volumes in the order in which they are restored: a list for each tier.
    pub restore_order: Vec<Vec<String>>,
    /// What drafts ask for.
    pub values: BTreeMap<String, String>,
    /// Whom to call, in that order.
    pub contacts: Vec<Contact>,
}

/// What the table says; the error says what is wrong with it.
pub(super) fn resolve(table: &IncidentFileTable) -> Result<IncidentFileSettings, String> {
    for name in table.restore_order.iter().flatten() {
        if !is_name(name) {
            return Err(format!(
                "[incident_file]: `restore_order`: `{name}` can't be a volume's name"
            ));
        }
    }
    for (name, value) in &table.values {
        check_value(name, value).map_err(|error| format!("[incident_file.values]: {error}"))?;
    }
    if table.contacts.len() > CONTACTS_MAX {
        return Err(format!("[incident_file]: more than {CONTACTS_MAX} contacts"));
    }
    for contact in &table.contacts {
        for text in [&contact.role, &contact.name, &contact.phone, &contact.other] {
            if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
                return Err(format!(
                    "[[incident_file.contacts]]: `{}`: a text is longer than {TEXT_BYTES_MAX} bytes or has line breaks",
                    contact.role
                ));
            }
        }
    }
    let contacts = table.contacts.iter().cloned().map(|contact| Contact {
        role: contact.role,
        name: contact.name,
        phone: contact.phone,
        other: contact.other,
    });
    Ok(IncidentFileSettings {
        jurisdictions: table.jurisdictions.clone(),
        jurisdictions_folder: table.jurisdictions_folder.clone(),
        templates_folder: table.templates_folder.clone(),
        restore_order: table.restore_order.clone(),
        values: table.values.clone(),
        contacts: contacts.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<IncidentFileSettings, String> {
        let table: IncidentFileTable = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        resolve(&table)
    }

    #[test]
    fn what_is_written_is_what_is_meant() {
        let settings = resolved(
            "jurisdictions = [\"uk-gdpr\"]\nrestore_order = [[\"dc\"], [\"tills\", \"shop\"]]\n[values]\norganisation = \"Example Ltd\"\n\
             [[contacts]]\nrole = \"Lead\"\nname = \"Ann\"\nphone = \"1\"\n",
        )
        .unwrap();
        assert_eq!(settings.restore_order.len(), 2);
        assert_eq!(
            settings.values.get("organisation").map(String::as_str),
            Some("Example Ltd")
        );
        assert_eq!(settings.contacts.first().unwrap().name, "Ann");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, expected) in [
            ("restore_order = [[\"a/b\"]]", "`a/b` can't be a volume's name"),
            ("[values]\ncolour = \"red\"", "no draft asks for `colour`"),
            ("[[contacts]]\nrole = \"a\\nb\"", "line breaks"),
            ("[[contacts]]\nname = \"x\"", "missing field `role`"),
        ] {
            let error = resolved(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
