//! `holdfast approvals rules`, `enable` and `disable`

use clap::Args;
use respond::Ledger;
use respond::approval::{self, Approvers, Operation, Rule, Rules};
use respond::people::Role;
use serde_json::json;

use super::{operation, who};
use crate::cli::noted::{Noted, now};
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::engine::gate;
use crate::failure::{EXIT_OK, Failure};
use crate::span::{format_span, parse_span};

/// `holdfast approvals rules`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Change {
    /// The operation whose rule is changed
    #[arg(long, value_parser = operation)]
    operation: Option<Operation>,
    /// It needs no approval any more
    #[arg(long, requires = "operation", conflicts_with_all = ["quorum", "role", "person", "approve_within", "do_within"])]
    none: bool,
    /// How many others have to approve
    #[arg(long, requires = "operation", value_name = "N")]
    quorum: Option<u32>,
    /// Whoever has this role may approve
    #[arg(long, requires = "operation", conflicts_with = "person", value_parser = role)]
    role: Option<Role>,
    /// This person may approve; repeatable
    #[arg(long, requires = "operation", value_name = "NAME")]
    person: Vec<String>,
    /// How long a request can be approved
    #[arg(long, requires = "operation", value_name = "SPAN")]
    approve_within: Option<String>,
    /// How long what was approved can be done
    #[arg(long, requires = "operation", value_name = "SPAN")]
    do_within: Option<String>,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|()| {
        format!(
            "`{text}` is no role; expected one of {}",
            Role::ALL.map(Role::name).join(", ")
        )
    })
}

pub(super) fn run(noted: &Noted<'_>, change: &Change) -> Result<u8, Failure> {
    let asked = noted.ask(|ledger| Ok((approval::is_on(ledger)?, approval::rules(ledger)?)))?;
    let (is_on, mut rules) = asked.unwrap_or_default();
    let Some(operation) = change.operation else {
        return Ok(show(noted, is_on, &rules));
    };
    apply(change, operation, &mut rules)?;
    let actor = who::actor(noted)?;
    noted.change(|w| approval::set_rules(w, now(), &actor, &rules))?;
    Ok(show(noted, true, &rules))
}

fn apply(change: &Change, operation: Operation, rules: &mut Rules) -> Result<(), Failure> {
    if change.none {
        rules.0.remove(&operation);
        return Ok(());
    }
    let rule: &mut Rule = rules.0.entry(operation).or_default();
    rule.quorum = change.quorum.unwrap_or(rule.quorum);
    if let Some(role) = change.role {
        rule.approvers = Approvers::Role(role);
    }
    if !change.person.is_empty() {
        rule.approvers = Approvers::People(change.person.clone());
    }
    let seconds = |text: &Option<String>, before: u64| {
        let span = text.as_deref().map(parse_span).transpose();
        let span = span.map_err(|error| Failure::usage(error.to_string()))?;
        Ok::<_, Failure>(span.map_or(before, |span| span.as_secs()))
    };
    rule.approval_seconds = seconds(&change.approve_within, rule.approval_seconds)?;
    rule.execution_seconds = seconds(&change.do_within, rule.execution_seconds)?;
    Ok(())
}

pub(super) fn enable(noted: &Noted<'_>) -> Result<u8, Failure> {
    let actor = who::actor(noted)?;
    let rules = Rules::default();
    noted.change(|w| approval::enable(w, now(), &actor, &rules))?;
    sync_mark(noted)?;
    let code = show(noted, true, &rules);
    if !noted.common.json {
        print(b"hint: `holdfast approvals seal` makes codes for when nobody can be reached\n");
    }
    Ok(code)
}

pub(super) fn disable(noted: &Noted<'_>) -> Result<u8, Failure> {
    let actor = who::actor(noted)?;
    noted.change(|w| approval::disable(w, now(), &actor))?;
    sync_mark(noted)?;
    if noted.common.json {
        return Ok(output::json(&json!({ "enabled": false })));
    }
    print(b"approvals are off: nothing needs one\n");
    Ok(EXIT_OK)
}

/// Has the mark beside the ledger say what the ledger says.
fn sync_mark(noted: &Noted<'_>) -> Result<(), Failure> {
    let standing = noted.ask_existing(|ledger: &Ledger| approval::standing(ledger))?;
    gate::sync_mark(&noted.place.data, standing)
}

fn show(noted: &Noted<'_>, is_on: bool, rules: &Rules) -> u8 {
    if noted.common.json {
        return output::json(&json!({ "enabled": is_on, "rules": rules }));
    }
    let mut table = Table::new(&[
        ("OPERATION", Align::Left),
        ("OTHERS", Align::Right),
        ("WHO", Align::Left),
        ("APPROVE WITHIN", Align::Left),
        ("DO WITHIN", Align::Left),
    ]);
    for (operation, rule) in &rules.0 {
        let who = match &rule.approvers {
            Approvers::Role(role) => format!("role {role}"),
            Approvers::People(names) => names.join(", "),
        };
        let span = |seconds| format_span(std::time::Duration::from_secs(seconds));
        table.row(vec![
            operation.to_string(),
            rule.quorum.to_string(),
            who,
            span(rule.approval_seconds),
            span(rule.execution_seconds),
        ]);
    }
    let on = if is_on {
        "approvals are on"
    } else {
        "approvals are off; these rules would be in force"
    };
    print(format!("{}{on}\n", table.render()).as_bytes());
    EXIT_OK
}
