//! A certificate of one's own, for where nobody has given one: an authority that people can import into their browsers, and a
//! server's certificate signed by it. ECDSA on P-256.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use respond::Time;

use crate::error::Error;
use crate::settings::CertificateFiles;

/// How long the authority is valid: ten years.
const AUTHORITY_DAYS: i64 = 3652;
/// How long the server's certificate is: what browsers take of authorities that were imported.
const SERVER_DAYS: i64 = 397;
/// How long before its end a new one is made.
const RENEW_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

/// Where a certificate of one's own lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate {
    folder: PathBuf,
}

impl OwnCertificate {
    /// The certificate in a folder, whether it is there yet or not.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The authority, to be imported into browsers.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The server's certificate and its key.
    #[must_use]
    pub fn files(&self) -> CertificateFiles {
        CertificateFiles {
            certificate: self.folder.join("certificate.pem"),
            key: self.folder.join("certificate-key.pem"),
        }
    }

    /// Makes whatever is missing: the authority once, the server's certificate for `names` anew where those have changed or it ends
    /// soon. Whether something was made.
    ///
    /// # Errors
    /// When files can't be read or written, or a name can't stand in a certificate.
    pub fn prepare(&self, names: &[String], now: Time) -> Result<bool, Error> {
        let written = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Write { path, source }
        };
        std::fs::create_dir_all(&self.folder).map_err(written(&self.folder))?;
        let (authority, authority_key) = (self.authority(), self.folder.join("authority-key.pem"));
        if !authority.exists() || !authority_key.exists() {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let certificate = authority_params(now).self_signed(&key)?;
            write(&authority_key, &key.serialize_pem(), 0o600).map_err(written(&authority_key))?;
            write(&authority, &certificate.pem(), 0o644).map_err(written(&authority))?;
        }
        let about = self.folder.join("certificate.names");
        let wanted = names.join("\n");
        let files = self.files();
        if is_good(&about, &wanted, now) && files.certificate.exists() && files.key.exists() {
            return Ok(false);
        }
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| Error::Certificate {
                path: path.to_owned(),
                what: error.to_string(),
            })
        };
        let issuer_key = KeyPair::from_pem(&read(&authority_key)?)?;
        let authority_pem = read(&authority)?;
        let issuer = Issuer::new(authority_params(now), issuer_key);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = server_params(names, now)?.signed_by(&key, &issuer)?;
        let chain = certificate.pem() + &authority_pem;
        write(&files.key, &key.serialize_pem(), 0o600).map_err(written(&files.key))?;
        write(&files.certificate, &chain, 0o644).map_err(written(&files.certificate))?;
        let until = now.plus_millis((SERVER_DAYS - RENEW_DAYS) * DAY_MS);
        let note = format!("{}\n{wanted}", until.unix_millis());
        write(&about, &note, 0o644).map_err(written(&about))?;
        Ok(true)
    }
}

/// Whether the server's certificate is for the wanted names and doesn't end soon, by the note beside it.
fn is_good(about: &Path, wanted: &str, now: Time) -> bool {
    let note = std::fs::read_to_string(about).unwrap_or_default();
    let (until, names) = note.split_once('\n').unwrap_or_default();
    let until: i64 = until.parse().unwrap_or(0);
    names == wanted && until > now.unix_millis()
}

fn authority_params(now: Time) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Holdfast console authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_times(&mut params, now, AUTHORITY_DAYS);
    params
}

fn server_params(names: &[String], now: Time) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "Holdfast console");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_times(&mut params, now, SERVER_DAYS);
    Ok(params)
}

/// Valid from yesterday, since clocks differ, for so many days.
fn set_times(params: &mut CertificateParams, now: Time, days: i64) {
    let date = |time: Time| {
        let date = jiff::tz::TimeZone::UTC.to_datetime(time.timestamp()).date();
        let (month, day) = (
            u8::try_from(date.month()).unwrap_or(1),
            u8::try_from(date.day()).unwrap_or(1),
        );
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = date(now.plus_millis(-DAY_MS));
    params.not_after = date(now.plus_millis((days - 1) * DAY_MS));
}

/// Writes a file that is never there in part.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let new = path.with_extension("new");
    // One that was left over may have another mode.
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Certificate;

    #[test]
    fn a_certificate_is_made_once_and_anew_for_other_names() {
        let folder = tempfile::tempdir().unwrap();
        let own = OwnCertificate::new(&folder.path().join("console"));
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let now = Time::from_unix_millis(1_795_428_900_000);
        assert!(own.prepare(&names, now).unwrap());
        let authority = std::fs::read(own.authority()).unwrap();
        assert!(!own.prepare(&names, now.plus_millis(300 * DAY_MS)).unwrap());
        assert!(own.prepare(&names[..1], now).unwrap(), "other names");
        assert!(
            own.prepare(&names[..1], now.plus_millis(370 * DAY_MS)).unwrap(),
            "it ends soon"
        );
        assert_eq!(std::fs::read(own.authority()).unwrap(), authority);
        Certificate::load(&own.files()).unwrap();
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(own.files().key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
