//! Mail: a message is made, and given to one server over one connection. For the breach monitor's letters and for notices.

use std::path::Path;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;

use crate::config::{Encryption, MailSettings};
use crate::failure::{Failure, FailureCode};

/// A server that is silent for this long is gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest password that is read.
const PASSWORD_BYTES_MAX: usize = 4096;

/// A mail to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// Where it goes.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML, for programs that show that.
    pub html: Option<String>,
    /// The link that ends all mail to this person, if they may.
    pub opt_out: Option<String>,
    /// What stands before the `@` of its identity: the same every time that it is tried.
    pub id: String,
    /// The same of the mail that it goes on from: programs show them together.
    pub answers: Option<String>,
    /// Whether it is to be seen at once.
    pub is_urgent: bool,
}

/// What became of a mail that wasn't accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Nobody will ever take it at this address; the server's code.
    Refused(String),
    /// Not now; the server's code.
    Later(String),
    /// The server is out of reach, or doesn't want anything from us: no other mail would fare better.
    Down(String),
}

/// The server that takes mail.
pub struct Mailer {
    settings: MailSettings,
    from: Mailbox,
    credentials: Option<Credentials>,
    tls: Option<TlsParameters>,
    connection: Option<SmtpConnection>,
}

impl Mailer {
    /// Reads the password and certificates; asks nobody yet. `section` is where the settings stand (`[exposure.mail]`).
    pub fn load(settings: &MailSettings, section: &str) -> Result<Self, Failure> {
        let config = |message: String| Failure::new(FailureCode::Config, format!("{section} {message}"));
        let from = settings
            .from
            .parse()
            .map_err(|error| config(format!("from: `{}` is no sender: {error}", settings.from)))?;
        let credentials = match &settings.login {
            Some((user, file)) => Some(Credentials::new(user.clone(), password(file).map_err(config)?)),
            None => None,
        };
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Tls => Some(tls(settings).map_err(config)?),
        };
        Ok(Self {
            settings: settings.clone(),
            from,
            credentials,
            tls,
            connection: None,
        })
    }

    /// Has the server take a mail. When this returns `Ok`, the server has said that it is responsible for it now; what it said.
    pub fn send(&mut self, letter: &Letter) -> Result<String, NotSent> {
        let recipient: lettre::Address = letter
            .to
            .parse()
            .map_err(|_| NotSent::Refused("no address".to_owned()))?;
        let message = self
            .message(letter, &recipient)
            .map_err(|error| NotSent::Later(format!("can't be written: {error}")))?;
        let sender = self.from.email.clone();
        let outcome = self.connected().and_then(|connection| {
            // A sender that is refused is refused for every mail.
            command(connection, Mail::new(Some(sender), Vec::new())).map_err(NotSent::down)?;
            command(connection, Rcpt::new(recipient, Vec::new()))?;
            command(connection, Data).map_err(NotSent::later)?;
            connection
                .message(&message)
                .map(|answer| format!("{} {}", answer.code(), answer.first_line().unwrap_or_default()))
                .map_err(|error| NotSent::of(&error).later())
        });
        if let Err(problem) = &outcome {
            self.clear(problem);
        }
        outcome
    }

    /// Says goodbye.
    pub fn quit(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            // Everything that matters was answered before.
            let _ = connection.quit();
        }
    }

    /// Makes the connection fit for the next mail.
    fn clear(&mut self, problem: &NotSent) {
        let is_clear = match (problem, &mut self.connection) {
            (NotSent::Down(_), _) | (_, None) => false,
            (_, Some(connection)) => command(connection, Rset).is_ok(),
        };
        if !is_clear && let Some(mut connection) = self.connection.take() {
            connection.abort();
        }
    }

    fn connected(&mut self) -> Result<&mut SmtpConnection, NotSent> {
        if self.connection.as_ref().is_some_and(SmtpConnection::has_broken) {
            self.connection = None;
        }
        match self.connection.take() {
            Some(connection) => Ok(self.connection.insert(connection)),
            None => {
                let connection = self.connect().map_err(|error| NotSent::of(&error).down())?;
                Ok(self.connection.insert(connection))
            }
        }
    }

    fn connect(&self) -> Result<SmtpConnection, lettre::transport::smtp::Error> {
        let hello = ClientId::default();
        let wrapped = (self.settings.encryption == Encryption::Tls)
            .then_some(self.tls.as_ref())
            .flatten();
        let server = (self.settings.host.as_str(), self.settings.port);
        let mut connection = SmtpConnection::connect(server, Some(PATIENCE), &hello, wrapped, None)?;
        if self.settings.encryption == Encryption::StartTls
            && let Some(tls) = &self.tls
        {
            connection.starttls(tls, &hello)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)?;
        }
        Ok(connection)
    }

    fn message(&self, letter: &Letter, recipient: &lettre::Address) -> Result<Vec<u8>, lettre::error::Error> {
        let id = |id: &str| format!("<{id}@{}>", self.from.email.domain());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient.clone()))
            .subject(&letter.subject)
            .date(SystemTime::now())
            .message_id(Some(id(&letter.id)))
            // RFC 3834: nobody's absence is to be told to us.
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(link) = &letter.opt_out {
            builder = builder
                .raw_header(raw("List-Unsubscribe", format!("<{link}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        if let Some(first) = &letter.answers {
            builder = builder.in_reply_to(id(first)).references(id(first));
        }
        if letter.is_urgent {
            // RFC 2156, and what other programs look at.
            builder = builder
                .raw_header(raw("Importance", "high".to_owned()))
                .raw_header(raw("X-Priority", "1".to_owned()));
        }
        let message = match &letter.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(letter.text.clone(), html.clone()))?,
            None => builder.header(ContentType::TEXT_PLAIN).body(letter.text.clone())?,
        };
        Ok(message.formatted())
    }
}

impl NotSent {
    fn of(error: &lettre::transport::smtp::Error) -> Self {
        match error.status() {
            Some(code) if error.is_permanent() => Self::Refused(code.to_string()),
            Some(code) => Self::Later(code.to_string()),
            // What the system or TLS says has no address of anybody in it; what a server says may.
            None => Self::Down(if error.is_response() {
                "it answered nonsense".to_owned()
            } else {
                chain(error)
            }),
        }
    }

    /// The same, of a step at which a refusal is about us.
    fn down(self) -> Self {
        match self {
            Self::Refused(why) | Self::Later(why) | Self::Down(why) => Self::Down(why),
        }
    }

    /// The same, of a step at which a refusal may be a matter of time.
    fn later(self) -> Self {
        match self {
            Self::Refused(why) | Self::Later(why) => Self::Later(why),
            Self::Down(why) => Self::Down(why),
        }
    }
}

fn command(connection: &mut SmtpConnection, command: impl std::fmt::Display) -> Result<(), NotSent> {
    connection
        .command(command)
        .map(drop)
        .map_err(|error| NotSent::of(&error))
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text += &format!(": {more}");
        }
        cause = error.source();
    }
    text
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn password(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("password_file: can't read `{}`: {error}", file.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(format!(
            "password_file: `{}` doesn't hold a password of 1 to {PASSWORD_BYTES_MAX} bytes",
            file.display()
        ));
    }
    Ok(password.to_owned())
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(file) = &settings.authority {
        let pem =
            std::fs::read(file).map_err(|error| format!("authority: can't read `{}`: {error}", file.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| format!("authority: `{}` is no certificate: {error}", file.display()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|error| format!("encryption: TLS can't be used: {error}"))
}
