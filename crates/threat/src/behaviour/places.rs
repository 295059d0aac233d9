//! Where an address is.

use std::net::IpAddr;

use crate::event::{Event, Place};

/// A database of addresses: a local file, for instance.
pub trait Places {
    /// Where an address is, as far as it's known.
    fn place(&self, address: IpAddr) -> Option<Place>;
}

/// No database: places are what the logs name.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPlaces;

impl Places for NoPlaces {
    fn place(&self, _: IpAddr) -> Option<Place> {
        None
    }
}

/// The place of an event: what the log says, completed from the database.
pub(super) fn place_of(event: &Event, places: &dyn Places) -> Place {
    let mut place = event.facts.place.clone();
    if place.network.is_some() && place.country.is_some() && place.point.is_some() {
        return place;
    }
    if let Some(found) = event.facts.address.and_then(|address| places.place(address)) {
        place.country = place.country.or(found.country);
        place.city = place.city.or(found.city);
        place.point = place.point.or(found.point);
        place.network = place.network.or(found.network);
    }
    place
}
