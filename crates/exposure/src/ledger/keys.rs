//! Keys of the API: who may ask how often.

/// `api_key.digest` is the SHA-256 of the key: the key itself is shown once, when it is made.
pub(super) const SCHEMA: &str = "
create table if not exists api_key (
    id integer primary key,
    name text not null unique,
    digest blob not null unique,
    requests_per_minute integer not null,
    scopes text not null,
    created integer not null,
    revoked integer
) strict;
";
