//! Breaches as they are found: files of any shape, addresses taken out of them.
