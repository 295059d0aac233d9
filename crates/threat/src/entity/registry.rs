//! The directory: learns from events, lists and marks who is who, and answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::joins::Joins;
use super::known::{Entity, EntityId, Why};
use super::leases::Leases;
use super::list::{self, ListError, Listed, Loaded};
use super::shown::Sign;
use super::{Tier, generic, identity, tier};
use crate::event::{Event, Facts, Handle, HandleKind, Origin, Outcome};
use crate::steady::{Believed, Steady};

/// People and machines that are remembered.
const ENTITIES_MAX: usize = 200_000;
/// After how many seconds without being seen a person or machine is forgotten.
const FORGOTTEN_SECONDS: i64 = 90 * 86_400;
/// Names of one list of an event that are looked at.
const LISTED_MAX: usize = 12;
/// Addresses of a machine that are told.
const ADDRESSES_MAX: usize = 16;
/// Accounts that must show that a short and a long domain are one.
const DOMAIN_PROOFS: usize = 3;
const DOMAINS_MAX: usize = 256;
/// Accounts or machines with one bare name that are remembered.
const NAMESAKES_MAX: usize = 8;
/// Bare names for each person or machine that may be remembered, and how many must come until those are looked for that nobody has any more.
const NAMESAKES_EACH: usize = 2;
const NAMESAKES_LOT: usize = 4_096;
/// How often forgetting is looked after, in seconds of the events' time.
const EXPIRY_SECONDS: i64 = 86_400;

/// Who takes part in an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parties {
    /// Who did it.
    pub actor: Option<EntityId>,
    /// Whom it was done to.
    pub target: Option<EntityId>,
    /// Where it happened.
    pub machine: Option<EntityId>,
    /// The machine that the actor came from, or the address if no machine is known for it.
    pub from: Option<EntityId>,
}

/// Who is who.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub struct Directory {
    joins: Joins,
    leases: Leases,
    /// Short domain -> long domain -> accounts that showed it.
    domains: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// Bare name -> full names with it.
    #[serde(skip_serializing)]
    namesakes: BTreeMap<String, BTreeSet<Handle>>,
    /// How many bare names there are when those of nobody are looked for next.
    #[serde(skip_serializing)]
    namesakes_max: usize,
    clock: Steady,
    expired: i64,
}

/// As it is saved.
#[derive(Deserialize)]
struct Saved {
    joins: Joins,
    leases: Leases,
    domains: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    clock: Steady,
    expired: i64,
}

impl From<Saved> for Directory {
    fn from(saved: Saved) -> Self {
        let mut directory = Self {
            joins: saved.joins,
            leases: saved.leases,
            domains: saved.domains,
            namesakes: BTreeMap::new(),
            namesakes_max: NAMESAKES_EACH * ENTITIES_MAX,
            clock: saved.clock,
            expired: saved.expired,
        };
        let names: Vec<Handle> = directory.joins.iter().flat_map(|entity| entity.names.clone()).collect();
        for name in &names {
            directory.remember_namesake(name);
        }
        directory
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl Directory {
    /// Knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::with_room_for(ENTITIES_MAX)
    }

    /// Knows nobody, and at most so many people and machines later.
    #[must_use]
    pub fn with_room_for(entities: usize) -> Self {
        Self {
            joins: Joins::new(entities),
            leases: Leases::new(),
            domains: BTreeMap::new(),
            namesakes: BTreeMap::new(),
            namesakes_max: NAMESAKES_EACH * entities,
            clock: Steady::default(),
            expired: 0,
        }
    }

    /// Learns from an event who is who and what is at stake, and tells who took part.
    pub fn learn(&mut self, event: &Event) -> Parties {
        let parties = self.learn_facts(&event.facts, event.time.as_second(), &event.origin);
        if let Some(machine) = parties.machine {
            let claimed = tier::sign(event).and_then(|sign| self.take_sign(machine, sign));
            for tier in tier::proven_by(event).into_iter().chain(claimed) {
                self.add_tier(machine, tier);
            }
        }
        parties
    }

    /// The second at which what is learnt next came in. Whoever makes up a record can name any time in it, but not come at any time; where this
    /// is never said, as of logs of the past, the time that records name has to do.
    pub const fn came_in(&mut self, now: i64) {
        self.joins.came_in(now);
    }

    /// Learns from the facts of a finding or event who is who, and tells who took part. What was refused proves nothing: whoever is refused
    /// may have made the names up.
    pub fn learn_facts(&mut self, facts: &Facts, now: i64, origin: &Origin) -> Parties {
        let now = self.clock.see(now).now;
        if now >= self.expired.saturating_add(EXPIRY_SECONDS) {
            self.expired = now;
            self.joins.expire(now - FORGOTTEN_SECONDS, now);
            self.leases.expire(now - FORGOTTEN_SECONDS);
        }
        let trusted = facts.outcome != Outcome::Failure;
        let from = facts.address.and_then(|address| self.learn_address(address, now));
        Parties {
            actor: self.learn_names(&facts.actor, now, origin, trusted),
            target: self.learn_names(&facts.target, now, origin, trusted),
            machine: self.learn_names(&facts.machine, now, origin, true),
            from,
        }
    }

    /// Who took part, without learning anything.
    #[must_use]
    pub fn parties(&self, facts: &Facts, at: i64) -> Parties {
        Parties {
            actor: self.resolve(&facts.actor, at),
            target: self.resolve(&facts.target, at),
            machine: self.resolve(&facts.machine, at),
            from: facts.address.and_then(|address| {
                self.holder(address, at).or_else(|| {
                    self.joins
                        .find(&Handle::new(HandleKind::Address, &address.to_string())?)
                })
            }),
        }
    }

    /// Of whom these names of one account or machine are: the surest of them decides.
    #[must_use]
    pub fn resolve(&self, names: &[Handle], at: i64) -> Option<EntityId> {
        surest_first(names)
            .into_iter()
            .find_map(|name| self.resolve_one(name, at))
    }

    /// What is known of an entity.
    #[must_use]
    pub fn get(&self, id: EntityId) -> Option<&Entity> {
        self.joins.get(id)
    }

    /// The name that people know an entity by; `?` if it's forgotten.
    #[must_use]
    pub fn name(&self, id: EntityId) -> &str {
        self.get(id).map_or("?", Entity::name)
    }

    /// Addresses that machines have now: at most 16 of each.
    pub fn addresses(&self, is_asked: impl Fn(EntityId) -> bool) -> BTreeMap<EntityId, Vec<IpAddr>> {
        self.leases.of(is_asked, ADDRESSES_MAX)
    }

    /// Everybody, in the order in which they were met.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.joins.iter()
    }

