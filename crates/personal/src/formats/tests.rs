//! Documents of each format, made by hand, and hostile ones.

use std::io::Write as _;

use crate::{Class, Format, Limits, Reason, Report, scan};

fn scanned(name: &str, bytes: &[u8]) -> Report {
    scan(name, bytes, &Limits::default())
}

fn emails(report: &Report) -> u64 {
    report
        .findings
        .get(&Class::EmailAddress)
        .map_or(0, |finding| finding.count)
}

/// A ZIP archive of stored or deflated members.
fn zip(members: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let packed = if deflated {
            miniz_oxide::deflate::compress_to_vec(content, 6)
        } else {
            content.to_vec()
        };
        let method = if deflated { 8_u16 } else { 0 };
        let offset = archive.len() as u32;
        let sizes = [
            (packed.len() as u32).to_le_bytes(),
            (content.len() as u32).to_le_bytes(),
        ]
        .concat();
        let name_length = (name.len() as u16).to_le_bytes();
        archive.extend(
            [
                b"PK\x03\x04".as_slice(),
                &[20, 0, 0, 0],
                &method.to_le_bytes(),
                &[0; 8],
                &sizes,
                &name_length,
                &[0, 0],
                name.as_bytes(),
                &packed,
            ]
            .concat(),
        );
        directory.extend(
            [
                b"PK\x01\x02".as_slice(),
                &[20, 0, 20, 0, 0, 0],
                &method.to_le_bytes(),
                &[0; 8],
                &sizes,
                &name_length,
                &[0; 12],
                &offset.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = (members.len() as u16).to_le_bytes();
    let place = [
        (directory.len() as u32).to_le_bytes(),
        (archive.len() as u32).to_le_bytes(),
    ]
    .concat();
    archive.extend(directory);
    archive.extend([b"PK\x05\x06".as_slice(), &[0; 4], &count, &count, &place, &[0, 0]].concat());
    archive
}

/// A gzip stream without a checksum: nobody looks at it.
fn gzip(content: &[u8]) -> Vec<u8> {
    [
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff".as_slice(),
        &miniz_oxide::deflate::compress_to_vec(content, 6),
        &[0; 8],
    ]
    .concat()
}

#[test]
fn members_of_archives_are_read_and_named_when_they_cannot_be() {
    let inner = zip(
        &[
            ("a.txt", b"ann@example.com\n"),
            ("photo.jpg", b"\xff\xd8\xff\xe0 picture"),
        ],
        true,
    );
    let report = scanned(
        "all.zip",
        &zip(
            &[
                ("in.zip", &inner),
                ("b.csv", b"mail,x\nbob@example.com,1\neve@example.com,2\n"),
            ],
            false,
        ),
    );
    assert_eq!((report.format, emails(&report)), (Format::Zip, 3));
    assert_eq!(
        report
            .unread
            .iter()
            .map(|unread| (unread.part.as_str(), unread.reason))
            .collect::<Vec<_>>(),
        [("in.zip/photo.jpg", Reason::Picture)]
    );
}

#[test]
fn several_gzip_streams_in_one_file_are_one_text() {
    let report = scanned(
        "a.txt.gz",
        &[gzip(b"ann@example.com\n"), gzip(b"bob@example.com\n")].concat(),
    );
    assert_eq!((report.format, emails(&report)), (Format::Gzip, 2));
}

#[test]
fn bombs_are_told_and_cost_little() {
    let zeros = vec![b' '; 64 << 20];
    let limits = Limits {
        unpacked_bytes: 8 << 20,
        ..Limits::default()
    };
    let report = scan("bomb.gz", &gzip(&zeros), &limits);
    assert!(
        report.unread.iter().any(|unread| unread.reason == Reason::Bomb),
        "{report:?}"
    );
    assert!(report.text_bytes <= 8 << 20);
    let mut nested = b"ann@example.com".to_vec();
    for _ in 0..20 {
        nested = zip(&[("in.zip", &nested)], true);
    }
    assert!(
        scanned("nested.zip", &nested)
            .unread
            .iter()
            .any(|unread| unread.reason == Reason::TooDeep)
    );
}

#[test]
fn office_documents_show_their_paragraphs_and_columns() {
    let types = ("[Content_Types].xml", b"<Types/>".as_slice());
    let body =
        b"<w:document><w:p><w:r><w:t>Date of birth: 12 </w:t></w:r><w:r><w:t>March 1980</w:t></w:r></w:p></w:document>";
    let report = scanned("a.docx", &zip(&[types, ("word/document.xml", body)], true));
    assert_eq!(
        (report.format, report.findings.keys().collect::<Vec<_>>()),
        (Format::Docx, vec![&Class::DateOfBirth])
    );
    let sheet =
        b"<worksheet><sheetData><row><c r='A1' t='s'><v>0</v></c><c r='C1' t='inlineStr'><is><t>BSN</t></is></c></row>\
        <row><c r='A2'><v>29221</v></c><c r='C2'><v>111222333</v></c></row></sheetData></worksheet>";
    let strings = b"<sst><si><t>Date of </t><t>birth</t></si></sst>";
    let report = scanned(
        "a.xlsx",
        &zip(
            &[
                types,
                ("xl/sharedStrings.xml", strings),
                ("xl/worksheets/sheet1.xml", sheet),
            ],
            true,
        ),
    );
    assert_eq!(
        (report.format, report.findings.keys().collect::<Vec<_>>()),
        (Format::Xlsx, vec![&Class::DateOfBirth, &Class::NlBsn])
    );
}

#[test]
fn mails_are_read_with_encoded_parts_and_attachments() {
    let mail = "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?call_+44_20_7946_0958?=\r\nMessage-ID: <1@mail.example.com>\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        eve=40example.net\r\n--x\r\nContent-Type: application/octet-stream; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nemVkQGV4YW1wbGUub3Jn\r\n--x--\r\n";
    let report = scanned("a.eml", mail.as_bytes());
    assert_eq!(
        (report.format, emails(&report), report.findings.len()),
        (Format::Mail, 4, 2),
        "{report:?}"
    );
    let mailbox = format!("From ann Mon Jan 1 00:00:00 2024\n{mail}\nFrom bob Mon Jan 1 00:00:00 2024\n{mail}\n")
        .replace("\r\n", "\n");
    let report = scanned("inbox", mailbox.as_bytes());
    assert_eq!((report.format, emails(&report)), (Format::Mailbox, 8));
}

#[test]
fn pages_and_forms_of_pdf_are_read_packed_or_not() {
    let content = b"BT /F1 12 Tf 40 700 Td (Born: 12) Tj ( March 1980) Tj 0 -20 Td [(ann@exam) -20 (ple.com)] TJ ET";
    for is_packed in [false, true] {
        let stream = if is_packed {
            miniz_oxide::deflate::compress_to_vec_zlib(content, 6)
        } else {
            content.to_vec()
        };
        let filter = if is_packed { "/Filter /FlateDecode" } else { "" };
        let mut file = b"%PDF-1.4\n".to_vec();
        write!(
            file,
            "1 0 obj <</Type/Page /Contents 2 0 R>> endobj\n2 0 obj <<{filter} /Length {}>> stream\n",
            stream.len()
        )
        .unwrap();
        file.extend(stream);
        file.extend(b"\nendstream endobj\n3 0 obj <</T (IBAN) /V (GB82WEST12345698765432)>> endobj\ntrailer <<>>");
        let report = scanned("a.pdf", &file);
        assert_eq!(
            report.findings.keys().collect::<Vec<_>>(),
            [&Class::EmailAddress, &Class::DateOfBirth, &Class::Iban],
            "{report:?}"
        );
        let encrypted = String::from_utf8_lossy(&file).replace("trailer <<", "trailer <</Encrypt 9 0 R");
        assert_eq!(
            scanned("a.pdf", encrypted.as_bytes())
                .unread
                .first()
                .map(|unread| unread.reason),
            Some(Reason::Encrypted)
        );
    }
}

#[test]
fn text_in_binary_files_is_picked_out_and_said_to_be_no_more() {
    let mut file = vec![0_u8, 1, 2, 3, 0, 0];
    file.extend(b"ann@example.com\0\0\x01");
    file.extend("bob@example.com".encode_utf16().flat_map(u16::to_le_bytes));
    file.extend([0, 0, 0, 7].repeat(20));
    let report = scanned("a.bin", &file);
    assert_eq!((report.format, emails(&report)), (Format::Unknown, 2), "{report:?}");
    assert_eq!(
        report.unread.first().map(|unread| unread.reason),
        Some(Reason::UnknownFormat)
    );
}

#[test]
fn a_name_that_is_an_address_is_not_shown() {
    let report = scanned("all.zip", &zip(&[("jane.doe@example.com.jpg", b"\xff\xd8\xff")], false));
    assert!(!format!("{report:?}").contains("jane.doe"), "{report:?}");
}

#[test]
fn damaged_documents_end_in_a_report_at_every_byte() {
    let types = ("[Content_Types].xml", b"<Types/>".as_slice());
    let archive = zip(
        &[types, ("word/document.xml", b"<w:p><w:t>ann@example.com</w:t></w:p>")],
        true,
    );
    for cut in 0..archive.len() {
        let _ = scanned("a.docx", archive.get(..cut).unwrap());
        let mut flipped = archive.clone();
        flipped[cut] ^= 0xff;
        let _ = scanned("a.docx", &flipped);
    }
}
