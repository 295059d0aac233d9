//! `config check` and `config default`, and what a broken file does.

use super::support::{Place, tool};

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
        r#"{"retention_seconds":2592000,"retention_floor_seconds":86400,"budget_bytes":1073741824}"#
    );
    std::fs::write(&config, "[defaults]\nretention = \"2d\"\n").unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("read again");
    assert_eq!(
        settings(&place),
        r#"{"retention_seconds":172800,"retention_floor_seconds":86400,"budget_bytes":null}"#
    );
    std::fs::write(&config, "nonsense").unwrap();
    daemon.signal("HUP");
    daemon.wait_for_log("the configuration is left as it was");
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn what_contradicts_itself_is_refused_with_advice() {
    let place = Place::new("config-contradiction");
    std::fs::write(place.folder.join("h.toml"), "[defaults]\nretention = \"1h\"\n").unwrap();
    let expected = "error: `FOLDER/h.toml`: [defaults] retention_floor: `1 d` is longer than the retention of `1 h`\nhint: \
                    `holdfast config default` prints every setting with its default\n";
    for words in [&["config", "check"][..], &["up"]] {
        assert_eq!(place.fails(words), (7, expected.to_owned()), "{words:?}");
    }
}

#[test]
fn check_refuses_the_certificates_that_up_refuses() {
    let place = Place::new("config-tls");
    let write = |certificate: &str| {
        let text = format!(
            "[server.tls]\nmode = \"require\"\ncertificate = \"{}\"\nkey = \"{}\"\n",
            place.path(certificate),
            place.path("key.pem")
        );
        std::fs::write(place.folder.join("h.toml"), text).unwrap();
    };
    let hint = "hint: `certificate`, `key` and `client_ca` are PEM files that the user of the daemon can read\n";
    write("none.pem");
    for words in [&["config", "check"][..], &["up", "--create", "disk=1M"]] {
        let done = place.run(words);
        assert_eq!(done.code, 7, "{done:?}");
        let expected = format!(
            "error: [server.tls]: can't use `FOLDER/none.pem` for TLS: I/O error: No such file or directory (os error 2)\n{hint}"
        );
        assert!(done.stderr.ends_with(&expected), "{done:?}");
    }
    let (key, certificate) = (place.path("key.pem"), place.path("cert.pem"));
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext";
    let mut words: Vec<&str> = words.split(' ').collect();
    words.extend(["subjectAltName=DNS:localhost", "-keyout", &key, "-out", &certificate]);
    tool("openssl", &words);
    write("cert.pem");
    assert_eq!(
        place.ok(&["config", "check"]),
        "`FOLDER/h.toml` is usable; volumes with settings of their own: none\n"
    );
    std::fs::write(place.folder.join("key.pem"), "no key").unwrap();
    assert_eq!(place.fails(&["config", "check"]).0, 7);
}

#[test]
fn a_section_without_a_volume_is_named_by_check_and_up() {
    let place = Place::new("config-typo");
    let config = place.folder.join("h.toml");
    std::fs::write(
        &config,
        "[volume.disk]\nretention = \"9d\"\n[volume.dsik]\nretention = \"30d\"\n",
    )
    .unwrap();
    // Before there is a data folder nothing can be said.
    assert_eq!(
        place.ok(&["config", "check"]),
        "`FOLDER/h.toml` is usable; volumes with settings of their own: disk, dsik\n"
    );
    let daemon = place.up(&["--create", "disk=1M"]);
    let warning = "[volume.dsik] names no volume in `FOLDER/data`: nothing follows it until one of that name is made";
    assert_eq!(
        place.ok(&["config", "check"]),
        format!("`FOLDER/h.toml` is usable; volumes with settings of their own: disk, dsik\nwarning: {warning}\n")
    );
    let told = place.json(&["config", "check"])["warnings"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    let in_log = || {
        daemon
            .log_lines("TIME warning [volume.dsik] names no volume in `")
            .len()
    };
    assert_eq!(in_log(), 1);
    daemon.signal("HUP");
    daemon.wait_for_log("read again");
    assert_eq!(in_log(), 2);
}
