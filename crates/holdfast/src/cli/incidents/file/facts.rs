//! `holdfast incidents file N facts`

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use respond::case_file::facts::{
    Answer, Fact, FactChange, NewFact, approve_fact, fact_versions, facts, import_investigation, set_fact,
};
use serde_json::json;

use super::scene::{Scene, failure};
use crate::cli::noted::shown;
use crate::cli::show::count;
use crate::cli::table::{Align, Table};
use crate::failure::Failure;
use crate::incident_file::read_bytes;

/// Largest report of an investigation.
const REPORT_BYTES_MAX: u64 = 1 << 30;

/// `holdfast incidents file N facts ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum FactsCommand {
    /// List the register
    List,
    /// Say what became of a class of data in a system; takes the approvals of what was said before away
    #[command(after_help = SET_HELP)]
    Set {
        /// The system: a volume, an application, a supplier
        system: String,
        /// The class of data, like `email-address` or "date of birth"
        class: String,
        /// What became of it
        #[arg(value_parser = answers())]
        answer: Answer,
        /// Why this is said
        #[arg(long)]
        evidence: String,
        /// Where that can be read: a report, a record's number, a file
        #[arg(long)]
        reference: Option<String>,
    },
    /// Stand by a fact; two people other than who set it make it confirmed
    Approve {
        /// Numbers of facts, with the version that you looked at: 3 or 3.2
        #[arg(required = true, value_name = "FACT[.VERSION]")]
        facts: Vec<String>,
    },
    /// Set a fact for each class of personal data that an investigation found
    #[command(after_help = IMPORT_HELP)]
    Import {
        /// What `holdfast --json investigate` printed
        report: PathBuf,
    },
    /// What was said of a fact before
    Versions {
        /// The fact's number
        fact: i64,
    },
}

const SET_HELP: &str = "\
Examples:
  holdfast incidents file 7 facts set shop email-address taken --evidence \"export found on their server\"
  holdfast incidents file 7 facts set shop password not-taken --evidence \"kept by the supplier only\" --reference contract.pdf";

const IMPORT_HELP: &str = "\
Examples:
  holdfast --json investigate shop --incident > report.json
  holdfast incidents file 7 facts import report.json";

fn answers() -> impl TypedValueParser<Value = Answer> {
    PossibleValuesParser::new(Answer::ALL.map(Answer::name))
        .try_map(|name| Answer::named(&name).ok_or("there is no such answer"))
}

pub(super) fn run(scene: &Scene<'_>, command: FactsCommand) -> Result<u8, Failure> {
    match command {
        FactsCommand::List => list(scene),
        FactsCommand::Set {
            system,
            class,
            answer,
            evidence,
            reference,
        } => {
            let fact = NewFact {
                system,
                class,
                answer,
                evidence,
                reference,
            };
            let change = scene.change(|w| set_fact(w, scene.now, &scene.actor, scene.id, &fact))?;
            Ok(scene.tell(&change, &told(&change)))
        }
        FactsCommand::Approve { facts } => approve(scene, &facts),
        FactsCommand::Import { report } => import(scene, &report),
        FactsCommand::Versions { fact } => versions(scene, fact),
    }
}

fn list(scene: &Scene<'_>) -> Result<u8, Failure> {
    let facts = scene.ask(|ledger| facts(ledger, scene.id))?;
    Ok(scene.tell(&json!({ "facts": facts }), &as_table(&facts)))
}

/// The register as a table.
pub(super) fn as_table(facts: &[Fact]) -> String {
    if facts.is_empty() {
        return "the register is empty: `facts set` and `facts import` fill it\n".to_owned();
    }
    let mut table = Table::new(&[
        ("FACT", Align::Right),
        ("DATA", Align::Left),
        ("SYSTEM", Align::Left),
        ("ANSWER", Align::Left),
        ("APPROVED", Align::Left),
        ("BY", Align::Left),
        ("EVIDENCE", Align::Left),
    ]);
    for fact in facts {
        table.row(vec![
            format!("{}.{}", fact.id, fact.version),
            fact.said.class.clone(),
            fact.said.system.clone(),
            fact.said.answer.words().to_owned(),
            approved(fact),
            fact.set_by.to_string(),
            fact.said.evidence.clone(),
        ]);
    }
    let open = facts.iter().filter(|fact| !fact.is_confirmed()).count();
    let mut text = table.render();
    if open > 0 {
        text += &format!(
            "{} not confirmed: two people other than who set it have to approve it\n",
            count(open as u64, "fact")
        );
    }
    for fact in facts.iter().filter(|fact| !fact.after_letters.is_empty()) {
        text += &format!(
            "fact {} has changed since a letter went out with it: a correction may be due\n",
            fact.id
        );
    }
    text
}

