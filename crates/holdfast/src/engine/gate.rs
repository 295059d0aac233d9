//! What needs the approval of others passes here, whoever asks and by whichever way: the control socket, the console, a policy, or a
//! command without a daemon.
//!
//! Invariants: with approvals on, a covered operation begins only once the request that allows it is used up, durably. Where it can't be
//! known whether approvals are on, although they were, nothing that may be covered is done.

use std::fs::File;
use std::path::{Path, PathBuf};

use guard::Fence;
use respond::approval::{self, Operation, Pass, Standing, Wish};
use respond::{Actor, Error, Ledger, Time, Writing};

use super::Engine;
use crate::control::{DivertedWrites, Progress, Request, Response};
use crate::desk;
use crate::failure::Failure;
use crate::when::When;

/// Says, beside the ledger, that approvals are on: who takes the ledger away doesn't turn them off.
const MARK: &str = "approvals-on";

/// A way to use a request up.
type Take = fn(&mut Writing<'_>, Time, &Actor, &Wish) -> Result<Pass, Error>;

/// Where the mark is.
#[must_use]
pub fn mark_path(data: &Path) -> PathBuf {
    desk::folder(data).join(MARK)
}

impl Engine {
    /// Carries a request out on somebody's behalf, if they may. `file` is the image of an import or export.
    pub fn execute(
        &self,
        actor: &Actor,
        request: Request,
        file: Option<File>,
        progress: &mut dyn Progress,
    ) -> Result<Response, Failure> {
        let pass = self.pass(actor, &request)?;
        let deleted = match &request {
            Request::Delete { name } => Some(name.clone()),
            _ => None,
        };
        let is_new = matches!(
            request,
            Request::Create { .. } | Request::Import { .. } | Request::Fork { .. }
        );
        let result = self.carry_out(actor, request, file, progress);
        match (&result, deleted) {
            (Err(failure), _) => self.give_back(actor, pass, failure),
            (Ok(_), Some(name)) => self.forget_protection(&name),
            (Ok(_), None) if is_new && matches!(self.approvals_are_on(), Ok(true)) => {
                // Where this can't be written, what is in force counts until the daemon is started again.
                let _ = self.keep_protections();
            }
            (Ok(_), None) => {}
        }
        if let (Ok(_), Some(pass)) = (&result, pass) {
            let now = desk::time(self.now());
            // Where this can't be written down, the next start says that it isn't known.
            let _ = self.write_ledger(|w| approval::end(w, now, actor, pass));
        }
        result
    }

    /// Uses up the approval that a request needs. `None` if it needs none.
    fn pass(&self, actor: &Actor, request: &Request) -> Result<Option<Pass>, Failure> {
        let Some(wish) = self.wish(request) else {
            return Ok(None);
        };
        if !self.approvals_are_on()? {
            return Ok(None);
        }
        self.take_leave(actor, &wish, approval::begin).map(Some)
    }

    /// Uses up the request that allows something which takes effect by itself.
    pub(super) fn use_up(&self, actor: &Actor, wish: &Wish) -> Result<Pass, Failure> {
        self.take_leave(actor, wish, approval::use_up)
    }

    /// Uses up the request that allows something; one without a detail allows it in whichever way.
    fn take_leave(&self, actor: &Actor, wish: &Wish, take: Take) -> Result<Pass, Failure> {
        let now = desk::time(self.now());
        let used = self.write_ledger(|w| match take(w, now, actor, wish) {
            Err(error @ Error::ApprovalNeeded { .. }) if is_any_way(wish.operation) => {
                let any_way = Wish {
                    detail: String::new(),
                    ..wish.clone()
                };
                take(w, now, actor, &any_way).map_err(|_| error)
            }
            other => other,
        });
        used.map_err(|error| desk::failed(&error))
    }

    /// What was allowed and failed may be tried once more.
    fn give_back(&self, actor: &Actor, pass: Option<Pass>, failure: &Failure) {
        let Some(pass) = pass else { return };
        let now = desk::time(self.now());
        // Where this can't be written down the request stays used: somebody has to ask again.
        let _ = self.write_ledger(|w| approval::give_back(w, now, actor, pass, &failure.message));
    }

    /// Whether approvals are on.
    ///
    /// # Errors
    /// When they were, and it can't be known any more.
    pub fn approvals_are_on(&self) -> Result<bool, Failure> {
        let asked = match self.front().desk() {
            Some(desk) => desk.read(approval::standing),
            None => Ledger::open_existing(&desk::folder(&self.data))
                .and_then(|ledger| ledger.as_ref().map_or(Ok(Standing::Never), approval::standing)),
        };
        let is_marked = mark_path(&self.data).exists();
        let why = match asked {
            Ok(Standing::On) => return Ok(true),
            Ok(Standing::TurnedOff) => return Ok(false),
            Ok(Standing::Never) | Err(_) if !is_marked => return Ok(false),
            Ok(Standing::Never) => "it knows nothing of that".to_owned(),
            Err(error) => error.to_string(),
        };
        let mark = mark_path(&self.data);
        Err(Failure::refused(format!(
            "approvals were turned on, and the ledger can't tell who approved this: {why}"
        ))
        .hint(format!(
            "put the ledger back from a backup; whoever owns this machine can remove `{}`, after which nothing needs an approval",
            mark.display()
        )))
    }

    /// Runs a transaction in the ledger of the daemon, or in one opened for this.
    pub(super) fn write_ledger<T>(&self, work: impl FnOnce(&mut Writing<'_>) -> Result<T, Error>) -> Result<T, Error> {
        match self.front().desk() {
            Some(desk) => desk.write(work),
            None => Ledger::open(&desk::folder(&self.data))?.write(work),
        }
    }

    /// Asks the ledger of the daemon, or one opened for this.
    pub(super) fn read_ledger<T>(&self, ask: impl FnOnce(&Ledger) -> Result<T, Error>) -> Result<T, Error> {
        match self.front().desk() {
            Some(desk) => desk.read(ask),
            None => ask(&Ledger::open(&desk::folder(&self.data))?),
        }
    }

    /// What a request would be asked for as; `None` if it can do no harm, or will fail by itself.
    fn wish(&self, request: &Request) -> Option<Wish> {
        let (operation, name, detail) = match request {
            Request::Delete { name } => (Operation::DeleteVolume, name, String::new()),
            Request::Unpin { name, pin } => (Operation::DeleteHistory, name, pin.clone()),
            Request::Resize { name, size_bytes, .. } => {
                let is_less = self.volume(name).ok()?.size_bytes() > *size_bytes;
                (
                    Operation::DeleteHistory,
                    name,
                    is_less.then(|| format!("shrink to {size_bytes}"))?,
                )
            }
            Request::GuardRelease { name, diverted } => (Operation::ReleaseFence, name, self.release(name, *diverted)?),
            Request::GuardSet { name, fence, enabled } => {
                (Operation::DisarmGuard, name, self.disarmament(name, *fence, *enabled)?)
            }
            Request::GuardAnnounce {
                names,
                work: Some(work),
            } => {
                let subject = if names.is_empty() {
                    "all volumes".to_owned()
                } else {
                    names.join(",")
                };
                return Some(wish(
                    Operation::DisarmGuard,
                    subject,
                    format!("announce {} s", work.seconds),
                ));
            }
            Request::Restore { name, when } => (Operation::Restore, name, self.moment(name, when)?),
            Request::RestoreBeforeAttack { name } => {
                let point = self.guard_of(&self.whole_volume(name).ok()?).before_attack()?;
                (Operation::Restore, name, format!("#{}", point.sequence))
            }
            Request::RestoreUndo { name } => (Operation::Restore, name, "undo".to_owned()),
            Request::RestoreBlocks { name } => (Operation::Restore, name, "in part".to_owned()),
            _ => return None,
        };
        Some(wish(operation, name.clone(), detail))
    }

    /// How a fence would be released; `None` where the engine asks first what shall become of diverted writes.
    fn release(&self, name: &str, diverted: Option<DivertedWrites>) -> Option<String> {
        let is_diverted = self
            .guard_of(&self.whole_volume(name).ok()?)
            .status()
            .diverted
            .is_some();
        match diverted {
            None if is_diverted => None,
            None => Some(String::new()),
            Some(DivertedWrites::Keep) => Some("keep".to_owned()),
            Some(DivertedWrites::Drop) => Some("drop".to_owned()),
        }
    }

    /// How new settings of a guard would disarm it; `None` if they don't.
    fn disarmament(&self, name: &str, fence: Option<Fence>, enabled: Option<bool>) -> Option<String> {
        let before = self.guard_of(&self.whole_volume(name).ok()?).status().settings;
        let is_off = before.enabled && enabled == Some(false);
        let is_idle = before.fence != Fence::Alert && fence == Some(Fence::Alert);
        match (is_off, is_idle) {
            // The guard comes back with the fence that it has then.
            (true, true) => Some("off, alert".to_owned()),
            (true, false) => Some("off".to_owned()),
            (false, true) => Some("alert".to_owned()),
            (false, false) => None,
        }
    }

    /// The moment that is meant, by its number, which no other moment has. `None` if there is no such moment.
    fn moment(&self, name: &str, when: &When) -> Option<String> {
        let moment = when.resolve(self.now()).ok()?;
        let found = self.volume(name).ok()?.resolve(&moment).ok()?;
        Some(format!("#{}", found.sequence.0))
    }
}

/// Whether who approves may leave open how it is done.
const fn is_any_way(operation: Operation) -> bool {
    matches!(operation, Operation::ReleaseFence | Operation::DisarmGuard)
}

fn wish(operation: Operation, subject: String, detail: String) -> Wish {
    Wish {
        operation,
        subject,
        detail,
        because: String::new(),
    }
}

/// Has the mark say what the ledger says; of a ledger that knows nothing it says what it did.
///
/// # Errors
/// When the mark can't be made or removed.
pub fn sync_mark(data: &Path, standing: Standing) -> Result<(), Failure> {
    let path = mark_path(data);
    let done = match standing {
        Standing::On if !path.exists() => std::fs::write(&path, "approvals are on\n"),
        Standing::TurnedOff if path.exists() => std::fs::remove_file(&path),
        _ => Ok(()),
    };
    done.map_err(|error| Failure::io(format!("write or remove `{}`", path.display()), &error))
}
