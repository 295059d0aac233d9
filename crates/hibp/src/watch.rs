//! The pages behind the links in mails. `GET` shows a page with a button and changes nothing, because mail scanners follow every link;
//! `POST` acts: from the button, or as the one-click opt-out of RFC 8058, whose body doesn't matter.
//!
//! ```text
//! /watch/confirm/{token}    confirms a watch, or proves a domain by mail
//! /watch/opt-out/{token}    no mail from here, for ever
//! /watch/feed/{token}       the notices of a verified domain, as RSS 2.0
//! ```

use exposure::Error;
use exposure::ledger::{Ledger, Proof};
use exposure::watch::{DomainName, Link};

use crate::feed;

/// Headers that every page has: nothing is stored, nobody is told where the reader came from, and nothing but the form works.
pub const HEADERS: [(&str, &str); 4] = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
];

const HTML: &str = "text/html; charset=utf-8";

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// `GET`, `HEAD`: to see.
    Show,
    /// `POST`: to act.
    Act,
}

/// An answer; [`HEADERS`] go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Answers a request for a path; `None` if it isn't one of these. It reads and writes the ledger and blocks: an async caller puts it on a
/// thread of its own.
///
/// # Errors
/// When the ledger can't be read or written.
pub fn answer(intent: Intent, path: &str, ledger: &mut Ledger, now: i64) -> Result<Option<Page>, Error> {
    let Some(rest) = path.strip_prefix("/watch/") else {
        return Ok(None);
    };
    let Some((what, token)) = rest.split_once('/') else {
        return Ok(None);
    };
    let link = ledger.link(token)?;
    Ok(Some(match (what, link) {
        ("confirm", Some(link @ (Link::Confirm(_) | Link::Domain(_)))) => confirm(intent, &link, ledger, now)?,
        // A watch that the person removed is told like one that never was.
        ("confirm", _) => {
            gone("This link is no longer valid. Links to confirm are valid for two weeks; ask for a new one.")
        }
        ("opt-out", Some(link @ Link::OptOut(_))) => opt_out(intent, &link, ledger, now)?,
        ("opt-out", _) => gone("This link isn't complete. Open it from the mail, or copy all of it."),
        ("feed", Some(Link::Feed(id))) => {
            feed::of_domain(ledger, id)?.unwrap_or_else(|| gone("There is no such feed."))
        }
        ("feed", _) => gone("There is no such feed."),
        _ => return Ok(None),
    }))
}

fn confirm(intent: Intent, link: &Link, ledger: &mut Ledger, now: i64) -> Result<Page, Error> {
    let done = match (intent, link) {
        (Intent::Show, Link::Domain(_)) => {
            return Ok(asks(
                "Prove a domain",
                "This proves that the domain named in the mail is yours.",
                "Yes, it is ours",
            ));
        }
        (Intent::Show, _) => {
            return Ok(asks(
                "Confirm",
                "We will send a mail to the address at which you got this link when a breach concerns you.",
                "Yes, tell me",
            ));
        }
        (Intent::Act, Link::Domain(id)) => prove(ledger, *id, now)?,
        (Intent::Act, Link::Confirm(id)) => ledger.confirm_watch(*id, now)?,
        (Intent::Act, _) => false,
    };
    if !done {
        return Ok(gone("This link is no longer valid."));
    }
    Ok(says(200, "Thank you", "That is confirmed. You can close this page."))
}

fn prove(ledger: &mut Ledger, id: i64, now: i64) -> Result<bool, Error> {
    match ledger
        .domain_numbered(id)?
        .map(|domain| DomainName::parse(&domain.name))
    {
        Some(Ok(name)) => ledger.mark_domain_verified(&name, Proof::Mail, now),
        _ => Ok(false),
    }
}

fn opt_out(intent: Intent, link: &Link, ledger: &mut Ledger, now: i64) -> Result<Page, Error> {
    let (Intent::Act, Link::OptOut(identity)) = (intent, link) else {
        return Ok(asks(
            "No more mail",
            "We will never again send a mail about breaches to the address at which you got this link. That can't be taken back here.",
            "Stop all mail",
        ));
    };
    ledger.opt_out(*identity, now)?;
    Ok(says(
        200,
        "Done",
        "You will get no more mail about breaches from us. You can close this page.",
    ))
}

fn asks(title: &str, text: &str, button: &str) -> Page {
    page(
        200,
        title,
        &format!("<p>{text}</p><form method=\"post\"><button>{button}</button></form>"),
    )
}

