//! The first time: a person, a machine or the organisation does what it never did.
//!
//! Says nothing of who has not been known for a week with ten events on four days: for the new everything is new. Nor of who does
//! something new all the time: for the restless nothing is. Nor of who does more than can be remembered: what was forgotten isn't new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::aspect::Aspect;
use super::finding::{Finding, counted, lower};
use crate::alert::Level;
use crate::entity::EntityId;
use crate::recent::Recent;

const DAY: i64 = 86_400;
const PROFILES_MAX: usize = 200_000;
/// Different things that are remembered of one subject, and of all together.
const VALUES_MAX: usize = 64;
const PROGRAMS_MAX: usize = 512;
const ALL_VALUES_MAX: usize = 1_000_000;
const POPULAR_MAX: usize = 200_000;
/// What has not been done for so long is as if it had never been.
const FORGOTTEN: i64 = 45 * DAY;
/// From when on somebody is known.
const KNOWN_SECONDS: i64 = 7 * DAY;
const KNOWN_EVENTS: u32 = 10;
const KNOWN_DAYS: u32 = 4;
/// Who does something new in more than one of so many events is restless.
const RESTLESS_ONE_IN: u32 = 6;
/// What more than one of so many others do too isn't worth a mention by itself.
const COMMON_ONE_IN: usize = 20;

/// All habits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Novelties {
    profiles: Recent<(Aspect, EntityId), Profile>,
    popular: Recent<(Aspect, String), u32>,
    /// Values of all profiles together.
    values: usize,
}

/// One habit of one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Profile {
    first: i64,
    day: i64,
    days: u32,
    events: u32,
    news: u32,
    /// When it last did more than can be remembered; 0 for never.
    overflowed: i64,
    /// What it has done, and when last.
    values: BTreeMap<String, (i64, u32)>,
}

impl Novelties {
    pub(super) fn new() -> Self {
        Self {
            profiles: Recent::new(PROFILES_MAX),
            popular: Recent::new(POPULAR_MAX),
            values: 0,
        }
    }

    /// Judges by what was before, then learns. `name` is the subject's, `shown` what people call the value.
    pub(super) fn see(
        &mut self,
        aspect: Aspect,
        subject: EntityId,
        value: &str,
        now: i64,
        names: (&str, &str),
    ) -> Option<Finding> {
        let finding = self.judge(aspect, subject, value, now, names);
        self.learn(aspect, subject, value, now);
        finding
    }

    /// Whether somebody has done something on at least a few occasions.
    pub(super) fn is_habit(&self, aspect: Aspect, subject: EntityId, value: &str) -> bool {
        let profile = self.profiles.get(&(aspect, subject));
        profile
            .and_then(|profile| profile.values.get(value))
            .is_some_and(|(_, count)| *count >= 3)
    }

    pub(super) fn merged(&mut self, lost: EntityId, kept: EntityId) {
        for aspect in super::aspect::ASPECTS {
            let Some(other) = self.profiles.remove(&(aspect, lost)) else {
                continue;
            };
            let last = other
                .values
                .values()
                .map(|(last, _)| *last)
                .max()
                .unwrap_or(other.first);
            let profile = self.profiles.see(&(aspect, kept), last, || Profile::new(other.first));
            profile.first = profile.first.min(other.first);
            profile.days = profile.days.max(other.days);
            profile.events = profile.events.saturating_add(other.events);
            for (value, seen) in other.values {
                profile.values.entry(value).or_insert(seen);
            }
            profile.make_room(room(aspect));
        }
    }

    pub(super) fn expire(&mut self, now: i64) {
        self.profiles.expire(now - FORGOTTEN);
        self.popular.expire(now - FORGOTTEN);
        // Profiles that went took theirs along.
        self.values = self.profiles.iter().map(|(_, _, profile)| profile.values.len()).sum();
    }

