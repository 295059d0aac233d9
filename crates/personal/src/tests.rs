//! What is found in text and tables, with examples that the issuers of numbers publish.

use crate::{Class, Format, Limits, Reason, Report, scan, scan_reader, scan_while};

fn of_text(text: &str) -> Report {
    scan("note.txt", text.as_bytes(), &Limits::default())
}

fn count(report: &Report, class: Class) -> u64 {
    report.findings.get(&class).map_or(0, |finding| finding.count)
}

/// Classes and counts, in words.
fn found(text: &str) -> Vec<(&'static str, u64)> {
    of_text(text)
        .findings
        .iter()
        .map(|(class, finding)| (class.name(), finding.count))
        .collect()
}

/// A word that names it, and a published example, per class.
const EXAMPLES: &[(Class, &str, &str)] = &[
    (Class::UkNino, "National Insurance number", "AB 12 34 56 C"),
    (Class::UkNhsNumber, "NHS no.", "943 476 5919"),
    (Class::UsSsn, "SSN", "536-90-4399"),
    (Class::UsItin, "ITIN", "912-70-1234"),
    (Class::AtSvnr, "SVNR", "1237 010180"),
    (Class::BeNationalNumber, "Rijksregisternummer", "85.07.30-033.28"),
    (Class::BgEgn, "EGN", "7523169263"),
    (Class::ChAhv, "AHV", "756.9217.0769.85"),
    (Class::CzRodneCislo, "Rodn\u{e9} \u{10d}\u{ed}slo", "710319/2745"),
    (Class::DeSteuerId, "Steuer-ID", "36 574 261 809"),
    (Class::DkCpr, "CPR", "211062-5629"),
    (Class::EePersonalCode, "isikukood", "36805280109"),
    (Class::EePersonalCode, "asmens kodas", "33309240064"),
    (Class::EsDni, "DNI", "54362315K"),
    (Class::EsNie, "NIE", "X-2482300-W"),
    (Class::FiHetu, "hetu", "131052-308T"),
    (Class::FrNir, "s\u{e9}curit\u{e9} sociale", "2 95 10 99 126 111 93"),
    (Class::GrAmka, "AMKA", "01013099997"),
    (Class::HrOib, "OIB", "33392005961"),
    (Class::HuTaxId, "Ad\u{f3}azonos\u{ed}t\u{f3} jel", "8071592153"),
    (Class::IePpsn, "PPS number", "6433435F"),
    (Class::ItCodiceFiscale, "codice fiscale", "RCCMNL83S18D969H"),
    (Class::NlBsn, "BSN", "111222333"),
    (Class::NoFodselsnummer, "f\u{f8}dselsnummer", "15108695088"),
    (Class::PlPesel, "PESEL", "44051401359"),
    (Class::PtNif, "NIF", "123456789"),
    (Class::RoCnp, "CNP", "1630615123457"),
    (Class::SePersonnummer, "personnummer", "880320-0016"),
    (Class::SiEmso, "EM\u{160}O", "0101006500006"),
    (Class::PaymentCard, "card", "4111 1111 1111 1111"),
    (Class::PaymentCard, "Kreditkarte", "378282246310005"),
    (Class::Iban, "IBAN", "GB82 WEST 1234 5698 7654 32"),
    (Class::PhoneNumber, "Tel.", "+44 20 7946 0958"),
    (Class::PhoneNumber, "phone", "(212) 555-0123"),
    (Class::EmailAddress, "mail", "jane.doe@example.com"),
    (Class::DateOfBirth, "born", "12 March 1980"),
];

#[test]
fn published_examples_are_found_in_text_by_their_class_alone() {
    for (class, word, example) in EXAMPLES {
        assert_eq!(
            found(&format!("Ann, {word}: {example}, as agreed.\n")),
            [(class.name(), 1)],
            "{word} {example}"
        );
        assert_eq!(
            found(&format!("{{\"{word}\": \"{example}\"}}")),
            [(class.name(), 1)],
            "{word} {example}"
        );
    }
}

#[test]
fn published_examples_are_found_in_columns_by_their_headings() {
    for (class, word, example) in EXAMPLES {
        let table = format!("name;{word};note\nAnn;{example};x\nBob;{example};y\nEve;{example};z\n");
        let report = scan("people.csv", table.as_bytes(), &Limits::default());
        assert_eq!(report.format, Format::Csv);
        assert_eq!(
            (count(&report, *class), report.findings.len(), report.rows),
            (3, 1, 3),
            "{word} {example}: {report:?}"
        );
    }
}

#[test]
fn a_wrong_last_character_is_not_taken_where_there_is_a_check() {
    let unchecked = [
        Class::UkNino,
        Class::UsSsn,
        Class::UsItin,
        Class::DkCpr,
        Class::FrNir,
        Class::PhoneNumber,
        Class::EmailAddress,
        Class::DateOfBirth,
    ];
    for (class, word, example) in EXAMPLES.iter().filter(|(class, _, _)| !unchecked.contains(class)) {
        let mut changed = (*example).to_owned();
        let last = changed.pop().unwrap();
        changed.push(if last.is_ascii_digit() {
            char::from((last as u8 - b'0' + 1) % 10 + b'0')
        } else if last == 'Z' {
            'A'
        } else {
            'Z'
        });
        assert_eq!(
            count(&of_text(&format!("{word}: {changed}\n")), *class),
            0,
            "{word} {changed}"
        );
    }
}

