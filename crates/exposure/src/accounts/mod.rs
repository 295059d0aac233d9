//! Who is in which breach: immutable sorted tables, asked by identity, by domain and by website (`docs/format-accounts.md`).

mod integration;
mod reader;

pub use crate::ledger::{Breach, BreachId, Paste};
pub use integration::{INTEGRATION_TESTS_DOMAIN, IntegrationTests, TestAccount, integration_tests};
pub use reader::Accounts;
