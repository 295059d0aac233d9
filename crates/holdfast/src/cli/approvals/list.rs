//! `holdfast approvals list` and `show`

use clap::Args;
use respond::approval::{self, Filter, Request, RequestId, RequestState};
use respond::{Page, Time};
use serde_json::{Value, json};

use crate::cli::noted::{Noted, now, shown};
use crate::cli::output::{self, print};
use crate::cli::table::{Align, Table};
use crate::failure::{EXIT_OK, Failure};

/// Requests of a list for people.
const MOST: usize = 50;

/// `holdfast approvals list`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct List {
    /// Only those that wait
    #[arg(long)]
    waiting: bool,
    /// Only those before this one, to go on where a list ended
    #[arg(long, value_name = "N")]
    before: Option<i64>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = MOST)]
    most: usize,
}

pub(super) fn list(noted: &Noted<'_>, task: &List) -> Result<u8, Failure> {
    let filter = Filter {
        state: task.waiting.then_some(RequestState::Waiting),
        ..Filter::default()
    };
    let page = Page {
        before: task.before,
        most: task.most,
    };
    let found = noted.ask(|ledger| Ok((approval::is_on(ledger)?, ledger.requests(&filter, page)?)))?;
    let (is_on, mut requests) = found.unwrap_or_default();
    let now = now();
    requests.retain(|request| !task.waiting || request.state_at(now) == RequestState::Waiting);
    if noted.common.json {
        let requests: Vec<Value> = requests.iter().map(|request| as_json(request, now)).collect();
        return Ok(output::json(&json!({ "enabled": is_on, "requests": requests })));
    }
    let mut text = table(&requests, now);
    if !is_on {
        text += "approvals are off: only actions of policies that want one wait\nhint: `holdfast approvals enable` turns them on\n";
    }
    print(text.as_bytes());
    Ok(EXIT_OK)
}

fn table(requests: &[Request], now: Time) -> String {
    if requests.is_empty() {
        return "no requests\n".to_owned();
    }
    let mut table = Table::new(&[
        ("REQUEST", Align::Right),
        ("ASKED", Align::Left),
        ("STATE", Align::Left),
        ("APPROVED", Align::Right),
        ("WHAT", Align::Left),
        ("BY", Align::Left),
    ]);
    for request in requests {
        table.row(vec![
            request.id.to_string(),
            shown(request.asked),
            request.state_at(now).name().to_owned(),
            format!("{} of {}", request.approvals.len(), request.needed),
            request.text(),
            request.asked_by.to_string(),
        ]);
    }
    table.render()
}

/// A request as programs get it: its state at this time.
pub(super) fn as_json(request: &Request, now: Time) -> Value {
    let mut object = json!(request);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("state".to_owned(), json!(request.state_at(now)));
    }
    object
}

pub(super) fn show(noted: &Noted<'_>, id: i64) -> Result<u8, Failure> {
    let found = noted.ask_existing(|ledger| ledger.request(RequestId(id)))?;
    let request = found.ok_or_else(|| {
        Failure::not_found(format!("there is no request `{id}`")).hint("`holdfast approvals list` shows the newest")
    })?;
    print_one(noted, &request);
    Ok(EXIT_OK)
}

/// Prints a request.
pub(super) fn print_one(noted: &Noted<'_>, request: &Request) {
    let now = now();
    if noted.common.json {
        output::json(&as_json(request, now));
        return;
    }
    let state = request.state_at(now);
    let mut text = format!("request {}: {}\n", request.id, request.text());
    text += &format!(
        "  state    {}\n  because  {}\n  asked    {} by {}\n",
        state.name(),
        request.because,
        shown(request.asked),
        request.asked_by
    );
    if request.glass_broken {
        text += "  approved by nobody: glass was broken\n";
    } else {
        text += &format!("  approved {} of {}\n", request.approvals.len(), request.needed);
    }
    for vote in &request.approvals {
        let note = if vote.note.is_empty() {
            String::new()
        } else {
            format!(": {}", vote.note)
        };
        text += &format!("           {} by {}{note}\n", shown(vote.time), vote.by);
    }
    let next = match (state, request.usable_until) {
        (RequestState::Waiting, _) => Some(format!("  can be approved until {}\n", shown(request.expires))),
        (RequestState::Approved, Some(until)) => Some(format!("  can be done, once, until {}\n", shown(until))),
        _ => None,
    };
    text += &next.unwrap_or_default();
    print(text.as_bytes());
}
