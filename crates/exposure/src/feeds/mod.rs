//! Posts of leak sites, in which gangs name those they have robbed: read from feeds of any of the usual shapes (`parse`, `rss`), and
//! matched against one's own names (`names`).

mod names;
mod post;
mod text;

pub use names::{Match, Name, SCORE_TOLD, is_matchable};
pub use post::Post;
