//! Sign-ins of one person from places between which nobody travels so fast.
//!
//! Needs no learning but one sign-in before. Says nothing if the person has used both networks on several occasions: whoever has a VPN at
//! home is in two places every day.

use serde::{Deserialize, Serialize};

use super::aspect::shorten;
use super::finding::Finding;
use crate::alert::Level;
use crate::entity::EntityId;
use crate::event::Place;
use crate::recent::Recent;

const PEOPLE_MAX: usize = 100_000;
const EARTH_RADIUS_KM: f64 = 6_371.0;
/// Faster than an airliner with its way to the airport.
const SPEED_MAX_KMH: f64 = 900.0;
/// Databases of addresses err by hundreds of kilometres.
const DISTANCE_MIN_KM: f64 = 500.0;
const FORGOTTEN: i64 = 30 * 86_400;

/// Where everybody was last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Travels {
    last: Recent<EntityId, Stay>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stay {
    time: i64,
    latitude: f64,
    longitude: f64,
    name: String,
    network: Option<String>,
}

impl Travels {
    pub(super) fn new() -> Self {
        Self {
            last: Recent::new(PEOPLE_MAX),
        }
    }

    /// `is_habit` tells whether a network is one that the person uses often.
    pub(super) fn see(
        &mut self,
        person: EntityId,
        place: &Place,
        now: i64,
        name: &str,
        is_habit: impl Fn(&str) -> bool,
    ) -> Option<Finding> {
        let (latitude, longitude) = place.point?;
        let stay = Stay {
            time: now,
            latitude,
            longitude,
            name: place_name(place),
            network: place.network.as_deref().and_then(shorten),
        };
        let before = self.last.see(&person, now, || stay.clone());
        let finding = judge(before, &stay, name, is_habit);
        if stay.time >= before.time {
            *before = stay;
        }
        finding
    }

    pub(super) fn merged(&mut self, lost: EntityId, kept: EntityId) {
        if let Some(stay) = self.last.remove(&lost) {
            let own = self.last.see(&kept, stay.time, || stay.clone());
            if own.time < stay.time {
                *own = stay;
            }
        }
    }

    pub(super) fn expire(&mut self, now: i64) {
        self.last.expire(now - FORGOTTEN);
    }
}

fn judge(before: &Stay, after: &Stay, name: &str, is_habit: impl Fn(&str) -> bool) -> Option<Finding> {
    let distance = distance_km((before.latitude, before.longitude), (after.latitude, after.longitude));
    let hours = (after.time - before.time).abs() as f64 / 3_600.0;
    let speed = distance / hours.max(1.0 / 60.0);
    let usual = |stay: &Stay| stay.network.as_deref().is_some_and(&is_habit);
    if distance < DISTANCE_MIN_KM || speed < SPEED_MAX_KMH || (usual(before) && usual(after)) {
        return None;
    }
    Some(Finding {
        model: "impossible-travel",
        part: None,
        title: "Sign-ins from places too far apart",
        level: Level::Medium,
        attack: &["initial-access", "t1078"],
        words: format!(
            "{name} signed in from {} {} after {}: {distance:.0} km, {speed:.0} km/h, where an airliner makes {SPEED_MAX_KMH:.0}",
            after.name,
            minutes(hours),
            before.name
        ),
        count: 2,
    })
}

/// The way between two points along the surface, in kilometres; points in degrees.
fn distance_km(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (latitude, other) = (from.0.to_radians(), to.0.to_radians());
    let half = |a: f64, b: f64| ((b - a) / 2.0).sin().powi(2);
    let haversine = half(latitude, other) + latitude.cos() * other.cos() * half(from.1.to_radians(), to.1.to_radians());
    2.0 * EARTH_RADIUS_KM * haversine.clamp(0.0, 1.0).sqrt().asin()
}

fn minutes(hours: f64) -> String {
    if hours < 2.0 {
        format!("{:.0} minutes", hours * 60.0)
    } else {
        format!("{hours:.0} hours")
    }
}

fn place_name(place: &Place) -> String {
    let parts: Vec<&str> = [&place.city, &place.country]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if parts.is_empty() {
        "a place without a name".to_owned()
    } else {
        shorten(&parts.join(", ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_london_to_new_york_is_some_5570_km() {
        let distance = distance_km((51.5074, -0.1278), (40.7128, -74.0060));
        assert!((distance - 5_570.0).abs() < 10.0, "{distance}");
        assert!(distance_km((10.0, 20.0), (10.0, 20.0)) < 0.001);
    }
}
