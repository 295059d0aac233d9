//! What clients and the log are told of exports that can't be used.

use super::support::Place;

#[test]
fn a_refused_export_is_told_to_client_and_log_in_the_same_words() {
    let place = Place::new("refused-export");
    let daemon = place.up(&["--create", "disk=1M"]);
    for (export, reason) in [
        (
            "disk@2001-01-01",
            "that moment is older than the oldest one kept, `TIME +00:00`; `holdfast history disk` shows what is kept; \
             `retention` in the configuration decides for how long",
        ),
        (
            "disk@%2399999999",
            "moment `#99999999` hasn't happened yet; the newest is `#1`; `holdfast history disk` shows the newest moment",
        ),
        (
            "disk@none",
            "no pin is named `none`; `holdfast volume show disk` shows its pins",
        ),
        (
            "other",
            "no volume is named `other`; `holdfast volume list` shows the volumes",
        ),
    ] {
        assert_eq!(daemon.refusal(export), reason);
        let asked = export.replace("%23", "#");
        let line = format!("TIME info    a client asked for export `{asked}` and was refused: {reason}");
        assert_eq!(daemon.log_lines(&format!("`{asked}` and was")), [line]);
    }
}

#[test]
fn a_client_that_asks_again_and_again_does_not_fill_the_log() {
    let place = Place::new("asks-again");
    let daemon = place.up(&["--create", "disk=1M"]);
    for export in ["other", "other", "other", "a%0Ab"] {
        daemon.refusal(export);
    }
    let lines = daemon.log_lines("was refused");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains("export `a\\nb` and was")),
        "{lines:?}"
    );
}
