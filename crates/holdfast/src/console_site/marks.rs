//! Marks of "false positive" as the console shows them.

use console::{MarkView, MarkWish, Problem};
use respond::Actor;

use super::site::{ConsoleSite, console};
use crate::control::{MarkOrder, MarkReport, Marked, Request, Response};
use crate::desk;

impl ConsoleSite {
    pub(super) fn all_marks(&self) -> Result<Vec<MarkView>, Problem> {
        self.marks_of(&console(), MarkOrder::List)
    }

    pub(super) fn make_marks(&self, actor: &Actor, wish: &MarkWish) -> Result<Vec<MarkView>, Problem> {
        let what = match wish.what {
            console::Marked::Alert(id) => Marked::Alert(id),
            console::Marked::Story(id) => Marked::Story(id),
        };
        let order = MarkOrder::Mark {
            what,
            because: wish.because.clone(),
            seconds: wish.seconds,
            even_grave: wish.even_critical_on_tier_zero,
        };
        self.marks_of(actor, order)
    }

    pub(super) fn take_mark_back(&self, actor: &Actor, id: u64) -> Result<(), Problem> {
        self.marks_of(actor, MarkOrder::Unmark { id }).map(drop)
    }

    fn marks_of(&self, actor: &Actor, order: MarkOrder) -> Result<Vec<MarkView>, Problem> {
        match self.ask(actor, Request::Marks(order))? {
            Response::Marks(report) => Ok(report.marks.into_iter().map(view).collect()),
            _ => Err(super::ask::unexpected()),
        }
    }
}

fn view(mark: MarkReport) -> MarkView {
    MarkView {
        id: mark.id,
        rule: mark.rule,
        title: mark.title,
        entity: mark.entity,
        by: mark.by,
        because: mark.because,
        since: desk::time(mark.since.0),
        until: desk::time(mark.until.0),
        held_back: mark.held_back,
        last_held_back: mark.last_held_back.map(|time| desk::time(time.0)),
        even_critical_on_tier_zero: mark.even_critical_on_tier_zero,
    }
}
