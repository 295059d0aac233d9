//! Which machine had an address when. Addresses move: a lease ends when another machine is seen with the address, or when nobody has
//! confirmed it for long.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::known::EntityId;
use crate::recent::Recent;

const ADDRESSES_MAX: usize = 100_000;
/// Leases that are remembered of one address.
const LEASES_MAX: usize = 6;
/// For how long a lease holds that isn't confirmed, in seconds: the longest that DHCP servers are usually set to.
const UNCONFIRMED_SECONDS: i64 = 8 * 86_400;
/// More machines than these at one address within [`SHARED_SECONDS`]: a proxy or gateway, which is no machine's own address.
const SHARED_OVER: usize = 3;
const SHARED_SECONDS: i64 = 3_600;

/// Who had which address when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Leases {
    leases: Recent<IpAddr, Held>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Held {
    /// The oldest first.
    leases: Vec<Lease>,
    shared: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lease {
    machine: EntityId,
    since: i64,
    last: i64,
}

impl Leases {
    pub(super) fn new() -> Self {
        Self {
            leases: Recent::new(ADDRESSES_MAX),
        }
    }

    /// An address was seen with a machine.
    pub(super) fn see(&mut self, address: IpAddr, machine: EntityId, now: i64) {
        let held = self.leases.see(&address, now, Held::default);
        if held.shared {
            return;
        }
        match held.leases.last_mut() {
            Some(lease) if lease.machine == machine => lease.last = lease.last.max(now),
            // A record that came late doesn't take an address away from who has it now.
            Some(lease) if lease.last > now => {}
            _ => {
                held.leases.push(Lease {
                    machine,
                    since: now,
                    last: now,
                });
                if held.leases.len() > LEASES_MAX {
                    held.leases.remove(0);
                }
            }
        }
        let changes = held
            .leases
            .iter()
            .filter(|lease| lease.since > now - SHARED_SECONDS)
            .count();
        if changes > SHARED_OVER {
            held.shared = true;
            held.leases.clear();
        }
    }

    /// A list says whose an address is: so it has been all along, unless a record said otherwise before.
    pub(super) fn listed(&mut self, address: IpAddr, machine: EntityId, now: i64) {
        let held = self.leases.see(&address, now, Held::default);
        if held.leases.is_empty() && !held.shared {
            held.leases.push(Lease {
                machine,
                since: i64::MIN,
                last: now,
            });
        } else {
            self.see(address, machine, now);
        }
    }

    /// Who had an address at a second.
    pub(super) fn holder(&self, address: IpAddr, at: i64) -> Option<EntityId> {
        let held = self.leases.get(&address)?;
        let lease = held.leases.iter().rev().find(|lease| lease.since <= at)?;
        (at - lease.last <= UNCONFIRMED_SECONDS).then_some(lease.machine)
    }

    /// Addresses that machines have now, at most so many of each.
    pub(super) fn of(&self, is_asked: impl Fn(EntityId) -> bool, max: usize) -> BTreeMap<EntityId, Vec<IpAddr>> {
        let mut found: BTreeMap<EntityId, Vec<IpAddr>> = BTreeMap::new();
        for (address, _, held) in self.leases.iter() {
            if let Some(lease) = held.leases.last().filter(|lease| is_asked(lease.machine)) {
                let addresses = found.entry(lease.machine).or_default();
                if addresses.len() < max {
                    addresses.push(*address);
                }
            }
        }
        found
    }

    pub(super) fn expire(&mut self, before: i64) {
        self.leases.expire(before);
    }
}
