//! Which operations need approval, of how many, of whom, and for how long.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::operation::Operation;
use super::used::use_up_in;
use super::voters;
use super::words::Wish;
use crate::error::Error;
use crate::ledger::{Ledger, Writing};
use crate::people::{self, Actor, Role};
use crate::time::Time;

/// People who can be asked to approve.
const QUORUM_MAX: u32 = 20;
/// Administrators without whom approvals can't be turned on: one to ask, one to approve.
const ADMINS_LEAST: usize = 2;
/// The shortest and the longest time in which something can be approved or done, in seconds.
const EXPIRY_SECONDS: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approvers {
    /// Whoever may do what a role may.
    Role(Role),
    /// Certain people, by the names of their accounts.
    People(Vec<String>),
}

/// What an operation needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// So many people other than the one who asks.
    pub quorum: u32,
    /// Who may approve.
    pub approvers: Approvers,
    /// For how long a request can be approved, in seconds.
    pub approval_seconds: u64,
    /// For how long what was approved can be done, in seconds.
    pub execution_seconds: u64,
}

/// The rules: an operation without one needs no approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules(pub BTreeMap<Operation, Rule>);

impl Default for Rule {
    fn default() -> Self {
        Self {
            quorum: 1,
            approvers: Approvers::Role(Role::Admin),
            approval_seconds: 86_400,
            execution_seconds: 3600,
        }
    }
}

impl Default for Rules {
    /// Whatever destroys history, takes a protection away, changes the present of a disk, or changes who may do that.
    fn default() -> Self {
        let covered = [
            Operation::DeleteVolume,
            Operation::DeleteHistory,
            Operation::ShortenRetention,
            Operation::ReleaseFence,
            Operation::DisarmGuard,
            Operation::Restore,
            Operation::ChangeApprovals,
            Operation::ChangePeople,
        ];
        Self(
            covered
                .into_iter()
                .map(|operation| (operation, Rule::default()))
                .collect(),
        )
    }
}

impl Rules {
    /// Whether nothing that these rules demand is demanded less by `others`.
    #[must_use]
    pub fn are_no_stricter_than(&self, others: &Self) -> bool {
        let covers = |(operation, rule): (&Operation, &Rule)| {
            others
                .0
                .get(operation)
                .is_some_and(|other| rule.is_no_stricter_than(other))
        };
        self.0.iter().all(covers)
    }
}

impl Rule {
    /// Other approvers count as weaker: who they are can't be compared.
    fn is_no_stricter_than(&self, other: &Self) -> bool {
        let names = |approvers: &Approvers| match approvers {
            Approvers::Role(_) => None,
            Approvers::People(names) => Some(names.clone()),
        };
        let are_fewer = match (names(&self.approvers), names(&other.approvers)) {
            (Some(ours), Some(theirs)) => theirs.iter().all(|name| ours.contains(name)),
            _ => self.approvers == other.approvers,
        };
        are_fewer
            && other.quorum >= self.quorum
            && other.approval_seconds <= self.approval_seconds
            && other.execution_seconds <= self.execution_seconds
    }
}

/// Whether approvals are on.
///
/// # Errors
/// When the ledger can't be read.
pub fn is_on(ledger: &Ledger) -> Result<bool, Error> {
    Ok(ledger.tried(in_force(ledger.connection()))?.is_some())
}

/// The rules in force; those that [`enable`] would put in force, if approvals are off.
///
/// # Errors
/// When the ledger can't be read.
pub fn rules(ledger: &Ledger) -> Result<Rules, Error> {
    Ok(ledger.tried(in_force(ledger.connection()))?.unwrap_or_default())
}

/// What the ledger says about approvals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They are on.
    On,
    /// They were turned off, with a request that was approved.
    TurnedOff,
    /// They were never on, as far as this ledger knows.
    Never,
}

/// What the ledger says about approvals: one that was put in the place of another doesn't know that they were turned off.
///
/// # Errors
/// When the ledger can't be read.
pub fn standing(ledger: &Ledger) -> Result<Standing, Error> {
    if is_on(ledger)? {
        return Ok(Standing::On);
    }
    let turned_off = ledger.connection().query_row(
        "select exists (select 1 from record where subject = 'approvals' and kind = 'approval.rules'
         and json_extract(body, '$.change') = 'disabled')",
        [],
        |row| row.get(0),
    );
    Ok(if ledger.tried(turned_off)? {
        Standing::TurnedOff
    } else {
        Standing::Never
    })
}

/// The rules, if approvals are on.
pub(super) fn in_force(connection: &Connection) -> rusqlite::Result<Option<Rules>> {
    let mut statement = connection.prepare_cached("select rules from approval_setting where id = 1")?;
    statement.query_row([], |row| crate::action::json(row, 0)).optional()
}

/// Whether an operation needs approval now.
pub(crate) fn is_covered(w: &Writing<'_>, operation: Operation) -> Result<bool, Error> {
    let rules = w.tried(in_force(w.connection()))?;
    Ok(operation != Operation::PolicyAction && rules.is_some_and(|rules| rules.0.contains_key(&operation)))
}

