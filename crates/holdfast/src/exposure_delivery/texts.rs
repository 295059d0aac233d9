//! The texts of mails: plain, in everyday words, made of what is known about a breach. What happened, what was taken, what that means,
//! what to do next, how to hear no more.

use exposure::accounts::Breach;
use exposure::feeds::{Match, Post};

use exposure::plain::plain;

/// Addresses of a domain that are named in a mail; the rest is counted.
const ALIASES_NAMED: usize = 50;
/// Characters of a stranger's text in a mail, at most.
const DESCRIPTION_CHARACTERS: usize = 2_000;
/// Width of the text.
const WIDTH: usize = 72;

/// A domain's addresses in a breach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Aliases {
    /// The first ones, without the domain.
    pub(super) named: Vec<String>,
    /// How many there are.
    pub(super) count: u64,
}

impl Aliases {
    /// Takes one more.
    pub(super) fn add(&mut self, alias: &str) {
        self.count += 1;
        if self.named.len() < ALIASES_NAMED {
            self.named.push(alias.to_owned());
        }
    }
}

/// Subject and text.
pub(super) type Text = (String, String);

/// Asks whether an address is its owner's.
pub(super) fn confirm(what: &str, link: &str) -> Text {
    let text = paragraphs(&[
        "Hello,",
        &format!(
            "somebody asked that this address be told when a breach concerns {what}. If that was you, open this link and confirm:"
        ),
        link,
        "If it wasn't, do nothing: you will not be told of anything, and this address is forgotten in two weeks.",
    ]);
    ("Please confirm: notices about breaches".to_owned(), text)
}

/// Asks for the proof that a domain is ours.
pub(super) fn domain_proof(domain: &str, link: &str) -> Text {
    let text = paragraphs(&[
        "Hello,",
        &format!(
            "somebody at your company wants to see which addresses of {domain} are in breaches. This mail went to an address that only \
             the owner of the domain reads. If that is right, open this link and say so:"
        ),
        link,
        "If it isn't, do nothing, and tell whoever looks after your security.",
    ]);
    (format!("Please confirm that {domain} is yours"), text)
}

/// Tells a person of breaches that they are in.
pub(super) fn person(breaches: &[Breach], is_customer: bool, opt_out: &str) -> Text {
    let subject = match breaches {
        [breach] => format!("Your data was in a breach: {}", one_line(&breach.title)),
        _ => format!("Your data was in {} breaches", breaches.len()),
    };
    let mut parts = vec![
        "Hello,".to_owned(),
        "this address was found in data that was taken from a company or service and came into others' hands."
            .to_owned(),
    ];
    parts.extend(breaches.iter().flat_map(described));
    parts.push(format!("What you can do now:\n{}", advice(breaches)));
    parts.push(
        "We don't ask for your password or for money, now or later. Whoever does, with a mention of this breach, is not us.".to_owned(),
    );
    parts.push(if is_customer {
        "You get this mail because you are our customer. If you want no more mail about breaches from us:".to_owned()
    } else {
        "You get this mail because you asked to be told. If you want no more of it:".to_owned()
    });
    parts.push(opt_out.to_owned());
    (subject, joined(&parts))
}

/// Tells somebody who looks after a domain.
pub(super) fn domain(domain: &str, breaches: &[(Breach, Aliases)], opt_out: &str) -> Text {
    let subject = match breaches {
        [(breach, aliases)] => format!(
            "{} of {domain} in a breach: {}",
            addresses(aliases.count),
            one_line(&breach.title)
        ),
        _ => format!("Addresses of {domain} in {} breaches", breaches.len()),
    };
    let mut parts = vec![
        "Hello,".to_owned(),
        format!("addresses of {domain} were found in data that came into others' hands."),
    ];
    for (breach, aliases) in breaches {
        parts.extend(described(breach));
        parts.push(concerned(domain, aliases));
    }
    let all: Vec<Breach> = breaches.iter().map(|(breach, _)| breach.clone()).collect();
    parts.push(format!("What those concerned can do now:\n{}", advice(&all)));
    parts.push("You get this mail because you look after the domain. If you want no more of it:".to_owned());
    parts.push(opt_out.to_owned());
    (subject, joined(&parts))
}

