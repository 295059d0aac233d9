//! Where an address is, and whose network it is in.

use std::fmt;
use std::net::IpAddr;

use crate::event::{Event, Place};

/// A database of addresses: a local file, for instance.
pub trait Places: fmt::Debug + Send + Sync {
    /// Where an address is, as far as it's known.
    fn locate(&self, address: IpAddr) -> Option<Located>;
}

/// No database: places are what the logs name.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPlaces;

impl Places for NoPlaces {
    fn locate(&self, _: IpAddr) -> Option<Located> {
        None
    }
}

/// What is known of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Located {
    /// Where it is, and whose network it is in.
    pub place: Place,
    /// What kind of network that is.
    pub kind: Option<NetworkKind>,
}

/// What a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NetworkKind {
    /// People and offices are connected by it: all that is nothing of the rest.
    Ordinary,
    /// It has servers that anybody can rent.
    Hosting,
    /// A proxy, open or by way of other people's machines.
    Proxy,
    /// A VPN that hides where people are.
    Vpn,
    /// An exit of Tor.
    Tor,
}

impl NetworkKind {
    /// In words, as what people sign in by way of.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Ordinary => "an ordinary network",
            Self::Hosting => "a hosting provider",
            Self::Proxy => "a proxy",
            Self::Vpn => "an anonymising VPN",
            Self::Tor => "Tor",
        }
    }

    /// What the name of whoever runs a network says of it.
    pub(super) fn of_name(name: &str) -> Self {
        let name = name.to_lowercase();
        if HOSTING.iter().any(|word| name.contains(word)) {
            Self::Hosting
        } else {
            Self::Ordinary
        }
    }
}

/// What hosting providers are called, and the largest that aren't.
const HOSTING: &[&str] = &[
    "hosting",
    "hosted",
    "cloud",
    "datacenter",
    "data center",
    "datacentre",
    "colocation",
    "vps",
    "server",
    "akamai",
    "alibaba",
    "amazon",
    "choopa",
    "contabo",
    "digitalocean",
    "google",
    "hetzner",
    "leaseweb",
    "linode",
    "m247",
    "microsoft",
    "oracle",
    "ovh",
    "scaleway",
    "tencent",
    "vultr",
];

/// The place of an event: what the log says, completed from the database.
pub(super) fn place_of(event: &Event, places: &dyn Places) -> Located {
    let mut place = event.facts.place.clone();
    let found = event.facts.address.and_then(|address| places.locate(address));
    let found = found.unwrap_or_default();
    // A log often has the number alone; the database knows whose it is.
    if let (Some(own), Some(other)) = (&place.network, &found.place.network)
        && operator(own) == operator(other)
    {
        place.network = None;
    }
    let place = completed(place, found.place);
    let by_name = || Some(NetworkKind::of_name(name(place.network.as_deref()?)?));
    let kind = found.kind.or_else(by_name);
    Located { place, kind }
}

/// A place, with what another one knows besides.
pub(super) fn completed(own: Place, other: Place) -> Place {
    Place {
        country: own.country.or(other.country),
        city: own.city.or(other.city),
        point: own.point.or(other.point),
        network: own.network.or(other.network),
    }
}

/// What of a network's name stays the same when its operator is renamed: the number of the autonomous system, if it begins with that.
pub(super) fn operator(network: &str) -> &str {
    let first = network.split_whitespace().next().unwrap_or(network);
    if is_number(first) { first } else { network }
}

/// A network's name without its number; none if it has only that.
fn name(network: &str) -> Option<&str> {
    match network.split_once(char::is_whitespace) {
        Some((number, name)) if is_number(number) => Some(name),
        None if is_number(network) => None,
        _ => Some(network),
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix("AS").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_known_by_its_number_whatever_it_is_called() {
        assert_eq!(operator("AS64500 Example Hosting"), "AS64500");
        assert_eq!(operator("AS64500"), "AS64500");
        assert_eq!(operator("AS 9009 (VPN provider)"), "AS 9009 (VPN provider)");
        assert_eq!(name("AS64500 Example Hosting"), Some("Example Hosting"));
        assert_eq!(name("AS64500"), None);
        assert_eq!(name("Example Telecom"), Some("Example Telecom"));
    }

    #[test]
    fn who_rents_out_servers_is_known_by_name() {
        assert_eq!(NetworkKind::of_name("Example Cloud Hosting Ltd"), NetworkKind::Hosting);
        assert_eq!(NetworkKind::of_name("Example Telecom"), NetworkKind::Ordinary);
    }
}