#[test]
fn numbers_of_things_are_not_numbers_of_people() {
    for text in [
        "Order no. 4111111111111111 was shipped",
        "tracking number 4111 1111 1111 1111",
        "IMEI: 356938035643809",
        "ISBN 978-3-16-148410-0 and EAN 4006381333931",
        "released 2024-03-12, version 10.4.30.2",
        "commit 4111111111111111111111111111111111111111 by 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "at 1711111111111 ms, 20240312101010, from 192.168.100.200:8080",
        "part 020-7946-0958-11 and 0345-22/1",
        "npm install react@18.2.0 @types/node; ssh root@localhost; icon@2x.png",
        "meeting on 12 March 1980 and 12.03.1980",
        "pi is 3.14159265358979 and 0.4111111111111111",
        "https://example.com/orders/4111111111111111/x",
        "UUID 41111111-1111-1111-1111-111111111111",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn columns_decide_where_a_value_alone_does_not() {
    let mut table = "order_no,amount\n".to_owned();
    let mut unnamed = "kennung,ort\n".to_owned();
    for (number, bsn) in [
        "111222333",
        "123456782",
        "232262536",
        "100000009",
        "100000022",
        "100000034",
        "100000046",
        "100000058",
        "100000071",
    ]
    .iter()
    .enumerate()
    {
        table += &format!("4111111111111111,{number}\n");
        unnamed += &format!("{bsn},Ort{number}\n");
    }
    assert_eq!(scan("o.csv", table.as_bytes(), &Limits::default()).findings.len(), 0);
    let report = scan("u.csv", unnamed.as_bytes(), &Limits::default());
    assert_eq!(count(&report, Class::NlBsn), 9, "{report:?}");
    assert_eq!(report.persons, 9);
}

#[test]
fn credentials_are_found() {
    let key = "A".repeat(64);
    for (text, name) in [
        ("password=hunter2\n".to_owned(), "password"),
        ("DATABASE_URL=postgres://app:s3cr3t@db/x".to_owned(), "password"),
        ("root:$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/:19000::".to_owned(), "password-hash"),
        ("$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW".to_owned(), "password-hash"),
        (format!("-----BEGIN RSA PRIVATE KEY-----\n{key}\n{key}\n-----END RSA PRIVATE KEY-----"), "private-key"),
        ("aws AKIAIOSFODNN7EXAMPLE".to_owned(), "access-key"),
        ("export GH=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".to_owned(), "access-key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U".to_owned(), "web-token"),
    ] {
        assert_eq!(found(&text), [(name, 1)], "{text}");
    }
    assert_eq!(found("if line == '-----BEGIN RSA PRIVATE KEY-----':"), []);
}

#[test]
fn nothing_of_the_data_is_in_the_report_but_masked_examples() {
    let text =
        "Ann, card 4111 1111 1111 1111, ann.miller@example.com, +44 20 7946 0958, SSN 536-90-4399, password=hunter2x\n";
    let report = of_text(text);
    assert_eq!(report.findings.len(), 5);
    for shown in [format!("{report:?}"), serde_json::to_string(&report).unwrap()] {
        for secret in ["4111 1111", "41111111", "miller", "7946", "536-90", "5369", "hunter"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn text_is_the_same_whether_it_comes_at_once_or_in_parts() {
    let mut text = "id,email,born\n".to_owned();
    for number in 0..200_000 {
        text += &format!("{number},person{number}@example.com,1980-01-{:02}\n", number % 28 + 1);
    }
    let whole = scan("a.csv", text.as_bytes(), &Limits::default());
    let parts = scan_reader("a.csv", &mut text.as_bytes(), &Limits::default(), &|| true);
    for report in [whole, parts] {
        assert_eq!(
            (
                report.rows,
                count(&report, Class::EmailAddress),
                count(&report, Class::DateOfBirth)
            ),
            (200_000, 200_000, 200_000)
        );
        assert_eq!(report.unread, []);
    }
}

#[test]
fn a_large_pdf_whose_bytes_are_text_is_no_text() {
    let content = "BT /F1 12 Tf 40 700 Td [(ann@exam) -20 (ple.com)] TJ ET";
    let page = "%PDF-1.4\n1 0 obj <</Type/Page /Contents 2 0 R>> endobj\n";
    let stream = format!(
        "2 0 obj <</Length {}>> stream\n{content}\nendstream endobj\n",
        content.len()
    );
    let document = page.to_owned() + &stream + &"% a comment\n".repeat(200_000);
    let large = |limits: &Limits| scan_reader("a.pdf", &mut document.as_bytes(), limits, &|| true);
    let report = large(&Limits::default());
    assert_eq!((report.format, count(&report, Class::EmailAddress)), (Format::Pdf, 1));
    let limits = Limits {
        memory_bytes: 2 << 20,
        ..Limits::default()
    };
    let report = large(&limits);
    assert_eq!(report.format, Format::Pdf);
    assert_eq!(
        report.unread.first().map(|unread| unread.reason),
        Some(Reason::TooLarge)
    );
}

#[test]
fn a_scan_that_is_stopped_or_reaches_its_limit_says_so() {
    let text = "jane@example.com\n".repeat(100_000);
    let limits = Limits {
        text_bytes: 300_000,
        ..Limits::default()
    };
    for report in [
        scan("a", text.as_bytes(), &limits),
        scan_while("a", text.as_bytes(), &Limits::default(), &|| false),
    ] {
        assert!(count(&report, Class::EmailAddress) < 20_000);
        assert_eq!(
            report.unread.iter().map(|unread| unread.reason).collect::<Vec<_>>(),
            [Reason::Stopped]
        );
    }
}
