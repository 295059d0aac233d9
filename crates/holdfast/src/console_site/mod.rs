//! What the console asks, answered by the engine.

mod ask;
pub mod certificate;
mod exposure;
mod files;
mod marks;
mod provider;
mod site;
mod start;
mod toml_text;
mod views;

pub use site::ConsoleSite;
pub use start::{Started, random, set_up_link, start};
