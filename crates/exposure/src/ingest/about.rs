//! What is known about a breach, and how its files are to be read: the file that is given with them.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::columns::{ColumnNames, Columns};
use super::time::{format_date, format_time, is_date, is_time};
use crate::Error;
use crate::address::TopLevelDomains;
use crate::ledger::Breach;

/// The longest name of a breach: with `breach-` before it, it names a source of passwords, which has 64 characters.
const NAME_BYTES_MAX: usize = 57;

/// What a file about a breach says. TOML or JSON (which begins with `{`). Only the name has no default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the public API's model of a breach")]
pub struct About {
    /// The name by which the API knows it: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The name for people; else `name`.
    pub title: Option<String>,
    /// The website that was hit, like `example.com`.
    pub domain: String,
    /// When it happened, like `2026-11-23`; else the day of the import.
    pub breach_date: Option<String>,
    /// When it was first loaded, like `2026-11-23T10:15:00Z`; else the time of the first import.
    pub added_date: Option<String>,
    /// When it last changed; else the time of the import.
    pub modified_date: Option<String>,
    /// How many accounts it is said to have; else how many are found.
    pub pwn_count: Option<u64>,
    /// What happened; HTML.
    pub description: String,
    /// What was taken; else what is found (`Email addresses`, `Passwords`, `Phone numbers`, `Usernames`).
    pub data_classes: Option<Vec<String>>,
    /// Whether it is believed to be genuine; yes unless `false`.
    pub verified: Option<bool>,
    /// Whether it is believed to be made up.
    pub fabricated: bool,
    /// Whether that somebody is in it is told to nobody but themselves.
    pub sensitive: bool,
    /// Whether it is told to nobody any more.
    pub retired: bool,
    /// Whether it is a list of people to send spam to.
    pub spam_list: bool,
    /// Whether it was taken by malware.
    pub malware: bool,
    /// Whether it doesn't count towards the size of a subscription.
    pub subscription_free: bool,
    /// Whether pairs of an address and a website are kept: `true` takes them from columns too, `false` takes none; else those of blocks
    /// (`URL:`, `Username:`, `Password:`) and of lines `url:login:password` are.
    pub stealer_log: Option<bool>,
    /// The address of a picture.
    pub logo_path: String,
    /// Whom it was received from.
    pub attribution: Option<String>,
    /// Where those who were hit made it public.
    pub disclosure_url: Option<String>,
    /// What passwords in it are.
    pub passwords: PasswordForm,
    /// Top-level domains of addresses besides the public ones, like `corp`.
    pub top_level_domains: Vec<String>,
    /// Columns, keys or fields with something else in them than their names tell, by name or by number from 1.
    pub columns: ColumnNames,
}

/// What stands where a password is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordForm {
    /// Passwords; what looks like a hash is left out.
    #[default]
    Plain,
    /// SHA-1 hashes without salt, in hexadecimal.
    Sha1,
    /// NTLM hashes, in hexadecimal.
    Ntlm,
    /// Nothing that could be counted: other hashes.
    None,
}

