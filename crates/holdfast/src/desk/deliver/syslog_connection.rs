//! How messages reach a server of syslog: as datagrams, over TCP, or over TLS.
//!
//! Syslog has no answers. Over TCP and TLS a connection is made for each notice, and closed: a receiver that read everything
//! closes it too, while one that went away in the middle resets it. Of a datagram nobody knows whether it arrived.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use respond::notice::NotTaken;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::syslog::{DATAGRAM_BYTES_MAX, STREAM_BYTES_MAX, framed};
use crate::config::{SyslogSettings, TransportValue};
use crate::failure::{Failure, FailureCode};

/// A server that is silent for this long is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a server may take to close the connection. Some never do: they have what they were sent all the same.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// A server of syslog.
#[derive(Debug)]
pub(super) struct Server {
    host: String,
    port: u16,
    how: How,
}

#[derive(Debug)]
enum How {
    Udp,
    Tcp,
    Tls(Arc<ClientConfig>, ServerName<'static>),
}

impl Server {
    /// Reads certificates; asks nobody yet. `section` is where the settings stand.
    pub(super) fn load(settings: &SyslogSettings, section: &str) -> Result<Self, Failure> {
        let how = match settings.transport {
            TransportValue::Udp => How::Udp,
            TransportValue::Tcp => How::Tcp,
            TransportValue::Tls => {
                let config = |message: String| Failure::new(FailureCode::Config, format!("{section} {message}"));
                let name = ServerName::try_from(settings.host.clone())
                    .map_err(|_| config(format!("server: `{}` can't be in a certificate", settings.host)))?;
                How::Tls(tls(settings).map_err(config)?, name)
            }
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            how,
        })
    }

    /// The longest message that is sent this way, in bytes.
    pub(super) const fn bytes_max(&self) -> usize {
        match self.how {
            How::Udp => DATAGRAM_BYTES_MAX,
            How::Tcp | How::Tls(..) => STREAM_BYTES_MAX,
        }
    }

    /// Sends a message; what is known of its arrival.
    pub(super) fn send(&self, message: &[u8]) -> Result<String, NotTaken> {
        self.try_send(message)
            .map(str::to_owned)
            .map_err(|error| NotTaken::Down(error.to_string()))
    }

    fn try_send(&self, message: &[u8]) -> io::Result<&'static str> {
        match &self.how {
            How::Udp => self.send_datagram(message),
            How::Tcp => {
                let mut stream = self.connect()?;
                stream.write_all(&framed(message))?;
                stream.shutdown(Shutdown::Write)?;
                wait_for_close(&stream, &mut (&stream))
            }
            How::Tls(config, name) => {
                let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(connection, self.connect()?);
                stream.write_all(&framed(message))?;
                stream.conn.send_close_notify();
                stream.flush()?;
                let socket = stream.sock.try_clone()?;
                wait_for_close(&socket, &mut stream)
            }
        }
    }

    fn send_datagram(&self, message: &[u8]) -> io::Result<&'static str> {
        let address = self
            .addresses()?
            .next()
            .ok_or_else(|| io::Error::other("its name has no address"))?;
        let ours = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(ours)?;
        socket.connect(address)?;
        socket.send(message)?;
        Ok("sent as a datagram, which nobody confirms")
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut failed = io::Error::other("its name has no address");
        for address in self.addresses()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn addresses(&self) -> io::Result<std::vec::IntoIter<std::net::SocketAddr>> {
        (self.host.as_str(), self.port).to_socket_addrs()
    }
}

/// Waits until the server closes the connection, which it does when it has read everything.
fn wait_for_close(socket: &TcpStream, stream: &mut impl Read) -> io::Result<&'static str> {
    socket.set_read_timeout(Some(CLOSE_PATIENCE))?;
    match stream.read(&mut [0; 64]) {
        Ok(_) => Ok("the server read everything"),
        // It closed without the farewell of TLS.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok("the server read everything"),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Ok("the server took the connection and didn't close it")
        }
        Err(error) => Err(error),
    }
}

/// A client that trusts what this machine trusts, and the authority that is named.
fn tls(settings: &SyslogSettings) -> Result<Arc<ClientConfig>, String> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = &settings.authority {
        for certificate in certificates(file, "authority")? {
            trusted
                .add(certificate)
                .map_err(|error| format!("authority: `{}` can't be used: {error}", file.display()))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("transport: TLS can't be used: {error}"))?
        .with_root_certificates(trusted);
    let config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("key: `{}` can't be read: {error}", key.display()))?;
            builder
                .with_client_auth_cert(certificates(certificate, "certificate")?, private)
                .map_err(|error| format!("certificate: `{}` can't be used: {error}", certificate.display()))?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(file: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{setting}: `{}` has no certificate in it", file.display())),
        Err(error) => Err(format!("{setting}: `{}` can't be read: {error}", file.display())),
    }
}
