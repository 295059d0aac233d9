//! A notice in words: as plain text for mail and chats, and as simple HTML.

use respond::notice::{Content, Telling};

use crate::webhook::host;

/// What stands around a notice: who sends it.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// The name of this machine.
    pub(super) host: String,
}

impl Sender {
    /// This machine.
    pub(super) fn of_this_machine() -> Self {
        Self { host: host() }
    }
}

/// The first line of a mail.
pub(super) fn subject(content: &Content) -> String {
    format!("[Holdfast] {}", content.title)
}

/// The whole text.
pub(super) fn plain(content: &Content, sender: &Sender) -> String {
    let mut text = String::new();
    for paragraph in &content.text {
        text += &format!("{paragraph}\n\n");
    }
    if let Some(heading) = heading(content) {
        text += &format!("{heading}:\n");
        for line in lines(content) {
            text += &format!("- {line}\n");
        }
        text.push('\n');
    }
    for (what, value) in facts(content) {
        text += &format!("{what}: {value}\n");
    }
    text += &format!("\n-- \n{}\n", foot(content, sender));
    text
}

/// The same as HTML, without scripts, pictures or anything that is fetched.
pub(super) fn html(content: &Content, sender: &Sender) -> String {
    let mut html = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><body style=\"font-family:sans-serif;max-width:42em\">".to_owned();
    html += &format!("<h1 style=\"font-size:1.2em\">{}</h1>", escaped(&content.title));
    for paragraph in &content.text {
        html += &format!("<p>{}</p>", escaped(paragraph));
    }
    if let Some(heading) = heading(content) {
        html += &format!("<p>{heading}:</p><ul>");
        for line in lines(content) {
            html += &format!("<li>{}</li>", escaped(&line));
        }
        html += "</ul>";
    }
    html += "<table>";
    for (what, value) in facts(content) {
        let value = escaped(&value);
        let shown = match &content.link {
            Some(link) if escaped(link) == value => format!("<a href=\"{value}\">{value}</a>"),
            _ => value,
        };
        html += &format!(
            "<tr><th scope=\"row\" style=\"text-align:left;padding-right:1em\">{what}</th><td>{shown}</td></tr>"
        );
    }
    html += &format!(
        "</table><p style=\"font-size:0.85em\">{}</p></body></html>",
        escaped(&foot(content, sender))
    );
    html
}

/// What a list is about, if there is one.
fn heading(content: &Content) -> Option<&'static str> {
    let is_empty = content.lines.is_empty() && content.more == 0;
    (!is_empty).then_some(match content.telling {
        Telling::Update | Telling::Worse | Telling::Escalation => "What is new",
        _ => "What was noticed",
    })
}

/// The lines of the list, and how many more there are.
pub(super) fn lines(content: &Content) -> Vec<String> {
    let more = (content.more > 0).then(|| format!("and {} more", content.more));
    content.lines.iter().cloned().chain(more).collect()
}

/// What has a name of its own.
pub(super) fn facts(content: &Content) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Severity", content.severity.name().to_owned())];
    if content.telling != Telling::Test {
        facts.push(("Time", content.time.to_string()));
    }
    if !content.concerns.is_empty() {
        facts.push(("Concerns", content.concerns.join(", ")));
    }
    if let Some(link) = &content.link {
        facts.push(("Look at it", link.clone()));
    }
    if let Some(acknowledge) = &content.acknowledge {
        facts.push(("Acknowledge", acknowledge.clone()));
    }
    facts
}

fn foot(content: &Content, sender: &Sender) -> String {
    format!(
        "Holdfast on {}, to the group {}, about {}",
        sender.host, content.group, content.subject
    )
}

/// Text that can't be taken for HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use respond::Time;
    use respond::alert::Severity;

    pub(in super::super) fn content() -> Content {
        Content {
            telling: Telling::First,
            subject: "incident/7".to_owned(),
            group: "operators".to_owned(),
            severity: Severity::Critical,
            time: Time::from_unix_millis(1_795_428_900_000),
            title: "Incident 7 (critical): <encryption> of `disk`".to_owned(),
            text: vec!["Writes of `disk` look like encryption & are diverted.".to_owned()],
            lines: vec!["one".to_owned()],
            more: 2,
            concerns: vec!["volume disk".to_owned()],
            acknowledge: Some("`holdfast notices acknowledge incident/7`".to_owned()),
            link: Some("https://console.example/incidents/7".to_owned()),
            alert: Some(3),
            incident: Some(7),
        }
    }

    fn sender() -> Sender {
        Sender {
            host: "web1".to_owned(),
        }
    }

    #[test]
    fn the_text_says_what_happened_where_to_look_and_how_to_acknowledge() {
        let expected = "Writes of `disk` look like encryption & are diverted.\n\n\
            What was noticed:\n- one\n- and 2 more\n\n\
            Severity: critical\nTime: 2026-11-23T10:15:00Z\nConcerns: volume disk\n\
            Look at it: https://console.example/incidents/7\n\
            Acknowledge: `holdfast notices acknowledge incident/7`\n\n\
            -- \nHoldfast on web1, to the group operators, about incident/7\n";
        assert_eq!(plain(&content(), &sender()), expected);
    }

    #[test]
    fn nothing_in_a_notice_is_taken_for_html() {
        let html = html(&content(), &sender());
        assert!(html.contains("&lt;encryption&gt;"), "{html}");
        assert!(html.contains("encryption &amp; are"), "{html}");
        assert!(
            html.contains("<a href=\"https://console.example/incidents/7\">"),
            "{html}"
        );
        assert!(!html.contains("<encryption>"), "{html}");
    }
}