    /// Names that turned up with two identities and that hence join nothing.
    pub fn shared(&self) -> impl Iterator<Item = &Handle> {
        self.joins.shared()
    }

    /// Takes in a list of the organisation as CSV: the first line names the columns.
    ///
    /// # Errors
    ///
    /// [`ListError`] for a column or tier that isn't known, and for lists without end. Nothing of the list is taken in then.
    pub fn load_csv(&mut self, text: &str, now: i64) -> Result<Loaded, ListError> {
        let listed = list::read(text)?;
        Ok(self.load(&listed, now))
    }

    /// Takes in people and machines of a list in any notation.
    pub fn load(&mut self, listed: &[Listed], now: i64) -> Loaded {
        let mut loaded = Loaded::default();
        for entity in listed {
            let Some(first) = entity.names.iter().max_by_key(|name| identity::strength(name)) else {
                continue;
            };
            let id = self.see(first, now);
            let mut whole = true;
            let mail = entity.names.iter().find(|name| name.kind == HandleKind::Mail);
            for name in entity.names.iter().filter(|name| *name != first) {
                // A further mail address belongs to the first.
                let to = mail.filter(|mail| name.kind == HandleKind::Mail && *mail != name);
                whole &= self.list_name(id, to.unwrap_or(first), name, entity.line, now);
            }
            if let Some(id) = self.joins.find(first) {
                for tier in &entity.tiers {
                    self.add_tier(id, *tier);
                }
                if let Some(known) = self.joins.get_mut(id).filter(|_| !entity.note.is_empty()) {
                    known.note.clone_from(&entity.note);
                }
            }
            loaded.entities += 1;
            if !whole && loaded.refused.len() < 100 {
                loaded.refused.push(entity.line);
            }
        }
        loaded
    }

    /// Joins two names because somebody says so. Gives whether they are of one entity now: not if they contradict each other.
    pub fn mark(&mut self, a: &Handle, b: &Handle, by: &str, now: i64) -> bool {
        self.remember_namesake(a);
        self.remember_namesake(b);
        self.joins.join(a, b, Why::Mark { by: by.to_owned() }, now).is_some()
    }

    /// Takes a join back because somebody says so; records don't make it again. Gives whether there was one.
    pub fn revoke(&mut self, a: &Handle, b: &Handle, by: &str, now: i64) -> bool {
        self.joins.revoke(a, b, by, now)
    }

    /// Joins that somebody took back, and who.
    pub fn revoked(&self) -> impl Iterator<Item = (&Handle, &Handle, &str)> {
        self.joins.revoked()
    }

    /// Says what is at stake on an entity.
    pub fn add_tier(&mut self, id: EntityId, tier: Tier) {
        if let Some(entity) = self.joins.get_mut(id).filter(|entity| !entity.tiers.contains(&tier)) {
            entity.tiers.push(tier);
            entity.tiers.sort_unstable();
        }
    }

