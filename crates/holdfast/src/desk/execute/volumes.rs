//! Actions on volumes, carried out by the engine: what the command line does, marked with the action's name.

use guard::{Fence, Status};
use respond::action::{Action, ActionKind};

use crate::control::{DivertedWrites, Progress, Request};
use crate::engine::Engine;
use crate::failure::Failure;

/// Nobody looks at the progress of an action.
pub(super) struct Unseen;

impl Progress for Unseen {
    fn update(&mut self, _done: u64, _total: u64) -> std::ops::ControlFlow<()> {
        std::ops::ControlFlow::Continue(())
    }
}

/// Carries an action out, and tells what came of it.
pub(super) fn carry_out(engine: &Engine, action: &Action) -> Result<String, Failure> {
    if let ActionKind::Fence { volume, .. } = &action.kind
        && let Some(fence) = stopping(&engine.guard_of(&engine.whole_volume(volume)?).status())
    {
        return Ok(format!("fenced already ({fence})"));
    }
    let Some((request, outcome)) = request(action)? else {
        return Err(Failure::refused("this program doesn't know such an action"));
    };
    engine.execute(&action.by, request, None, &mut Unseen)?;
    Ok(outcome)
}

fn request(action: &Action) -> Result<Option<(Request, String)>, Failure> {
    Ok(Some(match &action.kind {
        ActionKind::Pin { volume } => {
            let pin = action.mark();
            let outcome = format!("kept as pin `{pin}`");
            let name = volume.clone();
            (Request::Pin { name, pin, when: None }, outcome)
        }
        ActionKind::Fence { volume, how } => {
            let how: Fence = how
                .parse()
                .map_err(|error: guard::Error| Failure::usage(error.to_string()))?;
            let request = Request::GuardFence {
                name: volume.clone(),
                how: Some(how),
                because: because(action),
            };
            (request, format!("fenced ({how})"))
        }
        ActionKind::Release { volume, diverted } => {
            let diverted = match diverted.as_deref() {
                Some("keep") => Some(DivertedWrites::Keep),
                Some("drop") => Some(DivertedWrites::Drop),
                _ => None,
            };
            let name = volume.clone();
            (Request::GuardRelease { name, diverted }, "the fence is down".to_owned())
        }
        ActionKind::Sensitivity {
            volume,
            percent,
            seconds,
        } => {
            let request = Request::GuardSensitivity {
                name: Some(volume.clone()),
                percent: *percent,
                seconds: *seconds,
            };
            (request, format!("acts at {percent} % of the usual suspicion"))
        }
        _ => return Ok(None),
    }))
}

/// The fence that stops writes, if one does: one that only alerts stops none.
pub(super) fn stopping(status: &Status) -> Option<Fence> {
    status.fence.filter(|fence| *fence != Fence::Alert)
}

/// What a fence's reason begins with, so that the fence of an action is known again.
pub(super) fn mark_of_fence(action: &Action) -> String {
    format!("{}: ", action.mark())
}

/// The reason of a fence: which action, and why, on one line.
fn because(action: &Action) -> String {
    let text = mark_of_fence(action) + &action.because.replace(char::is_control, " ");
    text.chars()
        .scan(0, |bytes, c| {
            *bytes += c.len_utf8();
            (*bytes <= 200).then_some(c)
        })
        .collect()
}
