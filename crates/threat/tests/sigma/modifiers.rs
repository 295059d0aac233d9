//! Modifiers of fields.

use serde_json::json;
use threat::rules::load;

use crate::support::{fulfils, rule, selects};

/// Why a detection with a selection of these lines isn't loaded.
fn refusal(lines: &str) -> String {
    let text = rule(&format!("    selection:\n        {lines}\n    condition: selection"));
    let loaded = load([("test.yml", text.as_str())]);
    assert_eq!(loaded.rules.len(), 0, "{lines}");
    loaded.refused[0].reason.clone()
}

#[test]
fn values_without_a_modifier_are_equal_whatever_their_capitals() {
    assert!(selects("Image: cmd.exe", json!({"Image": "CMD.exe"})));
    assert!(!selects("Image: cmd.exe", json!({"Image": "cmd.exe2"})));
}

#[test]
fn contains_looks_for_a_part() {
    assert!(selects("A|contains: mimi", json!({"A": "x MIMIkatz"})));
    assert!(!selects("A|contains: mimi", json!({"A": "x mini"})));
}

#[test]
fn startswith_looks_at_the_beginning() {
    assert!(selects("A|startswith: pow", json!({"A": "PowerShell"})));
    assert!(!selects("A|startswith: pow", json!({"A": "a power"})));
}

#[test]
fn endswith_looks_at_the_end() {
    assert!(selects(r"A|endswith: '\cmd.exe'", json!({"A": r"C:\Windows\CMD.EXE"})));
    assert!(!selects(r"A|endswith: '\cmd.exe'", json!({"A": r"C:\xcmd.exe"})));
}

#[test]
fn wildcards_within_modifiers_leave_the_other_end_open() {
    assert!(selects("A|endswith: '1????'", json!({"A": "0x10210"})));
    assert!(!selects("A|endswith: '1????'", json!({"A": "10210 more"})));
    assert!(selects("A|startswith: 'a?c*f'", json!({"A": "ABC def, and so on"})));
    assert!(!selects("A|startswith: 'a?c*f'", json!({"A": "x abc def"})));
    assert!(selects("A|contains: 'b?d'", json!({"A": "a.b+dBcD"})));
    assert!(!selects("A|contains|cased: 'b?d'", json!({"A": "BcD"})));
}

#[test]
fn wildcards_and_plain_values_stand_in_one_list() {
    let one = "A|endswith:\n    - '.t?t'\n    - '.log'\n    - 7";
    assert!(
        selects(one, json!({"A": "a.txt"})) && selects(one, json!({"A": "a.log"})) && selects(one, json!({"A": 17}))
    );
    assert!(!selects(one, json!({"A": "a.txt.gz"})));
    let all = "A|contains|all:\n    - 'a*c'\n    - 'd'";
    assert!(selects(all, json!({"A": "d abc"})));
    assert!(!selects(all, json!({"A": "abc"})) && !selects(all, json!({"A": "d"})));
}

#[test]
fn wildcards_stand_for_ends_of_lines_too() {
    assert!(selects(
        "A|contains: 'begin*end'",
        json!({"A": "x begin\n\tmiddle\r\nend"})
    ));
    assert!(selects("A: 'begin*end?'", json!({"A": "begin\nend\n"})));
    assert!(!selects("A: 'begin*end?'", json!({"A": "x\nbegin\nend\n"})));
}

#[test]
fn all_wants_each_value_of_a_list() {
    let lines = "A|contains|all:\n    - one\n    - two";
    assert!(selects(lines, json!({"A": "two and one"})));
    assert!(!selects(lines, json!({"A": "two"})));
}

#[test]
fn all_without_a_field_wants_each_keyword() {
    let lines = "'|all':\n    - one\n    - two";
    assert!(selects(lines, json!({"A": "one", "B": {"C": "and two"}})));
    assert!(!selects(lines, json!({"A": "one"})));
}

#[test]
fn cased_tells_capitals_apart() {
    assert!(selects("A|cased: Abc", json!({"A": "Abc"})));
    assert!(!selects("A|cased: Abc", json!({"A": "abc"})));
    assert!(!selects("A|contains|cased: Abc", json!({"A": "xabcx"})));
}

