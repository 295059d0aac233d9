//! A console, and browsers and programs that ask it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use console::auth::Peer;
use console::{Settings, State};
use respond::people::{self, LinkFor, NewAccount, NewToken, Role, Scope};
use respond::{Actor, Time};
use serde_json::Value;
use tower_service::Service;

use crate::authenticator::Authenticator;
use crate::site::TestSite;

/// A console with its state.
pub(crate) struct Console {
    pub(crate) site: Arc<TestSite>,
    pub(crate) state: console::Shared,
    runtime: tokio::runtime::Runtime,
    router: axum::Router,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The sort of problem.
    pub(crate) fn problem(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        assert_eq!(self.header("content-type"), "application/problem+json");
        kind.trim_start_matches("urn:holdfast:problem:").to_owned()
    }

    /// The cookies that were given, as a browser sends them back.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let given = self.headers.get_all(header::SET_COOKIE).iter();
        given
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect()
    }
}

impl Console {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = Arc::new(TestSite::new(folder.path()));
        let state = Arc::new(State::new(settings, Arc::clone(&site) as Arc<dyn console::Site>));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            router: console::router(&state),
            site,
            state,
            runtime,
            _folder: folder,
        }
    }

    pub(crate) fn now(&self) -> Time {
        console::Site::now(self.site.as_ref())
    }

    /// A request from an address.
    pub(crate) fn send(&self, from: Peer, request: Request<Body>) -> Reply {
        self.runtime.block_on(async {
            let mut request = request;
            request.extensions_mut().insert(from);
            let response = self.router.clone().call(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let collected =
                tokio::time::timeout(std::time::Duration::from_secs(20), axum::body::to_bytes(body, 8 << 20));
            Reply {
                status: parts.status,
                headers: parts.headers,
                body: collected.await.unwrap().unwrap().to_vec(),
            }
        })
    }

    /// A request from this machine; `None` if it isn't answered in time.
    pub(crate) fn send_within(&self, patience: std::time::Duration, mut request: Request<Body>) -> Option<StatusCode> {
        request
            .extensions_mut()
            .insert(Peer::Network("127.0.0.1".parse().unwrap()));
        let answered = async { tokio::time::timeout(patience, self.router.clone().call(request)).await };
        let answered = self.runtime.block_on(answered).ok()?;
        Some(answered.unwrap().status())
    }

    /// Begins something on the console's threads.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(work)
    }

    /// Runs something on the console's threads.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// A token of a role for these parts of the API.
    pub(crate) fn token(&self, role: Role, scopes: &[Scope]) -> String {
        let random: [u8; 32] = random();
        let new = NewToken {
            name: format!(
                "t{}",
                random
                    .iter()
                    .take(8)
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            ),
            role,
            scopes: scopes.to_vec(),
            expires: None,
        };
        let now = self.now();
        let made = self
            .site
            .desk
            .write(|w| people::make_token(w, now, &owner(), &new, random));
        made.unwrap().1.reveal().to_owned()
    }

    /// An account and the secret of a link for it.
    pub(crate) fn account(&self, name: &str, role: Role) -> String {
        let now = self.now();
        let new = NewAccount {
            name: name.to_owned(),
            display_name: String::new(),
            role,
            handle: random(),
            provider: None,
        };
        let made = self.site.desk.write(|w| {
            let id = people::add(w, now, &owner(), &new)?;
            people::make_link(w, now, &owner(), LinkFor::Account(id), None, random())
        });
        made.unwrap().reveal().to_owned()
    }

    /// A browser in which somebody with a new account and a passkey is signed in.
    pub(crate) fn signed_in(&self, name: &str, role: Role) -> Browser<'_> {
        let link = self.account(name, role);
        let mut browser = Browser::new(self);
        let reply = browser.set_up_passkey(&link, name);
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        browser
    }
}

/// Whoever owns the data folder.
pub(crate) fn owner() -> Actor {
    Actor::Local("root".to_owned())
}

pub(crate) fn random<const COUNT: usize>() -> [u8; COUNT] {
    use ring::rand::SecureRandom;
    let mut bytes = [0; COUNT];
    ring::rand::SystemRandom::new().fill(&mut bytes).unwrap();
    bytes
}

/// A browser: it keeps cookies, and has an authenticator.
pub(crate) struct Browser<'a> {
    console: &'a Console,
    pub(crate) cookies: Vec<String>,
    pub(crate) csrf: String,
    pub(crate) authenticator: Authenticator,
    pub(crate) address: IpAddr,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(console: &'a Console) -> Self {
        Self {
            console,
            cookies: Vec::new(),
            csrf: String::new(),
            authenticator: Authenticator::es256(),
            address: "192.0.2.7".parse().unwrap(),
        }
    }

    /// A request with the browser's cookies and its token against other websites'.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost:8480");
        if !self.cookies.is_empty() {
            request = request.header("cookie", self.cookies.join("; "));
        }
        if !self.csrf.is_empty() {
            request = request.header("x-csrf-token", &self.csrf);
        }
        match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        }
        .unwrap()
    }

    pub(crate) fn send(&mut self, request: Request<Body>) -> Reply {
        let reply = self.console.send(Peer::Network(self.address), request);
        for cookie in reply.cookies() {
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.retain(|kept| kept.split('=').next() != Some(name));
            if !value.is_empty() {
                self.cookies.push(cookie.clone());
            }
        }
        if let Some(csrf) = reply.json().get("csrf").and_then(Value::as_str) {
            self.csrf = csrf.to_owned();
        }
        reply
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Reply {
        let request = self.request("POST", path, Some(body));
        self.send(request)
    }

    /// Sends a form of a page.
    pub(crate) fn form(&mut self, path: &str, fields: &str) -> Reply {
        let mut request = self.request("POST", path, None);
        let kind = "application/x-www-form-urlencoded".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        *request.body_mut() = Body::from(fields.to_owned());
        self.send(request)
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        let request = self.request("GET", path, None);
        self.send(request)
    }

    /// Follows a set-up link and makes a passkey.
    pub(crate) fn set_up_passkey(&mut self, link: &str, name: &str) -> Reply {
        let options = self.post(
            "/api/v1/set-up/passkey/begin",
            &serde_json::json!({ "link": link, "name": name }),
        );
        if options.status != StatusCode::OK {
            return options;
        }
        let credential = self.authenticator.register(&options.json());
        let body = serde_json::json!({ "credential": credential, "name": "key" });
        self.post("/api/v1/set-up/passkey/finish", &body)
    }

    /// Signs in with the passkey.
    pub(crate) fn sign_in(&mut self) -> Reply {
        let options = self.post("/api/v1/sign-in/passkey/begin", &serde_json::json!({}));
        let answer = self.authenticator.assert(&options.json());
        self.post("/api/v1/sign-in/passkey/finish", &answer)
    }
}
