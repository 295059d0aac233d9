//! A post of a leak site, as every feed tells it.

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::plain::plain;

/// Bytes of each text of a post, at most.
pub const TEXT_BYTES_MAX: usize = 16 << 10;

/// A post. What a feed doesn't tell is empty; markup is gone from all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Post {
    /// The company, as the gang calls it.
    pub title: String,
    /// The gang.
    pub group: String,
    /// When the feed found it, as the feed writes it.
    pub discovered: String,
    /// When the gang published it, as the feed writes it.
    pub published: String,
    /// The company's website.
    pub website: String,
    /// What the gang says.
    pub description: String,
    /// The post's address.
    pub link: String,
    /// The company's country.
    pub country: String,
}

impl Post {
    /// What makes it the same post in whichever feed, and however often it is read: the gang and the title, without regard to case.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let text = format!(
            "{}\0{}",
            self.group.trim().to_lowercase(),
            self.title.trim().to_lowercase()
        );
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        bytes
    }

    /// The same without markup, no text longer than [`TEXT_BYTES_MAX`].
    pub(super) fn bounded(self) -> Self {
        let text = |text: String| {
            let mut end = text.len().min(TEXT_BYTES_MAX);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            plain(text.get(..end).unwrap_or_default())
        };
        Self {
            title: text(self.title),
            group: text(self.group),
            discovered: text(self.discovered),
            published: text(self.published),
            website: text(self.website),
            description: text(self.description),
            link: text(self.link),
            country: text(self.country),
        }
    }
}
