//! Approvals on pages: whether something may be done, asking for it, and deciding about what others ask.

use maud::{Markup, html};
use respond::approval::{self, Approvers, Operation, Permission, Request, RequestId, RequestState, Rules, Wish};
use respond::people::Role;
use respond::{Actor, Ledger, Page as Part, Time};
use serde::Deserialize;

use super::frame::Done;
use super::layout::{Page, Section};
use super::parts::{self, Consequences, Tone, csrf, empty, live, pages, pill, with_code};
use super::visitor::{Flash, Visitor};
use super::words::{left, time};
use crate::auth::SignedIn;
use crate::problem::Refusal;
use crate::site::Site;

/// The detail of a restore of some blocks; only the command line asks for it.
const IN_PART: &str = "in part";
/// What the detail of a smaller disk begins with; the size in bytes follows. No pin has such a name.
const SHRINK: &str = "shrink to ";
/// Requests of a page.
const ROWS: usize = 50;

/// Whether somebody else must agree, and whether they did.
#[derive(Debug)]
pub(super) struct Agreement {
    permission: Permission,
    wish: Wish,
}

/// Something that somebody has to decide about.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: RequestId,
    pub(super) what: String,
    pub(super) asked_by: Actor,
    pub(super) expires: Time,
}

/// What somebody wants to be allowed; why is asked for in the form.
pub(super) fn wish(operation: Operation, subject: &str, detail: &str) -> Wish {
    Wish {
        operation,
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        because: String::new(),
    }
}

/// Whether something may be done now.
pub(super) fn agreement(site: &dyn Site, wish: Wish) -> Result<Agreement, Refusal> {
    let now = site.now();
    let permission = site.desk().read(|ledger| approval::may(ledger, now, &wish))?;
    Ok(Agreement { permission, wish })
}

impl Agreement {
    /// Whether it may be done now.
    pub(super) const fn is_given(&self) -> bool {
        matches!(self.permission, Permission::Free | Permission::Approved(_))
    }

    /// Whether it may be done, for a page of consequences.
    pub(super) fn words(&self) -> Markup {
        match &self.permission {
            Permission::Free => html! { p { "Nobody else: no rule asks for it." } },
            Permission::Approved(id) => {
                html! { p { (pill(Tone::Good, "approved")) " Others have agreed in " a href={"/approvals/" (id)} { "request " (id) } ", for once." } }
            }
            Permission::Waiting(request) => {
                html! { p { (pill(Tone::Warn, "waiting")) " " a href={"/approvals/" (request.id)} { "Request " (request.id) } " waits: " (request.approvals.len()) " of " (request.needed) " have agreed." } }
            }
            Permission::Needed => {
                html! { p { "Somebody else, before it can be done. Nobody approves what they asked for themselves." } }
            }
        }
    }

    /// The form, if it may be used; else the way to ask for it.
    pub(super) fn form(&self, visitor: &Visitor, form: &Markup) -> Markup {
        match &self.permission {
            Permission::Free | Permission::Approved(_) => html! { (form) },
            Permission::Waiting(request) => html! {
                div class="notice warn" {
                    p { "This waits for somebody else. Come back when they have agreed." }
                    a class="button" href={"/approvals/" (request.id)} { "Look at request " (request.id) }
                }
            },
            Permission::Needed => self.ask(visitor),
        }
    }

    fn ask(&self, visitor: &Visitor) -> Markup {
        html! {
            form class="fields" method="post" action="/approvals" {
                (csrf(&visitor.signed_in.csrf))
                input type="hidden" name="operation" value=(self.wish.operation.name());
                input type="hidden" name="subject" value=(self.wish.subject);
                input type="hidden" name="detail" value=(self.wish.detail);
                input type="hidden" name="back" value=(visitor.path);
                div {
                    label for="because" { "Why? " span class="hint" { "whoever agrees reads this" } }
                    textarea id="because" name="because" required maxlength="1500" rows="3" {}
                }
                div class="buttons" { button class="primary" { "Ask for approval" } }
            }
        }
    }
}

/// A page of its own on which somebody else is asked.
pub(super) fn ask_page(agreement: &Agreement, visitor: &Visitor) -> Page {
    let wish = &agreement.wish;
    let body = html! {
        div class="card info" {
            p { (with_code(&described(wish.operation, &wish.subject, &wish.detail))) "." }
            (agreement.words())
            (agreement.form(visitor, &html! {}))
        }
    };
    Page::new(Section::Approvals, "Somebody else must agree first", body).below("/approvals", "Approvals")
}

/// The form of a new request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Ask {
    operation: String,
    subject: String,
    #[serde(default)]
    detail: String,
    because: String,
}

/// The form of a decision.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Decide {
    #[serde(default)]
    note: String,
}