impl About {
    /// Reads what a file says.
    ///
    /// # Errors
    /// [`Error::About`] with what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let about: Self = parse_text(text)?;
        about.check()?;
        Ok(about)
    }

    fn check(&self) -> Result<(), Error> {
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !(1..=NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(is_inside) {
            return Err(wrong(format!(
                "`name` is 1 to {NAME_BYTES_MAX} letters, digits, `.`, `_` or `-`, because it is part of addresses of the API"
            )));
        }
        if let Some(date) = self.breach_date.as_ref().filter(|date| !is_date(date)) {
            return Err(wrong(format!(
                "`breach_date` is `{date}`; it is written like `\"2026-11-23\"`"
            )));
        }
        for (key, time) in [("added_date", &self.added_date), ("modified_date", &self.modified_date)] {
            if let Some(time) = time.as_ref().filter(|time| !is_time(time)) {
                return Err(wrong(format!(
                    "`{key}` is `{time}`; it is written like `\"2026-11-23T10:15:00Z\"`"
                )));
            }
        }
        self.columns().map(drop)
    }

    /// What columns are, by their names or numbers.
    pub(super) fn columns(&self) -> Result<Columns, Error> {
        Columns::new(&self.columns).map_err(wrong)
    }

    /// The top-level domains of addresses.
    pub(super) fn top_level_domains(&self) -> TopLevelDomains {
        TopLevelDomains::with(&self.top_level_domains)
    }

    /// The breach for the catalogue. `former` is an earlier import; `found` are classes of data that were found. `now` is in seconds since
    /// 1970.
    pub(super) fn breach(
        &self,
        former: Option<&Breach>,
        found: Vec<String>,
        has_stealer_logs: bool,
        now: i64,
    ) -> Breach {
        let added = self
            .added_date
            .clone()
            .or_else(|| former.map(|former| former.added_date.clone()));
        let mut data_classes = self.data_classes.clone().unwrap_or(found);
        data_classes.sort();
        Breach {
            name: self.name.clone(),
            title: self.title.clone().unwrap_or_else(|| self.name.clone()),
            domain: self.domain.to_lowercase(),
            breach_date: self.breach_date.clone().unwrap_or_else(|| format_date(now)),
            added_date: added.unwrap_or_else(|| format_time(now)),
            modified_date: self.modified_date.clone().unwrap_or_else(|| format_time(now)),
            pwn_count: self.pwn_count.unwrap_or(0),
            description: self.description.clone(),
            data_classes,
            is_verified: self.verified.unwrap_or(true),
            is_fabricated: self.fabricated,
            is_sensitive: self.sensitive,
            is_retired: self.retired,
            is_spam_list: self.spam_list,
            is_malware: self.malware,
            is_subscription_free: self.subscription_free,
            is_stealer_log: self.stealer_log.unwrap_or(has_stealer_logs),
            logo_path: self.logo_path.clone(),
            attribution: self.attribution.clone(),
            disclosure_url: self.disclosure_url.clone(),
        }
    }
}

/// What a file says: TOML, or JSON that begins with `{`.
pub(super) fn parse_text<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))
    } else {
        toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().replace('\n', "; ")))
    }
}

pub(super) fn wrong(what: impl Into<String>) -> Error {
    Error::About { what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_enough_and_the_rest_has_sensible_defaults() {
        let breach = About::parse("name = \"Shop\"").unwrap().breach(
            None,
            vec!["Email addresses".to_owned()],
            false,
            1_795_428_900,
        );
        let expected = Breach {
            name: "Shop".to_owned(),
            title: "Shop".to_owned(),
            breach_date: "2026-11-23".to_owned(),
            added_date: "2026-11-23T10:15:00Z".to_owned(),
            modified_date: "2026-11-23T10:15:00Z".to_owned(),
            data_classes: vec!["Email addresses".to_owned()],
            is_verified: true,
            ..Breach::default()
        };
        assert_eq!(breach, expected);
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = "name = 'Shop'\nsensitive = true\nstealer_log = true\npasswords = 'sha1'\n[columns]\nphone = ['mobile', 3]\n";
        let json = r#"{"name": "Shop", "sensitive": true, "stealer_log": true, "passwords": "sha1", "columns": {"phone": ["mobile", 3]}}"#;
        assert_eq!(About::parse(toml).unwrap(), About::parse(json).unwrap());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("title = 'x'", "`name`"),
            ("name = 'a b'", "`name`"),
            ("name = 'Shop'\nverfied = true", "verfied"),
            (
                "name = 'Shop'\nbreach_date = '23.11.2026'",
                "`breach_date` is `23.11.2026`",
            ),
            (
                "name = 'Shop'\nadded_date = '2026-11-23'",
                "`added_date` is `2026-11-23`",
            ),
            ("name = 'Shop'\npasswords = 'md5'", "md5"),
            ("name = 'Shop'\n[columns]\nphone = [0]", "from 1"),
            ("{\"name\": 7}", "line 1"),
        ] {
            let error = About::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn an_earlier_import_says_when_it_was_added() {
        let former = Breach {
            added_date: "2020-01-01T00:00:00Z".to_owned(),
            ..Breach::default()
        };
        let breach = About::parse("name = 'Shop'")
            .unwrap()
            .breach(Some(&former), Vec::new(), true, 0);
        assert_eq!(
            (breach.added_date.as_str(), breach.is_stealer_log),
            ("2020-01-01T00:00:00Z", true)
        );
    }
}
