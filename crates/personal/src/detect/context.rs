//! What the surroundings of a candidate say about it.

use crate::class::Class;
use crate::detect::hints::{Hint, WINDOW_BYTES, last_hint};

/// How far (in bytes) a word may stand before a number and still deny that it is what it looks like.
const DENIAL_BYTES: usize = 24;
/// How long (in bytes) a line may be to be taken for the label of the next.
const LABEL_BYTES: usize = 48;
/// Bytes looked at in parentheses behind a number.
const REMARK_BYTES: usize = 32;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// What the heading of the column says, or the label to the left of the cell.
    pub(crate) heading: Option<Hint>,
    /// The text is one cell of a table: a match of all of it can be weighed against the rest of the column.
    pub(crate) is_cell: bool,
}

/// What the surroundings say about a candidate being of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    For,
    Silent,
    Against,
}

/// The word that tells most about the candidate at these bytes, and whether another number stands between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    hint: Option<Hint>,
    /// It may be about another number.
    is_about_another: bool,
    /// It is near enough to deny.
    is_near: bool,
}

impl Surroundings {
    /// Looks at the text before the candidate, at the heading, and at a remark in parentheses behind it.
    pub(crate) fn of(text: &str, start: usize, end: usize, context: &Context) -> Self {
        if let Some(nearest) = last_hint(text_before(text, start)) {
            let is_near = nearest.distance <= DENIAL_BYTES;
            return Self {
                hint: Some(nearest.hint),
                is_about_another: nearest.has_digits_between,
                is_near,
            };
        }
        let hint = context
            .heading
            .or_else(|| last_hint(remark_behind(text, end)).map(|nearest| nearest.hint));
        Self {
            hint,
            is_about_another: false,
            is_near: true,
        }
    }

    /// What they say about a national identifier.
    pub(crate) fn of_identifier(self, class: Class) -> Evidence {
        match self.hint {
            Some(Hint::AnyNational) => Evidence::For,
            Some(Hint::National(named)) if is_also_called(class, named) => Evidence::For,
            Some(Hint::Birth | Hint::Password | Hint::Secret) | None => Evidence::Silent,
            Some(_) => self.denial(),
        }
    }

    /// What they say about a candidate that only this hint supports.
    pub(crate) fn of_kind(self, wanted: Hint) -> Evidence {
        match self.hint {
            Some(hint) if hint == wanted => Evidence::For,
            Some(Hint::Password | Hint::Secret) | None => Evidence::Silent,
            Some(Hint::Birth) if wanted != Hint::Phone => Evidence::Silent,
            Some(_) => self.denial(),
        }
    }

    /// Whether they name it, with nothing else in between: for days, which are everywhere.
    pub(crate) fn names_exactly(self, wanted: Hint) -> bool {
        self.hint == Some(wanted) && !self.is_about_another
    }

    fn denial(self) -> Evidence {
        if self.is_about_another || !self.is_near {
            Evidence::Silent
        } else {
            Evidence::Against
        }
    }
}

/// Whether a word for one identifier is used for another one too.
fn is_also_called(class: Class, named: Class) -> bool {
    class == named
        || matches!(
            (class, named),
            (Class::EsDni | Class::EsNie, Class::PtNif | Class::EsDni | Class::EsNie)
                | (Class::NoFodselsnummer, Class::SePersonnummer | Class::DkCpr)
                | (Class::UsItin, Class::UsSsn)
                | (Class::FrNir, Class::BeNationalNumber)
        )
}

/// The rest of the line before a position; with the line above if that is a label.
fn text_before(text: &str, start: usize) -> &str {
    let from = boundary_at_least(text, start.saturating_sub(WINDOW_BYTES));
    let window = text.get(from..start).unwrap_or_default();
    let Some(line_break) = window.rfind('\n') else {
        return window;
    };
    let line = window.get(line_break + 1..).unwrap_or_default();
    if line.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return line;
    }
    // Paragraphs may have empty lines between them.
    let above = window.get(..line_break).unwrap_or_default().trim_end();
    let above_start = above.rfind('\n').map_or(0, |position| position + 1);
    let label = above.get(above_start..).unwrap_or_default().trim_end();
    let is_label =
        label.len() <= LABEL_BYTES && !label.bytes().any(|byte| byte.is_ascii_digit()) && !label.ends_with('.');
    if is_label {
        window.get(above_start..).unwrap_or_default()
    } else {
        line
    }
}

/// What stands in parentheses behind a position.
fn remark_behind(text: &str, end: usize) -> &str {
    let behind = text
        .get(end..boundary_at_least(text, (end + REMARK_BYTES).min(text.len())))
        .unwrap_or_default();
    let behind = behind.strip_prefix(' ').unwrap_or(behind);
    let Some(remark) = behind.strip_prefix('(') else {
        return "";
    };
    remark.split([')', '\n']).next().unwrap_or_default()
}

/// The first boundary between characters at or after a position.
pub(crate) fn boundary_at_least(text: &str, mut position: usize) -> usize {
    while !text.is_char_boundary(position) && position < text.len() {
        position += 1;
    }
    position
}
