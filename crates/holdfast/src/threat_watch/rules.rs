//! The rules that the daemon goes by: Holdfast's own, and folders of the user's.

use threat::rules::{Engine, Settings};

use crate::config::ThreatSettings;
use crate::failure::{Failure, FailureCode};
use crate::rule_files::{self, is_rules, texts};

/// Loads the rules that the configuration names.
///
/// # Errors
/// When a file or folder can't be read. A rule that isn't right is no failure: it is among the refused.
pub fn load(settings: &ThreatSettings) -> Result<Engine, Failure> {
    let texts = texts(&settings.rules, is_rules)
        .map_err(|failure| Failure::new(FailureCode::Config, format!("[threat] rules: {}", failure.message)))?;
    let loaded = rule_files::load(&texts, settings.own_rules);
    let settings = Settings {
        choices: settings.choices.clone(),
        ..Settings::default()
    };
    Ok(Engine::new(loaded, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "title: A rule\nid: 4c1a7f0e-95b0-4a53-9a43-0d4c1de3a001\nlogsource:\n  product: okta\ndetection:\n  selection:\n    eventType: user.session.start\n  condition: selection\nlevel: high\n";

    fn settings(folder: &std::path::Path) -> ThreatSettings {
        ThreatSettings {
            rules: vec![folder.to_owned()],
            own_rules: false,
            ..ThreatSettings::default()
        }
    }

    #[test]
    fn folders_are_read_and_examples_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/a.yml"), RULE).unwrap();
        std::fs::write(folder.path().join("a.examples.yml"), "rule: x").unwrap();
        std::fs::write(folder.path().join("README.md"), "no rule").unwrap();
        let engine = load(&settings(folder.path())).unwrap();
        assert_eq!((engine.rules().len(), engine.refused().len()), (1, 0));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let failure = load(&settings("/nowhere/rules".as_ref())).unwrap_err();
        assert_eq!(failure.code, FailureCode::Config);
        assert!(failure.message.contains("/nowhere/rules"), "{}", failure.message);
    }
}
