//! Approvals: what single calls do, and a model of what no sequence of calls may.

mod calls;
mod model;
mod people;
