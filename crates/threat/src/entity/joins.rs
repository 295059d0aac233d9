//! Which names are of one entity: a forest of joins, each with its evidence.
//!
//! Invariants: a name is of one entity at most; an entity has at most one identity in each place ([`identity::place`]), so that no name in
//! between can join two people; an entity's names hang together by its joins, and fall apart when the join between them is revoked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::doubt::{self, Doubt};
use super::identity;
use super::known::{Entity, EntityId, Join, NAMES_MAX, Why};
use crate::event::{Handle, HandleKind};
use crate::recent::Recent;

/// Merges that are remembered for those who keep something for each entity.
const MERGES_MAX: usize = 10_000;
/// Pairs that were revoked, and shared names.
const REFUSED_MAX: usize = 10_000;
/// How often records must list two names before two entities that are well known by themselves are made one.
const CONFIRMATIONS: u32 = 2;

/// For how long a name that turned up with two identities joins nothing, in seconds: if it's still used by two, that shows at once again.
const SHARED_SECONDS: i64 = 14 * 86_400;

/// All entities, by number and by name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Saved")]
pub(super) struct Joins {
    next: u64,
    entities: Recent<EntityId, Entity>,
    /// Addresses without a machine, and names that were only ever refused: anybody can make up any number of them, and they mustn't push out
    /// those who are known.
    strangers: Recent<EntityId, Entity>,
    #[serde(skip_serializing)]
    index: BTreeMap<Handle, EntityId>,
    /// Names that turned up with two identities.
    shared: Recent<Handle, ()>,
    /// Names with links that records contradict, but not often enough yet.
    doubts: Recent<Handle, Doubt>,
    /// When records come in, if anybody says so.
    #[serde(skip_serializing)]
    came_in: Option<i64>,
    revoked: Recent<(Handle, Handle), String>,
    #[serde(skip_serializing)]
    waiting: Recent<(Handle, Handle), u32>,
    #[serde(skip_serializing)]
    merges: VecDeque<(EntityId, EntityId)>,
    /// How many there ever were.
    merged: u64,
    /// Numbers that are gone, and which took their place.
    moved: Recent<EntityId, EntityId>,
}

/// As it is saved.
#[derive(Deserialize)]
struct Saved {
    next: u64,
    entities: Recent<EntityId, Entity>,
    strangers: Recent<EntityId, Entity>,
    shared: Recent<Handle, ()>,
    #[serde(default)]
    doubts: Option<Recent<Handle, Doubt>>,
    revoked: Recent<(Handle, Handle), String>,
    merged: u64,
    moved: Recent<EntityId, EntityId>,
}

impl From<Saved> for Joins {
    fn from(saved: Saved) -> Self {
        let mut index = BTreeMap::new();
        for (id, _, entity) in saved.entities.iter().chain(saved.strangers.iter()) {
            index.extend(entity.names.iter().map(|name| (name.clone(), *id)));
        }
        Self {
            next: saved.next,
            entities: saved.entities,
            strangers: saved.strangers,
            index,
            shared: saved.shared,
            doubts: saved.doubts.unwrap_or_else(|| Recent::new(REFUSED_MAX)),
            came_in: None,
            revoked: saved.revoked,
            waiting: Recent::new(REFUSED_MAX),
            merges: VecDeque::new(),
            merged: saved.merged,
            moved: saved.moved,
        }
    }
}

impl Joins {
    pub(super) fn new(max: usize) -> Self {
        Self {
            next: 1,
            entities: Recent::new(max),
            strangers: Recent::new((max / 4).max(1)),
            index: BTreeMap::new(),
            shared: Recent::new(REFUSED_MAX),
            doubts: Recent::new(REFUSED_MAX),
            came_in: None,
            revoked: Recent::new(REFUSED_MAX),
            waiting: Recent::new(REFUSED_MAX),
            merges: VecDeque::new(),
            merged: 0,
            moved: Recent::new(MERGES_MAX),
        }
    }

    /// The second at which what is learnt next came in, which nobody can make up.
    pub(super) const fn came_in(&mut self, now: i64) {
        self.came_in = Some(now);
    }

