//! A way, ready to be used: its secrets read, its addresses known.

use respond::notice::{Due, NotTaken};
use respond::{Desk, Time};

use super::body;
use super::http::{Chat, Webhook};
use super::syslog::Message;
use super::syslog_connection::Server;
use super::text::{self, Sender};
use crate::config::{FormatValue, SyslogSettings, WaySettings};
use crate::failure::Failure;
use crate::mail::{Letter, Mailer, NotSent};

/// What stands before the body of a message of syslog has at most about so many bytes.
const HEADER_BYTES_MAX: usize = 800;

/// A way.
pub(super) enum Way {
    Mail(Box<Mailer>),
    Webhook(Webhook),
    Chat(Chat),
    Syslog(Server, u8, FormatValue),
}

impl Way {
    /// Reads its secrets; asks nobody yet.
    pub(super) fn load(name: &str, settings: &WaySettings) -> Result<Self, Failure> {
        let section = format!("[notices.way.{name}]");
        Ok(match settings {
            WaySettings::Mail(settings, section) => Self::Mail(Box::new(Mailer::load(settings, section)?)),
            WaySettings::Webhook { url, secret_file } => {
                Self::Webhook(Webhook::load(url, secret_file.as_deref(), &section)?)
            }
            WaySettings::Chat { url, token_file, form } => {
                Self::Chat(Chat::load(url, *form, token_file.as_deref(), &section)?)
            }
            WaySettings::Syslog(settings) => {
                let SyslogSettings { facility, format, .. } = settings;
                Self::Syslog(Server::load(settings, &section)?, *facility, *format)
            }
        })
    }

    /// Sends a notice; what whoever took it said.
    pub(super) fn send(&mut self, desk: &Desk, due: &Due, sender: &Sender, now: Time) -> Result<String, NotTaken> {
        match self {
            Self::Mail(mailer) => mailer.send(&letter(due, sender)).map_err(|problem| match problem {
                NotSent::Refused(why) => NotTaken::Refused(why),
                NotSent::Later(why) => NotTaken::Later(why),
                NotSent::Down(why) => NotTaken::Down(why),
            }),
            Self::Webhook(webhook) => webhook.send(due, &sender.host, now),
            Self::Chat(chat) => chat.send(due),
            Self::Syslog(server, facility, format) => {
                let bytes_max = server.bytes_max().saturating_sub(HEADER_BYTES_MAX);
                let body = body::of(desk, &due.content, *format, &sender.host, bytes_max);
                let message = Message {
                    facility: *facility,
                    host: &sender.host,
                    now,
                    key: &due.key,
                    content: &due.content,
                    body: &body,
                };
                server.send(&message.render(server.bytes_max()))
            }
        }
    }

    /// There is nothing more to send for now.
    pub(super) fn rest(&mut self) {
        if let Self::Mail(mailer) = self {
            mailer.quit();
        }
    }
}

fn letter(due: &Due, sender: &Sender) -> Letter {
    let content = &due.content;
    Letter {
        to: due.address.clone(),
        subject: text::subject(content),
        text: text::plain(content, sender),
        html: Some(text::html(content, sender)),
        opt_out: None,
        id: due.key.clone(),
        answers: due.answers.clone(),
        is_urgent: content.severity >= respond::alert::Severity::Critical && !content.telling.is_calm(),
    }
}
