//! Whole questions against the service, as a server hands them over.

use std::net::IpAddr;

use exposure::Error;
use exposure::accounts::{Accounts, BreachId};
use exposure::address::Identity;
use exposure::oblivious::{AskedBreach, Asking, Parameters, People, Plan, open_entries, read_breaches};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, RETRY_AFTER};
use hyper::{HeaderMap, Method, StatusCode};
use ring::rand::SystemRandom;

use super::*;

const MINUTE_S: u64 = 1_800_000_000;

/// As many people, all in one breach.
struct Crowd(u32);

impl People for Crowd {
    fn each(&self, visit: &mut dyn FnMut(Identity, &[BreachId])) -> Result<(), Error> {
        let mut all: Vec<Identity> = (0..self.0).map(|number| Identity::of(&address(number))).collect();
        all.sort_unstable();
        all.iter().for_each(|identity| visit(*identity, &[BreachId(7)]));
        Ok(())
    }
}

fn address(number: u32) -> String {
    format!("person{number}@example.com")
}

struct Scene {
    _folder: tempfile::TempDir,
    service: Service,
    accounts: Accounts,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn message(&self) -> String {
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(value["statusCode"], self.status.as_u16());
        value["message"].as_str().unwrap().to_owned()
    }
}

impl Scene {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            service: Service::open(folder.path(), Settings::default()).unwrap(),
            accounts: Accounts::open(folder.path()).unwrap(),
            _folder: folder,
        }
    }

    fn of(people: u32) -> Self {
        let scene = Self::empty();
        scene.build(people);
        scene
    }

    fn build(&self, people: u32) {
        let breach = AskedBreach {
            name: "Shop".to_owned(),
            title: "The shop".to_owned(),
            domain: "shop.example".to_owned(),
            breach_date: "2026-04-01".to_owned(),
            data_classes: vec!["Email addresses".to_owned()],
            is_verified: true,
        };
        let plan = Plan {
            breaches: &[(BreachId(7), breach)],
            hidden_among: 400,
            source: "",
            new_key: false,
            threads: 2,
            now_s: MINUTE_S,
        };
        let random = SystemRandom::new();
        self.service
            .store
            .build(&plan, &Crowd(people), &random, &mut |_, _| {})
            .unwrap();
    }

    fn send(&self, method: &Method, path: &str, body: &[u8], now_s: u64) -> Got {
        let request = Request {
            method,
            path,
            body,
            asker: IpAddr::from([192, 0, 2, 1]),
            has_key: false,
            now_s,
        };
        let (parts, body) = answer(&request, &self.service, &self.accounts).into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body: Bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
        Got {
            status: parts.status,
            headers: parts.headers,
            body: body.to_vec(),
        }
    }

    fn get(&self, path: &str) -> Got {
        self.send(&Method::GET, path, &[], MINUTE_S)
    }

    fn parameters(&self) -> Parameters {
        Parameters::read(&self.get("/private/v1/parameters").body).unwrap()
    }

    /// Asks as a stranger does, with the bucket or the whole.
    fn ask(&self, address: &str, whole: bool) -> Vec<String> {
        let parameters = self.parameters();
        let identity = Identity::of(address);
        let (asking, points) = Asking::about(&[identity], &SystemRandom::new()).unwrap();
        let path = format!("/private/v1/evaluate/{}", parameters.public_key);
        let reply = self.send(&Method::POST, &path, &points, MINUTE_S);
        let seeds = asking.finish(&reply.body, &parameters.public_key().unwrap()).unwrap();
        let index = &parameters.index;
        let entries = if whole {
            (0..parameters.parts)
                .flat_map(|part| self.get(&format!("/private/v1/index/{index}/{part}")).body)
                .collect()
        } else {
            self.get(&format!("/private/v1/bucket/{index}/{}", parameters.prefix(identity)))
                .body
        };
        let list = read_breaches(&self.get(&format!("/private/v1/breaches/{index}")).body).unwrap();
        let places = open_entries(&entries, &seeds[0], &parameters.salt().unwrap()).unwrap();
        places
            .iter()
            .map(|place| list[usize::from(*place)].title.clone())
            .collect()
    }
}

#[test]
fn a_stranger_asks_and_the_server_is_told_nothing() {
    let scene = Scene::of(2_000);
    let parameters = scene.parameters();
    assert!(parameters.hides());
    assert_eq!((parameters.identities, parameters.bits), (2_000, 2));
    for whole in [false, true] {
        assert_eq!(scene.ask("Person1@Example.com", whole), ["The shop"]);
        assert_eq!(scene.ask("nobody@example.com", whole), Vec::<String>::new());
    }
}

