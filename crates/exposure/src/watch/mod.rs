//! Who is to be told of a breach, and how: names that can be watched, the links by which people answer, and the notices that a breach
//! makes.

mod concerned;
mod links;
mod names;

pub use concerned::{Told, WhoIsIn, breach_loaded, catch_up, suffixes};
pub use links::{Link, LinkSecret};
pub use names::{DomainName, MailAddress, NameError};
