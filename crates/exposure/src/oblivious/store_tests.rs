use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use ring::rand::SystemRandom;

use super::*;
use crate::accounts::BreachId;
use crate::address::Identity;
use crate::oblivious::{Asking, ENTRY_BYTES, open_entries};

struct Listed(BTreeMap<Identity, Vec<BreachId>>);

impl Listed {
    /// `count` people: everybody is in breach 1, every tenth in the sensitive breach 2, every hundredth in twenty more.
    fn new(count: u32) -> Self {
        Self(
            (0..count)
                .map(|number| {
                    let mut breaches = vec![BreachId(1)];
                    if number % 10 == 0 {
                        breaches.push(BreachId(2));
                    }
                    if number % 100 == 0 {
                        breaches.extend((10..30).map(BreachId));
                    }
                    (Identity::of(&address(number)), breaches)
                })
                .collect(),
        )
    }
}

impl People for Listed {
    fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
        self.0
            .iter()
            .for_each(|(identity, breaches)| visit(*identity, breaches));
        Ok(())
    }
}

fn address(number: u32) -> String {
    format!("person{number}@example.com")
}

/// Breach 2 is sensitive: it isn't in the list.
fn listed_breaches() -> Vec<(BreachId, AskedBreach)> {
    [1].into_iter()
        .chain(10..30)
        .map(|id| {
            let breach = AskedBreach {
                name: format!("Breach{id}"),
                title: format!("Breach {id}"),
                domain: String::new(),
                breach_date: "2026-01-01".to_owned(),
                data_classes: Vec::new(),
                is_verified: true,
            };
            (BreachId(id), breach)
        })
        .collect()
}

fn plan<'a>(breaches: &'a [(BreachId, AskedBreach)], source: &'a str) -> Plan<'a> {
    Plan {
        breaches,
        hidden_among: 400,
        source,
        new_key: false,
        threads: 2,
        now_s: 1_700_000_000,
    }
}

fn built(store: &Store, people: &dyn People, new_key: bool) -> Built {
    let breaches = listed_breaches();
    let plan = Plan {
        new_key,
        ..plan(&breaches, "now")
    };
    store
        .build(&plan, people, &SystemRandom::new(), &mut |_, _| {})
        .unwrap()
}

/// Asks as a stranger does: by the exchange, then in the entries of the bucket, or of the whole.
fn asked(store: &Store, address: &str, whole: bool) -> Vec<String> {
    let random = SystemRandom::new();
    let generation = store.current().unwrap();
    let identity = Identity::of(address);
    let (asking, points) = Asking::about(&[identity], &random).unwrap();
    let reply = generation.key.evaluate(&points, &random).unwrap();
    let header = *generation.index.header();
    let seeds = asking.finish(&reply, &header.public_key).unwrap();
    let entries = if whole {
        (0..generation.index.parts())
            .flat_map(|part| generation.index.part(part).unwrap().unwrap())
            .collect()
    } else {
        let prefix = crate::oblivious::hiding::prefix_of(identity, header.bits);
        generation.index.bucket(prefix).unwrap().unwrap()
    };
    let breaches = crate::oblivious::read_breaches(&generation.breaches).unwrap();
    open_entries(&entries, &seeds[0], &header.salt)
        .unwrap()
        .into_iter()
        .map(|place| breaches[usize::from(place)].name.clone())
        .collect()
}

#[test]
fn everybody_finds_their_own_breaches_and_strangers_find_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.current().is_none());
    let result = built(&store, &Listed::new(3_000), false);
    let hiding = result.hiding.unwrap();
    assert_eq!((result.identities, hiding.bits), (3_000, 2));
    assert!(hiding.fewest >= 400);
    for whole in [false, true] {
        assert_eq!(asked(&store, " Person1@Example.com", whole), ["Breach1"]);
        assert_eq!(
            asked(&store, &address(10), whole),
            ["Breach1"],
            "the sensitive one is left out"
        );
        assert_eq!(
            asked(&store, &address(100), whole).len(),
            21,
            "more than one entry holds"
        );
        assert_eq!(asked(&store, "stranger@example.com", whole), Vec::<String>::new());
    }
    // Whoever opens it next finds the same.
    let again = Store::open(folder.path()).unwrap();
    assert!(again.current().unwrap().is_of("now", 400));
    assert!(!again.current().unwrap().is_of("now", 401) && !again.current().unwrap().is_of("later", 400));
    assert_eq!(asked(&again, &address(100), true).len(), 21);
}

#[test]
fn every_bucket_holds_enough_people() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let result = built(&store, &Listed::new(20_000), false);
    let generation = store.current().unwrap();
    for prefix in 0..1 << result.hiding.unwrap().bits {
        let entries = generation.index.bucket(prefix).unwrap().unwrap();
        assert!(entries.len() / ENTRY_BYTES >= 400);
    }
}

