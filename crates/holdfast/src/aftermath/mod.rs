//! After an attack: what happened to which files, and the way back that keeps good work.
//!
//! Foreign bytes are parsed in the command's process ([`crate::past`]); the daemon is asked for blocks, and at the end for one rollback, or
//! for one restore of listed blocks.

mod investigation;
mod keep_good;
pub mod pieces;
mod returned;
mod window;

pub use investigation::{InvestigateTask, investigate};
pub use keep_good::{KeepGoodReport, KeepGoodTask, keep_good};
pub use returned::Returned;
pub use window::{Span, Window};
