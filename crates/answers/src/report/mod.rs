//! What is told of an investigation: types, and the ways in which they are written down.

mod assemble;
mod csv;
mod groups;
mod html;
mod sentences;
mod types;
mod what;

pub(crate) use assemble::{Assembled, file_report};
pub(crate) use csv::quoted;
pub use csv::write_csv;
pub(crate) use groups::{group, timeline, totals};
pub use html::write_html;
pub(crate) use sentences::sentences;
pub use types::{
    Bucket, Damage, DataAnswer, FileReport, FileSystemReport, Good, Group, Investigation, MomentReport, PersonalReport,
    ReadingsReport, Time, Totals,
};
pub use what::What;
