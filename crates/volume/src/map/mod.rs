//! The map from blocks to entries: immutable nodes in the log, changes in memory, and writing one into the other.

mod build;
mod delta;
mod nodes;
mod snapshot;

pub(crate) use build::{NodeSink, build_root};
pub(crate) use delta::{Delta, UniformPart, position};
pub(crate) use nodes::{Base, Nodes};
pub(crate) use snapshot::{LiveMap, Partial, Snapshot};