    /// [`Joins::came_in`], or the time that the record names if nobody said it.
    pub(super) fn coming(&self, named: i64) -> i64 {
        self.came_in.unwrap_or(named)
    }

    /// The number that an entity has now, which it may have got from another that it was joined with.
    pub(super) fn current(&self, id: EntityId) -> EntityId {
        // Each step leads to an older number; more than a few are as good as never.
        (0..8).fold(id, |id, _| self.moved.get(&id).copied().unwrap_or(id))
    }

    pub(super) fn find(&self, handle: &Handle) -> Option<EntityId> {
        self.index.get(handle).copied()
    }

    pub(super) fn get(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(&id).or_else(|| self.strangers.get(&id))
    }

    pub(super) fn get_mut(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.entities.peek_mut(&id).or_else(|| self.strangers.peek_mut(&id))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.entities
            .iter()
            .chain(self.strangers.iter())
            .map(|(_, _, entity)| entity)
    }

    pub(super) fn is_shared(&self, handle: &Handle) -> bool {
        self.shared.get(handle).is_some()
    }

    pub(super) fn shared(&self) -> impl Iterator<Item = &Handle> {
        self.shared.iter().map(|(handle, _, ())| handle)
    }

    /// Merges from the one with this number on, and the number of the next.
    pub(super) fn merges_from(&self, number: u64) -> (Vec<(EntityId, EntityId)>, u64) {
        let kept_from = self.merged - self.merges.len() as u64;
        let skipped = usize::try_from(number.saturating_sub(kept_from)).unwrap_or(usize::MAX);
        (self.merges.iter().skip(skipped).copied().collect(), self.merged)
    }

    /// The entity of a name, made if the name is new.
    pub(super) fn see(&mut self, handle: &Handle, now: i64) -> EntityId {
        let id = self.find(handle).unwrap_or_else(|| self.number());
        let made = self
            .strangers
            .remove(&id)
            .unwrap_or_else(|| one(id, handle.clone(), now));
        let some_go = self.entities.makes_room_for(&id);
        let entity = self.entities.see(&id, now, || made);
        entity.last = entity.last.max(now);
        self.name(handle, id, some_go);
        id
    }

    /// The entity of a name that may be made up, or of an address.
    pub(super) fn see_stranger(&mut self, handle: &Handle, now: i64) -> EntityId {
        let id = self.find(handle).unwrap_or_else(|| self.number());
        if self.entities.get(&id).is_some() {
            return self.see(handle, now);
        }
        let some_go = self.strangers.makes_room_for(&id);
        let entity = self.strangers.see(&id, now, || one(id, handle.clone(), now));
        entity.last = entity.last.max(now);
        self.name(handle, id, some_go);
        id
    }

    const fn number(&mut self) -> EntityId {
        let id = EntityId(self.next);
        self.next += 1;
        id
    }

    fn name(&mut self, handle: &Handle, id: EntityId, some_went: bool) {
        if some_went {
            self.forget_names_of_the_gone();
        }
        if !self.index.contains_key(handle) {
            self.index.insert(handle.clone(), id);
        }
    }

    /// Joins two names. Gives the entity that has both, or none if they stay apart.
    pub(super) fn join(&mut self, a: &Handle, b: &Handle, why: Why, now: i64) -> Option<EntityId> {
        let sure = matches!(why, Why::List { .. } | Why::Mark { .. });
        let pair = ordered(a, b);
        if sure {
            self.revoked.remove(&pair);
            for name in [a, b] {
                self.shared.remove(name);
                self.doubts.remove(name);
            }
        } else if self.is_shared(a) || self.is_shared(b) || self.revoked.get(&pair).is_some() {
            return None;
        }
        let (left, right) = (self.see(a, now), self.see(b, now));
        if left == right {
            self.confirm(left, &pair, why, now);
            return Some(left);
        }
        let (one, other) = (self.get(left)?, self.get(right)?);
        if one.names.len() + other.names.len() > NAMES_MAX {
            return None;
        }
        // A list may give somebody a mail address beside the user principal name, as long as nobody is known by it.
        let mails = a.kind == HandleKind::Mail && b.kind == HandleKind::Mail;
        let is_alias = mails && matches!(why, Why::List { .. }) && other.names == [b.clone()] && one.kind == other.kind;
        if !is_alias && contradict(one, other) {
            if !sure {
                self.share(a, b, now);
            }
            return None;
        }
        let both_known = one.names.len() > 1 && other.names.len() > 1;
        if both_known && matches!(why, Why::Record { .. }) && !self.is_confirmed(&pair, now) {
            return None;
        }
        self.merge(left.min(right), left.max(right));
        self.confirm(left.min(right), &pair, why, now);
        Some(left.min(right))
    }

