//! Resilience tests: a fork of the present disk is attacked under guard, restored, and compared file by file.
