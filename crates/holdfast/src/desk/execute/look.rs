//! Whether an action was done that a restart interrupted: by looking for what it would have left.

use respond::action::{Action, ActionKind, Found};

use super::volumes::{mark_of_fence, stopping};
use crate::engine::Engine;

/// Looks for what an action leaves.
pub(super) fn look(engine: &Engine, action: &Action) -> Found {
    let Some(volume) = action.kind.volume() else {
        return match action.kind {
            // A part of one transaction: it is ended, or nothing of it was done.
            ActionKind::Notify { .. } => Found::NotDone,
            // What went out can't be looked up. The receiver of a message knows a repetition by its key, but none is sent.
            _ => Found::Unknown,
        };
    };
    let Ok(opened) = engine.volume(volume) else {
        return Found::Unknown;
    };
    match &action.kind {
        ActionKind::Pin { .. } => {
            let pin = action.mark();
            match opened.pins().iter().any(|known| known.name == pin) {
                true => Found::Done(format!("kept as pin `{pin}`")),
                false => Found::NotDone,
            }
        }
        ActionKind::Fence { .. } => {
            let (status, mark) = (engine.guard_of(&opened).status(), mark_of_fence(action));
            match stopping(&status) {
                None => Found::NotDone,
                Some(fence) if status.reasons.iter().any(|reason| reason.starts_with(&mark)) => {
                    Found::Done(format!("fenced ({fence})"))
                }
                Some(fence) => Found::Done(format!("fenced ({fence}) by somebody else meanwhile")),
            }
        }
        ActionKind::Release { .. } => match engine.guard_of(&opened).status().fence {
            None => Found::Done("the fence is down".to_owned()),
            Some(_) => Found::NotDone,
        },
        ActionKind::Sensitivity { percent, .. } => match engine.guard_of(&opened).status().sensitive {
            Some(sensitive) if sensitive.percent == *percent => {
                Found::Done(format!("acts at {percent} % of the usual suspicion"))
            }
            _ => Found::NotDone,
        },
        // The fork of a drill that was interrupted is deleted at the start; a result that was written is in its history.
        _ => Found::NotDone,
    }
}