    /// Takes a join back: it's not made again by records. Gives whether there was one.
    pub(super) fn revoke(&mut self, a: &Handle, b: &Handle, by: &str, now: i64) -> bool {
        let pair = ordered(a, b);
        self.revoked.see(&pair, now, || by.to_owned());
        let Some(id) = self.find(a).filter(|id| self.find(b) == Some(*id)) else {
            return false;
        };
        let Some(entity) = self.entities.peek_mut(&id) else {
            return false;
        };
        let before = entity.joins.len();
        entity.joins.retain(|join| ordered(&join.a, &join.b) != pair);
        let there_was = entity.joins.len() < before;
        self.fall_apart(id, now);
        there_was
    }

    /// Pairs that somebody took apart, and who.
    pub(super) fn revoked(&self) -> impl Iterator<Item = (&Handle, &Handle, &str)> {
        self.revoked.iter().map(|((a, b), _, by)| (a, b, by.as_str()))
    }

    /// Forgets what was last seen before a second, and sooner what records contradicted.
    pub(super) fn expire(&mut self, before: i64, now: i64) {
        self.entities.expire(before);
        self.strangers.expire(before);
        self.shared.expire(now - SHARED_SECONDS);
        self.doubts.expire(now - doubt::SECONDS);
        self.waiting.expire(before);
        self.forget_names_of_the_gone();
    }

    /// A name that is of two is of nobody, once that was shown as well as that it is somebody's.
    fn share(&mut self, a: &Handle, b: &Handle, now: i64) {
        let (one, other) = (identity::strength(a), identity::strength(b));
        if one == other {
            return;
        }
        let weaker = if one < other { a } else { b };
        let Some(standing) = self.standing(weaker) else {
            return;
        };
        let coming = self.coming(now);
        let doubt = self.doubts.see(weaker, now, || Doubt::since(coming));
        if doubt.outweighs(standing, coming) {
            self.doubts.remove(weaker);
            self.leave(weaker, now);
        }
    }

    /// How often the links of a name were shown; none if a list or somebody says them, which no record takes back.
    pub(super) fn standing(&self, name: &Handle) -> Option<u64> {
        let joins = self
            .find(name)
            .and_then(|id| self.get(id))
            .map_or(&[][..], |entity| &entity.joins);
        let own = joins.iter().filter(|join| join.a == *name || join.b == *name);
        own.map(doubt::standing).try_fold(0, |most, one| Some(most.max(one?)))
    }

    /// Takes a name out of its entity, for good.
    pub(super) fn leave(&mut self, handle: &Handle, now: i64) {
        self.shared.see(handle, now, || ());
        let Some(id) = self.find(handle) else { return };
        if let Some(entity) = self.entities.peek_mut(&id) {
            entity.joins.retain(|join| join.a != *handle && join.b != *handle);
            // Last, so that it's the one that goes and the others keep their number.
            entity.names.sort_by_key(|name| name == handle);
        }
        self.fall_apart(id, now);
    }

    fn is_confirmed(&mut self, pair: &(Handle, Handle), now: i64) -> bool {
        let count = self.waiting.see(pair, now, || 0);
        *count += 1;
        *count >= CONFIRMATIONS
    }

    fn confirm(&mut self, id: EntityId, pair: &(Handle, Handle), why: Why, now: i64) {
        let Some(entity) = self.entities.peek_mut(&id) else {
            return;
        };
        let found = entity
            .joins
            .iter_mut()
            .find(|join| join.a == pair.0 && join.b == pair.1);
        if let Some(join) = found {
            join.last = join.last.max(now);
            join.count += 1;
        } else if entity.joins.len() < 2 * NAMES_MAX {
            entity.joins.push(Join {
                a: pair.0.clone(),
                b: pair.1.clone(),
                why,
                first: now,
                last: now,
                count: 1,
            });
        }
    }

