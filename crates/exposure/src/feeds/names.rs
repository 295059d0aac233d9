//! Names that are looked for in posts. A name is found as whole words, whatever their case, accents and legal forms; how sure that is,
//! is a score with a reason.

use serde::{Deserialize, Serialize};

use super::post::Post;
use super::text::{Word, core, words};
use crate::watch::DomainName;

/// From this score on somebody is told; below it a post is only listed.
pub const SCORE_TOLD: u8 = 50;

/// Labels under which companies of a country have their names: `example.co.uk`.
const SECOND_LEVELS: [&str; 8] = ["ac", "co", "com", "edu", "gov", "net", "org", "gob"];

/// A name that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As it was given.
    written: String,
    /// If it is a domain.
    domain: Option<DomainName>,
    /// Its words, without legal forms.
    words: Vec<Word>,
}

/// A name was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The name, as it was given.
    pub name: String,
    /// How sure it is that the post is about it: 100 at most.
    pub score: u8,
    /// Why.
    pub reason: String,
}

/// Whether a name says enough to be looked for.
#[must_use]
pub fn is_matchable(name: &str) -> bool {
    Name::parse(name).is_some()
}

/// What is looked at of a post, made once for all names.
struct ReadPost {
    website: Vec<DomainName>,
    title: Vec<Word>,
    title_domains: Vec<DomainName>,
    description: Vec<Word>,
    description_domains: Vec<DomainName>,
}

/// The names that a post may be about, each with the best reason to believe so.
#[must_use]
pub fn matches(names: &[Name], post: &Post) -> Vec<Match> {
    if names.is_empty() {
        return Vec::new();
    }
    let read = ReadPost {
        website: domains(&post.website).collect(),
        title: words(&post.title),
        title_domains: domains(&post.title).collect(),
        description: words(&post.description),
        description_domains: domains(&post.description).collect(),
    };
    names.iter().filter_map(|name| name.find(&read)).collect()
}

