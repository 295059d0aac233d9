//! Passkeys: the relying party's side of WebAuthn level 3, as far as it is needed here.
//!
//! Pure: bytes in, findings out. A registration gives a public key, and attestations, which say what an authenticator was made by,
//! are ignored (`none` is asked for). An assertion is a signature by that key over a challenge that was given out before. Section
//! numbers are those of <https://www.w3.org/TR/webauthn-3/>.

mod authenticator_data;
mod client_data;
mod cose;
mod options;
mod verify;

pub use cose::PublicKey;
pub use options::{assertion_options, registration_options};
pub use verify::{
    Assertion, AssertionAnswer, Expected, Registered, RegistrationAnswer, check_assertion, check_registration,
};

/// Why an answer of a browser isn't accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected(pub &'static str);
