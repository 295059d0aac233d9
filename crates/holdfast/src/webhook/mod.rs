//! Messages to another program's web server: a bounded queue, a thread that delivers, a signature.

mod queue;
mod target;

pub use queue::Webhook;
pub use target::{Answer, NotTaken, SIGNATURE_HEADER, TIMESTAMP_HEADER, Target, is_final};

/// The name of this machine, by which a receiver tells it from others.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