    /// Entities that turned out to be one, from the merge with this number on, as (the number that is gone, the number that stays); and the
    /// number of the next merge. For those who keep something for each entity.
    #[must_use]
    pub fn merges_from(&self, number: u64) -> (Vec<(EntityId, EntityId)>, u64) {
        self.joins.merges_from(number)
    }

    /// The time of the last event or finding that was learnt from, as far as it's believed.
    pub(crate) const fn clock(&self) -> Believed {
        self.clock.last()
    }

    /// Which machine has an address, or had it.
    fn holder(&self, address: IpAddr, at: i64) -> Option<EntityId> {
        let id = self.joins.current(self.leases.holder(address, at)?);
        self.joins.get(id).map(|machine| machine.id)
    }

    fn take_sign(&mut self, machine: EntityId, sign: Sign<'_>) -> Option<Tier> {
        let now = self.joins.coming(self.clock.last().now);
        let entity = self.joins.get_mut(machine)?;
        entity.shown.get_or_insert_default().take(sign, now)
    }

    fn learn_names(&mut self, names: &[Handle], now: i64, origin: &Origin, trusted: bool) -> Option<EntityId> {
        let known = surest_first(names);
        let first = *known.first()?;
        if !trusted {
            return self
                .resolve(names, now)
                .or_else(|| Some(self.joins.see_stranger(first, now)));
        }
        let unique = known.len() == 1 && self.find_bare(first).is_some();
        let id = if unique {
            self.find_bare(first)?
        } else {
            self.see(first, now)
        };
        for name in known.iter().skip(1) {
            self.learn_pair(id, first, name, now, origin);
        }
        self.joins.find(first).or(Some(id))
    }

    fn learn_pair(&mut self, id: EntityId, first: &Handle, name: &Handle, now: i64, origin: &Origin) {
        if name.kind == HandleKind::Address {
            if let Ok(address) = name.name.parse() {
                self.leases.see(address, id, now);
            }
        } else if identity::joins(name) && identity::joins(first) {
            self.see(name, now);
            let origin = origin.clone();
            if self.joins.join(first, name, Why::Record { origin }, now).is_some() {
                self.learn_domain(first, name);
            }
        }
    }

    fn list_name(&mut self, id: EntityId, first: &Handle, name: &Handle, line: usize, now: i64) -> bool {
        if name.kind == HandleKind::Address {
            return name
                .name
                .parse()
                .map(|address| self.leases.listed(address, id, now))
                .is_ok();
        }
        self.remember_namesake(name);
        let joined = self.joins.join(first, name, Why::List { line }, now).is_some();
        // Two people may be called the same.
        joined || name.kind == HandleKind::DisplayName
    }

    fn learn_address(&mut self, address: IpAddr, now: i64) -> Option<EntityId> {
        if generic::is_nowhere(&address) {
            return None;
        }
        self.holder(address, now).or_else(|| {
            let handle = Handle::new(HandleKind::Address, &address.to_string())?;
            Some(self.joins.see_stranger(&handle, now))
        })
    }

    fn see(&mut self, name: &Handle, now: i64) -> EntityId {
        let new = self.joins.find(name).is_none();
        let id = self.joins.see(name, now);
        if new {
            self.remember_namesake(name);
            self.join_same_name(name, now);
        }
        self.join_by_domain(name, now).unwrap_or(id)
    }

    fn resolve_one(&self, name: &Handle, at: i64) -> Option<EntityId> {
        match name.kind {
            HandleKind::Address => {
                let held = name.name.parse().ok().and_then(|address| self.holder(address, at));
                held.or_else(|| self.joins.find(name))
            }
            HandleKind::User => self.find_bare(name).or_else(|| self.joins.find(name)),
            _ => self.joins.find(name),
        }
    }

    /// The one person with a full name that has this bare one in it.
    fn find_bare(&self, name: &Handle) -> Option<EntityId> {
        if name.kind != HandleKind::User {
            return None;
        }
        let people: BTreeSet<EntityId> = self
            .namesakes
            .get(&person(&name.name))?
            .iter()
            .filter_map(|name| self.joins.find(name))
            .collect();
        match people.len() {
            1 => people.first().copied(),
            _ => None,
        }
    }

    fn remember_namesake(&mut self, name: &Handle) {
        let Some(key) = namesake(name) else { return };
        let names = self.namesakes.entry(key).or_default();
        if names.len() < NAMESAKES_MAX {
            names.insert(name.clone());
        }
        if self.namesakes.len() > self.namesakes_max {
            let joins = &self.joins;
            self.namesakes
                .retain(|_, names| names.iter().any(|name| joins.find(name).is_some()));
            // Somebody may have them all: then they aren't looked through again for each that comes.
            self.namesakes_max = self.namesakes_max.max(self.namesakes.len() + NAMESAKES_LOT);
        }
    }

