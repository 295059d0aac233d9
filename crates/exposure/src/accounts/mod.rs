//! Who is in which breach: immutable sorted tables.
