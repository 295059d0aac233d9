//! Rules from the program and from folders.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use logs::open::{Limits, find};
use threat::rules::{Choices, Engine, Loaded, Settings, load, pack};

use crate::cli::show::count;
use crate::failure::Failure;

/// Bytes of a file of rules that are read.
const BYTES_MAX: u64 = 4 << 20;
/// What files of examples end with, which lie beside rules and are none.
const EXAMPLES: &str = ".examples.yml";

/// Which rules.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Chosen {
    /// A folder of Sigma rules, or a file; can be given several times
    #[arg(long, value_name = "FOLDER")]
    rules: Vec<PathBuf>,
    /// Without the rules that Holdfast brings along
    #[arg(long, requires = "rules")]
    without_own: bool,
}

/// A text of rules or of examples.
pub(super) struct Text {
    /// Its path.
    pub(super) file: String,
    pub(super) text: String,
}

impl Chosen {
    /// The rules.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let texts = texts(&self.rules, is_rules)?;
        if !self.rules.is_empty() && texts.is_empty() {
            return Err(Failure::not_found(format!("no rules are in {}", quoted(&self.rules)))
                .hint("rules are files that end with `.yml` or `.yaml`"));
        }
        let own: &[(&str, &str)] = if self.without_own { &[] } else { pack::RULES };
        let own = own.iter().copied();
        Ok(load(own.chain(
            texts.iter().map(|text| (text.file.as_str(), text.text.as_str())),
        )))
    }

    /// The rules, ready to search with.
    pub(super) fn engine(&self, choices: Choices) -> Result<Engine, Failure> {
        let settings = Settings {
            choices,
            ..Settings::default()
        };
        Ok(Engine::new(self.load()?, settings))
    }

    /// Whether only the own rules are meant.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.rules
    }
}

/// The texts in files and folders whose names are of the wanted kind. A file that is named is read whatever its name.
pub(super) fn texts(paths: &[PathBuf], is_wanted: fn(&str) -> bool) -> Result<Vec<Text>, Failure> {
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

pub(super) fn is_rules(name: &str) -> bool {
    (name.ends_with(".yml") || name.ends_with(".yaml")) && !is_examples(name)
}

pub(super) fn is_examples(name: &str) -> bool {
    name.ends_with(EXAMPLES)
}

/// What wasn't loaded, in a sentence; empty if all was.
pub(super) fn refused(number: usize) -> String {
    match number {
        0 => String::new(),
        number => format!(
            "{} can't be used; `holdfast threat rules check` tells why\n",
            count(u64::try_from(number).unwrap_or(u64::MAX), "rule")
        ),
    }
}

fn quoted(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect::<Vec<_>>()
        .join(", ")
}
