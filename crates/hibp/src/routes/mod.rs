//! A file for each family of routes: what is asked is parsed already, and answered from the state.

pub(crate) mod accounts;
pub(crate) mod catalogue;
pub(crate) mod domains;
pub(crate) mod enterprise;
pub(crate) mod feed;
pub(crate) mod passwords;
pub(crate) mod private_questions;
pub(crate) mod service;
pub(crate) mod stealer_logs;
pub(crate) mod verification;
pub(crate) mod watch_pages;
