//! Alerts joined through entities into stories: one incident, its stages in order, and what to do next.
//!
//! What an alert weighs is its level times how rare it is for whom it concerns (`rarity`). Weighty ones that come together on an entity
//! are a burst; bursts that share an entity, or a rare finding, or that are too unusual to coincide by chance, are one story (`joining`).
//! The rest of the alerts stand beside the story as what else was seen there.

mod bounds;
mod incident;
mod joining;
mod marks;
mod news;
mod next;
mod rarity;
mod stories;
mod tactic;
#[cfg(test)]
mod tests;
mod view;
mod weight;

pub use incident::StoryId;
pub use marks::{Dismissal, Mark, MarkId};
pub use news::{New, News};
pub use next::advice;
pub use rarity::Rarity;
pub(crate) use stories::on_tier_zero;
pub use stories::{Change, ChangeKind, Stories, Taken};
pub use tactic::Tactic;
pub use view::{Around, Involved, Meanwhile, Stage, Story};
