//! Who does something: people with accounts, tokens of programs, the owner of this machine, and the program itself.
//!
//! Secrets (of sessions, tokens and links) are 256 random bits, so that a plain SHA-256 of them is enough: nobody can try 2^256
//! secrets out. Passwords are hashed by whoever asks ([`set_password`] takes the hash). Records never contain any of them.

mod account;
mod actor;
mod allowed;
mod answers;
mod code_key;
mod link;
mod passkey;
mod password;
mod role;
mod secret;
mod session;
mod token;

pub use account::{
    Account, AccountId, ENABLE, NewAccount, account, account_by_handle, account_by_name, account_by_provider, accounts,
    add, has_accounts, is_account_name, refused_sign_in, remove, rename, set_disabled, set_role,
};
pub use actor::Actor;
pub use allowed::allow_change;
pub use answers::{KeptAnswer, begin_answer, forget_answer, keep_answer};
pub use code_key::{CODE_KEY_NAME, CodeKey};
pub(crate) use code_key::{codes_lost, has_plain_codes, seal_codes};
pub use link::{Link, LinkFor, cancel_links, link, make_link, use_link};
pub use passkey::{NewPasskey, Passkey, PasskeyId, add_passkey, passkey, passkeys, remove_passkey, used_passkey};
pub use password::{
    KeptPassword, PasswordSecrets, password_secrets, remove_password, set_password, set_recovery_codes, use_code,
    use_recovery_code,
};
pub use role::Role;
pub use secret::{Digest, SECRET_BYTES, Secret};
pub use session::{
    NewSession, Session, SessionId, SessionLimits, begin_session, end_session, end_sessions, session, sessions,
    touch_session,
};
pub use token::{NewToken, Scope, Token, TokenId, make_token, revoke_token, token, token_holder, tokens, used_token};

/// Tables of this part.
pub(crate) const SCHEMA: &str = "
    create table account (
        id integer primary key autoincrement,
        name text not null unique collate nocase,
        display_name text not null,
        role text not null,
        handle blob not null unique,
        password text,
        totp_secret blob,
        totp_step integer not null default 0,
        provider text,
        created integer not null,
        disabled integer,
        last_signed_in integer
    ) strict;
    create unique index account_provider on account (provider) where provider is not null;
    create table passkey (
        id integer primary key autoincrement,
        account integer not null references account (id) on delete cascade,
        name text not null,
        credential blob not null unique,
        public_key blob not null,
        sign_count integer not null,
        created integer not null,
        last_used integer
    ) strict;
    create index passkey_account on passkey (account);
    create table recovery_code (
        account integer not null references account (id) on delete cascade,
        digest blob not null,
        primary key (account, digest)
    ) strict, without rowid;
    create table setup_link (
        digest blob primary key,
        account integer references account (id) on delete cascade,
        created integer not null,
        expires integer
    ) strict, without rowid;
    create table session (
        id integer primary key autoincrement,
        digest blob not null unique,
        account integer not null references account (id) on delete cascade,
        began integer not null,
        seen integer not null,
        method text not null,
        address text not null,
        browser text not null
    ) strict;
    create index session_account on session (account, id);
    create table token (
        id integer primary key autoincrement,
        name text not null,
        digest blob not null unique,
        role text not null,
        scopes text not null,
        created integer not null,
        expires integer,
        last_used integer,
        revoked integer
    ) strict;
    create unique index token_name on token (name) where revoked is null;
    create table answer (
        holder text not null,
        key text not null,
        request blob not null,
        time integer not null,
        status integer not null,
        content_type text not null,
        body blob not null,
        primary key (holder, key)
    ) strict;
    create index answer_time on answer (time);
";
