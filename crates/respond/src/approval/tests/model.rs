//! Calls in any order, by anybody, against a model that knows only who said what: nothing gets through without enough others.

use std::collections::{BTreeMap, BTreeSet};

use super::people::{at, ledger, person, root, wish};
use crate::Ledger;
use crate::approval::{self, CODE_BYTES, Code, Operation, Pass, RequestId, Rule, Rules, Wish};
use crate::people::{self, Actor, Role};

/// Sequences that are tried, and calls of each.
const SEQUENCES: u64 = 24;
const CALLS: usize = 200;

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// What the model knows of a request.
struct Asked {
    wish: Wish,
    /// Who asked; nobody knows of the command line.
    asker: Option<String>,
    needed: usize,
    approved: BTreeSet<String>,
    uses: usize,
    given_back: usize,
}

struct Model {
    ledger: Ledger,
    random: Random,
    second: i64,
    roles: BTreeMap<String, Role>,
    requests: BTreeMap<RequestId, Asked>,
    quorum: BTreeMap<Operation, usize>,
    /// Requests that got through.
    through: usize,
}

/// The human behind each identity.
fn human(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Person(name) => Some(name.to_lowercase()),
        Actor::Token(_) => Some("ann".to_owned()),
        _ => None,
    }
}

fn actors() -> Vec<Actor> {
    vec![
        person("ann"),
        person("Ann"),
        person("bob"),
        person("cid"),
        person("vic"),
        person("nobody"),
        Actor::Token("anns".to_owned()),
        Actor::Token("made-up".to_owned()),
        root(),
        Actor::Local("bob".to_owned()),
    ]
}

fn weaker() -> Rules {
    let mut rules = Rules::default();
    rules.0.remove(&Operation::ReleaseFence);
    rules
}

fn wishes() -> Vec<Wish> {
    vec![
        wish(Operation::DeleteVolume, "disk", ""),
        wish(Operation::DeleteVolume, "disk2", ""),
        wish(Operation::ReleaseFence, "disk", "keep"),
        wish(Operation::ReleaseFence, "disk", "drop"),
        wish(Operation::ChangeApprovals, "off", ""),
        wish(Operation::ChangeApprovals, "rules", &weaker().detail()),
        wish(Operation::ChangeApprovals, "seal", ""),
    ]
}

impl Model {
    fn new(folder: &tempfile::TempDir, seed: u64) -> Self {
        let mut ledger = ledger(folder);
        let mut rules = Rules::default();
        rules.0.insert(
            Operation::DeleteVolume,
            Rule {
                quorum: 2,
                ..Rule::default()
            },
        );
        ledger.write(|w| approval::enable(w, at(0), &root(), &rules)).unwrap();
        let roles = [
            ("ann", Role::Admin),
            ("bob", Role::Admin),
            ("cid", Role::Admin),
            ("vic", Role::Viewer),
        ];
        Self {
            ledger,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            second: 1,
            roles: roles.into_iter().map(|(name, role)| (name.to_owned(), role)).collect(),
            requests: BTreeMap::new(),
            quorum: rules
                .0
                .iter()
                .map(|(operation, rule)| (*operation, rule.quorum as usize))
                .collect(),
            through: 0,
        }
    }

    fn step(&mut self) {
        self.second += [1, 1, 60, 60, 60, 300, 300, 5000][self.random.below(8)];
        match self.random.below(11) {
            0 | 1 => self.ask(),
            2..=5 => self.approve(),
            6 => self.take_back(),
            7 => self.change_role(),
            8 => self.change_rules(),
            _ => self.use_up(),
        }
    }

    fn ask(&mut self) {
        let (actor, wish) = (self.random.of(&actors()), self.random.of(&wishes()));
        let now = at(self.second);
        let Ok(id) = self.ledger.write(|w| approval::ask(w, now, &actor, &wish)) else {
            return;
        };
        let quorum = self.quorum.get(&wish.operation).copied().unwrap_or(1);
        let asker = human(&actor).filter(|_| actor != Actor::Token("made-up".to_owned()));
        let needed = quorum + usize::from(asker.is_none());
        let asked = Asked {
            wish,
            asker,
            needed,
            approved: BTreeSet::new(),
            uses: 0,
            given_back: 0,
        };
        self.requests.entry(id).or_insert(asked);
    }

    fn some_request(&mut self) -> RequestId {
        let newest = self.requests.keys().next_back().map_or(0, |id| id.0);
        RequestId(newest + 1 - self.random.below(6).min(newest as usize + 1) as i64)
    }

    fn approve(&mut self) {
        let (actor, id, now) = (self.random.of(&actors()), self.some_request(), at(self.second));
        let approved = self.ledger.write(|w| approval::approve(w, now, &actor, id, ""));
        if approved.is_ok() {
            let human = human(&actor).unwrap_or_else(|| panic!("{actor} isn't a person"));
            let asked = self.requests.get_mut(&id).unwrap();
            assert_eq!(self.roles[&human], Role::Admin, "{human} has no right to approve");
            assert_ne!(asked.asker.as_ref(), Some(&human), "one's own request");
            assert!(asked.approved.insert(human), "twice");
        }
    }