/// Which part of the list.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asked {
    before: Option<i64>,
}

pub(super) fn ask(site: &dyn Site, visitor: &Visitor, form: &Ask) -> Done {
    let operation: Operation = form.operation.parse().map_err(Refusal::invalid)?;
    let wish = Wish {
        operation,
        subject: form.subject.clone(),
        detail: form.detail.clone(),
        because: form.because.trim().to_owned(),
    };
    let now = site.now();
    let id = site
        .desk()
        .write(|w| approval::ask(w, now, &visitor.signed_in.actor, &wish))?;
    Ok((
        format!("/approvals/{id}"),
        Flash::good("Asked. Whoever may agree is told; you see it here."),
    ))
}

pub(super) fn approve(site: &dyn Site, visitor: &Visitor, id: i64, form: &Decide) -> Done {
    let now = site.now();
    let request = site
        .desk()
        .write(|w| approval::approve(w, now, &visitor.signed_in.actor, RequestId(id), form.note.trim()))?;
    let said = match request.state {
        RequestState::Waiting => format!(
            "You have agreed. {} of {} have.",
            request.approvals.len(),
            request.needed
        ),
        _ => "Agreed: it can be done now, once.".to_owned(),
    };
    Ok((format!("/approvals/{id}"), Flash::good(said)))
}

pub(super) fn refuse(site: &dyn Site, visitor: &Visitor, id: i64, form: &Decide) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| approval::refuse(w, now, &visitor.signed_in.actor, RequestId(id), form.note.trim()))?;
    Ok((format!("/approvals/{id}"), Flash::good("Refused. It won't be done.")))
}

pub(super) fn withdraw(site: &dyn Site, visitor: &Visitor, id: i64) -> Done {
    let now = site.now();
    site.desk()
        .write(|w| approval::withdraw(w, now, &visitor.signed_in.actor, RequestId(id)))?;
    Ok((format!("/approvals/{id}"), Flash::good("Withdrawn.")))
}

/// The rules, if approvals are on.
fn rules_in_force(ledger: &Ledger) -> Result<Option<Rules>, respond::Error> {
    approval::is_on(ledger)?.then(|| approval::rules(ledger)).transpose()
}

/// Whether somebody is among those who may agree to an operation, as an operator at least. With approvals off policies ask, too.
fn may_agree(rules: Option<&Rules>, signed_in: &SignedIn, operation: Operation) -> bool {
    let rule = rules.and_then(|rules| rules.0.get(&operation));
    let is_among = match rule.map(|rule| &rule.approvers) {
        Some(Approvers::Role(role)) => signed_in.role.may(*role),
        Some(Approvers::People(names)) => {
            matches!(&signed_in.actor, Actor::Person(name) if names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        }
        None => true,
    };
    is_among && signed_in.role.may(Role::Operator)
}

/// What waits for somebody's decision: of others' requests, those that they may agree to.
pub(super) fn waiting_for(site: &dyn Site, signed_in: &SignedIn) -> Result<Vec<Waiting>, Refusal> {
    let filter = approval::Filter {
        state: Some(RequestState::Waiting),
        ..approval::Filter::default()
    };
    let now = site.now();
    let (requests, rules) = site.desk().read(|ledger| {
        let requests = ledger.requests(&filter, Part::newest(ROWS))?;
        Ok((requests, rules_in_force(ledger)?))
    })?;
    let actor = &signed_in.actor;
    let is_open = |request: &Request| {
        let has_voted = request.approvals.iter().any(|vote| vote.by == *actor);
        request.state_at(now) == RequestState::Waiting
            && request.asked_by != *actor
            && !has_voted
            && may_agree(rules.as_ref(), signed_in, request.operation)
    };
    let open = requests.into_iter().filter(is_open).map(|request| Waiting {
        id: request.id,
        what: words(&request),
        asked_by: request.asked_by,
        expires: request.expires,
    });
    Ok(open.collect())
}

/// What is asked for, in words.
fn words(request: &Request) -> String {
    described(request.operation, &request.subject, &request.detail)
}

fn described(operation: Operation, subject: &str, detail: &str) -> String {
    if let (Operation::DeleteHistory, Some(size)) = (operation, detail.strip_prefix(SHRINK)) {
        return format!("Shrink the disk `{subject}` to {size} bytes");
    }
    match (operation, detail) {
        // Rules are long; the request's own page has them.
        (Operation::ChangeApprovals, _) | (_, "") => format!("{} `{subject}`", verb(operation)),
        (Operation::Restore, "undo") => format!("Undo the newest restore of `{subject}`"),
        (Operation::Restore, IN_PART) => format!("Restore a part of `{subject}`"),
        (Operation::Restore, moment) => format!("Restore `{subject}` to the moment `{moment}`"),
        (Operation::DeleteHistory, pin) => format!("Give up the pin `{pin}` of `{subject}`"),
        (_, detail) => format!("{} `{subject}`: {detail}", verb(operation)),
    }
}

/// What an operation does, as an order.
pub(super) const fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::DeleteVolume => "Delete the disk",
        Operation::DeleteHistory => "Give up a part of the past of",
        Operation::ShortenRetention => "Keep less of the past of",
        Operation::ReleaseFence => "Take down the fence of",
        Operation::DisarmGuard => "Disarm the guard of",
        Operation::Restore => "Restore",
        Operation::ChangePolicies => "Change policies:",
        Operation::ChangeApprovals => "Change the rules of approvals:",
        Operation::ChangePeople => "Change the account",
        Operation::SendLetter => "Send",
        Operation::PolicyAction => "Let a policy act:",
        _ => "Do something with",
    }
}

