//! Reading data files of jurisdictions: TOML, with errors that name line and column.

use serde::Deserialize;
use toml::Spanned;

use super::jurisdiction::{Duty, Force, Jurisdiction, Start, Within};
use crate::error::Error;

/// The files that are built in, with their names for errors.
const BUILT_IN: &[(&str, &str)] = &[
    ("uk.toml", include_str!("data/uk.toml")),
    ("eu.toml", include_str!("data/eu.toml")),
    ("us-federal.toml", include_str!("data/us-federal.toml")),
    ("us-states.toml", include_str!("data/us-states.toml")),
];
/// Largest file.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Longest text of a field.
const TEXT_BYTES_MAX: usize = 2_000;
/// Longest name on the command line.
const ID_BYTES_MAX: usize = 40;
/// Jurisdictions of all files at most.
const JURISDICTIONS_MAX: usize = 500;
/// Duties of a jurisdiction at most.
const DUTIES_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    jurisdiction: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: Spanned<String>,
    name: String,
    applies: String,
    in_force: Spanned<String>,
    checked: Spanned<String>,
    against: String,
    caveat: Option<String>,
    duty: Vec<DutyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DutyEntry {
    id: Spanned<String>,
    title: String,
    tell: String,
    when: String,
    from: Spanned<String>,
    within: Spanned<String>,
    no_later_than: Option<Spanned<String>>,
    reference: String,
    url: Spanned<String>,
    note: Option<String>,
}

/// What is said of every entry that says nothing of its own.
const CAVEAT: &str = "Check with counsel: this is a reminder, not legal advice.";

/// The jurisdictions that are built in.
///
/// # Errors
/// Never, as a test shows.
pub fn built_in() -> Result<Vec<Jurisdiction>, Error> {
    with_own(&[])
}

/// Those that are built in and those of own files, given with their names. What has the id of one that is built in takes its place.
///
/// # Errors
/// When a file can't be understood; says where and why.
pub fn with_own(own: &[(String, String)]) -> Result<Vec<Jurisdiction>, Error> {
    let mut all: Vec<Jurisdiction> = Vec::new();
    let built_in = BUILT_IN.iter().map(|(name, text)| (*name, *text));
    for (name, text) in built_in.chain(own.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
        for read in parse_jurisdictions(text, name)? {
            all.retain(|known| known.id != read.id);
            all.push(read);
        }
        if all.len() > JURISDICTIONS_MAX {
            return Err(Error::Refused {
                what: format!("`{name}` brings the jurisdictions to more than {JURISDICTIONS_MAX}"),
            });
        }
    }
    Ok(all)
}

/// Reads one file.
///
/// # Errors
/// When it can't be understood; says where and why.
pub fn parse_jurisdictions(text: &str, name: &str) -> Result<Vec<Jurisdiction>, Error> {
    let source = Source { text, name };
    if text.len() > FILE_BYTES_MAX {
        return Err(source.error(
            0,
            format!("the file has {} bytes, at most {FILE_BYTES_MAX} are read", text.len()),
        ));
    }
    let file: File = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        source.error(start, error.message().trim().replace('\n', ", "))
    })?;
    let mut read: Vec<Jurisdiction> = Vec::new();
    for entry in &file.jurisdiction {
        let one = source.jurisdiction(entry)?;
        if read.iter().any(|known| known.id == one.id) {
            return Err(source.at(&entry.get_ref().id, format!("`{}` is in the file twice", one.id)));
        }
        if read.len() >= JURISDICTIONS_MAX {
            return Err(source.error(
                entry.span().start,
                format!("more than {JURISDICTIONS_MAX} jurisdictions"),
            ));
        }
        read.push(one);
    }
    Ok(read)
}

/// A file's text, for errors.
struct Source<'a> {
    text: &'a str,
    name: &'a str,
}

