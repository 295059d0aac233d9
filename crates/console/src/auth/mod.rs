//! Who may come in, how they show who they are, and what is kept about it while the program runs.

mod challenge;
pub(crate) mod cookie;
mod enter;
mod layer;
pub(crate) mod oidc;
mod passkey;
mod password;
mod password_sign_in;
mod set_up;
mod signed_in;
mod throttle;
mod totp;
mod visitor;
pub mod webauthn;

pub(crate) use challenge::Challenges;
pub(crate) use enter::own_session;
pub use enter::{Entered, sign_out};
pub(crate) use layer::{authenticate, session_limits, who};
pub use passkey::{begin_adding_passkey, begin_passkey, finish_adding_passkey, finish_passkey};
pub use password_sign_in::{Codes, TotpOffer, begin_adding_password, finish_adding_password, with_password};
pub use set_up::{
    Invited, begin_set_up_passkey, begin_set_up_password, finish_set_up_passkey, finish_set_up_password, invited,
};
pub use signed_in::{Peer, Proof, SignedIn};
pub(crate) use signed_in::{escape, is_api};
pub(crate) use throttle::Throttle;
pub use visitor::Visitor;
