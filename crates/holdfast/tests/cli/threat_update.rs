//! `holdfast threat rules update`: a folder of rules is replaced as a whole, and a bad archive changes nothing.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::support::Place;

fn rule(number: u32, value: &str) -> String {
    format!(
        "title: Rule {number}\nid: 929a690e-bef0-4204-a928-ef5e620d6fc{number}\nlogsource: {{product: linux}}\ndetection: {{a: {{b: {value}}}, condition: a}}\nlevel: high\n"
    )
}

/// A tar archive with these members, whatever their names.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        // The library itself makes no archive that leads out of it.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn packed(members: &[(&str, &[u8])]) -> Vec<u8> {
    zstd::encode_all(archive(members).as_slice(), 3).unwrap()
}

fn update(place: &Place, from: &str) -> String {
    place.ok(&["threat", "rules", "update", "--from", from, "--to", "sigma"])
}

fn refused(place: &Place, from: &str) -> String {
    let (code, text) = place.fails(&["threat", "rules", "update", "--from", from, "--to", "sigma"]);
    assert_eq!(code, 4, "{text}");
    text
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(name)).unwrap()
}

#[test]
fn a_folder_of_rules_is_replaced_shown_and_put_back() {
    let place = Place::new("rules-update");
    std::fs::create_dir_all(place.path("release/linux")).unwrap();
    std::fs::write(place.path("release/linux/1.yml"), rule(1, "x")).unwrap();
    std::fs::write(place.path("release/linux/2.yml"), rule(2, "x")).unwrap();
    std::fs::write(place.path("release/README.md"), "no rule").unwrap();
    let text = place.ok(&[
        "threat",
        "rules",
        "update",
        "--from",
        "release",
        "--to",
        "sigma",
        "--dry-run",
    ]);
    assert!(text.contains("would have 2 rules; nothing was changed"), "{text}");
    assert!(!std::path::Path::new(&place.path("sigma")).exists());
    let text = update(&place, "release");
    assert!(text.contains("new: 2 rules\n  Rule 1\n  Rule 2\n"), "{text}");

    let broken = b"title: Broken\nlogsource: {product: linux}\ndetection: {condition: missing}\n";
    let members: [(&str, &[u8]); 3] = [
        ("rules/linux/2.yml", rule(2, "y").leak().as_bytes()),
        ("rules/linux/3.yml", rule(3, "y").leak().as_bytes()),
        ("rules/broken.yml", broken),
    ];
    std::fs::write(place.path("new.tar.zst"), packed(&members)).unwrap();
    let text = update(&place, "new.tar.zst");
    for part in [
        "new: 1 rule\n  Rule 3\n",
        "changed: 1 rule\n  Rule 2\n",
        "gone: 1 rule\n  Rule 1\n",
        "can't be used: rules/broken.yml:",
        "has 2 rules now",
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    assert_eq!(read(&place, "sigma/rules/linux/2.yml"), rule(2, "y"));
    let listed = place.json(&["threat", "rules", "list", "--rules", "sigma", "--without-own"]);
    assert_eq!(
        listed["rules"].as_array().unwrap().len(),
        2,
        "what is kept from before is no rule: {listed}"
    );

    let text = place.ok(&["threat", "rules", "update", "--undo", "--to", "sigma"]);
    assert!(text.contains("has 2 rules again"), "{text}");
    assert_eq!(read(&place, "sigma/linux/2.yml"), rule(2, "x"));
}

#[test]
fn an_archive_that_means_harm_is_refused_and_the_rules_stay() {
    let place = Place::new("rules-hostile");
    std::fs::create_dir(place.path("release")).unwrap();
    std::fs::write(place.path("release/1.yml"), rule(1, "x")).unwrap();
    update(&place, "release");
    let good = rule(2, "x");
    let out: [(&str, &[u8]); 2] = [("2.yml", good.as_bytes()), ("../../evil.yml", good.as_bytes())];
    std::fs::write(place.path("out.tar"), archive(&out)).unwrap();
    assert!(refused(&place, "out.tar").contains("leads out of it"));
    let absolute: [(&str, &[u8]); 1] = [("/tmp/evil.yml", good.as_bytes())];
    std::fs::write(place.path("absolute.tar"), archive(&absolute)).unwrap();
    assert!(refused(&place, "absolute.tar").contains("leads out of it"));
    let zeros = vec![b' '; 200 << 20];
    let bomb: [(&str, &[u8]); 2] = [("2.yml", good.as_bytes()), ("zeros.txt", &zeros)];
    std::fs::write(place.path("bomb.tar.zst"), packed(&bomb)).unwrap();
    refused(&place, "bomb.tar.zst");
    let large: [(&str, &[u8]); 1] = [("2.yml", &zeros[..5 << 20])];
    std::fs::write(place.path("large.tar.zst"), packed(&large)).unwrap();
    assert!(refused(&place, "large.tar.zst").contains("has more than"));
    let whole = packed(&out[..1]);
    std::fs::write(place.path("cut.tar.zst"), &whole[..whole.len() / 2]).unwrap();
    refused(&place, "cut.tar.zst");
    std::fs::write(place.path("text.txt"), "no archive").unwrap();
    refused(&place, "text.txt");
    assert_eq!(read(&place, "sigma/1.yml"), rule(1, "x"));
    assert!(!std::path::Path::new(&place.path("sigma/2.yml")).exists());

    // Rules of one's own aren't taken away.
    std::fs::create_dir(place.path("own")).unwrap();
    std::fs::write(place.path("own/mine.yml"), rule(3, "x")).unwrap();
    let (code, text) = place.fails(&["threat", "rules", "update", "--from", "release", "--to", "own"]);
    assert_eq!((code, text.contains("isn't replaced")), (4, true), "{text}");
    let (code, _) = place.fails(&[
        "threat",
        "rules",
        "update",
        "--from",
        "http://example.org/x.zip",
        "--to",
        "sigma",
    ]);
    assert_eq!(code, 4);
}

#[test]
fn an_archive_is_fetched_and_a_running_daemon_reads_it() {
    let place = Place::new("rules-fetch");
    std::fs::create_dir(place.path("logs")).unwrap();
    let config = format!(
        "[threat]\nfollow = ['{}']\nrules = ['{}']\n",
        place.path("logs"),
        place.path("sigma")
    );
    std::fs::write(place.path("h.toml"), config).unwrap();
    std::fs::create_dir(place.path("sigma")).unwrap();
    let daemon = place.up(&["--empty"]);
    daemon.wait_for_log("rules are in force");
    let text = rule(1, "x");
    let members: [(&str, &[u8]); 1] = [("1.yml", text.as_bytes())];
    let body = packed(&members);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        let mut question = [0; 4096];
        let _ = client.read(&mut question).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&body).unwrap();
    });
    let before = daemon.log_lines("rules are in force").len();
    let done = place.ok(&[
        "threat",
        "rules",
        "update",
        "--from",
        &format!("http://{address}/sigma.tar.zst"),
    ]);
    serving.join().unwrap();
    assert!(
        done.contains("has 1 rule now") && done.contains("the running daemon reads its rules again"),
        "{done}"
    );
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while daemon.log_lines("rules are in force").len() == before {
        assert!(std::time::Instant::now() < end, "{}", daemon.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    daemon.stop();
}
