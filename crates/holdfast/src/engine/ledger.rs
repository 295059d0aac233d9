//! What the engine has to do with the ledger: commands tell it what they did, `status` shows what is open, volumes keep heads.

use std::sync::Arc;

use respond::Desk;

use super::Engine;
use crate::control::{IncidentsReport, OpenIncident};
use crate::desk::{self, Front};

/// Volumes that get a new head at once. They take turns, so that a thousand volumes don't cost a thousand syncs.
const HEADS_AT_ONCE: usize = 8;

impl Engine {
    /// The way to the ledger.
    #[must_use]
    pub fn front(&self) -> &Arc<Front> {
        self.guards.told().front()
    }

    /// What keeps disks from being served, or what is noticed from being noted: volumes that can't be used, and a ledger that can't be
    /// written. Empty if all is well.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let names = match self.names() {
            Ok(names) => names,
            Err(failure) => return vec![failure.message],
        };
        let of_volume = |name: &String| match self.volume(name) {
            Ok(volume) if volume.status().poisoned => Some(format!(
                "`{name}` can't be written any more: a write to the disk below failed; start the daemon again once that disk is well"
            )),
            Ok(_) => None,
            Err(failure) => Some(format!("`{name}` isn't served: {}", failure.message)),
        };
        names
            .iter()
            .filter_map(of_volume)
            .chain(self.front().trouble())
            .collect()
    }

    /// Opens the ledger if there is one: for a command, which tells it what it does. One that can't be opened keeps no command
    /// from its work.
    pub fn open_existing_ledger(&self) {
        let folder = desk::folder(&self.data);
        if !folder.join(respond::ledger::LEDGER_NAME).exists() {
            return;
        }
        match Desk::open(&folder) {
            Ok(opened) => self.front().set(Arc::new(opened)),
            Err(error) => {
                self.front().note_problem(Some(error.to_string()));
            }
        }
    }

    /// The volumes that keep the next signed head of the ledger; which, is decided by whose `turn` it is.
    #[must_use]
    pub fn keepers_of_head(&self, turn: u64) -> Vec<String> {
        let names = self.names().unwrap_or_default();
        let count = names.len().max(1);
        let first = usize::try_from(turn).unwrap_or(0).wrapping_mul(HEADS_AT_ONCE) % count;
        let keepers = names.iter().cycle().skip(first).take(HEADS_AT_ONCE.min(names.len()));
        keepers.cloned().collect()
    }

    /// Keeps a signed head of the ledger beside some volumes.
    pub fn keep_ledger_head(&self, head: &[u8], keepers: &[String]) {
        for name in keepers {
            // A volume that can't take it has troubles of its own, which are told; the others do.
            let _ = self.store.write_ledger_head(name, head);
        }
    }

    /// Incidents that aren't done with, the worst by name; `None` if there are none, or no ledger.
    pub(super) fn open_incidents(&self) -> Option<IncidentsReport> {
        let desk = self.front().desk()?;
        let asked = desk.read(|ledger| {
            let open = ledger.counts(desk::time(self.now()))?.open_incidents.total();
            Ok((open, ledger.worst_incident()?))
        });
        let (open, worst) = asked.ok()?;
        let worst = worst?;
        Some(IncidentsReport {
            open,
            worst: OpenIncident {
                id: worst.id.0,
                title: worst.title,
                severity: worst.severity,
                score: worst.score,
                state: worst.state,
            },
        })
    }
}
