//! A rule file's documents: split at `---`, each parsed by itself, so that one that is broken takes no other along; `action: global`,
//! `reset` and `repeat` resolved.

use yaml_serde::{Mapping, Value};

/// Bytes of a file that are read at most.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;
/// Documents of a file that are read at most.
pub(crate) const DOCUMENTS_MAX: usize = 4096;
/// Mappings within mappings that `global` and `repeat` merge.
const MERGE_DEPTH_MAX: usize = 32;

/// One document, as if it stood alone.
pub(crate) struct Document {
    /// The line of the file on which it begins, from 1.
    pub(crate) line: u32,
    /// Its own text.
    pub(crate) text: String,
    /// What it says, with what `global` and `repeat` add.
    pub(crate) value: Mapping,
    /// Whether `value` says more than `text`.
    pub(crate) merged: bool,
}

/// A document that can't be read.
pub(crate) struct Broken {
    pub(crate) line: u32,
    pub(crate) reason: String,
    pub(crate) hint: &'static str,
}

/// The documents of a file, in their order.
pub(crate) fn read(text: &str) -> Vec<Result<Document, Broken>> {
    if text.len() > FILE_BYTES_MAX {
        return vec![Err(Broken {
            line: 1,
            reason: format!(
                "{} bytes are more than the {FILE_BYTES_MAX} that are read of a file",
                text.len()
            ),
            hint: "split it into several files",
        })];
    }
    let mut reader = Reader {
        lines: u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1),
        ..Reader::default()
    };
    let mut documents = Vec::new();
    for (line, part) in split(text) {
        if documents.len() == DOCUMENTS_MAX {
            documents.push(Err(Broken {
                line,
                reason: format!("more than {DOCUMENTS_MAX} documents in a file"),
                hint: "split it into several files",
            }));
            break;
        }
        if let Some(document) = reader.document(line, part).transpose() {
            documents.push(document);
        }
    }
    documents
}

/// What `action` keeps from one document to the next.
#[derive(Default)]
struct Reader {
    global: Option<Mapping>,
    previous: Option<Mapping>,
    /// Of the whole file. YAML knows ends of lines that nobody else does.
    lines: u32,
}

impl Reader {
    /// A document, or none if it only changes how others are read or says nothing.
    fn document(&mut self, line: u32, text: String) -> Result<Option<Document>, Broken> {
        let value: Value = yaml_serde::from_str(&text).map_err(|error| {
            let at = error.location().map_or(0, |place| place.line().saturating_sub(1));
            Broken {
                line: line
                    .saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
                    .min(self.lines),
                reason: format!("this isn't YAML: {error}"),
                hint: "check the indentation and quote values with `:`, `#`, `*`, `%` or `@` in them",
            }
        })?;
        let mut own = match value {
            Value::Null => return Ok(None),
            Value::Mapping(own) => own,
            _ => {
                return Err(Broken {
                    line,
                    reason: "the document is no mapping of keys to values".to_owned(),
                    hint: "a rule begins with `title:`",
                });
            }
        };
        let action = own.remove("action");
        let merged = match action.as_ref().map(Value::as_str) {
            None => {
                let value = self.with_global(own, line)?;
                self.previous = Some(value.clone());
                value
            }
            Some(Some("global")) => {
                self.global = Some(own);
                return Ok(None);
            }
            Some(Some("reset")) => {
                self.global = None;
                return Ok(None);
            }
            Some(Some("repeat")) => {
                let Some(previous) = self.previous.clone() else {
                    return Err(Broken {
                        line,
                        reason: "`action: repeat` stands before any rule".to_owned(),
                        hint: "put the rule that it repeats in front of it",
                    });
                };
                let value = merge(previous, own, 0).ok_or_else(|| too_deep(line))?;
                self.previous = Some(value.clone());
                value
            }
            Some(_) => {
                return Err(Broken {
                    line,
                    reason: "`action` is neither `global`, `reset` nor `repeat`".to_owned(),
                    hint: "remove `action`, or use one of the three",
                });
            }
        };
        Ok(Some(Document {
            line,
            merged: action.is_some() || self.global.is_some(),
            value: merged,
            text,
        }))
    }

    fn with_global(&self, own: Mapping, line: u32) -> Result<Mapping, Broken> {
        match &self.global {
            Some(global) => merge(global.clone(), own, 0).ok_or_else(|| too_deep(line)),
            None => Ok(own),
        }
    }
}

