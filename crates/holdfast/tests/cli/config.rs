//! `config check` and `config default`, and what a broken file does.

use super::support::Place;

#[test]
fn the_default_file_is_usable() {
    let place = Place::new("config-default");
    std::fs::write(place.folder.join("x.toml"), place.ok(&["config", "default"])).unwrap();
    assert_eq!(
        place.ok(&["config", "check", "x.toml"]),
        "`x.toml` is usable; volumes with settings of their own: none\n"
    );
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let place = Place::new("config-mistake");
    std::fs::write(place.folder.join("h.toml"), "[defaults]\nretention = \"7x\"\n").unwrap();
    let expected = "error: `FOLDER/h.toml` line 2, column 13: `7x` is not a span of time; write it like `15m`, `1h30m`, \
                    `7d` or `2w`\nhint: `holdfast config default` prints every setting with its default\n";
    for words in [&["config", "check"][..], &["volume", "create", "disk", "1G"], &["up"]] {
        assert_eq!(place.fails(words), (7, expected.to_owned()), "{words:?}");
    }
}

#[test]
fn a_file_that_was_named_must_exist() {
    let (code, text) = Place::new("config-missing").fails(&["config", "check", "--config", "none.toml"]);
    assert_eq!(
        (code, text.as_str()),
        (
            7,
            "error: can't read `none.toml`: No such file or directory (os error 2)\n"
        )
    );
}

#[test]
fn settings_reach_the_volume_and_are_read_again() {
    let place = Place::new("config-reload");
    let config = place.folder.join("h.toml");
    std::fs::write(&config, "[volume.disk]\nretention = \"30d\"\nbudget = \"1GiB\"\n").unwrap();
    let daemon = place.up(&[]);
    let settings = |place: &Place| {
        place
            .json(&["volume", "show", "disk"])
            .get("settings")
            .unwrap()
            .to_string()
    };
    assert_eq!(
        settings(&place),
        r#"{"budget_bytes":1073741824,"retention_floor_seconds":86400,"retention_seconds":2592000}"#
    );
    std::fs::write(&config, "[defaults]\nretention = \"2d\"\n").unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("read again");
    assert_eq!(
        settings(&place),
        r#"{"budget_bytes":null,"retention_floor_seconds":86400,"retention_seconds":172800}"#
    );
    std::fs::write(&config, "nonsense").unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("the configuration is left as it was");
    assert_eq!(daemon.stop().0, 0);
}