#[test]
fn before_the_first_index_the_server_says_so() {
    let scene = Scene::empty();
    let got = scene.get("/private/v1/parameters");
    assert_eq!(got.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(got.message().contains("not ready"));
    assert!(got.headers.contains_key(RETRY_AFTER));
    assert_eq!(
        scene.get("/private/").status,
        StatusCode::OK,
        "the page is there already"
    );
}

#[test]
fn only_the_published_length_of_prefixes_is_answered() {
    let scene = Scene::of(2_000);
    let index = scene.parameters().index;
    for prefix in ["00", "", "4", "g", "-1"] {
        let got = scene.get(&format!("/private/v1/bucket/{index}/{prefix}"));
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{prefix}");
        assert!(got.message().contains("2 bits"));
    }
    let longer = scene.get("/private/range/3/0");
    assert_eq!(longer.status, StatusCode::FORBIDDEN);
    assert!(longer.message().contains("fewer than 400"), "{}", longer.message());
    assert_eq!(scene.get("/private/range/1/0").status, StatusCode::BAD_REQUEST);
    assert_eq!(scene.get("/private/range/2/4").status, StatusCode::BAD_REQUEST);
    assert_eq!(
        scene.get("/private/range/2/0").status,
        StatusCode::UNAUTHORIZED,
        "hashes are for those with a key"
    );
}

#[test]
fn too_few_people_are_told_from_no_prefix() {
    let scene = Scene::of(399);
    let parameters = scene.parameters();
    assert!(!parameters.hides());
    for path in [
        "/private/range/0/0".to_owned(),
        format!("/private/v1/bucket/{}/0", parameters.index),
    ] {
        let got = scene.get(&path);
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{path}");
        assert!(got.message().contains("399 people"), "{}", got.message());
    }
    assert_eq!(scene.ask(&address(3), true), ["The shop"]);
}

#[test]
fn an_index_that_is_gone_is_said_to_be_gone() {
    let scene = Scene::of(1_000);
    let before = scene.parameters();
    scene.build(1_001);
    for path in ["breaches/{}", "index/{}/0", "bucket/{}/0"] {
        let got = scene.get(&format!("/private/v1/{}", path.replace("{}", &before.index)));
        assert_eq!(got.status, StatusCode::GONE, "{path}");
    }
    let path = format!("/private/v1/evaluate/{}", "00".repeat(32));
    assert_eq!(scene.send(&Method::POST, &path, &[], MINUTE_S).status, StatusCode::GONE);
    assert_eq!(before.public_key, scene.parameters().public_key);
}

#[test]
fn bad_points_are_refused_and_count_against_the_rate() {
    let scene = Scene::of(10);
    let path = format!("/private/v1/evaluate/{}", scene.parameters().public_key);
    for body in [
        vec![],
        vec![0; 32],
        vec![0xff; 32],
        vec![1; 31],
        vec![0; BODY_BYTES_MAX],
    ] {
        let got = scene.send(&Method::POST, &path, &body, MINUTE_S);
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{} bytes", body.len());
        assert!(got.message().contains("canonical"));
    }
    let (_, points) = Asking::about(&[Identity::of("a@example.com"); 16], &SystemRandom::new()).unwrap();
    let status = |now_s| scene.send(&Method::POST, &path, &points, now_s).status;
    // 1 + 1 + 1 + 1 + 16 points so far, of 60.
    assert_eq!(status(MINUTE_S), StatusCode::OK);
    assert_eq!(status(MINUTE_S), StatusCode::OK);
    let refused = scene.send(&Method::POST, &path, &points, MINUTE_S + 1);
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers[RETRY_AFTER], "59");
    assert_eq!(status(MINUTE_S + 60), StatusCode::OK);
}

#[test]
fn the_page_is_whole_strict_and_asks_nobody_else() {
    let scene = Scene::of(1);
    let page = String::from_utf8(scene.get("/private/").body).unwrap();
    let mut wanted = vec!["page.css".to_owned(), "page.js".to_owned()];
    while let Some(name) = wanted.pop() {
        let got = scene.get(&format!("/private/{name}"));
        assert_eq!(got.status, StatusCode::OK, "{name}");
        let policy = got.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        let text = String::from_utf8(got.body).unwrap();
        assert!(
            !text.contains("http:") && !text.contains("https://"),
            "{name} names another place"
        );
        assert!(!text.contains("innerHTML"), "{name}");
        wanted.extend(
            text.split("from \"./")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned()),
        );
    }
    for field in page.split("<input").skip(1) {
        let field = field.split('>').next().unwrap();
        assert!(
            !field.contains("name="),
            "a field with a name is sent by a form that is submitted without the script"
        );
    }
    assert!(page.contains("page.css") && page.contains("page.js"));
}

#[test]
fn what_may_be_kept_is_what_tells_nothing() {
    let scene = Scene::of(1_000);
    let index = scene.parameters().index;
    let kept = |path: &str| scene.get(path).headers[CACHE_CONTROL].to_str().unwrap().to_owned();
    assert!(kept(&format!("/private/v1/index/{index}/0")).contains("immutable"));
    assert!(kept(&format!("/private/v1/breaches/{index}")).contains("immutable"));
    assert_eq!(kept(&format!("/private/v1/bucket/{index}/0")), "no-store");
    assert_eq!(kept("/private/v1/parameters"), "no-store");
}

#[test]
fn other_paths_and_methods_are_refused() {
    let scene = Scene::of(1);
    assert_eq!(scene.get("/private/other").status, StatusCode::NOT_FOUND);
    assert_eq!(
        scene.get("/private/v1/index/0000000000000000/0").status,
        StatusCode::GONE
    );
    let key = scene.parameters().public_key;
    let got = scene.get(&format!("/private/v1/evaluate/{key}"));
    assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        scene.send(&Method::POST, "/private/", &[], MINUTE_S).status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(
        scene
            .get(&format!("/private/v1/index/{}/9", scene.parameters().index))
            .status,
        StatusCode::NOT_FOUND
    );
}
