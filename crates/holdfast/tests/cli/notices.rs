//! Notices on the command line: who was told, trying a way out, and what is said where nothing is set up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use super::support::Place;

#[test]
fn where_nobody_was_told_of_anything_that_is_said() {
    let place = Place::new("notices-none");
    assert_eq!(
        place.ok(&["notices", "list"]),
        "no such notice: nobody was told of anything, or nobody is in [notices]\n"
    );
    assert_eq!(place.json(&["notices", "list"]).to_string(), "{\"notices\":[]}");
    let (code, text) = place.fails(&["notices", "show", "1"]);
    assert_eq!(code, 3);
    assert!(text.starts_with("error: there is no ledger yet"), "{text}");
    let (code, text) = place.fails(&["notices", "test", "mail"]);
    assert_eq!(code, 7);
    assert!(
        text.starts_with("error: [notices]: nobody is told of anything\nhint: "),
        "{text}"
    );
}

/// Answers one request, and returns its body.
fn answer_once(listener: &TcpListener, answer: &str) -> String {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut headers).unwrap() > 0, "{headers}");
    }
    let headers = headers.to_lowercase();
    let length = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    (&stream).write_all(answer.as_bytes()).unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn a_way_is_tried_out_and_what_its_server_says_is_told() {
    let place = Place::new("notices-test");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/chat", listener.local_addr().unwrap());
    let config = format!(
        "[notices.way.chat]\nkind = \"slack\"\nurl = \"{url}\"\n[notices.group.operators]\nways = [\"chat\"]\n"
    );
    std::fs::write(place.folder.join("h.toml"), config).unwrap();
    std::thread::scope(|scope| {
        let served = scope.spawn(|| {
            (
                answer_once(&listener, "200 OK"),
                answer_once(&listener, "400 Bad Request"),
            )
        });
        assert_eq!(place.ok(&["notices", "test", "operators"]), "chat: taken: 200 OK ok\n");
        let done = place.run(&["notices", "test", "chat"]);
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (1, "chat: refused, and not tried again: 400 Bad Request ok\n")
        );
        let (first, _) = served.join().unwrap();
        assert!(first.contains("test notice: nothing happened"), "{first}");
    });
    let listed = place.json(&["notices", "list", "--dead"]);
    assert_eq!(listed["notices"][0]["state"], "dead", "{listed}");
    assert!(
        place
            .ok(&["notices", "show", "2"])
            .contains("answer: 400 Bad Request ok\n")
    );
    assert_eq!(
        place.ok(&["notices", "retry", "--all"]),
        "one notice is tried again, as soon as the daemon runs\n"
    );
    let (code, text) = place.fails(&["notices", "retry", "1"]);
    assert_eq!(code, 4, "{text}");
    let (code, text) = place.fails(&["notices", "acknowledge", "incident/1"]);
    assert_eq!(code, 3);
    assert!(text.contains("`incident/1`"), "{text}");
    let (code, _) = place.fails(&["notices", "test", "zoe"]);
    assert_eq!(code, 3);
}
