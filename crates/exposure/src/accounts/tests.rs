//! Tables, readers and the writer together, against a model in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::address::Identity;
use crate::{Error, MergeScope};

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A breach's members: addresses, and the websites of some.
type Members = BTreeSet<(String, Option<String>)>;

fn load(folder: &Path, name: &str, members: &Members, memory_bytes: usize) -> Loaded {
    let mut writer = AccountsWriter::open(folder).unwrap();
    let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let mut sorters = Sorters::new(&writer.partial().unwrap(), &names, memory_bytes);
    for (address, website) in members {
        let (alias, domain) = address.split_once('@').unwrap();
        let nul: &[u8] = &[SEPARATOR];
        sorters.push(0, &[&Identity::of(address).0]).unwrap();
        sorters.push(1, &[domain.as_bytes(), nul, alias.as_bytes()]).unwrap();
        if let Some(website) = website {
            sorters.push(2, &[address.as_bytes(), nul, website.as_bytes()]).unwrap();
            sorters.push(3, &[website.as_bytes(), nul, address.as_bytes()]).unwrap();
            sorters
                .push(4, &[domain.as_bytes(), nul, alias.as_bytes(), nul, website.as_bytes()])
                .unwrap();
        }
    }
    let sorted = sorters.finish().unwrap();
    let rows: Vec<_> = Kind::ALL.into_iter().zip(&sorted).collect();
    let breach = Breach {
        name: name.to_owned(),
        ..Breach::default()
    };
    let loaded = writer.enter(breach, &rows, &mut || Ok(())).unwrap();
    writer.maintain(0).unwrap();
    loaded
}

