//! Wrappings, damage and limits. The shapes of the wrappings are those that their services document.

use super::*;
use std::io::{BufReader, Read};

/// What was read: numbers and documents, or numbers and reasons.
fn read_all(log: impl BufRead) -> Vec<(u64, Result<Value, String>)> {
    let mut all = Vec::new();
    read(log, &Source::from("log"), &mut |item| {
        all.push(match item {
            Ok(record) => match record.body {
                Body::Document(document) => (record.origin.record, Ok(document)),
                Body::Line(line) => panic!("a line from JSON: {line}"),
            },
            Err(unreadable) => (unreadable.origin.record, Err(unreadable.reason)),
        });
        true
    })
    .unwrap();
    all
}

/// The same however the log comes in pieces.
fn read_text(text: &str) -> Vec<(u64, Result<Value, String>)> {
    let whole = read_all(text.as_bytes());
    for at_a_time in [1, 7] {
        assert_eq!(read_all(BufReader::with_capacity(at_a_time, text.as_bytes())), whole);
    }
    whole
}

/// The members `n` of what could be read, and how much couldn't.
fn numbers(text: &str) -> (Vec<i64>, usize) {
    let all = read_text(text);
    let read = all
        .iter()
        .filter_map(|(_, item)| item.as_ref().ok())
        .map(|document| document["n"].as_i64().unwrap())
        .collect();
    (read, all.iter().filter(|(_, item)| item.is_err()).count())
}

#[test]
fn every_wrapping_gives_the_same_records() {
    for text in [
        "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n",
        "{\"n\":1}\r\n\r\n{\"n\":2}\r\n{\"n\":3}",
        "{\"n\":1}{\"n\":2} {\"n\":3}",
        "{\n  \"n\": 1\n}\n{\n  \"n\": 2\n}\n{ \"n\":\n3 }",
        "[{\"n\":1},{\"n\":2},{\"n\":3}]",
        "[\n  {\n    \"n\": 1\n  },\n  {\"n\": 2}, {\"n\": 3}\n]\n",
        "{\"Records\":[{\"n\":1},{\"n\":2},{\"n\":3}]}",
        "{\"records\": [{\"n\":1},{\"n\":2}]}\n{\"records\": [{\"n\":3}]}\n",
        "{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns\",\"@odata.nextLink\":\"a\\\"b\",\
          \"value\":[{\"n\":1},{\"n\":2},{\"n\":3}]}",
        "{\"kind\": \"admin#reports#activities\", \"etag\": \"\\\"x\\\"\", \"items\": [{\"n\": 1}, {\"n\": 2}], \"z\": {\"items\": [1]}}\n\
          {\"items\": [{\"n\": 3}]}",
        "{\"value\":[{\"n\":1}, {\"n\":2}],\"@odata.nextLink\":\"https://x/?a=[{\"}[{\"n\":3}]",
    ] {
        assert_eq!(numbers(text), (vec![1, 2, 3], 0), "{text}");
    }
}

#[test]
fn an_object_with_a_time_and_an_array_is_a_record() {
    let all = read_text("{\"time\":\"2025-04-17T10:00:00Z\",\"items\":[{\"n\":1}]}\n");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].1.as_ref().unwrap()["items"][0]["n"], 1);
    let all = read_text("{\"value\":[1,2]}\n");
    assert_eq!(all[0].1.as_ref().unwrap()["value"][1], 2);
}

#[test]
fn records_are_numbered_by_line_or_by_element() {
    let of = |text: &str| read_text(text).iter().map(|(number, _)| *number).collect::<Vec<_>>();
    assert_eq!(of("{\"n\":1}\n\nno\n{\"n\":2}\n"), [1, 3, 4]);
    assert_eq!(of("[{\"n\":1},\n{\"n\":2}, 5,\n {\"n\":3}]"), [1, 2, 3, 4]);
}

