//! Drills on volumes with real file systems, made by the real tools.

mod disk;
mod drills;