fn state(request: &Request, now: Time) -> Markup {
    let (tone, word) = match request.state_at(now) {
        RequestState::Waiting => (Tone::Warn, "waiting"),
        RequestState::Approved => (Tone::Good, "approved"),
        RequestState::Used => (Tone::Info, "done"),
        RequestState::Refused => (Tone::Bad, "refused"),
        RequestState::Withdrawn => (Tone::Quiet, "withdrawn"),
        RequestState::Expired => (Tone::Quiet, "expired"),
    };
    pill(tone, word)
}

pub(super) fn list(site: &dyn Site, visitor: &Visitor, asked: &Asked) -> Result<Page, Refusal> {
    let now = site.now();
    let part = Part {
        before: asked.before,
        most: ROWS,
    };
    let (requests, is_on) = site.desk().read(|ledger| {
        Ok((
            ledger.requests(&approval::Filter::default(), part)?,
            approval::is_on(ledger)?,
        ))
    })?;
    let rows: Vec<Vec<Markup>> = requests.iter().map(|request| row(request, now)).collect();
    let older = requests
        .last()
        .filter(|_| requests.len() == ROWS)
        .map(|last| format!("/approvals?before={}", last.id));
    let body = html! {
        @if !is_on {
            div class="notice warn" {
                p { strong { "One person alone can do anything. " } "With approvals on, what can't be taken back needs a second person: also when an account was stolen." }
                @if visitor.signed_in.role.may(Role::Admin) { a class="button" href="/approvals/rules" { "Turn approvals on ..." } }
            }
        }
        (live(&visitor.path, None, &html! {
            @if rows.is_empty() {
                (empty("Nothing was asked for.", &html! { "Who wants to do something that a rule covers asks on the page where it is done." }))
            } @else {
                (parts::table("Requests, newest first", &[("Request", false), ("State", false), ("Asked by", false), ("Asked", false), ("Agreed", true), ("Until", false)], &rows))
            }
        }))
        (pages(asked.before.map(|_| "/approvals"), older.as_deref()))
    };
    let buttons = html! { a class="button" href="/approvals/rules" { "Rules" } };
    Ok(Page::new(Section::Approvals, "Approvals", body).buttons(buttons).live())
}

fn row(request: &Request, now: Time) -> Vec<Markup> {
    let is_waiting = request.state_at(now) == RequestState::Waiting;
    vec![
        html! { a href={"/approvals/" (request.id)} { (with_code(&words(request))) } },
        state(request, now),
        html! { (request.asked_by) },
        html! { span class="nowrap" { (time(request.asked)) } },
        html! { (request.approvals.len()) " of " (request.needed) },
        html! { @if is_waiting { (left(now, request.expires)) } @else if let Some(until) = request.usable_until.filter(|_| request.state_at(now) == RequestState::Approved) { (left(now, until)) } },
    ]
}

pub(super) fn one(site: &dyn Site, visitor: &Visitor, id: i64) -> Result<Page, Refusal> {
    let (found, rules) = site
        .desk()
        .read(|ledger| Ok((ledger.request(RequestId(id))?, rules_in_force(ledger)?)))?;
    let request = found.ok_or_else(|| Refusal::not_found(format!("there is no request `{id}`")))?;
    let now = site.now();
    let body = html! {
        (live(&visitor.path, None, &html! {
            div class="split" {
                (facts(&request, now))
                (agreed(&request))
            }
            (outcome(visitor, &request, now))
        }))
        (decision(visitor, &request, rules.as_ref(), now))
    };
    let title = format!("Request {id}");
    Ok(Page::new(Section::Approvals, title, body)
        .below("/approvals", "Approvals")
        .live())
}