impl Source<'_> {
    fn error(&self, offset: usize, what: String) -> Error {
        let before = self.text.get(..offset).unwrap_or(self.text);
        Error::DataFile {
            name: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
            what,
        }
    }

    fn at<T>(&self, place: &Spanned<T>, what: String) -> Error {
        self.error(place.span().start, what)
    }

    fn jurisdiction(&self, entry: &Spanned<Entry>) -> Result<Jurisdiction, Error> {
        let start = entry.span().start;
        let entry = entry.get_ref();
        let texts = [&entry.name, &entry.applies, &entry.against];
        self.texts(start, texts.into_iter().chain(entry.caveat.as_ref()))?;
        if entry.duty.is_empty() || entry.duty.len() > DUTIES_MAX {
            let what = format!(
                "`{}` has {} duties: at least 1, at most {DUTIES_MAX}",
                entry.id.get_ref(),
                entry.duty.len()
            );
            return Err(self.at(&entry.id, what));
        }
        let mut duties: Vec<Duty> = Vec::new();
        for duty in &entry.duty {
            let read = self.duty(duty, &duties)?;
            duties.push(read);
        }
        Ok(Jurisdiction {
            id: self.id(&entry.id)?,
            name: entry.name.clone(),
            applies: entry.applies.clone(),
            force: self.force(&entry.in_force)?,
            checked: self.date(&entry.checked)?,
            against: entry.against.clone(),
            caveat: entry.caveat.clone().unwrap_or_else(|| CAVEAT.to_owned()),
            duties,
        })
    }

    /// A duty counts from one that stands before it in the file, so that nothing goes in circles.
    fn duty(&self, entry: &DutyEntry, before: &[Duty]) -> Result<Duty, Error> {
        let start = entry.id.span().start;
        let texts = [&entry.title, &entry.tell, &entry.when, &entry.reference];
        self.texts(start, texts.into_iter().chain(entry.note.as_ref()))?;
        let id = self.id(&entry.id)?;
        if before.iter().any(|duty| duty.id == id) {
            return Err(self.at(&entry.id, format!("duty `{id}` is there twice")));
        }
        let span = |text: &Spanned<String>| Within::parse(text.get_ref()).map_err(|what| self.at(text, what));
        Ok(Duty {
            id,
            title: entry.title.clone(),
            tell: entry.tell.clone(),
            when: entry.when.clone(),
            from: self.start(&entry.from, before)?,
            within: span(&entry.within)?,
            no_later_than: entry.no_later_than.as_ref().map(span).transpose()?,
            reference: entry.reference.clone(),
            url: self.url(&entry.url)?,
            note: entry.note.clone(),
        })
    }

    fn start(&self, text: &Spanned<String>, before: &[Duty]) -> Result<Start, Error> {
        match text.get_ref().as_str() {
            "aware" => Ok(Start::Aware),
            "determined" => Ok(Start::Determined),
            other => {
                let Some(id) = other.strip_prefix("reported:") else {
                    let what = format!("`{other}` is no start: write `aware`, `determined` or `reported:DUTY`");
                    return Err(self.at(text, what));
                };
                if before.iter().any(|duty| duty.id == id) {
                    return Ok(Start::Reported(id.to_owned()));
                }
                Err(self.at(text, format!("no duty `{id}` stands before this one")))
            }
        }
    }

    fn id(&self, id: &Spanned<String>) -> Result<String, Error> {
        let text = id.get_ref();
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_plain && !text.is_empty() && text.len() <= ID_BYTES_MAX {
            return Ok(text.clone());
        }
        Err(self.at(
            id,
            format!("`{text}` is no name: lowercase letters, digits and `-`, at most {ID_BYTES_MAX}"),
        ))
    }

    fn force(&self, text: &Spanned<String>) -> Result<Force, Error> {
        let words = text.get_ref();
        self.texts(text.span().start, [words])?;
        Ok(match words.as_str() {
            "yes" => Force::Yes,
            other => Force::No(other.to_owned()),
        })
    }

    fn date(&self, text: &Spanned<String>) -> Result<String, Error> {
        let date: Result<jiff::civil::Date, _> = text.get_ref().parse();
        let what = || format!("`{}` is no date like `2026-11-26`", text.get_ref());
        date.map(|date| date.to_string()).map_err(|_| self.at(text, what()))
    }

    fn url(&self, text: &Spanned<String>) -> Result<String, Error> {
        self.texts(text.span().start, [text.get_ref()])?;
        if text.get_ref().starts_with("https://") {
            return Ok(text.get_ref().clone());
        }
        Err(self.at(
            text,
            format!("`{}` is no address that begins with `https://`", text.get_ref()),
        ))
    }

    fn texts<'t>(&self, start: usize, texts: impl IntoIterator<Item = &'t String>) -> Result<(), Error> {
        for text in texts {
            if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
                let what = format!("a text here is empty, longer than {TEXT_BYTES_MAX} bytes, or has line breaks");
                return Err(self.error(start, what));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[jurisdiction]]
id = "x"
name = "Law"
applies = "Everybody"
in_force = "yes"
checked = "2026-11-26"
against = "its text"

[[jurisdiction.duty]]
id = "first"
title = "Tell"
tell = "Somebody"
when = "Always"
from = "aware"
within = "72 hours"
reference = "Art. 1"
url = "https://law.example/1"

[[jurisdiction.duty]]
id = "second"
title = "Tell more"
tell = "Somebody"
when = "Always"
from = "reported:first"
within = "1 month"
reference = "Art. 2"
url = "https://law.example/2"
"#;

    #[test]
    fn what_is_built_in_can_be_read() {
        let all = built_in().unwrap();
        for id in [
            "uk-gdpr",
            "uk-pecr",
            "uk-csr-bill",
            "nis2",
            "eu-gdpr",
            "dora",
            "us-hipaa",
            "us-sec",
            "us-ny",
            "us-ca",
        ] {
            assert!(all.iter().any(|one| one.id == id), "{id}");
        }
        let bill = all.iter().find(|one| one.id == "uk-csr-bill").unwrap();
        assert!(matches!(&bill.force, Force::No(why) if why.contains("as far as known")));
        assert!(all.iter().all(|one| one.caveat.contains("counsel")));
    }

    #[test]
    fn own_files_take_the_place_of_what_is_built_in() {
        let own = GOOD.replace("id = \"x\"", "id = \"uk-gdpr\"");
        let all = with_own(&[("own.toml".to_owned(), own)]).unwrap();
        let found: Vec<&str> = all
            .iter()
            .filter(|one| one.id == "uk-gdpr")
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(found, ["Law"]);
    }

    #[test]
    fn errors_name_line_and_column() {
        for (from, to, expected) in [
            (
                "72 hours",
                "3 weeks",
                "`f.toml` line 16, column 10: `3 weeks` is no span",
            ),
            (
                "reported:first",
                "reported:third",
                "`f.toml` line 25, column 8: no duty `third` stands before this one",
            ),
            (
                "reported:first",
                "reported:second",
                "line 25, column 8: no duty `second` stands before this one",
            ),
            ("\"aware\"", "\"soon\"", "line 15, column 8: `soon` is no start"),
            (
                "id = \"second\"",
                "id = \"first\"",
                "line 21, column 6: duty `first` is there twice",
            ),
            ("id = \"x\"", "id = \"X Y\"", "line 3, column 6: `X Y` is no name"),
            ("2026-11-26", "2026-13-26", "line 7, column 11: `2026-13-26` is no date"),
            (
                "https://law.example/1",
                "http://law.example/1",
                "line 18, column 7: `http://law.example/1` is no address",
            ),
            (
                "title = \"Tell\"",
                "titel = \"Tell\"",
                "line 12, column 1: unknown field `titel`",
            ),
            (
                "tell = \"Somebody\"",
                "tell = \"\"",
                "line 11, column 6: a text here is empty",
            ),
        ] {
            let text = GOOD.replacen(from, to, 1);
            let error = parse_jurisdictions(&text, "f.toml").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert!(
            parse_jurisdictions(&twice, "f.toml")
                .unwrap_err()
                .to_string()
                .contains("`x` is in the file twice")
        );
    }
}
