//! Private questions, from both sides: whatever strangers send a server, and whatever a server sends an asker, is refused or is right. The
//! first byte chooses the side; the rest is sent, or laid over what would be right.

#![no_main]

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

use exposure::accounts::{Accounts, BreachId};
use exposure::address::Identity;
use exposure::oblivious::{
    AskedBreach, Asking, Index, POINT_BYTES, POINTS_MAX, PROOF_BYTES, Parameters, People, Plan, PublicKey, Salt, Seed,
    Store, open_entries, read_breaches, read_prefix,
};
use hibp::private::{Request, Service, Settings, answer};
use hyper::{Method, body::Body};
use libfuzzer_sys::fuzz_target;
use ring::rand::SystemRandom;

/// More breaches than one entry holds.
const BREACHES: u32 = 9;
const PEOPLE: u32 = 5;

struct Crowd;

impl People for Crowd {
    fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), exposure::Error> {
        let mut all: Vec<Identity> = (0..PEOPLE).map(|number| Identity::of(&number.to_string())).collect();
        all.sort_unstable();
        let breaches: Vec<BreachId> = (0..BREACHES).map(BreachId).collect();
        all.iter().for_each(|identity| visit(*identity, &breaches));
        Ok(())
    }
}

/// A server with its index, and somebody who has asked it.
struct Scene {
    folder: PathBuf,
    service: Service,
    accounts: Accounts,
    key: PublicKey,
    key_digits: String,
    asking: Asking,
    reply: Vec<u8>,
    seed: Seed,
    salt: Salt,
    entries: Vec<u8>,
    index: Vec<u8>,
    parameters: Vec<u8>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("holdfast-fuzz-private-{}", std::process::id()));
    let random = SystemRandom::new();
    let store = Store::open(&folder).expect("an empty folder opens");
    let breaches: Vec<(BreachId, AskedBreach)> = (0..BREACHES)
        .map(|id| {
            let breach = AskedBreach {
                name: id.to_string(),
                title: String::new(),
                domain: String::new(),
                breach_date: String::new(),
                data_classes: Vec::new(),
                is_verified: true,
            };
            (BreachId(id), breach)
        })
        .collect();
    let plan = Plan {
        breaches: &breaches,
        hidden_among: 2,
        source: "",
        new_key: false,
        threads: 1,
        now_s: 0,
    };
    store
        .build(&plan, &Crowd, &random, &mut |_, _| {})
        .expect("an index is built");
    let generation = store.current().expect("it is in use");
    let (asking, points) = Asking::about(&[Identity::of("0")], &random).expect("there is randomness");
    let reply = generation.key.evaluate(&points, &random).expect("the point is one");
    let key = generation.key.public();
    let seed = asking.finish(&reply, &key).expect("the reply is right")[0];
    let path = folder.join("private").join(format!("index-{}", generation.name));
    Scene {
        service: Service::open(
            &folder,
            Settings {
                hidden_among: 2,
                evaluations_per_minute: u32::MAX,
            },
        )
        .expect("it opens"),
        accounts: Accounts::open(&folder).expect("no accounts are accounts"),
        key,
        key_digits: key.to_hex(),
        asking,
        reply,
        seed,
        salt: generation.index.header().salt,
        entries: generation.index.part(0).expect("it is whole").expect("there is one"),
        index: std::fs::read(path).expect("it was written"),
        parameters: serde_json::to_vec(&Parameters::of(&generation)).expect("they are JSON"),
        folder,
    }
});

/// `right` with `input` laid over it, bit by bit; and whether that changed anything.
fn over(right: &[u8], input: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = right.to_vec();
    bytes.iter_mut().zip(input).for_each(|(byte, change)| *byte ^= change);
    let changed = bytes != right;
    (bytes, changed)
}

/// Any request: answered within its bounds, and never with what is secret.
fn request(method: &Method, path: &str, body: &[u8]) {
    let scene = &*SCENE;
    let asker = IpAddr::from([192, 0, 2, 1]);
    let request = Request {
        method,
        path,
        body,
        asker,
        has_key: true,
        now_s: 0,
    };
    let reply = answer(&request, &scene.service, &scene.accounts);
    let bytes = reply.body().size_hint().exact().unwrap_or(u64::MAX);
    assert!(bytes < 1 << 20, "{bytes} bytes");
    let points = body.len() / POINT_BYTES;
    if method == Method::POST && reply.status() == 200 {
        assert!((1..=POINTS_MAX).contains(&points) && body.len() % POINT_BYTES == 0);
        assert_eq!(bytes as usize, body.len() + PROOF_BYTES);
    }
}

/// An index that was changed and given right checksums again: opened or not, it stays within the file.
fn index(input: &[u8]) {
    let scene = &*SCENE;
    let (mut bytes, _) = over(&scene.index, input);
    if let Some((header, _)) = bytes.split_first_chunk_mut::<128>() {
        let checksum = crc32c::crc32c(&header[..124]);
        header[124..].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes.truncate(
        bytes
            .len()
            .saturating_sub(input.last().map_or(0, |byte| usize::from(byte & 1))),
    );
    let path = scene.folder.join("index");
    std::fs::write(&path, &bytes).expect("there is room");
    let Ok(index) = Index::open(&path) else { return };
    assert!(index.entries_bytes() < bytes.len() as u64);
    for number in 0..4 {
        if let Ok(Some(part)) = index.part(number as usize) {
            assert!(part.len() as u64 <= index.entries_bytes());
        }
        let _ = index.bucket(number);
    }
}

fuzz_target!(|input: &[u8]| {
    let scene = &*SCENE;
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    match choice % 8 {
        0 => request(
            &Method::POST,
            &format!("/private/v1/evaluate/{}", scene.key_digits),
            input,
        ),
        1 => request(
            &Method::GET,
            &format!("/private/{}", String::from_utf8_lossy(input)),
            &[],
        ),
        2 => {
            let (reply, changed) = over(&scene.reply, input);
            assert_eq!(scene.asking.finish(&reply, &scene.key).is_ok(), !changed);
            assert!(scene.asking.finish(input, &scene.key).is_err() || input == scene.reply);
        }
        3 => {
            // A person's entries are found whole, or not at all, or are said to be damaged.
            let (entries, _) = over(&scene.entries, input);
            if let Ok(places) = open_entries(&entries, &scene.seed, &scene.salt) {
                assert!(places.is_empty() || places.len() == BREACHES as usize);
            }
            assert!(open_entries(input, &scene.seed, &scene.salt).map_or(true, |places| places.is_empty()));
        }
        4 => index(input),
        5 => {
            let (parameters, _) = over(&scene.parameters, input);
            for json in [parameters.as_slice(), input] {
                if let Ok(parameters) = Parameters::read(json) {
                    assert!(parameters.public_key().is_some() && parameters.salt().is_some());
                    let prefix = parameters.prefix(Identity([0xff; 20]));
                    assert!(read_prefix(parameters.bits, &prefix).is_some());
                    let _ = parameters.hides();
                }
            }
        }
        6 => {
            let _ = read_breaches(input);
        }
        _ => {
            let digits = String::from_utf8_lossy(input.get(1..).unwrap_or_default());
            let bits = u32::from(input.first().copied().unwrap_or_default());
            assert!(read_prefix(bits, &digits).is_none_or(|prefix| bits <= 20 && prefix < 1 << bits));
            assert!(
                input
                    .first_chunk::<POINT_BYTES>()
                    .is_none_or(|point| match PublicKey::from_bytes(*point) {
                        Ok(key) => key.as_bytes() == point,
                        Err(_) => true,
                    })
            );
        }
    }
});
