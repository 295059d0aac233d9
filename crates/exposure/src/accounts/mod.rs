//! Who is in which breach: immutable sorted tables, asked by identity, by domain and by website (`docs/format-accounts.md`).

mod folder;
mod integration;
mod kind;
mod loads;
mod merge;
mod merging;
mod reader;
mod sorter;
mod table;
#[cfg(test)]
mod tests;
mod writer;

pub use crate::ledger::{Breach, BreachId, Paste};
pub use integration::{INTEGRATION_TESTS_DOMAIN, IntegrationTests, TestAccount, integration_tests};
pub(crate) use kind::{Erased, Kind, SEPARATOR};
pub(crate) use loads::LoadId;
pub use merging::{MergeStep, TablesMerged, merge, tables};
pub use reader::Accounts;
pub use sorter::VisitCount;
pub(crate) use sorter::{Sorted, Sorters};
pub use writer::{AccountsWriter, Erasure, Loaded};