    fn take_back(&mut self) {
        let (actor, id, now) = (self.random.of(&actors()), self.some_request(), at(self.second));
        match self.random.below(3) {
            0 => drop(self.ledger.write(|w| approval::refuse(w, now, &actor, id, ""))),
            1 => drop(self.ledger.write(|w| approval::withdraw(w, now, &actor, id))),
            _ => {
                let pass = Pass { request: Some(id) };
                if self
                    .ledger
                    .write(|w| approval::give_back(w, now, &actor, pass, ""))
                    .is_ok()
                {
                    self.requests.get_mut(&id).unwrap().given_back += 1;
                }
            }
        }
    }

    fn change_role(&mut self) {
        let name = self.random.of(&["bob", "cid", "vic"]);
        let role = self.random.of(&[Role::Admin, Role::Admin, Role::Viewer]);
        let id = people::account_by_name(&self.ledger, name).unwrap().unwrap().id;
        let now = at(self.second);
        self.ledger
            .write(|w| people::set_role(w, now, &root(), id, role))
            .unwrap();
        self.roles.insert(name.to_owned(), role);
    }

    fn change_rules(&mut self) {
        let (actor, now) = (self.random.of(&actors()), at(self.second));
        let wish = match self.random.below(4) {
            0 => {
                let done = self.ledger.write(|w| approval::disable(w, now, &actor));
                if done.is_ok() {
                    self.went_through(&wish(Operation::ChangeApprovals, "off", ""), None);
                    // On again, so that the sequence goes on. Who is left may be too few; then nothing is covered any more.
                    let rules = Rules::default();
                    self.quorum.clear();
                    if self.ledger.write(|w| approval::enable(w, now, &root(), &rules)).is_ok() {
                        self.quorum = rules
                            .0
                            .iter()
                            .map(|(operation, rule)| (*operation, rule.quorum as usize))
                            .collect();
                    }
                }
                return;
            }
            1 => {
                let codes = self
                    .ledger
                    .write(|w| approval::seal(w, now, &actor, &[[5; CODE_BYTES]]));
                if codes.is_ok() && !self.quorum.is_empty() {
                    self.went_through(&wish(Operation::ChangeApprovals, "seal", ""), None);
                }
                return;
            }
            2 => {
                let guessed = Code::new([6; CODE_BYTES]);
                let wish = self.random.of(&wishes());
                let broken = self
                    .ledger
                    .write(|w| approval::break_glass(w, now, &actor, guessed.reveal(), &wish));
                assert!(broken.is_err());
                return;
            }
            _ => wish(Operation::ChangeApprovals, "rules", &weaker().detail()),
        };
        let is_weaker = self.quorum.contains_key(&Operation::ReleaseFence);
        if self
            .ledger
            .write(|w| approval::set_rules(w, now, &actor, &weaker()))
            .is_ok()
            && is_weaker
        {
            self.went_through(&wish, None);
            self.quorum.remove(&Operation::ReleaseFence);
            self.quorum.insert(Operation::DeleteVolume, 1);
        }
    }

    fn use_up(&mut self) {
        let (actor, id, now) = (self.random.of(&actors()), self.some_request(), at(self.second));
        let wish = self
            .requests
            .get(&id)
            .map_or_else(|| self.random.of(&wishes()), |asked| asked.wish.clone());
        let Ok(pass) = self.ledger.write(|w| approval::use_up(w, now, &actor, &wish)) else {
            return;
        };
        match pass.request {
            None => assert!(!self.quorum.contains_key(&wish.operation), "{wish:?} is covered"),
            Some(id) => self.went_through(&wish, Some(id)),
        }
    }

    /// Something got through: enough others must have said so, and still be those who may.
    fn went_through(&mut self, wish: &Wish, id: Option<RequestId>) {
        let known = id.or_else(|| {
            let used = self
                .ledger
                .requests(&approval::Filter::default(), crate::Page::newest(1000))
                .unwrap();
            let newly = used.iter().find(|request| {
                let asked = self.requests.get(&request.id);
                let is_fresh = asked.is_some_and(|asked| asked.wish == *wish && asked.uses == asked.given_back);
                is_fresh && request.state == approval::RequestState::Used
            });
            newly.map(|request| request.id)
        });
        let id = known.unwrap_or_else(|| panic!("{wish:?} got through without any request"));
        let quorum = self.quorum.get(&wish.operation).copied().unwrap_or(1);
        let asked = self.requests.get_mut(&id).unwrap();
        assert_eq!((&asked.wish.subject, &asked.wish.detail), (&wish.subject, &wish.detail));
        assert_eq!(asked.uses, asked.given_back, "used twice");
        asked.uses += 1;
        let roles = &self.roles;
        let count = asked
            .approved
            .iter()
            .filter(|name| roles.get(*name) == Some(&Role::Admin))
            .count();
        assert!(
            count >= asked.needed.min(quorum + usize::from(asked.asker.is_none())),
            "{wish:?}: {:?}",
            asked.approved
        );
        assert!(asked.asker.as_ref().is_none_or(|asker| !asked.approved.contains(asker)));
        self.through += 1;
    }
}

#[test]
fn no_sequence_of_calls_gets_anything_through_without_enough_others() {
    let mut through = 0;
    for seed in 1..=SEQUENCES {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::new(&folder, seed);
        for _ in 0..CALLS {
            model.step();
        }
        through += model.through;
    }
    // A model in which nothing ever gets through would prove nothing.
    assert!(through > 50, "{through}");
}
