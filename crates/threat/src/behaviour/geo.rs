//! Places and operators of addresses, from database files in MaxMind's format, as MaxMind, DB-IP and IPinfo give them out.
//!
//! Each of them calls the same things differently, and has them in files of their own: each value is looked for under all its names, and
//! several databases complete each other. A record that can't be read says nothing.

use std::net::{IpAddr, Ipv4Addr};

use maxminddb::Reader;
use serde_json::Value;
use thiserror::Error;

use super::aspect::shorten;
use super::places::{Located, NetworkKind, Places, completed};
use crate::event::Place;
use crate::normalise::place as place_in_words;

/// Addresses that are looked up when a database is opened, evenly over all of IPv4.
const SAMPLES: u32 = 1024;

/// Why a file is no database of places or networks.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GeoError {
    /// It isn't in the format, or damaged.
    #[error("it is no database in MaxMind's format (.mmdb), or damaged: {0}")]
    Format(String),
    /// It is of something else.
    #[error("it is a database of `{0}`, which names neither places nor networks")]
    Unfit(String),
}

/// A database, in memory.
#[derive(Debug)]
pub struct GeoDatabase {
    reader: Reader<Vec<u8>>,
}

impl GeoDatabase {
    /// Takes the bytes of a file.
    ///
    /// # Errors
    /// When they aren't such a database, or one of something else. Damage that only shows in single records isn't looked for in all of them.
    pub fn new(bytes: Vec<u8>) -> Result<Self, GeoError> {
        let reader = Reader::from_source(bytes).map_err(|error| GeoError::Format(error.to_string()))?;
        let database = Self { reader };
        database.try_samples()?;
        Ok(database)
    }

    /// What it is, by its own word: `GeoLite2-City`.
    #[must_use]
    pub fn kind(&self) -> String {
        shorten(&self.reader.metadata().database_type).unwrap_or_default()
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn made(&self) -> i64 {
        i64::try_from(self.reader.metadata().build_epoch).unwrap_or(i64::MAX)
    }

    fn try_samples(&self) -> Result<(), GeoError> {
        let (mut records, mut useful) = (0, 0);
        for sample in 0..SAMPLES {
            let address = Ipv4Addr::from_bits(sample.wrapping_mul(u32::MAX / SAMPLES));
            let found = self.record(address.into()).map_err(GeoError::Format)?;
            records += usize::from(found.is_some());
            useful += usize::from(found.is_some_and(|record| located(&record) != Located::default()));
        }
        if records > 0 && useful == 0 {
            return Err(GeoError::Unfit(self.kind()));
        }
        Ok(())
    }

    fn record(&self, address: IpAddr) -> Result<Option<Value>, String> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let found = self.reader.lookup(address).map_err(|error| error.to_string())?;
        found.decode().map_err(|error| error.to_string())
    }
}

/// Databases that complete each other, the first one preferred.
#[derive(Debug, Default)]
pub struct GeoDatabases(pub Vec<GeoDatabase>);

impl Places for GeoDatabases {
    fn locate(&self, address: IpAddr) -> Option<Located> {
        let address = address.to_canonical();
        let mut all = Located::default();
        for database in &self.0 {
            let Ok(Some(record)) = database.record(address) else {
                continue;
            };
            let Located { place, kind } = located(&record);
            all.place = completed(all.place, place);
            all.kind = all.kind.max(kind);
        }
        (all != Located::default()).then_some(all)
    }
}

/// What a record says, whoever made it.
fn located(record: &Value) -> Located {
    let country = ["/country/iso_code", "/country_code", "/country"];
    let city = ["/city/names/en", "/city"];
    let latitude = ["/location/latitude", "/latitude", "/lat"];
    let longitude = ["/location/longitude", "/longitude", "/lng"];
    let place = place_in_words(
        text(record, &country).as_deref(),
        text(record, &city).as_deref(),
        first(record, &latitude),
        first(record, &longitude),
    );
    Located {
        place: Place {
            network: network(record),
            ..place
        },
        kind: kind(record),
    }
}

/// `AS64500 Example Telecom`, or as much of it as is known.
fn network(record: &Value) -> Option<String> {
    let number = ["/autonomous_system_number", "/traits/autonomous_system_number", "/asn"];
    let number = number.iter().find_map(|path| {
        let value = record.pointer(path)?;
        let number = value.as_u64().or_else(|| {
            let text = value.as_str()?;
            text.strip_prefix("AS").unwrap_or(text).parse().ok()
        })?;
        (number != 0).then(|| format!("AS{number}"))
    });
    let name = [
        "/autonomous_system_organization",
        "/traits/autonomous_system_organization",
        "/as_name",
        "/isp",
        "/traits/isp",
    ];
    // Files of networks alone have it as `name`.
    let name = text(record, &name).or_else(|| text(record, &["/name"]).filter(|_| number.is_some()));
    match (number, name) {
        (Some(number), Some(name)) => Some(format!("{number} {name}")),
        (number, name) => number.or(name),
    }
}

/// What kind of network it is, if the record says so.
fn kind(record: &Value) -> Option<NetworkKind> {
    let flags = [
        (NetworkKind::Tor, &["is_tor_exit_node", "tor"][..]),
        (NetworkKind::Vpn, &["is_anonymous_vpn", "vpn"][..]),
        (
            NetworkKind::Proxy,
            &["is_public_proxy", "is_residential_proxy", "proxy"][..],
        ),
        (NetworkKind::Hosting, &["is_hosting_provider", "hosting"][..]),
    ];
    let inner = [Some(record), record.get("traits"), record.get("privacy")];
    let is_set = |name: &&str| {
        inner
            .into_iter()
            .flatten()
            .any(|record| record.get(*name).is_some_and(is_true))
    };
    if let Some((kind, _)) = flags.iter().find(|(_, names)| names.iter().any(is_set)) {
        return Some(*kind);
    }
    let told = text(record, &["/traits/user_type", "/user_type", "/as_type", "/type"])?;
    Some(match told.as_str() {
        "hosting" => NetworkKind::Hosting,
        _ => NetworkKind::Ordinary,
    })
}

fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or(value.as_str() == Some("true"))
}

fn first<'a>(record: &'a Value, paths: &[&str]) -> Option<&'a Value> {
    paths.iter().find_map(|path| record.pointer(path))
}

fn text(record: &Value, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| shorten(record.pointer(path)?.as_str()?))
}
