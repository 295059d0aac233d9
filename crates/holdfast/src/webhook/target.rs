//! Where messages go: one HTTP POST each, signed if there is a secret.

use std::path::Path;
use std::time::Duration;

use ring::hmac;
use ureq::Agent;

use crate::config::WebhookSettings;
use crate::failure::{Failure, FailureCode};
use crate::hex::hex;
use crate::web::agent;

/// The header with the signature: `sha256=`, then the HMAC-SHA256 of the body in hexadecimal. Where there is a timestamp too, it
/// is of the timestamp, a dot and the body: whoever takes messages of the last minutes only can't be sent an old one again.
pub const SIGNATURE_HEADER: &str = "Holdfast-Signature";
/// The header with the time of sending, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "Holdfast-Timestamp";
/// What is read of an answer, for whoever looks for the reason.
const ANSWER_BYTES_MAX: u64 = 1024;
/// A server that hasn't answered after this long doesn't answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest secret that is read.
const SECRET_BYTES_MAX: usize = 4096;

/// A web server that takes messages.
pub struct Target {
    url: String,
    secret: Option<hmac::Key>,
    /// What is sent as `Authorization`.
    authorization: Option<String>,
    agent: Agent,
}

/// Why a message wasn't taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The server understood and refuses: it would refuse again.
    Refused(String),
    /// Anything else: it may be taken later.
    Failed(String),
}

impl Target {
    /// Reads the secret, and for `https` the authorities that this machine trusts. `section` is where the settings stand (`[guard]`).
    pub fn load(settings: &WebhookSettings, section: &str) -> Result<Self, Failure> {
        let agent = agent(&settings.url, &format!("{section} webhook"), PATIENCE, 0)?;
        Self::with_agent(settings, section, agent)
    }

    fn with_agent(settings: &WebhookSettings, section: &str, agent: Agent) -> Result<Self, Failure> {
        let secret = settings
            .secret_file
            .as_deref()
            .map(|file| read_secret(file, section))
            .transpose()?;
        Ok(Self {
            url: settings.url.clone(),
            secret,
            authorization: None,
            agent,
        })
    }

    /// A web server that knows us by a token, in `token_file`. `section` is where the settings stand (`[exposure.callback]`).
    pub fn with_token(url: &str, token_file: &Path, section: &str) -> Result<Self, Failure> {
        let agent = agent(url, &format!("{section} url"), PATIENCE, 0)?;
        let token = read_token(token_file, section)?;
        Ok(Self {
            url: url.to_owned(),
            secret: None,
            authorization: Some(format!("Bearer {token}")),
            agent,
        })
    }

    /// Where messages go.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A server without a secret. `setting` is what names it, for the failure.
    pub fn at(url: &str, setting: &str) -> Result<Self, Failure> {
        Ok(Self {
            url: url.to_owned(),
            secret: None,
            authorization: None,
            agent: agent(url, setting, PATIENCE, 0)?,
        })
    }

    /// Sends one message and waits for the answer.
    pub fn post(&self, body: &str) -> Result<(), NotTaken> {
        let mut headers = Vec::new();
        if let Some(secret) = &self.secret {
            headers.push((SIGNATURE_HEADER, signature(secret, body)));
        }
        let status = self.send(body, &headers).map_err(NotTaken::Failed)?.status();
        let told = format!("it answered with status {status}");
        match status.as_u16() {
            200..300 => Ok(()),
            // Not now: a timeout, too early, too many requests.
            408 | 425 | 429 => Err(NotTaken::Failed(told)),
            300..500 => Err(NotTaken::Refused(told)),
            _ => Err(NotTaken::Failed(told)),
        }
    }

    /// The headers that prove who sends a message, and when: in seconds since 1970.
    #[must_use]
    pub fn proof(&self, body: &str, seconds: i64) -> Vec<(&'static str, String)> {
        let mut headers = vec![(TIMESTAMP_HEADER, seconds.to_string())];
        if let Some(secret) = &self.secret {
            headers.push((SIGNATURE_HEADER, signature(secret, &format!("{seconds}.{body}"))));
        }
        headers
    }

    /// Sends a message, and returns what is answered; why there is no answer if there is none.
    pub fn ask(&self, body: &str, headers: &[(&str, String)]) -> Result<Answer, String> {
        let answer = self.send(body, headers)?;
        let status = answer.status();
        let read = answer
            .into_body()
            .into_with_config()
            .limit(ANSWER_BYTES_MAX)
            .lossy_utf8(true)
            .read_to_string();
        Ok(Answer {
            status: status.as_u16(),
            told: status.to_string(),
            // What can't be read says nothing, and changes nothing about the status.
            text: read.unwrap_or_default(),
        })
    }

