//! What a scan found. Nothing here holds the data itself: examples are masked before they get in.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::class::Class;
use crate::distinct::Distinct;

/// What a document was recognised as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// None of the others.
    #[default]
    Unknown,
    /// Nothing but nothing.
    Empty,
    /// Running text, in any encoding, source code and logs too.
    Text,
    /// Rows with separators: comma, semicolon, tab, bar.
    Csv,
    /// JSON, or JSON lines.
    Json,
    /// XML.
    Xml,
    /// HTML.
    Html,
    /// Rich Text Format.
    Rtf,
    /// An `SQLite` database.
    Sqlite,
    /// The write-ahead log of an `SQLite` database.
    SqliteLog,
    /// A Word document (OOXML).
    Docx,
    /// An Excel workbook (OOXML).
    Xlsx,
    /// A PowerPoint presentation (OOXML).
    Pptx,
    /// An `OpenDocument` text, sheet or presentation.
    OpenDocument,
    /// Word, Excel, `PowerPoint` before 2007, Outlook's `.msg`.
    CompoundFile,
    /// PDF.
    Pdf,
    /// One mail.
    Mail,
    /// Many mails, one after the other.
    Mailbox,
    /// A ZIP archive.
    Zip,
    /// A gzip stream.
    Gzip,
    /// A tar archive.
    Tar,
}

/// Personal data of one class in one document.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Finding {
    /// How often.
    pub count: u64,
    /// Different values: exact up to 1023, beyond within some percent.
    #[serde(serialize_with = "as_number")]
    pub distinct: Distinct,
    /// At most three, masked.
    pub examples: Vec<String>,
}

fn as_number<S: serde::Serializer>(distinct: &Distinct, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(distinct.count())
}

/// Examples shown of a class.
pub(crate) const EXAMPLES_MAX: usize = 3;

impl Finding {
    /// Adds what was found elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.distinct.merge(&other.distinct);
        for example in &other.examples {
            if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(example) {
                self.examples.push(example.clone());
            }
        }
    }
}

/// Why something couldn't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// It is protected by a password.
    Encrypted,
    /// It isn't what it begins as.
    Damaged,
    /// A format, or a kind of compression, that isn't known here.
    UnknownFormat,
    /// It is larger than what is held in memory.
    TooLarge,
    /// It unpacks to far more than it should.
    Bomb,
    /// More members than are looked at.
    TooManyMembers,
    /// Documents within documents, deeper than is looked.
    TooDeep,
    /// The limit of text, or of the time, was reached.
    Stopped,
    /// An image, a film or sound: what they show isn't read.
    Picture,
    /// Text was picked out of a binary format without understanding it: more may be in there.
    OnlyStrings,
    /// A font whose characters can't be told from the document.
    UnknownFont,
    /// The disk couldn't be read.
    ReadError,
}

impl Reason {
    /// For people: what it is, and what it means.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Encrypted => "protected by a password: open it with the password and look again",
            Self::Damaged => "damaged: only what could be understood was looked at",
            Self::UnknownFormat => "a format or compression that isn't understood: what is in it isn't known",
            Self::TooLarge => "larger than what is held in memory: what is in it isn't known",
            Self::Bomb => "unpacks to far more than it should: taken for an attack on whoever opens it",
            Self::TooManyMembers => "more parts than are looked at: the rest isn't known",
            Self::TooDeep => "documents within documents, deeper than is looked: what is in it isn't known",
            Self::Stopped => "more text than is looked at, or no time left: the rest isn't known",
            Self::Picture => "an image, film or sound: what it shows isn't known",
            Self::OnlyStrings => "an old binary format: text was picked out of it, and more may be in there",
            Self::UnknownFont => "a font without a table of its characters: some text isn't known",
            Self::ReadError => "could not be read from the disk: what is in it isn't known",
        }
    }
}

/// Something that couldn't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Where in the document: the way through archives and attachments. Empty for the document itself.
    pub part: String,
    /// Why.
    pub reason: Reason,
    /// How often, in this part.
    pub count: u64,
}

/// What is known of one document.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// What it is.
    pub format: Format,
    /// What was found, by class.
    pub findings: BTreeMap<Class, Finding>,
    /// Rows of its tables, without their headings.
    pub rows: u64,
    /// Bytes of text looked at.
    pub text_bytes: u64,
    /// At least so many people are in it: the largest number of different e-mail addresses, or identifiers of one kind.
    pub persons: u64,
    /// What couldn't be read. Empty if all was.
    pub unread: Vec<Unread>,
}

impl Report {
    /// Adds what another document holds: what is `distinct` is counted once. The format is kept, `unread` isn't taken over.
    pub fn merge(&mut self, other: &Self) {
        for (class, finding) in &other.findings {
            self.findings.entry(*class).or_default().merge(finding);
        }
        self.rows = self.rows.saturating_add(other.rows);
        self.text_bytes = self.text_bytes.saturating_add(other.text_bytes);
        self.count_persons();
    }

    /// Whether a value was found, in whatever way it was written. Of more than 1023 different ones, not all are known.
    #[must_use]
    pub fn holds(&self, class: Class, value: &str) -> bool {
        self.findings
            .get(&class)
            .is_some_and(|finding| finding.distinct.contains(class.canonical(value).as_bytes()))
    }

    pub(crate) fn count_persons(&mut self) {
        let one_per_person = self.findings.iter().filter(|(class, _)| class.is_one_per_person());
        self.persons = one_per_person
            .map(|(_, finding)| finding.distinct.count())
            .max()
            .unwrap_or(0);
    }
}