impl Name {
    /// A name of a company or brand, or a domain; `None` if there is nothing in it beside a legal form, or only one character.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        let all = words(written);
        let words = core(&all).to_vec();
        let length: usize = words.iter().map(|word| word.plain.chars().count()).sum();
        if length < 2 {
            return None;
        }
        Some(Self {
            written: written.trim().to_owned(),
            domain: DomainName::parse(written).ok(),
            words,
        })
    }

    /// The best reason to believe that a post is about this name.
    fn find(&self, read: &ReadPost) -> Option<Match> {
        let found = [
            self.in_domains(
                &read.website,
                100,
                "the website is its domain",
                "the website has its name",
            ),
            self.in_domains(
                &read.title_domains,
                100,
                "the title is its domain",
                "the title is a domain of its name",
            ),
            self.in_title(&read.title),
            self.in_description(read),
        ];
        let (score, reason) = found.into_iter().flatten().max_by_key(|(score, _)| *score)?;
        Some(Match {
            name: self.written.clone(),
            score,
            reason: reason.to_owned(),
        })
    }

    /// Looks for domains: the one that is looked for, or one that is made of the name's words (`acme-widgets.com`).
    fn in_domains(
        &self,
        domains: &[DomainName],
        score: u8,
        is_domain: &'static str,
        has_name: &'static str,
    ) -> Option<(u8, &'static str)> {
        let mut best = None;
        for found in domains {
            if let Some(domain) = &self.domain {
                if is_or_below(found, domain) {
                    return Some((score, is_domain));
                }
            } else if self.is_label(found) {
                best = Some((score - 10, has_name));
            }
        }
        best
    }

    fn is_label(&self, domain: &DomainName) -> bool {
        let label = words(company_label(domain.as_str()));
        let joined = |words: &[Word], spelt: bool| -> String {
            words
                .iter()
                .map(|word| {
                    if spelt {
                        word.spelt.as_str()
                    } else {
                        word.plain.as_str()
                    }
                })
                .collect()
        };
        let (ours, ours_spelt) = (joined(&self.words, false), joined(&self.words, true));
        let theirs = joined(&label, false);
        // A short label is too many companies' initials.
        theirs.chars().count() >= 3 && (theirs == ours || theirs == ours_spelt)
    }

    fn in_title(&self, all: &[Word]) -> Option<(u8, &'static str)> {
        if self.domain.is_some() {
            return None;
        }
        let theirs = core(all);
        if same(theirs, &self.words) {
            return Some((100, "the title is the name"));
        }
        let at = self.position(all)?;
        if self.words.len() > 1 {
            return Some((90, "the title has the name"));
        }
        // One word may be part of another name, less so at its beginning.
        let begins = at == all.len() - theirs.len() || at == 0;
        Some(if begins {
            (70, "the title begins with the name")
        } else {
            (55, "the title has the name's only word")
        })
    }

    fn in_description(&self, read: &ReadPost) -> Option<(u8, &'static str)> {
        if let Some(domain) = &self.domain {
            let is_named = read.description_domains.iter().any(|found| is_or_below(found, domain));
            return is_named.then_some((80, "the description has the domain"));
        }
        self.position(&read.description)?;
        // A single word in a long text is as often a word as a name.
        Some(if self.words.len() > 1 {
            (70, "the description has the name")
        } else {
            (40, "the description has the name's only word")
        })
    }

    /// Where the name's words stand, one behind the other.
    fn position(&self, text: &[Word]) -> Option<usize> {
        let shouts = text.iter().all(|word| !word.written.chars().any(char::is_lowercase));
        text.windows(self.words.len())
            .position(|window| same(window, &self.words) && self.is_written_as(window, shouts))
    }

    /// Names in capitals alone (`MAN`, `BT`) are found only in capitals, and not where everything is in capitals: `Man` is a word. Other
    /// names of one word are found only where they begin with a capital.
    fn is_written_as(&self, found: &[Word], shouts: bool) -> bool {
        let ([ours], [theirs]) = (self.words.as_slice(), found) else {
            return true;
        };
        let has_lowercase = |word: &Word| word.written.chars().any(char::is_lowercase);
        let has_case = |word: &Word| {
            word.written
                .chars()
                .any(|character| character.is_uppercase() || character.is_lowercase())
        };
        if !has_case(ours) || ours.written.chars().all(char::is_lowercase) {
            return true;
        }
        if !has_lowercase(ours) && ours.plain.chars().count() <= 4 {
            return !has_lowercase(theirs) && !shouts;
        }
        shouts || theirs.written.chars().next().is_some_and(|first| !first.is_lowercase())
    }
}

fn same(left: &[Word], right: &[Word]) -> bool {
    !left.is_empty() && left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is(right))
}

fn is_or_below(found: &DomainName, domain: &DomainName) -> bool {
    found == domain || found.is_below(domain)
}

/// Domains in a text, those of addresses on the web included.
fn domains(text: &str) -> impl Iterator<Item = DomainName> + '_ {
    let is_end = |character: char| !(character.is_ascii_alphanumeric() || character == '.' || character == '-');
    text.split(is_end)
        .filter(|part| part.contains('.'))
        .filter_map(|part| DomainName::parse(part.trim_matches(['.', '-'])).ok())
}

