//! Who is to be told of a breach, and how.
