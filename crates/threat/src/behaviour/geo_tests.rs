//! Databases of addresses: as vendors make them, of something else, and damaged.

use std::net::IpAddr;

use super::geo::*;
use super::places::{Located, NetworkKind, Places};

const CITY: &[u8] = include_bytes!("../../tests/geo/city.mmdb");
const ASN: &[u8] = include_bytes!("../../tests/geo/asn.mmdb");
const FLAT: &[u8] = include_bytes!("../../tests/geo/flat.mmdb");
const OTHER: &[u8] = include_bytes!("../../tests/geo/other.mmdb");

fn databases(all: &[&[u8]]) -> GeoDatabases {
    GeoDatabases(
        all.iter()
            .map(|bytes| GeoDatabase::new(bytes.to_vec()).unwrap())
            .collect(),
    )
}

fn locate(databases: &GeoDatabases, address: &str) -> Option<Located> {
    databases.locate(address.parse::<IpAddr>().unwrap())
}

#[test]
fn places_and_operators_complete_each_other() {
    let all = databases(&[CITY, ASN]);
    for address in ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:1::7"] {
        let place = locate(&all, address).unwrap().place;
        assert_eq!(place.city.as_deref(), Some("London"), "{address}");
        assert_eq!(place.country.as_deref(), Some("GB"));
        assert_eq!(place.point, Some((51.5074, -0.1278)));
        assert_eq!(place.network.as_deref(), Some("AS64500 Example Telecom"));
    }
    assert_eq!(locate(&all, "192.0.2.1").unwrap().place.country, None);
    assert_eq!(locate(&all, "10.0.0.1"), None);
    assert_eq!(GeoDatabase::new(CITY.to_vec()).unwrap().kind(), "GeoLite2-City");
}

#[test]
fn flat_records_are_understood_too() {
    let all = databases(&[FLAT]);
    let found = locate(&all, "203.0.113.7").unwrap();
    assert_eq!(found.place.point, Some((51.5074, -0.1278)));
    assert_eq!((found.place.country.as_deref(), found.kind), (Some("GB"), None));
    let rented = locate(&all, "192.0.2.1").unwrap();
    assert_eq!(rented.place.network.as_deref(), Some("AS64503 Example Networks"));
    assert_eq!(rented.kind, Some(NetworkKind::Vpn));
}

#[test]
fn what_is_no_such_database_is_refused_with_the_reason() {
    let words = |bytes: &[u8]| GeoDatabase::new(bytes.to_vec()).unwrap_err().to_string();
    assert!(words(OTHER).contains("`GeoIP2-Connection-Type`"), "{}", words(OTHER));
    for bytes in [&b""[..], b"PK\x03\x04 an archive", &CITY[..CITY.len() / 2]] {
        assert!(
            words(bytes).contains("no database in MaxMind's format"),
            "{}",
            words(bytes)
        );
    }
}

/// Whatever the bytes, it is refused or answers, and within the test's time.
#[test]
fn damaged_databases_are_refused_or_answer() {
    // Records within records, as deep as the reader follows them, need more than a test's 2 MiB of stack where nothing is optimised.
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    let answered = thread.spawn(answers_of_damaged).unwrap().join().unwrap();
    assert!(answered > 10_000, "{answered} answers: nothing was reached");
}

/// How often a database answers of which a bit is turned or the end is cut off.
fn answers_of_damaged() -> usize {
    let mut answered = 0;
    for whole in [CITY, ASN, FLAT] {
        let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
        let flipped = (0..whole.len() * 8).map(|bit| {
            let mut bytes = whole.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        });
        for bytes in cut.chain(flipped) {
            let Ok(database) = GeoDatabase::new(bytes) else {
                continue;
            };
            let all = GeoDatabases(vec![database]);
            answered += ["203.0.113.7", "192.0.2.1", "2001:db8:1::7", "ffff::1"]
                .iter()
                .filter(|address| locate(&all, address).is_some())
                .count();
        }
    }
    answered
}
