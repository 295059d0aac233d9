//! Who is watched, who is told, and what is still to be sent.

/// `watch.subject` is an address or a domain. `watch.delivery` is `now` or `digest`. An `opt_out` stays for ever.
pub(super) const SCHEMA: &str = "
create table if not exists watch (
    id integer primary key,
    kind text not null,
    subject text not null,
    recipient text not null,
    delivery text not null,
    created integer not null,
    confirmed integer,
    token_digest blob unique,
    unique (kind, subject, recipient)
) strict;
create table if not exists opt_out (
    identity blob primary key,
    since integer not null
) strict, without rowid;
create table if not exists notice (
    watch integer not null references watch (id) on delete cascade,
    breach integer not null,
    detail text not null,
    due integer not null,
    sent integer,
    attempts integer not null default 0,
    problem text,
    primary key (watch, breach)
) strict, without rowid;
create table if not exists told (
    breach integer primary key,
    at integer not null
) strict;
";