#[test]
fn too_few_people_get_the_whole_index_and_no_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let result = built(&store, &Listed::new(399), false);
    assert_eq!(result.hiding, None);
    let generation = store.current().unwrap();
    assert_eq!(generation.index.header().fewest, 399);
    assert_eq!(asked(&store, &address(7), true), ["Breach1"]);
}

#[test]
fn a_new_breach_costs_work_for_new_people_only_and_a_new_key_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(built(&store, &Listed::new(1_000), false).evaluated, 1_000);
    let first = store.current().unwrap();
    assert_eq!(built(&store, &Listed::new(1_010), false).evaluated, 10);
    let second = store.current().unwrap();
    assert_eq!(first.key.public(), second.key.public());
    assert_ne!(first.index.header().salt, second.index.header().salt);
    assert_eq!(asked(&store, &address(1_005), true), ["Breach1"]);
    // No entry of the first index is in the second: nobody can tell who was there before.
    let (old, new) = (
        first.index.part(0).unwrap().unwrap(),
        second.index.part(0).unwrap().unwrap(),
    );
    let old: std::collections::BTreeSet<_> = old.as_chunks::<ENTRY_BYTES>().0.iter().collect();
    assert!(
        new.as_chunks::<ENTRY_BYTES>()
            .0
            .iter()
            .all(|entry| !old.contains(entry))
    );

    assert_eq!(built(&store, &Listed::new(1_010), true).evaluated, 1_010);
    assert_ne!(store.current().unwrap().key.public(), second.key.public());
    assert_eq!(asked(&store, &address(1_005), true), ["Breach1"]);
    let files = fs::read_dir(folder.path().join("private")).unwrap().count();
    assert_eq!(files, 6, "what is not in use was removed");
}

#[test]
fn secrets_are_readable_by_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    built(&store, &Listed::new(10), false);
    for entry in fs::read_dir(folder.path().join("private")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("key-") || name.starts_with("seeds-") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}

/// A build that stops anywhere before its last step leaves the index that was in use, and files that the next build removes.
#[test]
fn an_interrupted_build_leaves_the_former_index_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    built(&store, &Listed::new(500), false);
    let manifest = folder.path().join("private").join(MANIFEST);
    let before = fs::read(&manifest).unwrap();
    let name = store.current().unwrap().name.clone();
    struct Failing;
    impl People for Failing {
        fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
            visit(Identity([1; 20]), &[BreachId(1)]);
            Err(Error::Randomness)
        }
    }
    let breaches = listed_breaches();
    let failed = store.build(
        &plan(&breaches, "later"),
        &Failing,
        &SystemRandom::new(),
        &mut |_, _| {},
    );
    assert!(failed.is_err());
    assert_eq!(fs::read(&manifest).unwrap(), before);
    fs::write(folder.path().join("private/seeds-0000000000000000"), "left over").unwrap();
    assert_eq!(Store::open(folder.path()).unwrap().current().unwrap().name, name);
    built(&store, &Listed::new(502), false);
    assert_eq!(asked(&store, &address(501), true), ["Breach1"]);
    assert!(!folder.path().join("private/seeds-0000000000000000").exists());
}

#[test]
fn a_damaged_index_is_reported_and_built_anew_with_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    built(&store, &Listed::new(500), false);
    let generation = store.current().unwrap();
    let path = folder.path().join("private").join(format!("index-{}", generation.name));
    fs::write(&path, "not an index").unwrap();
    let error = Store::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("private build"), "{error}");
    built(&store, &Listed::new(500), false);
    assert_eq!(store.current().unwrap().key.public(), generation.key.public());
    assert_eq!(
        Store::open(folder.path())
            .map(|store| asked(&store, &address(3), true))
            .unwrap(),
        ["Breach1"]
    );
}

#[test]
fn a_manifest_that_was_changed_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    built(&store, &Listed::new(5), false);
    let path = folder.path().join("private").join(MANIFEST);
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[byte] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(Store::open(folder.path()).is_err(), "byte {byte}");
    }
    let json = r#"{"index":"../../../../etc","key":"../secret","breaches_crc32c":0,"source":""}"#;
    let text = format!("{FIRST_LINE}\n{json}\n{:08x}\n", crc32c::crc32c(json.as_bytes()));
    fs::write(&path, text).unwrap();
    assert!(Store::open(folder.path()).is_err(), "names outside the folder");
}

#[test]
fn people_who_change_all_the_time_are_given_up_on() {
    struct Changing(std::cell::Cell<u32>);
    impl People for Changing {
        fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
            self.0.set(self.0.get() + 1);
            Listed::new(500 + self.0.get()).each(visit)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let breaches = listed_breaches();
    let people = Changing(std::cell::Cell::new(0));
    let failed = store.build(&plan(&breaches, "now"), &people, &SystemRandom::new(), &mut |_, _| {});
    assert!(matches!(failed, Err(Error::PeopleChanged)));
    assert!(store.current().is_none());
}