fn too_deep(line: u32) -> Broken {
    Broken {
        line,
        reason: format!("more than {MERGE_DEPTH_MAX} mappings within each other are to be merged"),
        hint: "write the rule out without `action`",
    }
}

/// `under` with `over` laid on it; mappings are merged, everything else is replaced. None if they are nested too deeply.
fn merge(mut under: Mapping, over: Mapping, depth: usize) -> Option<Mapping> {
    if depth > MERGE_DEPTH_MAX {
        return None;
    }
    for (key, value) in over {
        let merged = match (under.remove(&key), value) {
            (Some(Value::Mapping(under)), Value::Mapping(over)) => Value::Mapping(merge(under, over, depth + 1)?),
            (_, value) => value,
        };
        under.insert(key, merged);
    }
    Some(under)
}

/// The texts between lines of `---`, each with the number of its first line.
fn split(text: &str) -> Vec<(u32, String)> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut begins = 1_u32;
    for (at, line) in (1_u32..).zip(text.lines()) {
        let separates = line
            .strip_prefix("---")
            .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '#']));
        if let Some(rest) = separates {
            parts.push((begins, std::mem::take(&mut part)));
            begins = at;
            part.push_str(rest.trim_start());
        } else if line.trim_end() == "..." {
            continue;
        } else {
            part.push_str(line);
        }
        part.push('\n');
    }
    parts.push((begins, part));
    parts.retain(|(_, part)| !part.trim().is_empty());
    // A document that begins on the line after `---` is said to begin there.
    for (begins, part) in &mut parts {
        let empty = part
            .lines()
            .take_while(|line| line.trim().is_empty() || line.starts_with('#'))
            .count();
        *begins = begins.saturating_add(u32::try_from(empty).unwrap_or(0));
        let rest: String = part.lines().skip(empty).flat_map(|line| [line, "\n"]).collect();
        *part = rest;
    }
    parts.retain(|(_, part)| !part.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, title and whether it was merged; or line and reason.
    type Told = Result<(u32, String, bool), (u32, String)>;

    fn titles(text: &str) -> Vec<Told> {
        read(text)
            .into_iter()
            .map(|document| match document {
                Ok(document) => {
                    let title = document
                        .value
                        .get("title")
                        .and_then(Value::as_str)
                        .unwrap_or("")
                        .to_owned();
                    Ok((document.line, title, document.merged))
                }
                Err(broken) => Err((broken.line, broken.reason)),
            })
            .collect()
    }

    #[test]
    fn a_broken_document_takes_no_other_along_and_its_line_is_told() {
        let read = titles("title: a\n---\ntitle: b\n  x: [\n---\n# c\ntitle: c\n");
        assert_eq!(read[0], Ok((1, "a".to_owned(), false)));
        let (line, reason) = read[1].clone().unwrap_err();
        assert!((3..=5).contains(&line), "{line}");
        assert!(reason.contains("YAML"), "{reason}");
        assert_eq!(read[2], Ok((7, "c".to_owned(), false)));
    }

    #[test]
    fn what_is_global_is_laid_under_the_documents_until_it_is_reset() {
        let read = read(
            "action: global\nlogsource: {product: windows}\n---\ntitle: a\nlogsource: {service: x}\n---\naction: reset\n---\ntitle: b\n",
        );
        let a = read[0].as_ref().ok().unwrap();
        assert_eq!(
            a.value.get("logsource").unwrap().get("product").unwrap().as_str(),
            Some("windows")
        );
        assert_eq!(
            a.value.get("logsource").unwrap().get("service").unwrap().as_str(),
            Some("x")
        );
        assert!(a.merged);
        assert!(read[1].as_ref().ok().unwrap().value.get("logsource").is_none());
    }

    #[test]
    fn a_repetition_before_any_rule_is_refused() {
        assert!(
            titles("action: repeat\ntitle: b\n")[0]
                .as_ref()
                .unwrap_err()
                .1
                .contains("before any rule")
        );
    }

    #[test]
    fn aliases_that_multiply_are_refused_instead_of_filling_memory() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for at in 1..12 {
            let before = at - 1;
            text.push_str(&format!("a{at}: &a{at} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}]\n"));
        }
        assert!(titles(&text)[0].is_err());
    }
}