    fn judge(
        &self,
        aspect: Aspect,
        subject: EntityId,
        value: &str,
        now: i64,
        (name, shown): (&str, &str),
    ) -> Option<Finding> {
        if value.is_empty() {
            return None;
        }
        let profile = self.profiles.get(&(aspect, subject))?;
        let done = profile
            .values
            .get(value)
            .is_some_and(|(last, _)| now - last < FORGOTTEN);
        let known =
            now - profile.first >= KNOWN_SECONDS && profile.events >= KNOWN_EVENTS && profile.days >= KNOWN_DAYS;
        let restless = profile.news.saturating_mul(RESTLESS_ONE_IN) > profile.events;
        let forgetful = profile.overflowed > now - FORGOTTEN;
        if done || !known || restless || forgetful {
            return None;
        }
        let words = aspect.words();
        let others = self.others(aspect, subject);
        let doing = self
            .popular
            .get(&(aspect, value.to_owned()))
            .map_or(0, |count| *count as usize)
            .min(others);
        let level = match doing {
            0 => words.level,
            _ if doing * COMMON_ONE_IN <= others => lower(words.level),
            _ => Level::Informational,
        };
        let days = usize::try_from((now - profile.first) / DAY).unwrap_or(0);
        let span = days.min(usize::try_from(FORGOTTEN / DAY).unwrap_or(45));
        let all = counted(others, words.subjects.0, words.subjects.1);
        let compared = match (doing, others) {
            (_, 0) => String::new(),
            (0, _) => format!(", which none of {all} did in {span} days"),
            _ => format!(", which {doing} of {all} did"),
        };
        let own = profile.values.len();
        let had = counted(own, words.thing.0, words.thing.1);
        Some(Finding {
            model: words.model,
            title: words.title,
            level,
            attack: words.attack,
            words: format!(
                "{name} {} {shown}{compared}; {name} had {had} in {}",
                words.did,
                counted(days, "day", "days")
            ),
            count: 1,
        })
    }

    fn learn(&mut self, aspect: Aspect, subject: EntityId, value: &str, now: i64) {
        let profile = self.profiles.see(&(aspect, subject), now, || Profile::new(now));
        let day = now.div_euclid(DAY);
        profile.days += u32::from(day != profile.day);
        profile.day = day;
        profile.events = profile.events.saturating_add(1);
        if value.is_empty() {
            return;
        }
        let new = !profile.values.contains_key(value);
        // The first week's news are how somebody gets known.
        profile.news += u32::from(new && now - profile.first >= KNOWN_SECONDS);
        let seen = profile.values.entry(value.to_owned()).or_insert((now, 0));
        *seen = (seen.0.max(now), seen.1.saturating_add(1));
        self.values += usize::from(new);
        let all = profile.values.len();
        let most = if self.values > ALL_VALUES_MAX {
            all.saturating_sub(1).max(1)
        } else {
            room(aspect)
        };
        if new && profile.make_room(most) {
            profile.overflowed = now;
            self.values -= 1;
        }
        let popular = self.popular.see(&(aspect, value.to_owned()), now, || 0);
        *popular = popular.saturating_add(u32::from(new));
    }

    fn others(&self, aspect: Aspect, subject: EntityId) -> usize {
        let all = self.profiles.range((aspect, EntityId(0)), (aspect, EntityId(u64::MAX)));
        all.filter(|((_, other), _, _)| *other != subject).count()
    }
}

impl Profile {
    fn new(first: i64) -> Self {
        Self {
            first,
            day: i64::MIN,
            days: 0,
            events: 0,
            news: 0,
            overflowed: 0,
            values: BTreeMap::new(),
        }
    }

    /// Forgets what was not done for longest if there are more values than may be. Gives whether there were.
    fn make_room(&mut self, most: usize) -> bool {
        let mut went = false;
        while self.values.len() > most {
            let oldest = self.values.iter().min_by_key(|(_, (last, _))| *last);
            let Some(oldest) = oldest.map(|(value, _)| value.clone()) else {
                break;
            };
            self.values.remove(&oldest);
            went = true;
        }
        went
    }
}

/// Values that are remembered of one subject: machines run many programs.
const fn room(aspect: Aspect) -> usize {
    match aspect {
        Aspect::Program => PROGRAMS_MAX,
        _ => VALUES_MAX,
    }
}
