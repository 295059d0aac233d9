//! Notices in the forms that chats and telephones take: Slack's incoming webhooks (`text` and `blocks`, which Mattermost and
//! Rocket.Chat understand as well), Adaptive Cards as workflows of Microsoft Teams take them, and ntfy's JSON.

use respond::alert::Severity;
use respond::notice::Content;
use serde_json::{Value, json};

use super::text::{facts, lines};

/// Slack cuts the text of a block at 3,000 characters; ntfy makes a file of a message above 4,096 bytes.
const TEXT_CHARACTERS_MAX: usize = 2_800;
const NTFY_BYTES_MAX: usize = 3_900;

/// An incoming webhook of Slack: <https://api.slack.com/messaging/webhooks>.
pub(super) fn slack(content: &Content) -> Value {
    let mut blocks = vec![
        json!({ "type": "header", "text": { "type": "plain_text", "text": shortened(&content.title, 150) } }),
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": slack_text(content) } }),
    ];
    let fields: Vec<String> = facts(content)
        .into_iter()
        .filter(|(what, _)| !matches!(*what, "Look at it"))
        .map(|(what, value)| format!("*{what}:* {}", slack_escaped(&value)))
        .collect();
    blocks
        .push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": slack_cut(&fields.join("\n")) }] }));
    if let Some(link) = &content.link {
        let button = json!({ "type": "button", "text": { "type": "plain_text", "text": "Look at it" }, "url": link });
        blocks.push(json!({ "type": "actions", "elements": [button] }));
    }
    // What notifications and programs without blocks show.
    json!({ "text": slack_escaped(&content.title), "blocks": blocks })
}

fn slack_text(content: &Content) -> String {
    let list = lines(content).into_iter().map(|line| format!("\u{2022} {line}"));
    let all: Vec<String> = content.text.iter().cloned().chain(list).collect();
    slack_cut(&slack_escaped(&all.join("\n")))
}

/// Slack's own signs: <https://api.slack.com/reference/surfaces/formatting#escaping>.
fn slack_escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text with Slack's signs, which count: what is longer than a block may be is refused as a whole. A sign that is cut apart shows as it is.
fn slack_cut(text: &str) -> String {
    shortened(text, TEXT_CHARACTERS_MAX)
}

/// A message with an Adaptive Card 1.4, which a Teams workflow ("When a Teams webhook request is received") posts.
pub(super) fn teams(content: &Content) -> Value {
    let color = match content.severity {
        Severity::Critical | Severity::High => "Attention",
        Severity::Medium => "Warning",
        Severity::Low | Severity::Informational => "Default",
    };
    let block = |text: &str| json!({ "type": "TextBlock", "text": text, "wrap": true });
    let mut body = vec![json!({
        "type": "TextBlock", "text": content.title, "wrap": true, "size": "Medium", "weight": "Bolder", "color": color,
    })];
    body.extend(content.text.iter().map(|paragraph| block(paragraph)));
    body.extend(lines(content).iter().map(|line| block(&format!("- {line}"))));
    let facts: Vec<Value> = facts(content)
        .into_iter()
        .filter(|(what, _)| *what != "Look at it")
        .map(|(what, value)| json!({ "title": what, "value": value }))
        .collect();
    body.push(json!({ "type": "FactSet", "facts": facts }));
    let actions = content
        .link
        .as_ref()
        .map(|link| json!({ "type": "Action.OpenUrl", "title": "Look at it", "url": link }));
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": actions.into_iter().collect::<Vec<_>>(),
    });
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card }],
    })
}

/// A message for ntfy: <https://docs.ntfy.sh/publish/#publish-as-json>. The topic is the last part of the way's address.
pub(super) fn ntfy(content: &Content, topic: &str) -> Value {
    let list = lines(content).into_iter().map(|line| format!("- {line}"));
    let acknowledge = content.acknowledge.as_ref().map(|how| format!("Acknowledge: {how}"));
    let all: Vec<String> = content.text.iter().cloned().chain(list).chain(acknowledge).collect();
    let mut object = json!({
        "topic": topic,
        "title": content.title,
        "message": cut_to_bytes(&all.join("\n"), NTFY_BYTES_MAX),
        "priority": priority(content),
        "tags": [content.severity.name()],
    });
    if let (Some(link), Some(object)) = (&content.link, object.as_object_mut()) {
        object.insert("click".to_owned(), link.clone().into());
    }
    object
}

/// ntfy's priorities: 5 rings through, 1 makes no sound.
const fn priority(content: &Content) -> u8 {
    match content.severity {
        _ if content.telling.is_calm() => 3,
        Severity::Critical => 5,
        Severity::High => 4,
        Severity::Medium => 3,
        Severity::Low => 2,
        Severity::Informational => 1,
    }
}

fn shortened(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    text.chars().take(characters_max.saturating_sub(3)).collect::<String>() + "..."
}

fn cut_to_bytes(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::content;
    use super::*;

    #[test]
    fn slack_gets_a_line_for_notifications_and_blocks() {
        let message = slack(&content());
        assert_eq!(message["text"], "Incident 7 (critical): &lt;encryption&gt; of `disk`");
        assert_eq!(
            message["blocks"][0]["text"]["text"],
            "Incident 7 (critical): <encryption> of `disk`"
        );
        let text = message["blocks"][1]["text"]["text"].as_str().unwrap();
        assert!(
            text.contains("encryption &amp; are diverted") && text.ends_with("and 2 more"),
            "{text}"
        );
        assert_eq!(
            message["blocks"][3]["elements"][0]["url"],
            "https://console.example/incidents/7"
        );
    }

    #[test]
    fn slack_gets_no_block_that_is_too_long_whatever_signs_are_in_it() {
        let message = slack(&Content {
            text: vec!["&".repeat(2_000)],
            concerns: vec![format!("host {}", "&".repeat(1_000))],
            ..content()
        });
        let blocks = &message["blocks"];
        for text in [&blocks[1]["text"]["text"], &blocks[2]["elements"][0]["text"]] {
            let characters = text.as_str().unwrap().chars().count();
            assert!(characters <= TEXT_CHARACTERS_MAX, "{characters}");
        }
    }

    #[test]
    fn teams_gets_a_card_in_a_message() {
        let message = teams(&content());
        let attachment = &message["attachments"][0];
        assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
        assert_eq!(attachment["content"]["version"], "1.4");
        assert_eq!(attachment["content"]["body"][0]["color"], "Attention");
        assert_eq!(attachment["content"]["actions"][0]["type"], "Action.OpenUrl");
    }

    #[test]
    fn ntfy_rings_for_what_is_critical_and_messages_stay_messages() {
        let message = ntfy(&content(), "alerts");
        assert_eq!(
            (message["priority"].as_u64(), message["topic"].as_str()),
            (Some(5), Some("alerts"))
        );
        assert_eq!(message["click"], "https://console.example/incidents/7");
        let long = Content {
            text: vec!["\u{e4}".repeat(5_000)],
            ..content()
        };
        let text = ntfy(&long, "alerts")["message"].as_str().unwrap().len();
        assert!((NTFY_BYTES_MAX - 1..=NTFY_BYTES_MAX).contains(&text), "{text}");
    }
}