/// Tells of a post of a leak site.
pub(super) fn post(post: &Post, matches: &[Match]) -> Text {
    let name = matches.first().map_or("?", |found| found.name.as_str());
    let subject = format!("A leak site names {}: {}", one_line(name), one_line(&post.title));
    let mut parts = vec![
        format!(
            "A post of the group `{}` may be about {}.",
            one_line(&post.group),
            one_line(name)
        ),
        matches
            .iter()
            .map(|found| {
                format!(
                    "- {}: {} ({} of 100)\n",
                    one_line(&found.name),
                    found.reason,
                    found.score
                )
            })
            .collect::<String>(),
    ];
    for (what, value) in [
        ("Title", &post.title),
        ("Website", &post.website),
        ("Country", &post.country),
        ("Published", &post.published),
        ("Discovered", &post.discovered),
    ] {
        if !value.is_empty() {
            parts.push(format!("{what}: {}", one_line(value)));
        }
    }
    if !post.description.is_empty() {
        parts.push(format!(
            "What the group says (their words, not verified):\n\n{}",
            shortened(&plain(&post.description))
        ));
    }
    parts.push(
        "What to do now: don't open the group's site from your network. See whether it is you (`holdfast investigate` tells what was read \
         and what was changed), and call whoever handles incidents at your company; if it is a supplier, ask them which of your data they \
         hold."
            .to_owned(),
    );
    (subject, joined(&parts))
}

/// What is known of a breach.
fn described(breach: &Breach) -> Vec<String> {
    let mut parts = vec![format!(
        "{}\n{}",
        one_line(&breach.title),
        "-".repeat(one_line(&breach.title).chars().count().min(WIDTH))
    )];
    let description = shortened(&plain(&breach.description));
    if !description.is_empty() {
        parts.push(format!("What happened: {description}"));
    }
    if !breach.breach_date.is_empty() {
        parts.push(format!("When: {}", one_line(&breach.breach_date)));
    }
    if !breach.data_classes.is_empty() {
        parts.push(format!(
            "What was taken: {}.",
            one_line(&breach.data_classes.join(", "))
        ));
    }
    parts.push(format!("What it means: {}", meaning(breach)));
    parts
}

fn meaning(breach: &Breach) -> String {
    let mut text = String::new();
    if !breach.is_verified {
        text += "it isn't proved that this data is genuine. ";
    }
    text += if breach.is_stealer_log {
        "malware on a computer on which you were logged in saw what was typed. Passwords and sessions of every website used there may be known."
    } else if breach.is_spam_list {
        "the address is on a list that is used for unwanted mail. Nothing more need have happened."
    } else if has(breach, "password") {
        "somebody may know your password there, and will try it elsewhere."
    } else {
        "strangers can write to you and seem to know you. Expect mail and calls that look genuine."
    };
    text
}

/// What to do, by what was taken.
fn advice(breaches: &[Breach]) -> String {
    let any = |word: &str| breaches.iter().any(|breach| has(breach, word));
    let mut lines = Vec::new();
    if breaches.iter().any(|breach| breach.is_stealer_log) {
        lines.push("Have the computer cleaned first, by somebody who knows how; then change passwords from another one, and log out everywhere.");
    }
    if any("password") {
        lines.push("Change the password there, and everywhere else where you used the same or a similar one. A password manager helps.");
        lines.push("Turn on a second factor (an app or a passkey) where you can.");
    }
    if any("credit card") || any("bank") || any("payment") {
        lines.push("Tell your bank, and look through what was charged.");
    }
    if any("government") || any("passport") || any("social security") || any("national") {
        lines.push("Ask the authority that issued the document what to do about its misuse.");
    }
    if any("phone") {
        lines.push("Don't trust calls and text messages because the caller knows things about you.");
    }
    lines.push("Don't open attachments or links of mail that mentions this breach; go to the website yourself.");
    lines.iter().map(|line| hanging(line)).collect()
}

fn has(breach: &Breach, word: &str) -> bool {
    breach
        .data_classes
        .iter()
        .any(|class| class.to_lowercase().contains(word))
}