#[test]
fn re_is_an_expression_that_tells_capitals_apart() {
    assert!(selects(r"A|re: '^a\d+z$'", json!({"A": "a12z"})));
    assert!(!selects(r"A|re: '^a\d+z$'", json!({"A": "A12z"})));
}

#[test]
fn flags_of_expressions_mean_capitals_lines_and_dots() {
    assert!(selects("A|re|i: '^abc$'", json!({"A": "ABC"})));
    assert!(selects("A|re|m: '^b$'", json!({"A": "a\nb"})));
    assert!(!selects("A|re: '^b$'", json!({"A": "a\nb"})));
    assert!(selects("A|re|s: 'a.b'", json!({"A": "a\nb"})));
    assert!(!selects("A|re: 'a.b'", json!({"A": "a\nb"})));
}

#[test]
fn an_expression_that_isn_t_one_is_refused() {
    assert!(refusal("A|re: '(?<=a)b('").contains("regex"));
}

#[test]
fn base64_is_the_encoded_value() {
    assert!(selects(
        "A|base64|contains: 'ping -n 1'",
        json!({"A": "x cGluZyAtbiAx x"})
    ));
    assert!(!selects("A|base64|contains: 'ping -n 1'", json!({"A": "ping -n 1"})));
}

#[test]
fn base64offset_is_the_value_at_any_place_of_an_encoded_text() {
    // `foobar` behind none, one and two other bytes.
    for encoded in ["Zm9vYmFyeA==", "eGZvb2Jhcnh4", "eHhmb29iYXJ4"] {
        assert!(
            selects("A|base64offset|contains: foobar", json!({"A": encoded})),
            "{encoded}"
        );
    }
    assert!(!selects(
        "A|base64offset|contains: foobar",
        json!({"A": "Zm9vYmF6eA=="})
    ));
}

#[test]
fn wide_and_utf16le_are_the_value_in_two_bytes_a_character() {
    // `ab` as a, 0, b, 0.
    for modifier in ["wide", "utf16le"] {
        assert!(
            selects(&format!("A|{modifier}|base64|contains: ab"), json!({"A": "YQBiAA=="})),
            "{modifier}"
        );
        assert!(
            !selects(&format!("A|{modifier}|base64|contains: ab"), json!({"A": "YWI="})),
            "{modifier}"
        );
    }
}

#[test]
fn utf16be_has_the_other_order_of_bytes() {
    assert!(selects("A|utf16be|base64|contains: ab", json!({"A": "AGEAYg=="})));
    assert!(!selects("A|utf16be|base64|contains: ab", json!({"A": "YQBiAA=="})));
}

#[test]
fn utf16_begins_with_the_mark_of_its_order() {
    assert!(selects("A|utf16|base64|contains: ab", json!({"A": "//5hAGIA"})));
    assert!(!selects("A|utf16|base64|contains: ab", json!({"A": "AGEAYg=="})));
}

#[test]
fn wide_and_base64offset_find_encoded_commands_of_powershell() {
    // `IEX` in two bytes a character, behind two other bytes, encoded.
    assert!(selects(
        "A|wide|base64offset|contains: IEX",
        json!({"A": "-enc eABJAEUAWAA="})
    ));
    assert!(!selects(
        "A|wide|base64offset|contains: IEX",
        json!({"A": "-enc eABJAEUAWQA="})
    ));
}

#[test]
fn windash_stands_for_five_kinds_of_dashes() {
    for dash in ["-", "/", "\u{2013}", "\u{2014}", "\u{2015}"] {
        assert!(
            selects("A|contains|windash: ' -s '", json!({"A": format!("x {dash}s y")})),
            "{dash}"
        );
    }
    assert!(!selects("A|contains|windash: ' -s '", json!({"A": "x +s y"})));
}

#[test]
fn windash_of_many_dashes_is_refused_instead_of_filling_memory() {
    assert!(refusal("A|contains|windash: ' -a -b -c -d -e -f -g '").contains("windash"));
}

#[test]
fn cidr_is_a_network_of_either_version() {
    assert!(selects("A|cidr: 10.1.0.0/16", json!({"A": "10.1.2.3"})));
    assert!(!selects("A|cidr: 10.1.0.0/16", json!({"A": "10.2.2.3"})));
    assert!(selects("A|cidr: 'fe80::/10'", json!({"A": "fe80::1"})));
    assert!(!selects("A|cidr: 'fe80::/10'", json!({"A": "fd00::1"})));
}

