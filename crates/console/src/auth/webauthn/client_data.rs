//! What the browser says about a ceremony (section 5.8.1).

use serde::Deserialize;

use super::Rejected;
use super::verify::Expected;

/// The longest client data that is read.
const BYTES_MAX: usize = 8 << 10;

/// The members that matter; browsers add others.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    is_cross_origin: bool,
}

/// Checks that the browser did what was asked for (`webauthn.create` or `webauthn.get`), answers this challenge, and shows a page
/// of this console, not inside of another one's.
pub(super) fn check(bytes: &[u8], kind: &str, expected: &Expected<'_>) -> Result<(), Rejected> {
    if bytes.len() > BYTES_MAX {
        return Err(Rejected("the client data is too long"));
    }
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| Rejected("the client data isn't understood"))?;
    if data.kind != kind {
        return Err(Rejected("the browser did something else than was asked for"));
    }
    let challenge = crate::base64::from_url(&data.challenge);
    if challenge.as_deref() != Some(expected.challenge.as_slice()) {
        return Err(Rejected("the answer is to another challenge"));
    }
    if data.origin != expected.origin {
        return Err(Rejected(
            "the browser shows another address than `public_url` of [console]",
        ));
    }
    if data.is_cross_origin {
        return Err(Rejected("the page is inside of another website's"));
    }
    Ok(())
}
