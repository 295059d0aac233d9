//! The fact register: for every system and class of data one answer, with evidence, that two people stand by.
//!
//! Invariants: every change makes a new version, and versions are never changed; approvals belong to a version, so that a change takes
//! them away; whoever set a version doesn't approve it; versions that a letter went out with stay named by it.

mod classes;
mod import;
mod store;
mod vocabulary;

pub use classes::{CLASS_NAME_MAX, DataClass, FormGroup, Risk, class_name, class_of};
pub use import::{Imported, import_investigation};
pub(in crate::case_file) use store::facts_of;
pub use store::{approve_fact, fact_versions, facts, set_fact};
pub use vocabulary::{APPROVALS_NEEDED, Answer, Fact, FactApproval, FactChange, FactId, NewFact};
