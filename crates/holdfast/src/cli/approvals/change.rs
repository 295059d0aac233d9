//! Asking, deciding, and breaking glass.

use std::io::Read;

use respond::alert::{Layer, NewAlert, Severity};
use respond::approval::{self, CODE_BYTES, Request, RequestId};
use respond::intake::{self, Rules};
use respond::policy::Policies;
use respond::{Actor, Time, Writing};
use serde_json::{Map, json};

use super::list::print_one;
use super::{Wanted, who};
use crate::cli::noted::{Noted, now};
use crate::cli::output::{self, print};
use crate::engine::policies;
use crate::failure::{EXIT_OK, Failure};

/// The longest line with a code, in bytes.
const CODE_LINE_MAX: u64 = 200;

pub(super) fn ask(noted: &Noted<'_>, wanted: Wanted) -> Result<u8, Failure> {
    let (actor, wish) = (who::actor(noted)?, wanted.wish());
    change(noted, |w| approval::ask(w, now(), &actor, &wish))
}

pub(super) fn approve(noted: &Noted<'_>, id: i64, note: &str) -> Result<u8, Failure> {
    let actor = who::actor(noted)?;
    change(noted, |w| {
        approval::approve(w, now(), &actor, RequestId(id), note).map(|request| request.id)
    })
}

pub(super) fn refuse(noted: &Noted<'_>, id: i64, because: &str) -> Result<u8, Failure> {
    let actor = who::actor(noted)?;
    change(noted, |w| {
        approval::refuse(w, now(), &actor, RequestId(id), because).map(|()| RequestId(id))
    })
}

pub(super) fn withdraw(noted: &Noted<'_>, id: i64) -> Result<u8, Failure> {
    let actor = who::actor(noted)?;
    change(noted, |w| {
        approval::withdraw(w, now(), &actor, RequestId(id)).map(|()| RequestId(id))
    })
}

/// Changes a request and prints how it is now.
fn change(
    noted: &Noted<'_>,
    work: impl FnOnce(&mut Writing<'_>) -> Result<RequestId, respond::Error>,
) -> Result<u8, Failure> {
    let id = noted.change(work)?;
    if let Some(request) = noted.ask_existing(|ledger| ledger.request(id))? {
        print_one(noted, &request);
    }
    Ok(EXIT_OK)
}

pub(super) fn seal(noted: &Noted<'_>, count: usize) -> Result<u8, Failure> {
    let actor = who::actor(noted)?;
    let random = (0..count).map(|_| random_code()).collect::<Result<Vec<_>, _>>()?;
    let codes = noted.change(|w| approval::seal(w, now(), &actor, &random))?;
    let codes: Vec<&str> = codes.iter().map(approval::Code::reveal).collect();
    if noted.common.json {
        return Ok(output::json(&json!({ "codes": codes })));
    }
    let mut text = String::from(
        "Each code stands in for the approvals of one operation, once. They aren't shown again: print each on paper of its own, seal \
         it, and keep it where two people have to open it.\n\n",
    );
    codes.iter().for_each(|code| text += &format!("  {code}\n"));
    print(text.as_bytes());
    Ok(EXIT_OK)
}

fn random_code() -> Result<[u8; CODE_BYTES], Failure> {
    use ring::rand::SecureRandom;
    let mut random = [0; CODE_BYTES];
    ring::rand::SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| Failure::new(crate::failure::FailureCode::Failure, "the system gave no randomness"))?;
    Ok(random)
}

pub(super) fn break_glass(noted: &Noted<'_>, wanted: Wanted) -> Result<u8, Failure> {
    let (actor, wish) = (who::actor(noted)?, wanted.wish());
    let mut code = String::new();
    std::io::stdin()
        .take(CODE_LINE_MAX)
        .read_to_string(&mut code)
        .map_err(|error| Failure::io("read the code from the standard input", &error))?;
    let rules = rules(noted);
    let request = noted.change(|w| {
        let request = approval::break_glass(w, now(), &actor, code.trim(), &wish)?;
        // In the same transaction: it can't be done in silence.
        intake::take_in(w, now(), &rules, vec![alarm(now(), &actor, &request)])?;
        Ok(request)
    })?;
    print_one(noted, &request);
    Ok(EXIT_OK)
}

/// What the daemon would do about an alert. A file that isn't right keeps nobody from breaking glass: what is built in counts then.
fn rules(noted: &Noted<'_>) -> Rules {
    let Ok(config) = noted.place.config() else {
        return Rules::default();
    };
    let policies = policies::load(&config).unwrap_or_else(|_| Policies::defaults());
    Rules {
        policies: policies.knowing(policies::known(&config, Vec::new())),
        notices: config.notices.who.clone(),
        zone: jiff::tz::TimeZone::system(),
    }
}

fn alarm(time: Time, actor: &Actor, request: &Request) -> NewAlert {
    let mut facts = Map::new();
    facts.insert("request".to_owned(), json!(request.id));
    NewAlert {
        time,
        layer: Layer::Respond,
        kind: "glass-broken".to_owned(),
        severity: Severity::Critical,
        volume: None,
        host: None,
        identity: None,
        title: format!("Glass was broken: {}", request.text()),
        text: format!(
            "{actor} used a sealed code instead of approvals, to {}, because: {}. If nobody of you did that, somebody has the codes: \
             `holdfast approvals seal` makes new ones.",
            request.text(),
            request.because
        ),
        facts,
    }
}
