//! Whose disks are concerned: from the machines of a story to volumes.

use std::collections::{BTreeMap, BTreeSet};

use threat::entity::Tier;
use threat::event::{Handle, HandleKind};

/// Whether every virtual machine, and so every disk, is in the hands of a machine of these tiers.
pub(super) fn is_hypervisor(tiers: &[Tier]) -> bool {
    tiers
        .iter()
        .any(|tier| matches!(tier, Tier::Vcenter | Tier::Hypervisor))
}

/// The volumes that are disks of a machine with these names: those that the configuration names, and volumes that are called like it.
pub(super) fn volumes(names: &[Handle], machines: &BTreeMap<String, Vec<String>>, all: &[String]) -> Vec<String> {
    let mut concerned = BTreeSet::new();
    for name in names.iter().filter(|name| is_machine(name)) {
        for called in [name.name.as_str(), short(&name.name)] {
            if let Some(volumes) = machines.get(called) {
                concerned.extend(volumes.iter().filter(|volume| all.contains(volume)).cloned());
            }
            concerned.extend(all.iter().filter(|volume| volume.eq_ignore_ascii_case(called)).cloned());
        }
    }
    concerned.into_iter().collect()
}

/// A machine's name without its domain.
fn short(name: &str) -> &str {
    // An address's first number is no name.
    if name.parse::<std::net::IpAddr>().is_ok() {
        return name;
    }
    name.split_once('.').map_or(name, |(host, _)| host)
}

const fn is_machine(name: &Handle) -> bool {
    matches!(
        name.kind,
        HandleKind::Host | HandleKind::Address | HandleKind::VirtualMachine
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Handle {
        Handle::new(HandleKind::Host, name).unwrap()
    }

    #[test]
    fn a_machine_s_disks_are_those_that_are_named_and_those_called_like_it() {
        let all = ["fs01", "mail", "other"].map(str::to_owned);
        let machines = BTreeMap::from([("fs01".to_owned(), vec!["mail".to_owned(), "gone".to_owned()])]);
        let found = volumes(&[host("FS01.acme.example")], &machines, &all);
        assert_eq!(found, ["fs01", "mail"]);
        assert!(volumes(&[host("fs02")], &machines, &all).is_empty());
    }

    #[test]
    fn an_address_is_not_cut_at_its_dots() {
        let address = Handle::new(HandleKind::Address, "10.0.0.7").unwrap();
        assert!(volumes(&[address], &BTreeMap::new(), &["10".to_owned()]).is_empty());
    }

    #[test]
    fn whoever_holds_the_hypervisor_holds_every_disk() {
        assert!(is_hypervisor(&[Tier::Backup, Tier::Hypervisor]) && is_hypervisor(&[Tier::Vcenter]));
        assert!(!is_hypervisor(&[Tier::DomainController]));
    }
}
