//! Rules from files: Holdfast's own, and folders of the user's.

use std::path::{Path, PathBuf};

use threat::rules::{self, Engine, Loaded, Settings, pack};

use crate::config::ThreatSettings;
use crate::failure::{Failure, FailureCode};

/// The largest file of rules.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Files of rules, at most.
const FILES_MAX: usize = 50_000;
/// How deep folders may lie in each other.
const DEPTH_MAX: usize = 32;

/// Loads the rules that the configuration names.
///
/// # Errors
/// When a file or folder can't be read. A rule that isn't right is no failure: it is among the refused.
pub fn load(settings: &ThreatSettings) -> Result<Engine, Failure> {
    let loaded = loaded(settings.own_rules, &settings.rules)?;
    Ok(Engine::new(loaded, Settings::default()))
}

/// The texts of `paths` and, if wanted, Holdfast's own rules.
fn loaded(own_rules: bool, paths: &[PathBuf]) -> Result<Loaded, Failure> {
    let mut texts = Vec::new();
    for path in paths {
        gather(path, DEPTH_MAX, &mut texts)?;
    }
    let own = if own_rules { pack::RULES } else { &[] };
    let own = own.iter().copied();
    let files = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Ok(rules::load(own.chain(files)))
}

fn gather(path: &Path, depth: usize, texts: &mut Vec<(String, String)>) -> Result<(), Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(config(format!("the folders of rules lie too deep in each other at `{}`", path.display())));
        };
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|error| unreadable(path, &error))?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if path.is_dir() || is_rule(&path) {
                gather(&path, depth, texts)?;
            }
        }
        return Ok(());
    }
    if texts.len() >= FILES_MAX {
        return Err(config(format!("more than {FILES_MAX} files of rules")));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(config(format!(
            "`{}` is larger than any file of rules: {} bytes",
            path.display(),
            metadata.len()
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    texts.push((path.display().to_string(), text));
    Ok(())
}

/// Examples lie beside rules and are none.
fn is_rule(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_yaml = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    is_yaml && !name.ends_with(".examples.yml") && !name.ends_with(".examples.yaml")
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    config(format!("[threat] rules: `{}` can't be read: {error}", path.display()))
}

fn config(message: String) -> Failure {
    Failure::new(FailureCode::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "title: A rule\nid: 4c1a7f0e-95b0-4a53-9a43-0d4c1de3a001\nlogsource:\n  product: okta\ndetection:\n  selection:\n    eventType: user.session.start\n  condition: selection\nlevel: high\n";

    #[test]
    fn folders_are_read_and_examples_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/a.yml"), RULE).unwrap();
        std::fs::write(folder.path().join("a.examples.yml"), "rule: x").unwrap();
        std::fs::write(folder.path().join("README.md"), "no rule").unwrap();
        let loaded = loaded(false, &[folder.path().to_owned()]).unwrap();
        assert_eq!((loaded.rules.len(), loaded.refused.len()), (1, 0));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let failure = loaded(true, &["/nowhere/rules".into()]).unwrap_err();
        assert!(failure.message.contains("/nowhere/rules"), "{}", failure.message);
    }
}