/// The label of a domain that is the company's own.
fn company_label(domain: &str) -> &str {
    let mut labels = domain.rsplit('.').skip(1);
    let last = labels.next().unwrap_or_default();
    if SECOND_LEVELS.contains(&last) {
        labels.next().unwrap_or(last)
    } else {
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(name: &str, post: &Post) -> u8 {
        let name = Name::parse(name).unwrap();
        matches(&[name], post).first().map_or(0, |found| found.score)
    }

    fn titled(title: &str) -> Post {
        Post {
            title: title.to_owned(),
            ..Post::default()
        }
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        for (name, title, least) in [
            ("Acme Widgets Ltd", "ACME WIDGETS", 100),
            ("Acme Widgets", "Acme Widgets, Inc.", 100),
            ("M\u{fc}ller GmbH & Co. KG", "Mueller", 100),
            ("Mueller", "M\u{dc}LLER AG", 100),
            ("Soci\u{e9}t\u{e9} G\u{e9}n\u{e9}rale", "Societe Generale S.A.", 100),
            ("Marks & Spencer", "Marks and Spencer plc", 100),
            ("Sainsbury's", "SAINSBURYS", 100),
            ("Eni S.p.A.", "ENI", 100),
            ("Acme Widgets", "Acme Widgets UK (part 2)", 90),
            ("Acme-Widgets", "the acme widgets data", 90),
            ("Acme Widgets", "acmewidgets.com", 90),
            ("Acme Widgets", "www.acme-widgets.co.uk", 90),
            ("example.com", "example.com", 100),
            ("example.com", "https://shop.example.com/x", 100),
            ("Acme", "Acme Holding", 70),
            ("MAN", "MAN Truck & Bus SE", 70),
            ("BT", "BT", 100),
            ("AT&T", "AT&T Inc", 100),
            (
                "\u{41b}\u{443}\u{43a}\u{43e}\u{439}\u{43b}",
                "\u{41b}\u{423}\u{41a}\u{41e}\u{419}\u{41b}",
                100,
            ),
        ] {
            let found = score(name, &titled(title));
            assert!(found >= least, "`{name}` in `{title}`: {found}");
        }
    }

    #[test]
    fn traps_are_not_walked_into() {
        for (name, title) in [
            ("MAN", "Manchester City Council"),
            ("MAN", "Man arrested in Leeds"),
            ("MAN", "OLD MAN AND SON"),
            ("MAN", "human.com"),
            ("BT", "bt21 store"),
            ("SAP", "Sapphire Ltd"),
            ("Otto", "Ottobock SE"),
            ("Bosch", "Boschung Group"),
            ("Visa", "Advisa Ltd"),
            ("Shell", "shell company documents"),
            ("Target", "the target was hit"),
            ("Acme Widgets", "Acme Wid gets"),
            ("Acme Widgets", "Widgets Acme"),
            ("Acme Widgets", "Acme Foundry, Widgets Corp"),
            ("Acme Widgets", "myacmewidgets.com"),
            ("example.com", "badexample.com"),
            ("example.com", "example.com.evil.net"),
            ("example.com", "example.co"),
            ("example.com", "Example Company"),
            ("Mueller", "Muller"),
            ("Eni", "Denise"),
            ("Ing", "Shipping GmbH"),
            ("ING", "Consult-ing"),
            ("Orange", "orangecounty.gov"),
        ] {
            let found = score(name, &titled(title));
            assert!(found < SCORE_TOLD, "`{name}` in `{title}`: {found}");
        }
    }

    #[test]
    fn a_website_and_a_description_count_by_what_they_say() {
        let post = |website: &str, description: &str| Post {
            title: "a***".to_owned(),
            website: website.to_owned(),
            description: description.to_owned(),
            ..Post::default()
        };
        assert_eq!(score("example.com", &post("https://www.example.com/", "")), 100);
        assert_eq!(score("Acme Widgets", &post("acme-widgets.com", "")), 90);
        assert_eq!(score("MAN", &post("man.eu", "")), 90);
        assert_eq!(score("MAN", &post("man.example.com", "")), 0);
        assert_eq!(score("example.com", &post("", "mail of staff@example.com")), 80);
        assert_eq!(score("Acme Widgets", &post("", "We have Acme Widgets' plans")), 70);
        assert_eq!(
            score("Acme Widgets", &post("", "We have all of Acme Widgets, 2 TB")),
            70
        );
        assert_eq!(score("Target", &post("", "Target pays or we publish")), 40);
        assert_eq!(score("Target", &post("", "our target pays")), 0);
    }

    #[test]
    fn names_that_say_nothing_are_not_looked_for() {
        for name in ["", "Ltd", "The Company", "GmbH & Co. KG", "x", "...", "A/S"] {
            assert!(!is_matchable(name), "{name}");
        }
    }
}
