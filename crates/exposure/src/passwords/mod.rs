//! Leaked passwords, by hash: immutable sorted files, counts in one page, bodies of the range API.
