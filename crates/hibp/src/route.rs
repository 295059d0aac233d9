//! What is asked: a method and an address, parsed once into a type.

use exposure::hash::HashKind;
use exposure::ledger::HashPrefix;
use exposure::passwords::RangePrefix;
use exposure::watch::DomainName;
use hyper::Method;

use crate::percent::{decode, digit, parameter};
use crate::private;

/// Bytes of an account at most: an address has 254 (RFC 5321, section 4.5.3.1.3), with room for white space around it.
const ACCOUNT_BYTES_MAX: usize = 320;
/// Where the API begins.
const API: &str = "/api/v3/";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET /range/{5 digits}`
    PasswordRange { kind: HashKind, prefix: RangePrefix },
    /// `GET /check/{sha1|ntlm}/{hash}`
    PasswordCount(PasswordHash),
    /// `GET /breachedaccount/{account}`
    Account(AccountSearch),
    /// `GET /breachedaccount/range/{6 digits}`
    AccountRange(HashPrefix),
    /// `GET /breacheddomain/{domain}`
    Domain(DomainName),
    /// `GET /subscribeddomains`
    SubscribedDomains,
    /// `POST /domainverification/...`
    Verification(Verification),
    /// `GET /breaches`
    Breaches {
        domain: Option<String>,
        is_spam_list: Option<bool>,
    },
    /// `GET /breach/{name}`
    Breach(String),
    /// `GET /latestbreach`
    LatestBreach,
    /// `GET /dataclasses`
    DataClasses,
    /// `GET /stealerlogsby...`
    StealerLogs(StealerLogs),
    /// `GET /pasteaccount/{account}`
    Pastes(Account),
    /// `GET /subscription/status`
    Subscription,
    /// `GET /range/search/{6 digits}`
    EnterpriseRange(HashPrefix),
    /// `POST /range/subscribe`
    EnterpriseSubscribe,
    /// `GET /feed/breaches/`
    Feed,
    /// `GET /healthz`
    Health,
    /// `GET /metrics`
    Metrics,
    /// Everything below `/private`.
    Private,
    /// Everything below `/watch/`.
    Watch,
    /// A page of another website asks whether it may ask.
    Preflight,
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misrouted {
    /// There is nothing.
    NotFound,
    /// There is something, for another method.
    Method(&'static str),
    /// No prefix of a password's hash.
    PasswordPrefix,
    /// No hash of a password.
    PasswordHash,
    /// A password in an address.
    PasswordInAddress,
    /// No prefix of an address's hash.
    IdentityPrefix,
    /// The same, on the surface where errors are JSON.
    EnterprisePrefix,
    /// An account that is empty, too long, or badly encoded.
    Account,
    /// No domain.
    Domain,
    /// A parameter that is neither true nor false, or badly encoded.
    Parameter(&'static str),
}

/// An account as it was asked for, without white space around it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Account(String);

impl Account {
    fn parse(segment: &str) -> Result<Self, Misrouted> {
        let decoded = decode(segment).ok_or(Misrouted::Account)?;
        let account = decoded.trim();
        let is_one = !account.is_empty() && account.len() <= ACCOUNT_BYTES_MAX && !account.contains('/');
        is_one.then(|| Self(account.to_owned())).ok_or(Misrouted::Account)
    }

    /// One that is a mail address.
    fn mail_address(segment: &str) -> Result<Self, Misrouted> {
        let account = Self::parse(segment)?;
        let is_address = account
            .0
            .split_once('@')
            .is_some_and(|(alias, domain)| !alias.is_empty() && !domain.is_empty());
        is_address.then_some(account).ok_or(Misrouted::Account)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Somebody's address never gets into a log by accident.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account(..)")
    }
}

/// How the breaches of an account are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountSearch {
    pub(crate) account: Account,
    /// Names only.
    pub(crate) truncated: bool,
    /// Only breaches of this website.
    pub(crate) domain: Option<String>,
    /// Also breaches that may not be genuine.
    pub(crate) unverified: bool,
}

/// The whole hash of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct PasswordHash {
    pub(crate) kind: HashKind,
    bytes: [u8; 20],
}

impl PasswordHash {
    fn parse(kind: HashKind, segment: &str) -> Option<Self> {
        if segment.len() != 2 * kind.bytes() {
            return None;
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(segment.as_bytes().chunks_exact(2)) {
            let [high, low] = pair.first_chunk::<2>()?;
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self { kind, bytes })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.kind.bytes()).unwrap_or_default()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// How stealer logs are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StealerLogs {
    /// `GET /stealerlogsbyemail/{address}`
    Email(Account),
    /// `GET /stealerlogsbywebsitedomain/{domain}`
    Website(DomainName),
    /// `GET /stealerlogsbyemaildomain/{domain}`
    EmailDomain(DomainName),
}

/// A step of the proof that a domain is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// `generatednstoken`
    MakeToken,
    /// `verifydnstoken`
    CheckToken,
    /// `sendemail`
    SendMail,
}

impl Route {
    /// What a request asks. `path` and `query` are as they were sent.
    pub(crate) fn parse(method: &Method, path: &str, query: &str) -> Result<Self, Misrouted> {
        if *method == Method::OPTIONS {
            return Self::parse(&Method::GET, path, query)
                .ok()
                .filter(Self::is_for_any_website)
                .map(|_| Self::Preflight)
                .ok_or(Misrouted::NotFound);
        }
        if private::is_private(path) {
            return Ok(Self::Private);
        }
        if path.starts_with("/watch/") {
            return match *method {
                Method::GET | Method::HEAD | Method::POST => Ok(Self::Watch),
                _ => Err(Misrouted::Method("GET, HEAD, POST")),
            };
        }
        let route = Self::of_path(path, query)?;
        match (route.takes_body(), method) {
            (true, &Method::POST) | (false, &Method::GET | &Method::HEAD) => Ok(route),
            (true, _) => Err(Misrouted::Method("POST")),
            (false, _) => Err(Misrouted::Method("GET, HEAD")),
        }
    }

    /// Whether it is sent with a body.
    pub(crate) const fn takes_body(&self) -> bool {
        matches!(self, Self::Verification(_) | Self::EnterpriseSubscribe)
    }

    /// Whether it needs no key, so that pages of any website may ask it.
    pub(crate) const fn is_for_any_website(&self) -> bool {
        matches!(
            self,
            Self::PasswordRange { .. }
                | Self::PasswordCount(_)
                | Self::Breaches { .. }
                | Self::Breach(_)
                | Self::LatestBreach
                | Self::DataClasses
                | Self::Feed
        )
    }

    fn of_path(path: &str, query: &str) -> Result<Self, Misrouted> {
        if let Some(rest) = path.strip_prefix("/range/") {
            return password_range(rest, query);
        }
        if let Some(rest) = path.strip_prefix("/check/") {
            return password_count(rest);
        }
        if let Some(rest) = path.strip_prefix(API) {
            return api(rest, query);
        }
        match path {
            "/feed/breaches" | "/feed/breaches/" => Ok(Self::Feed),
            "/healthz" => Ok(Self::Health),
            "/metrics" => Ok(Self::Metrics),
            _ => Err(Misrouted::NotFound),
        }
    }
}

fn password_range(rest: &str, query: &str) -> Result<Route, Misrouted> {
    if let Some(prefix) = rest.strip_prefix("search/") {
        return HashPrefix::parse(prefix)
            .map(Route::EnterpriseRange)
            .ok_or(Misrouted::EnterprisePrefix);
    }
    if rest == "subscribe" {
        return Ok(Route::EnterpriseSubscribe);
    }
    let prefix = RangePrefix::parse(rest).ok_or(Misrouted::PasswordPrefix)?;
    // Any other value means SHA-1, as the public API has it: clients send `mode=sha1`.
    let mode = parameter(query, "mode").map_err(|()| Misrouted::Parameter("mode"))?;
    let kind = if mode.is_some_and(|mode| mode.eq_ignore_ascii_case(HashKind::Ntlm.name())) {
        HashKind::Ntlm
    } else {
        HashKind::Sha1
    };
    Ok(Route::PasswordRange { kind, prefix })
}

fn password_count(rest: &str) -> Result<Route, Misrouted> {
    let (kind, hash) = rest.split_once('/').ok_or(Misrouted::NotFound)?;
    if kind == "plain" {
        return Err(Misrouted::PasswordInAddress);
    }
    let hash = PasswordHash::parse(HashKind::named(kind).ok_or(Misrouted::NotFound)?, hash);
    hash.map(Route::PasswordCount).ok_or(Misrouted::PasswordHash)
}

fn api(rest: &str, query: &str) -> Result<Route, Misrouted> {
    let (name, argument) = rest
        .split_once('/')
        .map_or((rest, None), |(name, rest)| (name, Some(rest)));
    let Some(argument) = argument else {
        return match name {
            "breaches" => breaches(query),
            "latestbreach" => Ok(Route::LatestBreach),
            "dataclasses" => Ok(Route::DataClasses),
            "subscribeddomains" => Ok(Route::SubscribedDomains),
            "breachedaccount" | "pasteaccount" => Err(Misrouted::Account),
            _ => Err(Misrouted::NotFound),
        };
    };
    match (name, argument) {
        ("breachedaccount", argument) => account(argument, query),
        ("pasteaccount", argument) => Account::mail_address(argument).map(Route::Pastes),
        ("breacheddomain", argument) => domain(argument).map(Route::Domain),
        ("breach", argument) => {
            let name = decode(argument)
                .filter(|name| !name.is_empty())
                .ok_or(Misrouted::NotFound)?;
            Ok(Route::Breach(name.into_owned()))
        }
        ("subscription", "status") => Ok(Route::Subscription),
        ("domainverification", "generatednstoken") => Ok(Route::Verification(Verification::MakeToken)),
        ("domainverification", "verifydnstoken") => Ok(Route::Verification(Verification::CheckToken)),
        ("domainverification", "sendemail") => Ok(Route::Verification(Verification::SendMail)),
        ("stealerlogsbyemail", argument) => {
            Account::mail_address(argument).map(|address| Route::StealerLogs(StealerLogs::Email(address)))
        }
        ("stealerlogsbywebsitedomain", argument) => {
            domain(argument).map(|domain| Route::StealerLogs(StealerLogs::Website(domain)))
        }
        ("stealerlogsbyemaildomain", argument) => {
            domain(argument).map(|domain| Route::StealerLogs(StealerLogs::EmailDomain(domain)))
        }
        ("breaches", "") => breaches(query),
        _ => Err(Misrouted::NotFound),
    }
}

fn account(argument: &str, query: &str) -> Result<Route, Misrouted> {
    if let Some(prefix) = argument.strip_prefix("range/") {
        return HashPrefix::parse(prefix)
            .map(Route::AccountRange)
            .ok_or(Misrouted::IdentityPrefix);
    }
    Ok(Route::Account(AccountSearch {
        account: Account::parse(argument)?,
        truncated: flag(query, "truncateResponse")?.unwrap_or(true),
        domain: word(query, "domain")?,
        unverified: flag(query, "includeUnverified")?.unwrap_or(true),
    }))
}

fn breaches(query: &str) -> Result<Route, Misrouted> {
    Ok(Route::Breaches {
        domain: word(query, "domain")?,
        is_spam_list: flag(query, "isSpamList")?,
    })
}

fn domain(argument: &str) -> Result<DomainName, Misrouted> {
    let decoded = decode(argument).ok_or(Misrouted::Domain)?;
    DomainName::parse(&decoded).map_err(|_| Misrouted::Domain)
}

/// A parameter that is true or false; one that is empty counts as not given.
fn flag(query: &str, name: &'static str) -> Result<Option<bool>, Misrouted> {
    match word(query, name)? {
        None => Ok(None),
        Some(word) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(word) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(Misrouted::Parameter(name)),
    }
}

fn word(query: &str, name: &'static str) -> Result<Option<String>, Misrouted> {
    let word = parameter(query, name).map_err(|()| Misrouted::Parameter(name))?;
    Ok(word.filter(|word| !word.is_empty()).map(std::borrow::Cow::into_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, query: &str) -> Result<Route, Misrouted> {
        Route::parse(&Method::GET, path, query)
    }

    #[test]
    fn ranges_are_asked_for_by_five_digits_and_a_mode() {
        let range = |kind, prefix| {
            Ok(Route::PasswordRange {
                kind,
                prefix: RangePrefix::parse(prefix).unwrap(),
            })
        };
        assert_eq!(get("/range/5baa6", ""), range(HashKind::Sha1, "5BAA6"));
        assert_eq!(get("/range/5BAA6", "mode=ntlm"), range(HashKind::Ntlm, "5BAA6"));
        assert_eq!(get("/range/5BAA6", "mode=sha1"), range(HashKind::Sha1, "5BAA6"));
        for bad in [
            "/range/",
            "/range/5BAA",
            "/range/5BAA61",
            "/range/5BAAG",
            "/range/5BAA6/",
            "/range/%35BAA6",
        ] {
            assert_eq!(get(bad, ""), Err(Misrouted::PasswordPrefix), "{bad}");
        }
    }

    #[test]
    fn hashes_are_whole_or_refused_and_passwords_always() {
        let sha1 = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        let Ok(Route::PasswordCount(hash)) = get(&format!("/check/sha1/{sha1}"), "") else {
            panic!("no count");
        };
        assert_eq!(hash.as_bytes(), HashKind::Sha1.hash("password"));
        let ntlm = get("/check/ntlm/8846f7eaee8fb117ad06bdd830b7586c", "");
        assert!(matches!(ntlm, Ok(Route::PasswordCount(hash)) if hash.as_bytes() == HashKind::Ntlm.hash("password")));
        assert_eq!(get(&format!("/check/ntlm/{sha1}"), ""), Err(Misrouted::PasswordHash));
        assert_eq!(get("/check/sha1/password", ""), Err(Misrouted::PasswordHash));
        assert_eq!(get("/check/plain/password", ""), Err(Misrouted::PasswordInAddress));
        assert_eq!(get("/check/md5/0", ""), Err(Misrouted::NotFound));
    }

    #[test]
    fn accounts_are_decoded_and_trimmed() {
        let search = |query: &str| match get("/api/v3/breachedaccount/%20A%2Bb%40Example.com%20", query) {
            Ok(Route::Account(search)) => search,
            other => panic!("{other:?}"),
        };
        let found = search("");
        assert_eq!(found.account.as_str(), "A+b@Example.com");
        assert_eq!((found.truncated, found.unverified, found.domain), (true, true, None));
        let found = search("truncateResponse=False&includeUnverified=false&domain=adobe.com");
        assert_eq!(
            (found.truncated, found.unverified, found.domain.as_deref()),
            (false, false, Some("adobe.com"))
        );
        for bad in [
            "",
            "/",
            "/%20",
            "/%",
            "/%00",
            "/%ff",
            "/a%2Fb",
            &format!("/{}", "a".repeat(400)),
        ] {
            assert_eq!(
                get(&format!("/api/v3/breachedaccount{bad}"), ""),
                Err(Misrouted::Account),
                "{bad}"
            );
        }
        let wrong = get("/api/v3/breachedaccount/a", "truncateResponse=perhaps");
        assert_eq!(wrong, Err(Misrouted::Parameter("truncateResponse")));
    }

    #[test]
    fn addresses_are_in_no_debug_text() {
        let text = format!("{:?}", get("/api/v3/breachedaccount/jane%40example.com", ""));
        assert!(!text.contains("jane"), "{text}");
    }

    #[test]
    fn ranges_of_accounts_have_two_surfaces() {
        assert_eq!(
            get("/api/v3/breachedaccount/range/567159", ""),
            Ok(Route::AccountRange(HashPrefix::parse("567159").unwrap()))
        );
        assert_eq!(
            get("/range/search/567159", ""),
            Ok(Route::EnterpriseRange(HashPrefix::parse("567159").unwrap()))
        );
        assert_eq!(
            get("/api/v3/breachedaccount/range/5671", ""),
            Err(Misrouted::IdentityPrefix)
        );
        assert_eq!(get("/range/search/5671", ""), Err(Misrouted::EnterprisePrefix));
    }

    #[test]
    fn methods_are_those_of_the_route() {
        let method = |method, path| Route::parse(&method, path, "");
        assert_eq!(method(Method::HEAD, "/api/v3/latestbreach"), Ok(Route::LatestBreach));
        assert_eq!(
            method(Method::POST, "/api/v3/latestbreach"),
            Err(Misrouted::Method("GET, HEAD"))
        );
        assert_eq!(method(Method::GET, "/range/subscribe"), Err(Misrouted::Method("POST")));
        assert_eq!(method(Method::OPTIONS, "/range/00000"), Ok(Route::Preflight));
        assert_eq!(
            method(Method::OPTIONS, "/api/v3/breachedaccount/a"),
            Err(Misrouted::NotFound)
        );
    }
}
