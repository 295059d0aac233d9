//! What notices say: what happened, what it means, what to do next, where to look and how to acknowledge. Short first lines.

use super::look::Known;
use super::settings::Settings;
use super::topic::{Line, Topic};
use super::vocabulary::{Content, Telling};
use crate::alert::Severity;
use crate::time::Time;

/// Characters of a first line. Mail programs and telephones show about as much.
const TITLE_CHARACTERS_MAX: usize = 90;
/// Characters of a paragraph.
const TEXT_CHARACTERS_MAX: usize = 4_000;
/// Things that are named one by one, the worst first.
const LINES_MAX: usize = 30;
/// Volumes and hosts that are named: an incident can have thousands, and chats refuse what is too long.
const CONCERNS_MAX: usize = 8;

/// What is said about one thing.
pub(super) fn of_topic(topic: &Topic, group: &str, telling: Telling, settings: &Settings, now: Time) -> Content {
    let about = &topic.about;
    let mut text = Vec::new();
    match telling {
        Telling::Escalation => text.push(format!(
            "Nobody has acknowledged this for {}.",
            span(now.millis_since(topic.known.opened))
        )),
        Telling::Acknowledged => text.push(format!(
            "{} looks after it: nobody else has to, unless it gets worse.",
            acknowledged_by(topic)
        )),
        Telling::Over => text
            .push("It was recovered, decided or closed: nobody is called about it any more. You are told because you were told of it before."
                .to_owned()),
        _ => {}
    }
    let is_answered = topic.known.acknowledged.is_some() || topic.known.over.is_some();
    text.push(sentence(&about.text));
    cleaned(Content {
        telling,
        subject: about.subject.clone(),
        group: group.to_owned(),
        severity: topic.known.severity,
        time: about.time,
        title: title(topic, telling),
        text,
        lines: news(topic),
        more: topic.news.more,
        concerns: about.concerns.clone(),
        acknowledge: (!is_answered).then(|| acknowledge(&about.subject)),
        link: settings
            .public_url
            .as_ref()
            .map(|url| format!("{url}{}", page(&about.subject))),
        alert: about.alert.map(|id| id.0),
        incident: about.incident.map(|id| id.0),
    })
}

/// What is said about several things at once: a digest, or what would be too many messages.
pub(super) fn of_several(topics: &[&Topic], group: &str, telling: Telling, settings: &Settings, now: Time) -> Content {
    let mut sorted: Vec<&Topic> = topics.to_vec();
    sorted.sort_by_key(|topic| (std::cmp::Reverse(topic.known.severity), topic.known.opened));
    let worst = sorted
        .first()
        .map_or(Severity::Informational, |topic| topic.known.severity);
    let lines: Vec<String> = sorted.iter().take(LINES_MAX).map(|topic| digest_line(topic)).collect();
    let more = sorted.len().saturating_sub(LINES_MAX) as u64;
    let things = counted(sorted.len() as u64, "thing");
    let (title, text) = match telling {
        Telling::Digest => (
            format!("digest: {things}, the worst is {}", worst.name()),
            "Little things that were noticed since the last digest. None of them has to be looked at now.".to_owned(),
        ),
        _ => (
            format!("{things} at once, the worst is {}", worst.name()),
            "So much happened within a few minutes that it is told in one message. Begin with what is first in the list."
                .to_owned(),
        ),
    };
    let is_bundle = telling == Telling::Bundle;
    cleaned(Content {
        telling,
        subject: format!("digest/{group}"),
        group: group.to_owned(),
        severity: worst,
        time: now,
        title,
        text: vec![text],
        lines,
        more,
        concerns: Vec::new(),
        acknowledge: is_bundle.then(|| "`holdfast notices acknowledge SUBJECT`, for each of them".to_owned()),
        link: settings.public_url.as_ref().map(|url| format!("{url}/incidents")),
        alert: None,
        incident: None,
    })
}

/// What a notice says that takes what another one would have said, which was never sent.
pub(super) fn joined(before: &Content, after: &Content) -> Content {
    let mut lines: Vec<String> = before.lines.iter().chain(&after.lines).cloned().collect();
    let cut = lines.len().saturating_sub(LINES_MAX) as u64;
    lines.truncate(LINES_MAX);
    Content {
        lines,
        more: before.more + after.more + cut,
        severity: before.severity.max(after.severity),
        ..after.clone()
    }
}

/// What a trial of a way says.
pub(super) fn of_test(group: &str, settings: &Settings, now: Time) -> Content {
    Content {
        telling: Telling::Test,
        subject: format!("test/{group}"),
        group: group.to_owned(),
        severity: Severity::Informational,
        time: now,
        title: "test notice: nothing happened".to_owned(),
        text: vec![
            "Somebody tried out whether notices reach you. They do. Nothing happened, and nothing has to be done."
                .to_owned(),
        ],
        lines: Vec::new(),
        more: 0,
        concerns: Vec::new(),
        acknowledge: None,
        link: settings.public_url.clone(),
        alert: None,
        incident: None,
    }
}

fn title(topic: &Topic, telling: Telling) -> String {
    let Topic { about, known, .. } = topic;
    let what = thing(&about.subject);
    match telling {
        Telling::Worse => format!("{what} is {} now: {}", known.severity.name(), about.title),
        Telling::Update => format!("{what}, {} more: {}", topic.news.count(), about.title),
        Telling::Escalation => format!("{what} ({}), nobody answers: {}", known.severity.name(), about.title),
        Telling::Acknowledged => format!("{what} is acknowledged: {}", about.title),
        Telling::Over => format!("{what} is over: {}", about.title),
        _ => format!("{what} ({}){}: {}", known.severity.name(), already(known), about.title),
    }
}

