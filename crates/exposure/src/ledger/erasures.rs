//! People who asked to be forgotten.

/// An erasure stays for ever, as the key of the address alone: what is loaded later must not bring the person back.
pub(super) const SCHEMA: &str = "
create table if not exists erasure (
    identity blob primary key,
    at integer not null
) strict, without rowid;
";