    fn send(&self, body: &str, headers: &[(&str, String)]) -> Result<ureq::http::Response<ureq::Body>, String> {
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send(body).map_err(|error| error.to_string())
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The status in words.
    pub told: String,
    /// What stood in it.
    pub text: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("url", &self.url).finish_non_exhaustive()
    }
}

fn signature(secret: &hmac::Key, body: &str) -> String {
    let tag = hmac::sign(secret, body.as_bytes());
    format!("sha256={}", hex(tag.as_ref()))
}

/// The secret in a file, without the end of its line.
fn read_secret(file: &Path, section: &str) -> Result<hmac::Key, Failure> {
    let config = |message: String| {
        Failure::new(FailureCode::Config, message).hint("`openssl rand -hex 32 > FILE` makes a secret")
    };
    let bytes = std::fs::read(file).map_err(|error| {
        config(format!(
            "{section}: the file `{}` with the secret can't be read: {error}",
            file.display()
        ))
    })?;
    let secret = bytes.trim_ascii_end();
    if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
        return Err(config(format!(
            "{section}: the file `{}` doesn't hold a secret of 1 to {SECRET_BYTES_MAX} bytes",
            file.display()
        )));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret))
}

/// The token in a file, without the end of its line (RFC 6750: visible characters of ASCII).
fn read_token(file: &Path, section: &str) -> Result<String, Failure> {
    let unusable = |what: String| Failure::new(FailureCode::Config, format!("{section} token_file: {what}"));
    let bytes = std::fs::read(file).map_err(|error| unusable(format!("can't read `{}`: {error}", file.display())))?;
    let token = bytes.trim_ascii();
    let is_token = !token.is_empty() && token.len() <= SECRET_BYTES_MAX && token.iter().all(u8::is_ascii_graphic);
    match str::from_utf8(token) {
        Ok(token) if is_token => Ok(token.to_owned()),
        _ => Err(unusable(format!(
            "`{}` doesn't hold a token of 1 to {SECRET_BYTES_MAX} visible characters",
            file.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::agent_trusting;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use ureq::tls::{Certificate, RootCerts};

    #[test]
    fn the_signature_is_the_one_that_others_compute() {
        // RFC 4231, test case 2.
        let secret = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        assert_eq!(
            signature(&secret, "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// Answers one request over TLS; what the client said of the certificate if it hung up.
    fn serve_once(listener: &TcpListener, config: Arc<ServerConfig>) -> std::io::Result<()> {
        let (stream, _) = listener.accept()?;
        let connection = ServerConnection::new(config).expect("a usable configuration");
        let mut reader = BufReader::new(StreamOwned::new(connection, stream));
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        reader.read_exact(&mut [0; 2])?;
        let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        reader.into_inner().write_all(answer)
    }

    #[test]
    fn https_servers_are_trusted_only_if_their_authority_is() {
        let ours = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(ours.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![ours.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let post = |trusted: &[u8]| {
            let settings = WebhookSettings {
                url: url.clone(),
                secret_file: None,
            };
            let roots = RootCerts::from([Certificate::from_der(trusted).to_owned()]);
            let agent = agent_trusting(&url, PATIENCE, 0, || Ok(roots)).unwrap();
            let target = Target::with_agent(&settings, "[guard]", agent).unwrap();
            std::thread::scope(|scope| {
                let served = scope.spawn(|| serve_once(&listener, Arc::clone(&config)));
                let posted = target.post("{}");
                (posted, served.join().unwrap())
            })
        };
        assert_eq!(post(ours.cert.der()).0, Ok(()));
        let (posted, served) = post(other.cert.der());
        assert!(matches!(posted, Err(NotTaken::Failed(_))), "{posted:?}");
        assert!(served.is_err());
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let load = || {
            let url = "http://127.0.0.1:9/".to_owned();
            let secret_file = Some(file.clone());
            Target::load(&WebhookSettings { url, secret_file }, "[guard]")
        };
        assert!(load().unwrap_err().message.contains("can't be read"));
        std::fs::write(&file, "\n").unwrap();
        assert!(load().unwrap_err().message.contains("doesn't hold a secret"));
        std::fs::write(&file, "s3cret\n").unwrap();
        assert!(load().unwrap().secret.is_some());
    }

    #[test]
    fn a_token_that_cannot_be_sent_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let load = || Target::with_token("http://127.0.0.1:9/", &file, "[exposure.callback]");
        assert!(load().unwrap_err().message.contains("can't read"));
        for wrong in ["", "two words\n", "a\nb", "t\u{f6}ken"] {
            std::fs::write(&file, wrong).unwrap();
            let message = load().unwrap_err().message;
            assert!(
                message.contains("doesn't hold a token") && !message.contains("words"),
                "{message}"
            );
        }
        std::fs::write(&file, "t0ken\n").unwrap();
        assert_eq!(load().unwrap().authorization.as_deref(), Some("Bearer t0ken"));
    }
}