    fn merge(&mut self, kept: EntityId, lost: EntityId) {
        let Some(other) = self.entities.remove(&lost) else {
            return;
        };
        let Some(entity) = self.entities.peek_mut(&kept) else {
            return;
        };
        for name in &other.names {
            self.index.insert(name.clone(), kept);
        }
        entity.names.extend(other.names);
        entity
            .names
            .sort_by_key(|name| (identity::order(name), name.name.clone()));
        if let Some(name) = entity.names.first() {
            entity.kind = identity::kind(name);
        }
        entity.joins.extend(other.joins);
        entity.tiers.extend(other.tiers);
        entity.tiers.sort_unstable();
        entity.tiers.dedup();
        if entity.note.is_empty() {
            entity.note = other.note;
        }
        if let Some(shown) = other.shown {
            entity.shown.get_or_insert_default().add(*shown);
        }
        entity.first = entity.first.min(other.first);
        entity.last = entity.last.max(other.last);
        self.moved.see(&lost, other.last, || kept);
        self.merged += 1;
        self.merges.push_back((lost, kept));
        if self.merges.len() > MERGES_MAX {
            self.merges.pop_front();
        }
    }

    /// Names that no join connects any more become entities of their own. The part with the first name keeps the number, since what was
    /// learnt of the whole can't be told apart.
    fn fall_apart(&mut self, mut id: EntityId, now: i64) {
        loop {
            let Some(entity) = self.entities.peek_mut(&id) else {
                return;
            };
            let together = connected(entity);
            if together.len() >= entity.names.len() {
                return;
            }
            let (stay, go): (Vec<Handle>, Vec<Handle>) =
                entity.names.drain(..).partition(|name| together.contains(name));
            entity.names = stay;
            let (staying, going) = entity.joins.drain(..).partition(|join| together.contains(&join.a));
            entity.joins = staying;
            let Some(first) = go.first().cloned() else { return };
            let new = EntityId(self.next);
            self.next += 1;
            for name in &go {
                self.index.insert(name.clone(), new);
            }
            let part = Entity {
                kind: identity::kind(&first),
                names: go,
                joins: going,
                ..one(new, first, now)
            };
            self.entities.see(&new, now, || part);
            // That part may itself be in pieces, of which there are at most [`NAMES_MAX`].
            id = new;
        }
    }

    fn forget_names_of_the_gone(&mut self) {
        let (entities, strangers) = (&self.entities, &self.strangers);
        self.index
            .retain(|_, id| entities.get(id).is_some() || strangers.get(id).is_some());
    }
}

fn one(id: EntityId, name: Handle, now: i64) -> Entity {
    Entity {
        id,
        kind: identity::kind(&name),
        names: vec![name],
        joins: Vec::new(),
        tiers: Vec::new(),
        note: String::new(),
        shown: None,
        first: now,
        last: now,
    }
}

fn ordered(a: &Handle, b: &Handle) -> (Handle, Handle) {
    if a <= b {
        (a.clone(), b.clone())
    } else {
        (b.clone(), a.clone())
    }
}

/// Whether two entities have different identities in one place, or are of different kinds.
fn contradict(one: &Entity, other: &Entity) -> bool {
    if one.kind != other.kind {
        return true;
    }
    let mut places: BTreeMap<String, Vec<&Handle>> = BTreeMap::new();
    for name in &one.names {
        if let Some(place) = identity::place(name) {
            places.entry(place).or_default().push(name);
        }
    }
    other.names.iter().any(|name| {
        let own = identity::place(name).and_then(|place| places.get(&place));
        own.is_some_and(|own| !own.contains(&name))
    })
}

/// The names that hang together with the first.
fn connected(entity: &Entity) -> BTreeSet<Handle> {
    let mut reached: BTreeSet<Handle> = entity.names.first().cloned().into_iter().collect();
    loop {
        let before = reached.len();
        for join in &entity.joins {
            if reached.contains(&join.a) || reached.contains(&join.b) {
                reached.insert(join.a.clone());
                reached.insert(join.b.clone());
            }
        }
        if reached.len() == before {
            return reached;
        }
    }
}