    /// A machine's short name, its full name, its account and its virtual machine are one as long as no other full name has it.
    fn join_same_name(&mut self, name: &Handle, now: i64) {
        let Some(key) = namesake(name).filter(|key| key.starts_with("machine ")) else {
            return;
        };
        let names: Vec<Handle> = self.namesakes.get(&key).into_iter().flatten().cloned().collect();
        let full = names
            .iter()
            .filter(|name| name.kind == HandleKind::Host && name.name.contains('.'))
            .count();
        let accounts = names.iter().filter(|name| name.kind == HandleKind::Sam).count();
        if full > 1 || accounts > 1 || names.len() >= NAMESAKES_MAX {
            for ambiguous in names
                .iter()
                .filter(|name| identity::strength(name) < 3 && !name.name.contains('.'))
                // Of what a list has, a name that somebody made up takes nothing away.
                .filter(|name| self.joins.standing(name).is_some())
                .collect::<Vec<_>>()
            {
                self.joins.leave(ambiguous, now);
            }
            return;
        }
        for other in names.iter().filter(|other| *other != name) {
            self.joins.join(name, other, Why::SameName, now);
        }
    }

    fn learn_domain(&mut self, a: &Handle, b: &Handle) {
        let (sam, mail) = match (a.kind, b.kind) {
            (HandleKind::Sam, HandleKind::Mail) => (a, b),
            (HandleKind::Mail, HandleKind::Sam) => (b, a),
            _ => return,
        };
        let (Some((short, account)), Some((same, long))) = (sam.name.split_once('\\'), mail.name.split_once('@'))
        else {
            return;
        };
        if account != same || (self.domains.len() >= DOMAINS_MAX && !self.domains.contains_key(short)) {
            return;
        }
        let longs = self.domains.entry(short.to_owned()).or_default();
        if longs.len() < 8 || longs.contains_key(long) {
            let accounts = longs.entry(long.to_owned()).or_default();
            if accounts.len() < 16 {
                accounts.insert(account.to_owned());
            }
        }
    }

    /// Joins an account's short and long name if enough others have shown that the two domains are one.
    fn join_by_domain(&mut self, name: &Handle, now: i64) -> Option<EntityId> {
        let wanted = match name.kind {
            HandleKind::Sam => HandleKind::Mail,
            HandleKind::Mail => HandleKind::Sam,
            _ => return None,
        };
        let own = self.joins.get(self.joins.find(name)?)?;
        if own.names.iter().any(|name| name.kind == wanted) {
            return Some(own.id);
        }
        let (other, accounts) = match name.kind {
            HandleKind::Sam => {
                let (short, account) = name.name.split_once('\\')?;
                let (long, accounts) = self.long_domain(short)?;
                (Handle::new(HandleKind::Mail, &format!("{account}@{long}"))?, accounts)
            }
            HandleKind::Mail => {
                let (account, long) = name.name.split_once('@')?;
                let mut shorts = self.domains.keys().filter_map(|short| {
                    let (found, accounts) = self.long_domain(short)?;
                    (found == long).then_some((short, accounts))
                });
                let (short, accounts) = shorts.next()?;
                if shorts.next().is_some() {
                    return None;
                }
                (Handle::new(HandleKind::Sam, &format!("{short}\\{account}"))?, accounts)
            }
            _ => return None,
        };
        self.joins.find(&other)?;
        self.joins.join(name, &other, Why::Domain { accounts }, now)
    }

    /// The long domain of a short one, if enough accounts show it and hardly any shows another.
    fn long_domain(&self, short: &str) -> Option<(&str, usize)> {
        let longs = self.domains.get(short)?;
        let (long, accounts) = longs.iter().max_by_key(|(_, accounts)| accounts.len())?;
        let others: usize = longs
            .iter()
            .filter(|(other, _)| *other != long)
            .map(|(_, accounts)| accounts.len())
            .sum();
        (accounts.len() >= DOMAIN_PROOFS && others * 4 <= accounts.len()).then_some((long.as_str(), accounts.len()))
    }
}

/// The names of one account or machine that tell it from others.
fn surest_first(names: &[Handle]) -> Vec<&Handle> {
    let mut known: Vec<&Handle> = names
        .iter()
        .take(LISTED_MAX)
        .filter(|name| !generic::is_generic(name))
        .collect();
    known.sort_by_key(|name| std::cmp::Reverse(identity::strength(name)));
    known
}

fn person(account: &str) -> String {
    format!("person {account}")
}

/// What full names of one bare name have in common.
fn namesake(name: &Handle) -> Option<String> {
    let local = identity::local(name)?;
    Some(match name.kind {
        HandleKind::Sam => match local.strip_suffix('$') {
            Some(machine) => format!("machine {machine}"),
            None => person(local),
        },
        HandleKind::Mail => person(local),
        _ => format!("machine {local}"),
    })
}