#[test]
fn exists_asks_whether_a_field_is_there() {
    assert!(selects("A|exists: true", json!({"A": ""})));
    assert!(!selects("A|exists: true", json!({"B": ""})));
    assert!(selects("A|exists: false", json!({"B": ""})));
    assert!(!selects("A|exists: false", json!({"A": "x"})));
}

#[test]
fn lt_lte_gt_and_gte_compare_numbers() {
    for (modifier, below, equal, above) in [
        ("lt", true, false, false),
        ("lte", true, true, false),
        ("gt", false, false, true),
        ("gte", false, true, true),
    ] {
        for (number, is) in [(9, below), (10, equal), (11, above)] {
            assert_eq!(
                selects(&format!("A|{modifier}: 10"), json!({"A": number})),
                is,
                "{modifier} {number}"
            );
            let text = number.to_string();
            assert_eq!(
                selects(&format!("A|{modifier}: 10"), json!({"A": text})),
                is,
                "{modifier} {number}"
            );
        }
    }
    assert!(selects("A|gt: 1.5", json!({"A": 1.6})));
}

#[test]
fn neq_wants_another_value() {
    assert!(selects("A|neq: x", json!({"A": "y"})));
    assert!(!selects("A|neq: x", json!({"A": "X"})));
    assert!(!selects("A|neq:\n    - x\n    - y", json!({"A": "y"})));
}

#[test]
fn parts_of_times_are_compared() {
    let time = json!({"A": "2026-03-09T22:17:00Z"});
    for (part, is, isnt) in [
        ("minute", 17, 22),
        ("hour", 22, 17),
        ("day", 9, 3),
        ("week", 11, 9),
        ("month", 3, 9),
        ("year", 2026, 2025),
    ] {
        assert!(selects(&format!("A|{part}: {is}"), time.clone()), "{part}");
        assert!(!selects(&format!("A|{part}: {isnt}"), time.clone()), "{part}");
    }
}

#[test]
fn fieldref_compares_two_fields() {
    assert!(selects("A|fieldref: B", json!({"A": "Anna", "B": "anna"})));
    assert!(!selects("A|fieldref: B", json!({"A": "anna", "B": "otto"})));
    assert!(!selects("A|fieldref: B", json!({"A": "anna"})));
}

#[test]
fn fieldref_takes_parts_of_the_other_field() {
    assert!(selects(
        "A|fieldref|startswith: B",
        json!({"A": "anna@acme", "B": "anna"})
    ));
    assert!(!selects(
        "A|fieldref|startswith: B",
        json!({"A": "x anna", "B": "anna"})
    ));
    assert!(selects("A|fieldref|endswith: B", json!({"A": "x anna", "B": "anna"})));
    assert!(selects("A|fieldref|contains: B", json!({"A": "x anna y", "B": "anna"})));
}

#[test]
fn fieldref_with_neq_wants_two_fields_to_differ() {
    assert!(selects("A|fieldref|neq: B", json!({"A": "anna", "B": "otto"})));
    assert!(!selects("A|fieldref|neq: B", json!({"A": "anna", "B": "anna"})));
}

#[test]
fn a_modifier_that_isn_t_one_is_refused_with_its_line() {
    let text = rule("    selection:\n        A|contans: x\n    condition: selection");
    let loaded = load([("test.yml", text.as_str())]);
    assert_eq!(loaded.refused[0].line, 7);
    assert!(
        loaded.refused[0].reason.contains("contans"),
        "{}",
        loaded.refused[0].reason
    );
    assert!(loaded.refused[0].hint.contains("spelling"));
}

#[test]
fn modifiers_that_contradict_each_other_are_refused() {
    assert!(refusal("A|contains|startswith: x").contains("modifiers"));
    assert!(refusal("A|re|base64: x").contains("modifiers"));
}

#[test]
fn not_is_no_modifier_but_a_condition() {
    assert!(refusal("A|not: x").contains("not"));
    assert!(fulfils("    a:\n        A: x\n    condition: not a", json!({"A": "y"})));
}