/// Turns approvals on. Links for new administrators that weren't used are void from then on.
///
/// # Errors
/// When they are on, there are fewer than two administrators, or nobody could fulfil a rule.
pub fn enable(w: &mut Writing<'_>, now: Time, actor: &Actor, rules: &Rules) -> Result<(), Error> {
    if w.tried(in_force(w.connection()))?.is_some() {
        return refused("approvals are on already; `holdfast approvals rules` shows and changes the rules".to_owned());
    }
    let admins = w.tried(voters::all(w.connection(), &Approvers::Role(Role::Admin)))?;
    if admins.len() < ADMINS_LEAST {
        return refused(format!(
            "approvals need two people, and {} with the role `admin`; add accounts in the console first",
            match admins.as_slice() {
                [] => "there is nobody".to_owned(),
                [one, ..] => format!("there is only `{one}`"),
            }
        ));
    }
    check(w, rules)?;
    // One that was made before would make a new administrator whom nobody approved.
    people::cancel_links(w)?;
    write(w, now, actor, rules, "enabled")
}

/// Turns approvals off, with a request that was approved for that.
///
/// # Errors
/// When they are off, or without such a request.
pub fn disable(w: &mut Writing<'_>, now: Time, actor: &Actor) -> Result<(), Error> {
    if w.tried(in_force(w.connection()))?.is_none() {
        return refused("approvals are off already".to_owned());
    }
    let wish = Wish {
        operation: Operation::ChangeApprovals,
        subject: "off".to_owned(),
        detail: String::new(),
        because: String::new(),
    };
    use_up_in(w, now, actor, &wish, true)?;
    w.tried(w.connection().execute("delete from approval_setting", []))?;
    w.tried(w.connection().execute("delete from approval_kept", []))?;
    w.record(
        now,
        actor,
        "approval.rules",
        "approvals",
        &json!({ "change": "disabled" }),
    )
    .map(drop)
}

/// Changes the rules: weaker ones need a request that was approved under the rules before, for exactly these (`subject` `rules`, `detail`
/// [`Rules::detail`]).
///
/// # Errors
/// When approvals are off, nobody could fulfil a rule, or without such a request.
pub fn set_rules(w: &mut Writing<'_>, now: Time, actor: &Actor, rules: &Rules) -> Result<(), Error> {
    let Some(before) = w.tried(in_force(w.connection()))? else {
        return refused("approvals are off; `holdfast approvals enable` turns them on".to_owned());
    };
    check(w, rules)?;
    if !before.are_no_stricter_than(rules) {
        let wish = Wish {
            operation: Operation::ChangeApprovals,
            subject: "rules".to_owned(),
            detail: rules.detail(),
            because: String::new(),
        };
        use_up_in(w, now, actor, &wish, true)?;
    }
    write(w, now, actor, rules, "changed")
}

impl Rules {
    /// What tells these rules from others in a request: the rules themselves.
    #[must_use]
    pub fn detail(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Rules that nobody could fulfil would lock everybody out.
fn check(w: &Writing<'_>, rules: &Rules) -> Result<(), Error> {
    for (operation, rule) in &rules.0 {
        if !(1..=QUORUM_MAX).contains(&rule.quorum) {
            return refused(format!(
                "{operation}: a quorum of `{}` is not within 1 to {QUORUM_MAX}",
                rule.quorum
            ));
        }
        for seconds in [rule.approval_seconds, rule.execution_seconds] {
            if !EXPIRY_SECONDS.contains(&seconds) {
                return refused(format!(
                    "{operation}: an expiry of `{seconds} s` is not within one minute to thirty days"
                ));
            }
        }
        let people = w.tried(voters::all(w.connection(), &rule.approvers))?;
        if people.len() <= rule.quorum as usize {
            return refused(format!(
                "{operation}: {} people may approve it, and a quorum of {} needs at least {}, because nobody approves what they \
                 asked for",
                people.len(),
                rule.quorum,
                rule.quorum.saturating_add(1)
            ));
        }
    }
    // Without this one, a single person could turn everything off.
    if !rules.0.contains_key(&Operation::ChangeApprovals) {
        return refused(
            "`change-approvals` has to be among the rules: else one person could turn approvals off".to_owned(),
        );
    }
    Ok(())
}

fn write(w: &mut Writing<'_>, now: Time, actor: &Actor, rules: &Rules, change: &str) -> Result<(), Error> {
    let written = w.connection().execute(
        "insert or replace into approval_setting (id, rules) values (1, ?1)",
        [rules.detail()],
    );
    w.tried(written)?;
    w.record(
        now,
        actor,
        "approval.rules",
        "approvals",
        &json!({ "change": change, "rules": rules }),
    )
    .map(drop)
}

fn refused<T>(what: String) -> Result<T, Error> {
    Err(Error::Refused { what })
}