fn merge_all(folder: &Path) -> TablesMerged {
    merge(folder, MergeScope::Everything, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// What is expected.
#[derive(Default)]
struct Model {
    breaches: BTreeMap<String, (BreachId, Members)>,
    erased: BTreeSet<String>,
}

impl Model {
    fn rows(&self) -> impl Iterator<Item = (BreachId, &String, &Option<String>)> {
        let all = self
            .breaches
            .values()
            .flat_map(|(id, members)| members.iter().map(|(address, website)| (*id, address, website)));
        all.filter(|(_, address, _)| !self.erased.contains(*address))
    }

    fn breaches_of(&self, wanted: &str) -> Vec<BreachId> {
        let found: BTreeSet<_> = self
            .rows()
            .filter(|(_, address, _)| *address == wanted)
            .map(|(id, _, _)| id)
            .collect();
        found.into_iter().collect()
    }

    fn check(&self, accounts: &Accounts) {
        let addresses: BTreeSet<_> = self.rows().map(|(_, address, _)| address.clone()).collect();
        let expected: BTreeMap<_, _> = addresses
            .iter()
            .map(|address| (Identity::of(address), self.breaches_of(address)))
            .collect();
        let mut found = BTreeMap::new();
        let count = accounts
            .identities(&mut |identity, breaches| drop(found.insert(identity, breaches.to_vec())))
            .unwrap();
        assert_eq!((count, &found), (expected.len() as u64, &expected));
        for address in addresses.iter().take(20).chain(&self.erased) {
            assert_eq!(
                accounts.breaches_of(Identity::of(address)).unwrap(),
                self.breaches_of(address)
            );
        }
        for (bits, prefix) in [(1, 1), (5, 7), (12, 0x5A1), (64, 5)] {
            let mut found = Vec::new();
            accounts
                .with_prefix(bits, prefix, &mut |identity, breaches| {
                    found.push((identity, breaches.to_vec()))
                })
                .unwrap();
            let top = |identity: &Identity| u64::from_be_bytes(*identity.0.first_chunk().unwrap()) >> (64 - bits);
            let expected: Vec<_> = expected
                .clone()
                .into_iter()
                .filter(|(identity, _)| top(identity) == prefix)
                .collect();
            assert_eq!(found, expected, "{bits} bits");
        }
        for domain in ["d0.test", "d1.test", "d.test"] {
            let mut found = Vec::new();
            accounts
                .domain(domain, &mut |alias, breaches| {
                    found.push((alias.to_owned(), breaches.to_vec()))
                })
                .unwrap();
            let at = |address: &&String| address.split_once('@').unwrap().1 == domain;
            let mut expected: Vec<_> = addresses
                .iter()
                .filter(at)
                .map(|address| (address.split_once('@').unwrap().0.to_owned(), self.breaches_of(address)))
                .collect();
            expected.sort();
            assert_eq!(found, expected, "{domain}");
        }
        self.check_stealer_logs(accounts, &addresses);
        for (id, members) in self.breaches.values() {
            let mut found = BTreeSet::new();
            accounts
                .members(*id, &mut |address| found.extend([address.to_owned()]))
                .unwrap();
            let expected = members
                .iter()
                .map(|(address, _)| address.clone())
                .filter(|address| !self.erased.contains(address));
            assert_eq!(found, expected.collect());
        }
    }

    fn check_stealer_logs(&self, accounts: &Accounts, addresses: &BTreeSet<String>) {
        let pairs: BTreeSet<_> = self
            .rows()
            .filter_map(|(_, address, website)| Some((address, website.as_ref()?)))
            .collect();
        for address in addresses.iter().take(20) {
            let expected: Vec<_> = pairs
                .iter()
                .filter(|pair| pair.0 == address)
                .map(|pair| pair.1.clone())
                .collect();
            assert_eq!(accounts.stealer_logs_by_email(address).unwrap(), expected);
        }
        for website in ["s0.test", "s1.test"] {
            let expected: BTreeSet<_> = pairs
                .iter()
                .filter(|pair| pair.1 == website)
                .map(|pair| pair.0.clone())
                .collect();
            assert_eq!(
                accounts.stealer_logs_by_website(website).unwrap(),
                expected.into_iter().collect::<Vec<_>>()
            );
        }
        let mut expected = BTreeMap::<String, Vec<String>>::new();
        for (address, website) in &pairs {
            let (alias, domain) = address.split_once('@').unwrap();
            if domain == "d1.test" {
                expected.entry(alias.to_owned()).or_default().push((*website).clone());
            }
        }
        assert_eq!(accounts.stealer_logs_by_email_domain("D1.test").unwrap(), expected);
    }
}

/// Loads, loads again, erases, in an order that looks random; a reader that stays open and one that is new answer like the model.
#[test]
fn answers_are_those_of_a_model_whatever_is_loaded_and_erased() {
    for seed in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let mut numbers = Numbers(seed);
        let mut model = Model::default();
        let accounts = Accounts::open(folder.path()).unwrap();
        for step in 0..24 {
            let name = format!("Breach{}", numbers.below(14));
            if numbers.below(5) == 0 {
                let address = format!("a{}@d{}.test", numbers.below(60), numbers.below(3));
                AccountsWriter::open(folder.path())
                    .unwrap()
                    .erase(&[format!(" {} ", address.to_uppercase())], 7)
                    .unwrap();
                model.erased.insert(address);
            } else {
                let mut members = Members::new();
                for _ in 0..numbers.below(300) {
                    let address = format!("a{}@d{}.test", numbers.below(60), numbers.below(3));
                    let website = (numbers.below(3) == 0).then(|| format!("s{}.test", numbers.below(4)));
                    members.insert((address, website));
                }
                let loaded = load(folder.path(), &name, &members, 2000);
                let kept: BTreeSet<_> = members
                    .iter()
                    .map(|(address, _)| address)
                    .filter(|address| !model.erased.contains(*address))
                    .collect();
                assert_eq!(
                    (loaded.accounts, loaded.breach.pwn_count),
                    (kept.len() as u64, kept.len() as u64)
                );
                model.breaches.insert(name, (loaded.id, members));
            }
            if numbers.below(4) == 0 {
                assert!(!merge_all(folder.path()).is_unfinished);
                assert!(tables(folder.path()).unwrap() <= 1);
            }
            accounts.refresh().unwrap();
            model.check(&accounts);
            if step % 6 == 0 {
                model.check(&Accounts::open(folder.path()).unwrap());
            }
        }
    }
}

#[test]
fn a_breach_that_is_imported_again_keeps_its_id_and_many_imports_few_tables() {
    let folder = tempfile::tempdir().unwrap();
    let members = |number: u32| Members::from([(format!("a{number}@d0.test"), None)]);
    let first = load(folder.path(), "Shop", &members(0), 1 << 20).id;
    for number in 1..40 {
        load(folder.path(), &format!("Other{number}"), &members(number), 1 << 20);
    }
    assert_eq!(load(folder.path(), "SHOP", &members(50), 1 << 20).id, first);
    let accounts = Accounts::open(folder.path()).unwrap();
    assert!(accounts.breaches_of(Identity::of("a0@d0.test")).unwrap().is_empty());
    assert_eq!(accounts.breaches_of(Identity::of("a50@d0.test")).unwrap(), [first]);
    let files = std::fs::read_dir(folder.path().join("accounts")).unwrap().count();
    assert!(files <= 2 * 8 + 3, "{files} files");
}

#[test]
fn only_one_changes_the_accounts_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let _first = AccountsWriter::open(folder.path()).unwrap();
    let error = AccountsWriter::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("is being changed by another command"), "{error}");
}

#[test]
fn what_an_interrupted_import_left_is_removed_and_nothing_of_it_counts() {
    let folder = tempfile::tempdir().unwrap();
    load(
        folder.path(),
        "Shop",
        &Members::from([("ann@d0.test".to_owned(), None)]),
        1 << 20,
    );
    let accounts = folder.path().join("accounts");
    std::fs::create_dir(accounts.join("partial")).unwrap();
    std::fs::write(accounts.join("partial/domains-0"), "ben@d0.test").unwrap();
    std::fs::write(accounts.join("00000099.domains"), "ben@d0.test").unwrap();
    assert_eq!(
        Accounts::open(folder.path())
            .unwrap()
            .identities(&mut |_, _| ())
            .unwrap(),
        1
    );
    drop(AccountsWriter::open(folder.path()).unwrap());
    let mut left: Vec<_> = std::fs::read_dir(&accounts)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["00000001.identities", "00000002.domains", "LOCK", "LOCK-files"]);
}

