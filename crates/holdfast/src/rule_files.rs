//! Files of Sigma rules, and of the examples beside them.

use std::io::Read;
use std::path::{Path, PathBuf};

use logs::open::{Limits, find};
use threat::rules::{self, Loaded, pack};

use crate::failure::Failure;

/// Bytes of a file of rules that are read.
const BYTES_MAX: u64 = 4 << 20;
/// What files of examples end with, which lie beside rules and are none.
const EXAMPLES: &str = ".examples.yml";

/// A text of rules or of examples.
#[derive(Debug)]
pub struct Text {
    /// Its path.
    pub file: String,
    /// What is in it.
    pub text: String,
}

/// The texts in files and folders whose names are of the wanted kind. A file that is named is read whatever its name.
///
/// # Errors
/// When a path can't be read, or a file is too large.
pub fn texts(paths: &[PathBuf], is_wanted: fn(&str) -> bool) -> Result<Vec<Text>, Failure> {
    let (found, problems) = find(paths, &Limits::default());
    if let Some(problem) = problems.first() {
        return Err(Failure::not_found(format!(
            "`{}` can't be read: {}",
            problem.name, problem.reason
        )));
    }
    let mut texts = Vec::new();
    for file in found {
        let name = file.path.display().to_string();
        if is_wanted(&name) {
            texts.push(Text {
                text: text(&file.path)?,
                file: name,
            });
        }
    }
    Ok(texts)
}

fn text(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::io(format!("can't read `{}`", path.display()), &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(Failure::refused(format!(
            "`{}` has more than {BYTES_MAX} bytes",
            path.display()
        )));
    }
    // A rule with letters that are none is refused by itself, and the others are loaded.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Loads rules of these texts and, if wanted, those that Holdfast brings along. A rule that isn't right is among the refused.
#[must_use]
pub fn load(texts: &[Text], own: bool) -> Loaded {
    let own = if own { pack::RULES } else { &[] };
    let files = texts.iter().map(|text| (text.file.as_str(), text.text.as_str()));
    rules::load(own.iter().copied().chain(files))
}

/// Whether a file of this name has rules.
#[must_use]
pub fn is_rules(name: &str) -> bool {
    (name.ends_with(".yml") || name.ends_with(".yaml")) && !is_examples(name)
}

/// Whether a file of this name has examples.
#[must_use]
pub fn is_examples(name: &str) -> bool {
    name.ends_with(EXAMPLES)
}