/// What became of it before anybody could be told.
fn already(known: &Known) -> &'static str {
    match (known.over, known.acknowledged) {
        (Some(_), _) => ", over already",
        (None, Some(_)) => ", acknowledged already",
        (None, None) => "",
    }
}

fn acknowledged_by(topic: &Topic) -> String {
    topic.acknowledged_by.clone().unwrap_or_else(|| "Somebody".to_owned())
}

/// `Incident 7` for `incident/7`.
fn thing(subject: &str) -> String {
    let words = subject.replacen('/', " ", 1);
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => words,
    }
}

/// The page of the console that shows it.
fn page(subject: &str) -> String {
    match subject.split_once('/') {
        Some(("incident", number)) => format!("/incidents/{number}"),
        Some(("approval", _)) => "/approvals".to_owned(),
        _ => "/incidents".to_owned(),
    }
}

fn acknowledge(subject: &str) -> String {
    format!("`holdfast notices acknowledge {subject}`")
}

fn news(topic: &Topic) -> Vec<String> {
    // What is said in the title already needn't be said again.
    if let [only] = topic.news.lines.as_slice()
        && only.title == topic.about.title
        && only.count == 1
    {
        return Vec::new();
    }
    topic.news.lines.iter().map(news_line).collect()
}

fn news_line(line: &Line) -> String {
    let often = match line.count {
        1 => String::new(),
        count => format!(" ({count} times)"),
    };
    format!(
        "{} {}: {}{often}",
        seconds(line.first),
        line.severity.name(),
        line.title
    )
}

fn digest_line(topic: &Topic) -> String {
    let count = match topic.news.count() {
        0 | 1 => String::new(),
        count => format!(" ({count} times)"),
    };
    let known = &topic.known;
    let (subject, title) = (&topic.about.subject, &topic.about.title);
    format!(
        "{} {}{}: {title}{count} [{subject}]",
        seconds(topic.about.time),
        known.severity.name(),
        already(known)
    )
}

fn counted(count: u64, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}

fn span(millis: i64) -> String {
    match millis / 1000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// A time to the second.
fn seconds(time: Time) -> String {
    let timestamp = time.timestamp();
    jiff::Timestamp::from_second(timestamp.as_second()).map_or_else(|_| time.to_string(), |time| time.to_string())
}

/// Texts may have names in them that others chose: whatever could break a line of a header, move a cursor or turn the direction of
/// writing becomes a space, and nothing is longer than anybody reads.
fn cleaned(content: Content) -> Content {
    let all = |texts: Vec<String>| texts.iter().map(|text| shortened(text, TEXT_CHARACTERS_MAX)).collect();
    Content {
        title: shortened(&content.title, TITLE_CHARACTERS_MAX),
        text: all(content.text),
        lines: all(content.lines),
        concerns: named(all(content.concerns)),
        ..content
    }
}

/// Some of what it concerns, and how much more there is.
fn named(mut concerns: Vec<String>) -> Vec<String> {
    let more = concerns.len().saturating_sub(CONCERNS_MAX);
    concerns.truncate(CONCERNS_MAX);
    concerns.extend((more > 0).then(|| format!("{more} more")));
    concerns
}

/// Cut to a length, at a character's end, in one line.
fn shortened(text: &str, characters_max: usize) -> String {
    let plain = |character: char| {
        let turns = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if turns || character.is_control() {
            ' '
        } else {
            character
        }
    };
    let shown: String = text.chars().take(characters_max).map(plain).collect();
    if text.chars().nth(characters_max).is_none() {
        return shown;
    }
    let kept = characters_max.saturating_sub(3);
    shown.chars().take(kept).collect::<String>() + "..."
}

/// With a capital letter and a full stop: what the log says has neither.
fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let sentence: String = first.to_uppercase().chain(characters).collect();
    if sentence.ends_with(['.', '!', '?', ':']) {
        sentence
    } else {
        sentence + "."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_short_and_one_line() {
        assert_eq!(shortened("a\r\nBcc: b\u{202e}c", 90), "a  Bcc: b c");
        assert_eq!(shortened(&"\u{e4}".repeat(90), 90), "\u{e4}".repeat(90));
        let long = shortened(&"\u{e4}".repeat(91), TITLE_CHARACTERS_MAX);
        assert_eq!(long.chars().count(), TITLE_CHARACTERS_MAX);
        assert!(long.ends_with("..."));
    }

    #[test]
    fn what_the_log_says_becomes_a_sentence() {
        assert_eq!(sentence("writes are refused; look"), "Writes are refused; look.");
        assert_eq!(sentence("`disk` is full!"), "`disk` is full!");
        assert_eq!(sentence(" "), "");
    }

    #[test]
    fn of_many_disks_some_are_named_and_the_others_counted() {
        let disks = |count: usize| (0..count).map(|number| format!("volume {number}")).collect::<Vec<_>>();
        assert_eq!(named(disks(CONCERNS_MAX)), disks(CONCERNS_MAX));
        assert_eq!(named(disks(4096)).last().unwrap(), "4088 more");
        assert_eq!(named(disks(4096)).len(), CONCERNS_MAX + 1);
    }

    #[test]
    fn things_and_pages_are_named_after_what_records_say() {
        assert_eq!(thing("incident/7"), "Incident 7");
        assert_eq!(page("incident/7"), "/incidents/7");
        assert_eq!(page("approval/3"), "/approvals");
    }
}