fn approved(fact: &Fact) -> String {
    let names: Vec<String> = fact.approvals.iter().map(|approval| approval.by.to_string()).collect();
    match (fact.is_confirmed(), names.as_slice()) {
        (_, []) => "no".to_owned(),
        (true, names) => format!("confirmed ({})", names.join(", ")),
        (false, names) => names.join(", "),
    }
}

fn told(change: &FactChange) -> String {
    let fact = &change.fact;
    let name = format!(
        "fact {}.{}: {} in `{}`",
        fact.id, fact.version, fact.said.class, fact.said.system
    );
    if !change.is_changed {
        return format!("{name} is as it was: {}\n", fact.said.answer.words());
    }
    let mut text = format!("{name}: {}\n", fact.said.answer.words());
    if change.approvals_lost > 0 {
        text += &format!(
            "it was approved before: that counts no more ({})\n",
            count(change.approvals_lost as u64, "approval")
        );
    }
    if !fact.after_letters.is_empty() {
        let letters: Vec<String> = fact.after_letters.iter().map(ToString::to_string).collect();
        text += &format!(
            "draft {} went out with what was said before: a correction may be due\n",
            letters.join(", ")
        );
    }
    text
}

fn approve(scene: &Scene<'_>, names: &[String]) -> Result<u8, Failure> {
    let known = scene.ask(|ledger| facts(ledger, scene.id))?;
    let mut approved = Vec::new();
    for name in names {
        let (number, version) = name
            .split_once('.')
            .map_or((name.as_str(), None), |(number, version)| (number, Some(version)));
        let fact = number
            .parse::<i64>()
            .ok()
            .and_then(|number| known.iter().find(|fact| fact.id.0 == number));
        let fact = fact.ok_or_else(|| Failure::not_found(format!("incident {} has no fact `{name}`", scene.id)))?;
        let version = match version {
            None => fact.version,
            Some(version) => version
                .parse()
                .map_err(|_| Failure::usage(format!("`{name}` is no fact: write `3` or `3.2`")))?,
        };
        approved.push((fact.id, version));
    }
    // All of them or none.
    let done = scene.change(|w| {
        let each = approved
            .iter()
            .map(|(fact, version)| approve_fact(w, scene.now, &scene.actor, *fact, *version));
        each.collect::<Result<Vec<Fact>, _>>()
    })?;
    Ok(scene.tell(&json!({ "facts": done }), &as_table(&done)))
}

fn import(scene: &Scene<'_>, path: &std::path::Path) -> Result<u8, Failure> {
    let bytes = read_bytes(path, REPORT_BYTES_MAX)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let imported = import_investigation(&bytes, &name).map_err(|error| failure(&error))?;
    let changes = scene.change(|w| {
        let each = imported
            .facts
            .iter()
            .map(|fact| set_fact(w, scene.now, &scene.actor, scene.id, fact));
        each.collect::<Result<Vec<FactChange>, _>>()
    })?;
    let mut text: String = changes.iter().map(told).collect();
    for remark in &imported.remarks {
        text += &format!("note: {remark}\n");
    }
    Ok(scene.tell(&json!({ "changes": changes, "remarks": imported.remarks }), &text))
}

fn versions(scene: &Scene<'_>, number: i64) -> Result<u8, Failure> {
    let versions = scene.ask(|ledger| fact_versions(ledger, respond::case_file::FactId(number)))?;
    if versions.iter().any(|version| version.incident != scene.id) {
        return Err(Failure::not_found(format!(
            "incident {} has no fact `{number}`",
            scene.id
        )));
    }
    let mut text = String::new();
    for version in &versions {
        text += &format!(
            "{}  {}.{}  {}  by {}: {}\n",
            shown(version.set),
            version.id,
            version.version,
            version.said.answer.words(),
            version.set_by,
            version.said.evidence
        );
    }
    Ok(scene.tell(&json!({ "versions": versions }), &text))
}

/// The register as a table of a spreadsheet (RFC 4180).
pub(super) fn as_csv(facts: &[Fact]) -> String {
    use respond::case_file::timeline::csv_cell;
    let mut text =
        "fact,version,class,system,answer,confirmed,approved by,evidence,reference,set by,set\r\n".to_owned();
    for fact in facts {
        let by: Vec<String> = fact.approvals.iter().map(|approval| approval.by.to_string()).collect();
        let cells = [
            fact.id.to_string(),
            fact.version.to_string(),
            fact.said.class.clone(),
            fact.said.system.clone(),
            fact.said.answer.name().to_owned(),
            if fact.is_confirmed() { "yes" } else { "no" }.to_owned(),
            by.join("; "),
            fact.said.evidence.clone(),
            fact.said.reference.clone().unwrap_or_default(),
            fact.set_by.to_string(),
            fact.set.to_string(),
        ];
        text += &(cells.map(|cell| csv_cell(&cell)).join(",") + "\r\n");
    }
    text
}
