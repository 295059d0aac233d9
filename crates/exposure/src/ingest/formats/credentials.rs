//! Lines `url:login:password`, `login:password:url` and `address:password`, with `:`, `;`, `|` or a tab between them.
//!
//! A colon is also in `https://`, before a port and in passwords. So: the address of a website ends at its path or port; a number behind
//! the host is a port if a login and a password still follow; where an address stands right behind a separator, it is the login; all that is
//! behind the login is the password.

use super::Reading;
use crate::Error;
use crate::address::{Address, TopLevelDomains, find_addresses};
use crate::ingest::gather::website_host;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credentials<'a> {
    pub(super) website: Option<&'a [u8]>,
    pub(super) login: &'a [u8],
    pub(super) password: &'a [u8],
}

pub(super) fn read(reading: &mut Reading<'_, '_>) -> Result<(), Error> {
    let mut address = Address::default();
    reading.lines(
        &mut |gatherer, line, _| match parse(line, &gatherer.known, &mut address) {
            Some(found) => gatherer.credentials(found.website, found.login, found.password),
            None => {
                gatherer.counts.records += 1;
                gatherer.scan(line).map(drop)
            }
        },
    )
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b':' | b';' | b'|' | b'\t')
}

/// What a line says, if it is of this shape.
pub(super) fn parse<'a>(line: &'a [u8], known: &TopLevelDomains, address: &mut Address) -> Option<Credentials<'a>> {
    let line = line.trim_ascii();
    if let Some(end) = leading_address(line, known, address) {
        return login_first(line, end);
    }
    let authority_end = website_end(line, known)?;
    let login_start = match address_behind_separator(line, authority_end, known, address) {
        Some(start) => start,
        None => {
            let rest = line.get(authority_end..)?;
            authority_end + rest.iter().position(|byte| is_separator(*byte))? + 1
        }
    };
    let (website, rest) = line.split_at_checked(login_start)?;
    let website = website.split_last()?.1;
    let end = rest.iter().position(|byte| is_separator(*byte))?;
    let (login, password) = (rest.get(..end)?, rest.get(end + 1..)?);
    (!login.is_empty()).then_some(Credentials {
        website: Some(website),
        login,
        password,
    })
}

/// Where the address ends that the line begins with and that a separator follows.
fn leading_address(line: &[u8], known: &TopLevelDomains, address: &mut Address) -> Option<usize> {
    let first = line.iter().position(|byte| is_separator(*byte))?;
    let login = line.get(..first)?;
    let mut is_address = false;
    find_addresses(login, known, address, &mut |_, range| {
        is_address = range == (0..login.len())
    });
    is_address.then_some(first)
}

/// `login:password`, or `login:password:url`.
fn login_first(line: &[u8], end: usize) -> Option<Credentials<'_>> {
    let (login, rest) = (line.get(..end)?, line.get(end + 1..)?);
    let scheme = memchr::memmem::rfind(rest, b"://").filter(|at| *at > 0);
    let website_start = scheme.and_then(|at| {
        let before = rest.get(..at)?;
        Some(before.iter().rposition(|byte| is_separator(*byte))? + 1)
    });
    match website_start {
        Some(start) => Some(Credentials {
            website: rest.get(start..),
            login,
            password: rest.get(..start - 1)?,
        }),
        None => Some(Credentials {
            website: None,
            login,
            password: rest,
        }),
    }
}

/// Where host and port end of the website that the line begins with.
fn website_end(line: &[u8], known: &TopLevelDomains) -> Option<usize> {
    let scheme = memchr::memmem::find(line, b"://").filter(|at| {
        line.get(..*at)
            .is_some_and(|name| name.iter().all(u8::is_ascii_alphanumeric))
    });
    let start = scheme.map_or(0, |at| at + 3);
    let rest = line.get(start..)?;
    let host = rest.iter().position(|byte| is_separator(*byte) || *byte == b'/')?;
    if host == 0 || (scheme.is_none() && !website_host(rest.get(..host)?).is_some_and(|host| known.has_domain(&host))) {
        return None;
    }
    let behind = rest.get(host..)?;
    let digits = behind.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let next = behind.get(1 + digits).copied();
    let follow = behind
        .get(1 + digits..)
        .unwrap_or_default()
        .iter()
        .filter(|byte| is_separator(**byte))
        .count();
    let is_port = behind.first() == Some(&b':')
        && (1..=5).contains(&digits)
        && (next == Some(b'/') || (next.is_some_and(is_separator) && follow >= 2));
    Some(start + host + if is_port { 1 + digits } else { 0 })
}

/// Where the first address begins that stands between separators.
fn address_behind_separator(line: &[u8], from: usize, known: &TopLevelDomains, address: &mut Address) -> Option<usize> {
    let mut start = None;
    find_addresses(line.get(from..)?, known, address, &mut |_, range| {
        let (begin, end) = (from + range.start, from + range.end);
        let before = begin.checked_sub(1).and_then(|at| line.get(at));
        if start.is_none()
            && before.is_some_and(|byte| is_separator(*byte))
            && line.get(end).is_some_and(|byte| is_separator(*byte))
        {
            start = Some(begin);
        }
    });
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, website, login, password, between spaces.
    const CASES: &str = "
        https://example.com/login:ann@example.org:secret https://example.com/login ann@example.org secret
        https://example.com:ann@example.org:se:cret https://example.com ann@example.org se:cret
        https://example.com:8443/a:ann:secret https://example.com:8443/a ann secret
        https://example.com:8443:ann:secret https://example.com:8443 ann secret
        https://example.com:123456:secret https://example.com 123456 secret
        https://example.com:12345:secret https://example.com 12345 secret
        http://192.0.2.7:80/x:ann:secret http://192.0.2.7:80/x ann secret
        https://example.com/a:b:ann@example.org:secret https://example.com/a:b ann@example.org secret
        example.com/login|ann@example.org|secret example.com/login ann@example.org secret
        android://x==@com.example.app/:ann@example.org:x android://x==@com.example.app/ ann@example.org x
        ann@example.org:secret:https://example.com/a https://example.com/a ann@example.org secret
        ann@example.org:se:cret - ann@example.org se:cret
        ann@example.org;secret - ann@example.org secret";

    #[test]
    fn websites_logins_and_passwords_are_told_apart() {
        let known = TopLevelDomains::default();
        for case in CASES.lines().skip(1) {
            let parts: Vec<_> = case.split_whitespace().map(str::as_bytes).collect();
            let [line, website, login, password] = parts[..] else {
                panic!("{case}")
            };
            let website = Some(website).filter(|website| *website != b"-");
            let expected = Credentials {
                website,
                login,
                password,
            };
            assert_eq!(parse(line, &known, &mut Address::default()), Some(expected), "{case}");
        }
        let others = [
            "",
            "ann@example.org",
            "nothing: here",
            "https://example.com/only",
            "10:15:00 started",
            "ann: hello",
        ];
        for line in others {
            assert_eq!(parse(line.as_bytes(), &known, &mut Address::default()), None, "{line}");
        }
    }
}