/// Every byte of every table: an error that names the file, or the same answer, never another one.
#[test]
fn damage_is_an_error_and_never_a_wrong_answer() {
    let folder = tempfile::tempdir().unwrap();
    let members = Members::from([
        ("ann@d0.test".to_owned(), Some("s0.test".to_owned())),
        ("ben@d0.test".to_owned(), None),
    ]);
    let id = load(folder.path(), "Shop", &members, 1 << 20).id;
    let path = folder.path().join("accounts/00000002.domains");
    let good = std::fs::read(&path).unwrap();
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 0x10;
        std::fs::write(&path, bad).unwrap();
        let mut found = Vec::new();
        let asked = Accounts::open(folder.path()).and_then(|accounts| {
            accounts.domain("d0.test", &mut |alias, breaches| {
                found.push((alias.to_owned(), breaches.to_vec()))
            })
        });
        match asked {
            Ok(()) => assert_eq!(
                found,
                [("ann".to_owned(), vec![id]), ("ben".to_owned(), vec![id])],
                "byte {position}"
            ),
            Err(error) => assert!(error.to_string().contains("00000002.domains"), "{error}"),
        }
    }
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert!(matches!(Accounts::open(folder.path()), Err(Error::Damaged { .. })));
}

/// Breaches of many people, so that merging has some steps.
fn many_people(folder: &Path) -> Model {
    let mut model = Model::default();
    for breach in 0..3 {
        let address = |number: u32| {
            (
                format!("a{number}@d{}.test", number % 3),
                Some(format!("s{}.test", number % 4)),
            )
        };
        let members: Members = (breach * 3000..breach * 3000 + 6000).map(address).collect();
        let name = format!("Breach{breach}");
        let loaded = load(folder, &name, &members, 1 << 20);
        model.breaches.insert(name, (loaded.id, members));
    }
    model
}

#[test]
fn answers_stay_the_same_throughout_a_merge_and_wherever_it_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = many_people(folder.path());
    let accounts = Accounts::open(folder.path()).unwrap();
    for end in 0..12 {
        let mut steps = 0;
        let merged = merge(folder.path(), MergeScope::Everything, &mut |_, _| {
            steps += 1;
            accounts.refresh().unwrap();
            assert_eq!(
                accounts.breaches_of(Identity::of("a4000@d1.test")).unwrap(),
                model.breaches_of("a4000@d1.test")
            );
            if steps > end {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(merged.unwrap().is_unfinished, steps > end);
        assert!(!folder.path().join("accounts/merging").exists());
    }
    assert_eq!(tables(folder.path()).unwrap(), 1);
    model.check(&Accounts::open(folder.path()).unwrap());
    // One that is killed leaves its file, and nothing of it counts.
    std::fs::create_dir(folder.path().join("accounts/merging")).unwrap();
    std::fs::write(folder.path().join("accounts/merging/domains"), "cut off").unwrap();
    let late = Members::from([("late@d0.test".to_owned(), None)]);
    let loaded = load(folder.path(), "Late", &late, 1 << 20);
    model.breaches.insert("Late".to_owned(), (loaded.id, late));
    merge_all(folder.path());
    assert!(!folder.path().join("accounts/merging").exists());
    model.check(&Accounts::open(folder.path()).unwrap());
}

#[test]
fn a_breach_that_is_imported_during_a_merge_counts_at_once_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = many_people(folder.path());
    let late = Members::from([("late@d0.test".to_owned(), None)]);
    let mut loaded = None;
    merge(folder.path(), MergeScope::Everything, &mut |_, _| {
        let loaded = loaded.get_or_insert_with(|| load(folder.path(), "Late", &late, 1 << 20));
        let accounts = Accounts::open(folder.path()).unwrap();
        assert_eq!(accounts.breaches_of(Identity::of("late@d0.test")).unwrap(), [loaded.id]);
        ControlFlow::Continue(())
    })
    .unwrap();
    model.breaches.insert("Late".to_owned(), (loaded.unwrap().id, late));
    model.check(&Accounts::open(folder.path()).unwrap());
}

#[test]
fn whoever_is_erased_during_a_merge_is_in_no_file_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = many_people(folder.path());
    let mut erasing = None;
    let merged = merge(folder.path(), MergeScope::Everything, &mut |_, _| {
        let path = folder.path().to_owned();
        let erase = move || {
            AccountsWriter::open(&path)
                .unwrap()
                .erase(&["a4000@d1.test".to_owned()], 7)
                .unwrap()
        };
        let erasing = erasing.get_or_insert_with(|| std::thread::spawn(erase));
        // It waits for this merge, which has to notice.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(!erasing.is_finished());
        ControlFlow::Continue(())
    });
    assert!(merged.unwrap().is_unfinished);
    erasing.unwrap().join().unwrap();
    model.erased.insert("a4000@d1.test".to_owned());
    for entry in std::fs::read_dir(folder.path().join("accounts")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.is_file(), "{}", path.display());
    }
    model.check(&Accounts::open(folder.path()).unwrap());
    merge_all(folder.path());
    model.check(&Accounts::open(folder.path()).unwrap());
}
