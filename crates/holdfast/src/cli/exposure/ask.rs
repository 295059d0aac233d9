//! `holdfast exposure ask`: a question of which the server learns neither the address nor the answer.

use std::path::PathBuf;

use clap::Args;
use exposure::address::Identity;
use exposure::oblivious::{AskedBreach, POINT_BYTES, POINTS_MAX, PublicKey};
use serde_json::json;

use super::Scene;
use crate::asking::{Answered, Server, Wanted};
use crate::browse::text::printable;
use crate::cli::output::print;
use crate::cli::unseen::read_lines;
use crate::failure::{EXIT_OK, Failure};
use crate::hex::hex;

/// `holdfast exposure ask`
#[derive(Debug, PartialEq, Eq, Args)]
pub(in crate::cli) struct Ask {
    /// The server, like `https://breaches.example.com`; addresses are typed, or come one a line from standard input
    #[arg(value_name = "URL")]
    url: String,
    /// Fetch the whole list, however large, so that not even a group of people is named
    #[arg(long)]
    whole: bool,
    /// The fewest people to be hidden among: where a group has fewer, the whole list is fetched
    #[arg(long, value_name = "PEOPLE", default_value_t = 400)]
    hidden_among: u64,
    /// The key that the server must have, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    key: Option<PublicKey>,
    /// PEM file of the authorities to trust instead of this machine's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Ask without TLS, though the server is on another machine
    #[arg(long)]
    without_tls: bool,
}

fn public_key(digits: &str) -> Result<PublicKey, String> {
    let not_one = || "a key has 64 hexadecimal digits and is a point of ristretto255".to_owned();
    PublicKey::from_hex(digits).ok_or_else(not_one)
}

pub(super) fn run(scene: &Scene<'_>, task: &Ask) -> Result<u8, Failure> {
    let server = Server::new(&task.url, task.ca.as_deref(), task.without_tls)?;
    let addresses = read_lines("Address (it isn't shown)", POINTS_MAX)?;
    let identities: Vec<Identity> = addresses.iter().map(|address| Identity::of(address)).collect();
    let answered = server.ask(&Wanted {
        identities: &identities,
        whole: task.whole,
        hidden_among: task.hidden_among,
        key: task.key,
    })?;
    let text = if scene.common.json {
        format!("{}\n", as_json(&answered))
    } else {
        as_text(&answered)
    };
    print(text.as_bytes());
    Ok(EXIT_OK)
}

/// The addresses themselves are not printed: they are where they came from, and nowhere else.
fn as_json(answered: &Answered) -> serde_json::Value {
    let points: Vec<String> = answered.points.chunks(POINT_BYTES).map(hex).collect();
    json!({
        "answers": answered.breaches,
        "told": {
            "points": points,
            "whole": answered.prefixes.is_empty(),
            "prefixes": answered.prefixes,
            "prefix_bits": answered.parameters.bits,
            "hidden_among": if answered.prefixes.is_empty() { answered.parameters.identities } else { u64::from(answered.parameters.fewest) },
        },
        "server": { "key": answered.parameters.public_key, "people": answered.parameters.identities, "bytes": answered.parameters.bytes },
    })
}

fn as_text(answered: &Answered) -> String {
    let mut text = String::new();
    for (number, breaches) in answered.breaches.iter().enumerate() {
        let which = if answered.breaches.len() == 1 {
            "the address".to_owned()
        } else {
            format!("address {}", number + 1)
        };
        if breaches.is_empty() {
            text += &format!("{which} is in none of the breaches that this server tells of\n");
        } else {
            text += &format!("{which} is in {}:\n", counted(breaches.len(), "breach", "breaches"));
            breaches.iter().for_each(|breach| text += &line(breach));
        }
    }
    text + &told(answered)
}

fn line(breach: &AskedBreach) -> String {
    let domain = if breach.domain.is_empty() {
        String::new()
    } else {
        format!(" ({})", breach.domain)
    };
    let classes = if breach.data_classes.is_empty() {
        String::new()
    } else {
        format!(": {}", breach.data_classes.join(", "))
    };
    let doubt = if breach.is_verified { "" } else { "; not verified" };
    let line = format!("  {}{domain}, {}{classes}{doubt}", breach.title, breach.breach_date);
    // Another machine chose these words: they may not steer the terminal.
    printable(line.as_bytes()) + "\n"
}

fn told(answered: &Answered) -> String {
    let parameters = &answered.parameters;
    let points = counted(answered.points.len() / POINT_BYTES, "point", "points");
    let group = if answered.prefixes.is_empty() {
        format!(
            "that somebody fetched the whole list of {} people, as everybody does",
            parameters.identities
        )
    } else {
        format!(
            "the group of {}: prefix {} of {} bits, which at least {} people of the list share",
            if answered.prefixes.len() == 1 {
                "the address"
            } else {
                "each address"
            },
            answered.prefixes.join(", "),
            parameters.bits,
            parameters.fewest
        )
    };
    let points = format!("{points} of 32 random bytes, different ones each time");
    format!("the server was told:\n  {points}\n  {group}\n  this machine's network address\n")
}

fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server_steer_no_terminal_and_turn_no_text() {
        let breach = AskedBreach {
            name: "Shop".to_owned(),
            title: "Sh\u{202e}op\u{1b}[2J".to_owned(),
            domain: String::new(),
            breach_date: "2026-04-01".to_owned(),
            data_classes: vec!["Names\n".to_owned()],
            is_verified: true,
        };
        let shown = line(&breach);
        assert!(
            shown.starts_with("  Sh") && shown.contains("op") && shown.contains("2026-04-01"),
            "{shown}"
        );
        let bad = |character: char| character.is_control() || character == '\u{202e}';
        assert!(!shown.trim_end_matches('\n').contains(bad), "{shown:?}");
        assert_eq!(shown.matches('\n').count(), 1);
    }
}