#[test]
fn a_broken_line_costs_no_other() {
    assert_eq!(numbers("{\"n\":1}\n{\"n\":2,\"a\":\"cut\n{\"n\":3}\n"), (vec![1, 3], 1));
    assert_eq!(numbers("{\"n\":1}\n{\"n\":2,\n{\"n\":3}\n"), (vec![1, 3], 1));
    assert_eq!(numbers("cut off\"}\n{\"n\":1}\n}}}]\n{\"n\":3}\n"), (vec![1, 3], 2));
    // The first line is the broken one.
    assert_eq!(numbers("{\"n\":1,\"a\":\"cut\n{\"n\":2}\n{\"n\":3}\n"), (vec![2, 3], 1));
    assert_eq!(numbers("{\"n\":1,\n{\"n\":2}\n{\"n\":3}\n"), (vec![2, 3], 1));
    assert_eq!(numbers("{\"n\":1,\"a\":[\n"), (vec![], 1));
}

#[test]
fn a_broken_element_costs_no_other() {
    assert_eq!(
        numbers("[{\"n\":1},\n{\"n\":2,\"a\":\"cut\n,\n{\"n\":3}]"),
        (vec![1, 3], 1)
    );
    assert_eq!(
        numbers("[\n {\"n\":1},\n {\"n\":2,\"a\":[3}},\n {\"n\":3}\n]"),
        (vec![1, 3], 1)
    );
    assert_eq!(numbers("[{\"n\":1},{\"n\":2}"), (vec![1, 2], 1));
}

#[test]
fn bytes_that_are_no_utf8_are_replaced() {
    for log in [&b"{\"n\":\"J\xfcrgen\"}\n"[..], b"[{\"n\":\"J\xfcrgen\"}]"] {
        let all = read_all(log);
        assert_eq!(all, [(1, Ok(serde_json::json!({"n": "J\u{fffd}rgen"})))]);
    }
}

#[test]
fn utf16_with_a_mark_is_read() {
    let log: Vec<u8> = "\u{feff}{\"n\":\"J\u{fc}rgen\"}\r\n{\"n\":2}\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let all = read_all(&log[..]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].1, Ok(serde_json::json!({"n": "J\u{fc}rgen"})));
}

#[test]
fn what_is_too_long_or_too_deep_is_told_and_passed_over() {
    let long = "x".repeat(RECORD_BYTES_MAX);
    let deep = format!("{}1{}", "{\"a\":[".repeat(100), "]}".repeat(100));
    for (before, between, after) in [("", "\n", "\n"), ("[", ",", "]"), ("{\n\"n\":0}\n", "\n", "")] {
        let text =
            format!("{before}{{\"n\":1}}{between}{{\"a\":\"{long}\"}}{between}{deep}{between}{{\"n\":3}}{after}");
        let all = read_all(text.as_bytes());
        let reasons: Vec<_> = all.iter().filter_map(|(_, item)| item.as_ref().err()).collect();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
        assert!(reasons[0].contains("longer than"), "{reasons:?}");
        assert!(reasons[1].contains("recursion limit"), "{reasons:?}");
        assert_eq!(all.last().unwrap().1, Ok(serde_json::json!({"n": 3})));
    }
}

#[test]
fn millions_of_brackets_are_no_recursion() {
    let all = read_all(BufReader::new(io::repeat(b'[').take(1 << 20)));
    assert!(!all.is_empty() && all.iter().all(|(_, item)| item.is_err()));
    let all = read_all(BufReader::new(io::repeat(b'{').take(1 << 20)));
    assert!(!all.is_empty() && all.iter().all(|(_, item)| item.is_err()));
}

#[test]
fn nothing_is_read_once_nobody_takes_more() {
    for log in [
        "{\"n\":1}\n{\"n\":2}\n",
        "[{\"n\":1},{\"n\":2}]",
        "{\"n\":1}{\"n\":2}",
        "{\"value\":[{\"n\":1},{\"n\":2}]}",
    ] {
        let mut seen = 0;
        read(log.as_bytes(), &Source::from("log"), &mut |_| {
            seen += 1;
            false
        })
        .unwrap();
        assert_eq!(seen, 1, "{log}");
    }
}
