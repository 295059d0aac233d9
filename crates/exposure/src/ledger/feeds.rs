//! Posts of leak sites that were seen.

/// `feed_post.digest` is the SHA-256 of what makes a post the same post; `matched` names what it was matched with.
pub(super) const SCHEMA: &str = "
create table if not exists feed_post (
    digest blob primary key,
    seen integer not null,
    record text not null,
    matched text
) strict, without rowid;
";
