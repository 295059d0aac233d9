//! Domains, and the proof that they are ours.

/// `domain.token` is the proof asked for in a TXT record; `domain.mail_digest` the SHA-256 of the one sent by mail.
pub(super) const SCHEMA: &str = "
create table if not exists domain (
    name text primary key,
    token text not null,
    mail_digest blob,
    asked integer not null,
    verified integer,
    verified_by text
) strict;
";
