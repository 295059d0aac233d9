//! Office documents in ZIP archives: OOXML (ECMA-376) and `OpenDocument` (ISO/IEC 26300).

use crate::collector::Collector;
use crate::formats::archive::{Zip, read_member};
use crate::formats::encoding::Encoding;
use crate::formats::flow::{self, Dialect};
use crate::formats::markup::{Token, Tokens, attributes};
use crate::formats::sheet;
use crate::report::{Format, Reason};

/// Reads an archive as an office document. None if it is none.
pub(crate) fn read(collector: &mut Collector<'_>, zip: &Zip<'_>) -> Option<Format> {
    let format = format(zip)?;
    if format == Format::OpenDocument {
        let manifest = zip.read_by_name(collector, "META-INF/manifest.xml").unwrap_or_default();
        if manifest.windows(15).any(|window| window == b"encryption-data") {
            collector.unread(Reason::Encrypted);
            return Some(format);
        }
    }
    let strings = if format == Format::Xlsx {
        sheet::shared_strings(collector, zip)
    } else {
        Vec::new()
    };
    for member in &zip.members {
        if !collector.take_member() {
            break;
        }
        let name = member.name.as_str();
        if is_embedded(name) {
            read_member(collector, zip, member);
        } else if is_picture(name) {
            collector.unread(Reason::Picture);
        } else if let Some(kind) = part(format, name) {
            let Some(bytes) = zip.read_by_name(collector, name) else {
                continue;
            };
            let text = Encoding::of(&bytes).map_or_else(
                || String::from_utf8_lossy(&bytes),
                |(encoding, mark)| encoding.decode(bytes.get(mark..).unwrap_or_default()),
            );
            match kind {
                Part::Flow(dialect) => flow::read(collector, dialect, &text),
                Part::Sheet => sheet::read(collector, &text, &strings),
                Part::Links => links(collector, &text),
            }
        }
    }
    Some(format)
}

fn format(zip: &Zip<'_>) -> Option<Format> {
    let has = |name: &str| zip.members.iter().any(|member| member.name == name);
    if has("[Content_Types].xml") {
        let begins = |folder: &str| zip.members.iter().any(|member| member.name.starts_with(folder));
        return [("word/", Format::Docx), ("xl/", Format::Xlsx), ("ppt/", Format::Pptx)]
            .into_iter()
            .find(|(folder, _)| begins(folder))
            .map(|(_, format)| format);
    }
    (has("mimetype") && has("content.xml")).then_some(Format::OpenDocument)
}

enum Part {
    Flow(Dialect),
    Sheet,
    Links,
}

/// What a part of a document is, if there can be something in it that people wrote.
fn part(format: Format, name: &str) -> Option<Part> {
    const WITHOUT_TEXT: &[&str] = &[
        "styles",
        "theme",
        "settings",
        "fontTable",
        "numbering",
        "webSettings",
        "presProps",
        "viewProps",
        "tableStyles",
        "sharedStrings",
        "workbook",
        "calcChain",
        "slideLayout",
        "slideMaster",
    ];
    if name.ends_with(".rels") {
        return Some(Part::Links);
    }
    if !name.ends_with(".xml") {
        return None;
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    match format {
        Format::OpenDocument => {
            matches!(file, "content.xml" | "meta.xml" | "styles.xml").then_some(Part::Flow(Dialect::OpenDocument))
        }
        Format::Xlsx if name.starts_with("xl/worksheets/") => Some(Part::Sheet),
        _ if name.starts_with("customXml/") || name.starts_with("docProps/custom") => Some(Part::Flow(Dialect::Xml)),
        _ if name.starts_with("docProps/") => Some(Part::Flow(Dialect::Xml)),
        _ => {
            let is_text = (name.starts_with("word/") || name.starts_with("ppt/") || name.starts_with("xl/"))
                && !WITHOUT_TEXT.iter().any(|kind| file.starts_with(kind));
            is_text.then_some(Part::Flow(Dialect::Office))
        }
    }
}

fn is_embedded(name: &str) -> bool {
    name.contains("/embeddings/") || name.starts_with("Object ") && name.ends_with("content.xml")
}

fn is_picture(name: &str) -> bool {
    name.contains("/media/") || name.starts_with("Pictures/")
}

/// Targets of links: addresses that the text only hints at.
fn links(collector: &mut Collector<'_>, text: &str) {
    let mut targets = String::new();
    for token in Tokens::new(text) {
        if let Token::Open {
            attributes: attributes_text,
            ..
        } = token
        {
            attributes(attributes_text, |name, value| {
                if name == "Target" && value.contains(':') && !value.starts_with("http://schemas.") {
                    targets.push_str(value);
                    targets.push('\n');
                }
            });
        }
    }
    collector.text(&targets);
}