fn says(status: u16, title: &str, text: &str) -> Page {
    page(status, title, &format!("<p>{text}</p>"))
}

fn gone(text: &str) -> Page {
    says(404, "Not found", text)
}

/// A page; everything in it is our own text, so there is nothing to be escaped.
fn page(status: u16, title: &str, content: &str) -> Page {
    let style = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}\
                 button{font:inherit;padding:.6rem 1.2rem}";
    Page {
        status,
        content_type: HTML,
        body: format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
             <title>{title}</title><style>{style}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposure::ledger::{Asked, Delivery, Subject};
    use exposure::watch::MailAddress;

    struct Scene {
        _folder: tempfile::TempDir,
        ledger: Ledger,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let ledger = Ledger::open(folder.path()).unwrap();
            Self {
                _folder: folder,
                ledger,
            }
        }

        fn token(&mut self, link: &Link) -> String {
            let purpose = self.ledger.purpose(link).unwrap().unwrap();
            self.ledger.link_secret([5; 32]).unwrap().token(link, &purpose)
        }

        fn status(&mut self, intent: Intent, path: &str) -> Option<u16> {
            answer(intent, path, &mut self.ledger, 50)
                .unwrap()
                .map(|page| page.status)
        }
    }

    fn person() -> MailAddress {
        MailAddress::parse("a@example.com").unwrap()
    }

    #[test]
    fn looking_changes_nothing_and_the_button_does() {
        let mut scene = Scene::new();
        let subject = Subject::Address(person());
        let Asked::Waiting(watch) = scene.ledger.ask_for_watch(&subject, Delivery::Now, 1).unwrap() else {
            panic!("it isn't waiting");
        };
        let path = format!("/watch/confirm/{}", scene.token(&Link::Confirm(watch.id)));
        assert_eq!(scene.status(Intent::Show, &path), Some(200));
        assert_eq!(scene.ledger.watch(watch.id).unwrap().unwrap().confirmed, None);
        assert_eq!(scene.status(Intent::Act, &path), Some(200));
        assert_eq!(scene.ledger.watch(watch.id).unwrap().unwrap().confirmed, Some(50));

        let path = format!("/watch/opt-out/{}", scene.token(&Link::OptOut(person().identity())));
        assert_eq!(scene.status(Intent::Show, &path), Some(200));
        assert!(!scene.ledger.is_opted_out(person().identity()).unwrap());
        assert_eq!(scene.status(Intent::Act, &path), Some(200));
        assert!(scene.ledger.is_opted_out(person().identity()).unwrap());
        assert_eq!(scene.ledger.watch(watch.id).unwrap(), None);
        assert_eq!(scene.status(Intent::Act, &path), Some(200), "twice is as good as once");
    }

    #[test]
    fn a_domain_is_proved_by_mail() {
        let mut scene = Scene::new();
        let name = DomainName::parse("example.com").unwrap();
        let domain = scene.ledger.ask_for_domain(&name, 1, [1; 20]).unwrap();
        let path = format!("/watch/confirm/{}", scene.token(&Link::Domain(domain.id)));
        assert_eq!(scene.status(Intent::Show, &path), Some(200));
        assert!(!scene.ledger.is_domain_verified(&name).unwrap());
        assert_eq!(scene.status(Intent::Act, &path), Some(200));
        assert!(scene.ledger.is_domain_verified(&name).unwrap());
    }

    #[test]
    fn a_token_is_good_for_its_own_page_only() {
        let mut scene = Scene::new();
        let name = DomainName::parse("example.com").unwrap();
        let domain = scene.ledger.ask_for_domain(&name, 1, [1; 20]).unwrap();
        let opt_out = scene.token(&Link::OptOut(person().identity()));
        let feed = scene.token(&Link::Feed(domain.id));
        for path in [
            format!("/watch/confirm/{opt_out}"),
            format!("/watch/confirm/{feed}"),
            format!("/watch/opt-out/{feed}"),
            format!("/watch/feed/{opt_out}"),
            format!("/watch/confirm/d{}", &feed[1..]),
            format!("/watch/opt-out/{opt_out}0"),
            "/watch/confirm/".to_owned(),
            "/watch/opt-out/%00".to_owned(),
        ] {
            assert_eq!(scene.status(Intent::Act, &path), Some(404), "{path}");
        }
        for path in ["/watch", "/watch/", "/watch/other/x", "/", "/watch/confirm"] {
            assert_eq!(scene.status(Intent::Act, path), None, "{path}");
        }
        assert!(!scene.ledger.is_domain_verified(&name).unwrap());
    }
}
