//! Posts of leak sites, in which gangs name those they have robbed: read from feeds of any of the usual shapes (`json`, `xml`), and
//! matched against one's own names (`names`).

mod json;
mod names;
mod post;
mod text;
mod xml;

pub use names::{Match, Name, SCORE_TOLD, is_matchable, matches};
pub use post::{Post, TEXT_BYTES_MAX};

/// Bytes of a feed at most. The largest one known, all posts of ransomware.live, has about 20 MB.
pub const FEED_BYTES_MAX: usize = 64 << 20;
/// Posts of a feed that are read, at most.
pub const POSTS_MAX: usize = 100_000;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// The posts, in the order of the feed.
    pub posts: Vec<Post>,
    /// What looked like a post and has no title, or came after [`POSTS_MAX`] others.
    pub skipped: u64,
}

impl Feed {
    fn add(&mut self, post: Post) {
        if post.title.is_empty() || self.posts.len() >= POSTS_MAX {
            self.skipped += 1;
        } else {
            self.posts.push(post);
        }
    }
}

/// Why a feed can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// Larger than [`FEED_BYTES_MAX`].
    #[error("the feed is larger than {} MiB", FEED_BYTES_MAX >> 20)]
    TooLarge,
    /// Broken JSON.
    #[error("the feed isn't whole JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Neither JSON nor XML.
    #[error(
        "the feed is neither JSON nor XML; it has to be posts of ransomware.live or RansomLook, MISP events, RSS or Atom"
    )]
    Unknown,
}

/// Reads a feed of any shape:
///
/// * ransomware.live: `posts.json` (`post_title`, `group_name`, `discovered`, `published`, `post_url`), and the API's newer names
///   (`victim`, `group`, `attackdate`, `domain`, `claim_url`);
/// * RansomLook: lists of posts, of a group's posts, or posts by group (`post_title`, `discovered`, `description`, `link`);
/// * MISP: events with objects `ransomware-group-post`;
/// * RSS 2.0 and Atom, such as Have I Been Pwned's `/feed/breaches/`.
///
/// # Errors
/// When it is too large, broken, or none of these.
pub fn parse(bytes: &[u8]) -> Result<Feed, FeedError> {
    if bytes.len() > FEED_BYTES_MAX {
        return Err(FeedError::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match bytes.first() {
        Some(b'{' | b'[') => json::parse(bytes),
        Some(b'<') => Ok(xml::parse(&String::from_utf8_lossy(bytes))),
        _ => Err(FeedError::Unknown),
    }
}
