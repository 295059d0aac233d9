//! Sigma rules: loaded, compiled, matched, and a report of those that can't fire.
