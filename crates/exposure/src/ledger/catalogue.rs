//! The catalogue of breaches and of pastes.

/// `breach.record` is the breach as the API prints it (JSON). `paste.identity` is the SHA-1 of the address.
pub(super) const SCHEMA: &str = "
create table if not exists breach (
    id integer primary key,
    name text not null unique collate nocase,
    record text not null
) strict;
create table if not exists paste (
    identity blob not null,
    source text not null,
    id text not null,
    title text,
    date text,
    email_count integer not null,
    primary key (identity, source, id)
) strict, without rowid;
";
