//! A ledger with people, and clocks turned by hand.

use crate::approval::{Operation, Wish};
use crate::people::{self, Actor, NewAccount, NewToken, Role, Scope};
use crate::time::Time;
use crate::{Ledger, Writing};

const START: i64 = 1_795_428_900_000;

pub(super) fn at(second: i64) -> Time {
    Time::from_unix_millis(START + 1000 * second)
}

pub(super) fn person(name: &str) -> Actor {
    Actor::Person(name.to_owned())
}

pub(super) fn root() -> Actor {
    Actor::Local("root".to_owned())
}

pub(super) fn wish(operation: Operation, subject: &str, detail: &str) -> Wish {
    Wish {
        operation,
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        because: "the disk is old".to_owned(),
    }
}

/// A ledger with administrators `ann`, `bob` and `cid`, the viewer `vic`, and a token that `ann` made.
pub(super) fn ledger(folder: &tempfile::TempDir) -> Ledger {
    let mut ledger = Ledger::open(folder.path()).unwrap();
    ledger
        .write(|w| {
            for (name, role) in [
                ("ann", Role::Admin),
                ("bob", Role::Admin),
                ("cid", Role::Admin),
                ("vic", Role::Viewer),
            ] {
                add(w, name, role);
            }
            let token = NewToken {
                name: "anns".to_owned(),
                role: Role::Admin,
                scopes: vec![Scope::Approvals],
                expires: None,
            };
            people::make_token(w, at(0), &person("ann"), &token, [7; people::SECRET_BYTES]).map(drop)
        })
        .unwrap();
    ledger
}

pub(super) fn add(w: &mut Writing<'_>, name: &str, role: Role) {
    let mut handle = [0; 32];
    handle[..name.len()].copy_from_slice(name.as_bytes());
    let new = NewAccount {
        name: name.to_owned(),
        display_name: String::new(),
        role,
        handle,
        provider: None,
    };
    people::add(w, at(0), &root(), &new).unwrap();
}