fn facts(request: &Request, now: Time) -> Markup {
    html! {
        section class="card" {
            header { h2 { (with_code(&words(request))) } (state(request, now)) }
            dl class="facts" {
                dt { "Asked by" } dd { (request.asked_by) }
                dt { "Asked" } dd { (time(request.asked)) }
                dt { "Because" } dd { (request.because) }
                @if !request.detail.is_empty() { dt { "Exactly" } dd { code { (request.detail) } } }
                dt { "Can be approved" } dd { (left(now, request.expires)) }
                @if let Some(until) = request.usable_until { dt { "Can be done" } dd { (left(now, until)) ", once" } }
                @if let Some(decided) = request.decided { dt { "Decided" } dd { (time(decided)) } }
            }
            @if request.glass_broken { p { (pill(Tone::Bad, "glass broken")) " Nobody approved this: a sealed code was used." } }
        }
    }
}

fn agreed(request: &Request) -> Markup {
    html! {
        section class="card" {
            h2 { (request.approvals.len()) " of " (request.needed) " have agreed" }
            @if request.approvals.is_empty() { p class="quiet" { "Nobody yet." } }
            ol class="timeline" {
                @for vote in &request.approvals {
                    li class="good" { p { strong { (vote.by) } @if !vote.note.is_empty() { ": " (vote.note) } } p class="when" { (time(vote.time)) } }
                }
            }
        }
    }
}

/// What whoever asked can do.
fn outcome(visitor: &Visitor, request: &Request, now: Time) -> Markup {
    let state = request.state_at(now);
    html! {
        @if state == RequestState::Waiting && request.asked_by == visitor.signed_in.actor {
            section class="card info" {
                h2 { "Your own request" }
                p { "Somebody else has to agree. You can take it back." }
                form method="post" action={"/approvals/" (request.id) "/withdraw"} { (csrf(&visitor.signed_in.csrf)) button { "Withdraw it" } }
            }
        } @else if state == RequestState::Approved {
            section class="card good" {
                h2 { "It may be done" }
                p { "By " (request.asked_by) ", once, until the time is over." }
                @if let Some(link) = place(request) { p { a class="button primary" href=(link) { "Go on" } } }
            }
        }
    }
}

/// What somebody else can do: agree or refuse.
fn decision(visitor: &Visitor, request: &Request, rules: Option<&Rules>, now: Time) -> Markup {
    let is_own = request.asked_by == visitor.signed_in.actor;
    let is_waiting = request.state_at(now) == RequestState::Waiting;
    let path = format!("/approvals/{}", request.id);
    html! {
        @if is_waiting && !is_own && may_agree(rules, &visitor.signed_in, request.operation) {
            section class="card info" {
                h2 { "Do you agree?" }
                (Consequences {
                    happens: html! { p { "What is asked for, exactly as it stands above, may be done once. If a policy asks, it is done at once." } },
                    undo: html! { p { "An approval can't be taken back once it is used. A refusal is final; it can be asked for again." } },
                    approval: html! { p { "You decide as " strong { (visitor.signed_in.actor) } ". Ask by phone or in person if the reason isn't one that you know of: a stolen account asks, too." } },
                }.show())
                form class="fields" method="post" {
                    (csrf(&visitor.signed_in.csrf))
                    div { label for="note" { "A note " span class="hint" { "goes on record" } } input id="note" name="note" maxlength="300"; }
                    div class="buttons" {
                        button class="primary" formaction={(path) "/approve"} { "Agree" }
                        button class="danger" formaction={(path) "/refuse"} { "Refuse" }
                    }
                }
            }
        }
    }
}

/// The page on which what was asked for is done.
fn place(request: &Request) -> Option<String> {
    let subject = &request.subject;
    Some(match request.operation {
        Operation::DeleteVolume => format!("/disks/{subject}/delete"),
        Operation::Restore if request.detail == IN_PART => return None,
        Operation::Restore => super::disks::restore_path(subject, &request.detail),
        Operation::ReleaseFence => format!("/disks/{subject}/release"),
        Operation::DisarmGuard => format!("/disks/{subject}/guard"),
        Operation::DeleteHistory => format!("/disks/{subject}"),
        Operation::ChangeApprovals => "/approvals/rules".to_owned(),
        Operation::ChangePeople => "/settings/people".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_decides_reads_what_will_be_done() {
        for (operation, detail, expected) in [
            (Operation::DeleteHistory, "monday", "Give up the pin `monday` of `disk`"),
            (
                Operation::DeleteHistory,
                "shrink to 33554432",
                "Shrink the disk `disk` to 33554432 bytes",
            ),
            (Operation::Restore, "#7", "Restore `disk` to the moment `#7`"),
            (Operation::Restore, "in part", "Restore a part of `disk`"),
            (Operation::Restore, "undo", "Undo the newest restore of `disk`"),
        ] {
            assert_eq!(described(operation, "disk", detail), expected);
        }
    }
}