fn concerned(domain: &str, aliases: &Aliases) -> String {
    let mut text = format!("Concerned: {}.\n", addresses(aliases.count));
    for alias in &aliases.named {
        text += &format!("  {}@{domain}\n", one_line(alias));
    }
    let rest = aliases.count.saturating_sub(aliases.named.len() as u64);
    if rest > 0 {
        text += &format!("  and {rest} more\n");
    }
    text
}

fn addresses(count: u64) -> String {
    if count == 1 {
        "1 address".to_owned()
    } else {
        format!("{count} addresses")
    }
}

/// A stranger's text in one line: it can't begin a header or look like one of ours.
fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    text.trim().chars().take(200).collect()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= DESCRIPTION_CHARACTERS {
        return text.to_owned();
    }
    text.chars().take(DESCRIPTION_CHARACTERS).collect::<String>() + " ..."
}

fn paragraphs(parts: &[&str]) -> String {
    joined(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>())
}

/// Paragraphs with an empty line between them, their lines broken.
fn joined(parts: &[String]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|part| {
            part.trim_end()
                .lines()
                .map(|line| wrapped(line, ""))
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    parts.join("\n\n") + "\n"
}

fn hanging(line: &str) -> String {
    wrapped(&format!("- {line}"), "  ") + "\n"
}

/// Breaks a line at spaces; `indent` begins every line but the first. A line that is indented already is left alone, and so is a link.
fn wrapped(line: &str, indent: &str) -> String {
    if line.starts_with(' ') {
        return line.to_owned();
    }
    let (mut text, mut width) = (String::new(), 0);
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH {
            text.push('\n');
            text.push_str(indent);
            width = indent.len();
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breach() -> Breach {
        Breach {
            name: "Shop".to_owned(),
            title: "The Shop\r\nBcc: x@example.com".to_owned(),
            breach_date: "2026-11-20".to_owned(),
            description: "<p>In November <a href=\"https://x.example\">the shop</a> lost &amp; found.</p>".to_owned(),
            data_classes: vec!["Email addresses".to_owned(), "Passwords".to_owned()],
            is_verified: true,
            ..Breach::default()
        }
    }

    #[test]
    fn a_person_reads_what_happened_and_what_to_do() {
        let (subject, text) = person(&[breach()], true, "https://b.example/watch/opt-out/x");
        assert_eq!(subject, "Your data was in a breach: The Shop  Bcc: x@example.com");
        for expected in [
            "What happened: In November the shop lost & found.",
            "When: 2026-11-20",
            "What was taken: Email addresses, Passwords.",
            "somebody may know your password there",
            "- Change the password there",
            "because you are our customer",
            "\nhttps://b.example/watch/opt-out/x\n",
        ] {
            assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains("bank"), "{text}");
    }

    #[test]
    fn of_a_domain_the_first_addresses_are_named_and_the_rest_counted() {
        let mut aliases = Aliases::default();
        for number in 0..60 {
            aliases.add(&format!("user{number}"));
        }
        let (subject, text) = domain("a.example", &[(breach(), aliases)], "https://o.example");
        assert!(
            subject.starts_with("60 addresses of a.example in a breach"),
            "{subject}"
        );
        assert!(
            text.contains("  user49@a.example\n") && !text.contains("user50@") && text.contains("  and 10 more"),
            "{text}"
        );
    }

    #[test]
    fn a_post_is_told_with_its_reason_and_the_groups_words_as_theirs() {
        let found = Post {
            title: "Acme".to_owned(),
            group: "gang".to_owned(),
            description: "<b>pay</b>".to_owned(),
            ..Post::default()
        };
        let matched = Match {
            name: "Acme Ltd".to_owned(),
            score: 100,
            reason: "the title is the name".to_owned(),
        };
        let (subject, text) = post(&found, &[matched]);
        assert_eq!(subject, "A leak site names Acme Ltd: Acme");
        assert!(
            text.contains("- Acme Ltd: the title is the name (100 of 100)") && text.contains("not verified):\n\npay\n"),
            "{text}"
        );
    }
}
