//! Ways that are reached by HTTP: a signed JSON object, or what a chat understands.

use std::path::Path;

use respond::Time;
use respond::notice::{Due, NotTaken};
use serde_json::{Value, json};

use super::chat;
use crate::config::{ChatForm, Url, WebhookSettings, check_url};
use crate::failure::{Failure, FailureCode};
use crate::webhook::{Answer, Target, is_final};

/// The header with the notice's key: the same every time that it is tried.
const KEY_HEADER: &str = "Idempotency-Key";
/// The version of the messages' form, as that of the guards' messages.
const VERSION: u32 = 1;
/// The longest file with an address or a token that is read.
const SECRET_BYTES_MAX: usize = 4096;
/// How much of an answer is told.
const ANSWER_CHARACTERS_MAX: usize = 120;

/// A signed JSON object.
#[derive(Debug)]
pub(super) struct Webhook {
    target: Target,
}

impl Webhook {
    pub(super) fn load(url: &Url, secret_file: Option<&Path>, section: &str) -> Result<Self, Failure> {
        let settings = WebhookSettings {
            url: address(url, section)?,
            secret_file: secret_file.map(Path::to_owned),
        };
        let target = Target::load(&settings, section)?;
        Ok(Self { target })
    }

    pub(super) fn send(&self, due: &Due, host: &str, now: Time) -> Result<String, NotTaken> {
        let body = body(due, host).to_string();
        let mut headers = self.target.proof(&body, now.unix_millis() / 1000);
        headers.push((KEY_HEADER, due.key.clone()));
        settle(self.target.ask(&body, &headers))
    }
}

/// What a webhook is sent.
fn body(due: &Due, host: &str) -> Value {
    let content = &due.content;
    json!({
        "version": VERSION,
        "kind": "notice",
        "id": due.key,
        "answers": due.answers,
        "host": host,
        "group": content.group,
        "about": content.subject,
        "telling": content.telling.name(),
        "severity": content.severity.name(),
        "time": content.time,
        "title": content.title,
        "text": content.text.join("\n\n"),
        "news": content.lines,
        "more": content.more,
        "concerns": content.concerns,
        "alert": content.alert,
        "incident": content.incident,
        "link": content.link,
        "acknowledge": content.acknowledge,
    })
}

/// A chat.
#[derive(Debug)]
pub(super) struct Chat {
    target: Target,
    form: ChatForm,
    /// ntfy's topic.
    topic: String,
    /// ntfy's token, as a header has it.
    authorization: Option<String>,
}

impl Chat {
    pub(super) fn load(url: &Url, form: ChatForm, token_file: Option<&Path>, section: &str) -> Result<Self, Failure> {
        let url = address(url, section)?;
        let (url, topic) = match form {
            ChatForm::Slack | ChatForm::Teams => (url, String::new()),
            ChatForm::Ntfy => topic(&url).ok_or_else(|| {
                let message =
                    format!("{section} url: the topic is missing; write it like `https://ntfy.example.org/alerts`");
                Failure::new(FailureCode::Config, message)
            })?,
        };
        let authorization = match token_file {
            Some(file) => Some(format!("Bearer {}", secret(file, &format!("{section} token_file"))?)),
            None => None,
        };
        Ok(Self {
            target: Target::at(&url, &format!("{section} url"))?,
            form,
            topic,
            authorization,
        })
    }

    pub(super) fn send(&self, due: &Due) -> Result<String, NotTaken> {
        let body = match self.form {
            ChatForm::Slack => chat::slack(&due.content),
            ChatForm::Teams => chat::teams(&due.content),
            ChatForm::Ntfy => chat::ntfy(&due.content, &self.topic),
        };
        let authorization = self.authorization.iter().map(|token| ("Authorization", token.clone()));
        let headers: Vec<(&str, String)> = [(KEY_HEADER, due.key.clone())]
            .into_iter()
            .chain(authorization)
            .collect();
        settle(self.target.ask(&body.to_string(), &headers))
    }
}

/// What an answer means. What a person at the server can set right (a missing page, a key that isn't accepted) is tried again:
/// notices wait until they have.
fn settle(answer: Result<Answer, String>) -> Result<String, NotTaken> {
    let answer = answer.map_err(NotTaken::Down)?;
    let text: String = answer.text.chars().take(ANSWER_CHARACTERS_MAX).collect();
    let told = format!("{} {}", answer.told, text.trim()).trim_end().to_owned();
    match answer.status {
        200..300 => Ok(told),
        status if is_final(status) => Err(NotTaken::Refused(told)),
        _ => Err(NotTaken::Down(told)),
    }
}

/// Where it goes. An address in a file is a secret: whoever knows it may write there.
fn address(url: &Url, section: &str) -> Result<String, Failure> {
    match url {
        Url::Given(url) => Ok(url.clone()),
        Url::File(file) => {
            let setting = format!("{section} url_file");
            let url = secret(file, &setting)?;
            check_url(&url).map_err(|message| {
                Failure::new(
                    FailureCode::Config,
                    format!("{setting}: `{}`: {message}", file.display()),
                )
            })?;
            Ok(url)
        }
    }
}

fn secret(file: &Path, setting: &str) -> Result<String, Failure> {
    let config = |message: String| Failure::new(FailureCode::Config, format!("{setting}: {message}"));
    let text =
        std::fs::read_to_string(file).map_err(|error| config(format!("can't read `{}`: {error}", file.display())))?;
    let secret = text.trim();
    let is_line =
        !secret.is_empty() && secret.len() <= SECRET_BYTES_MAX && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if is_line {
        return Ok(secret.to_owned());
    }
    Err(config(format!(
        "`{}` doesn't hold one line of 1 to {SECRET_BYTES_MAX} printable characters",
        file.display()
    )))
}

/// The address without its last part, which is ntfy's topic.
fn topic(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let (place, topic) = rest.trim_end_matches('/').rsplit_once('/')?;
    let is_topic = !topic.is_empty()
        && topic
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_topic.then(|| (format!("{scheme}://{place}/"), topic.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Result<Answer, String> {
        Ok(Answer {
            status,
            told: status.to_string(),
            text: " because\n".to_owned(),
        })
    }

    #[test]
    fn what_somebody_can_set_right_is_tried_again_and_what_nobody_can_is_not() {
        assert_eq!(settle(answer(204)), Ok("204 because".to_owned()));
        assert_eq!(settle(answer(400)), Err(NotTaken::Refused("400 because".to_owned())));
        for status in [301, 401, 404, 429, 503] {
            assert!(matches!(settle(answer(status)), Err(NotTaken::Down(_))), "{status}");
        }
        assert_eq!(settle(Err("gone".to_owned())), Err(NotTaken::Down("gone".to_owned())));
    }

    #[test]
    fn the_topic_is_the_last_part_of_the_address() {
        let parts = |url| topic(url).map(|(url, topic)| format!("{url} {topic}"));
        assert_eq!(parts("https://ntfy.sh/alerts").unwrap(), "https://ntfy.sh/ alerts");
        assert_eq!(parts("http://a:81/b/c_1/").unwrap(), "http://a:81/b/ c_1");
        assert_eq!(parts("https://ntfy.sh"), None);
        assert_eq!(parts("https://ntfy.sh/a b"), None);
    }
}
