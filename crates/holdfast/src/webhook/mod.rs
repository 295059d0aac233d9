//! Messages to another program's web server: a bounded queue, a thread that delivers, a signature.

mod queue;
mod target;

pub use queue::Webhook;
pub use target::{NotTaken, SIGNATURE_HEADER, Target};
