//! Why a text cannot be shown.

use std::fmt;

use crate::{
    limits::{MAX_CANVAS, MAX_SMALL_PRINT_GRAPHEMES, MIN_CANVAS},
    poster::Field,
};

/// Characters of one field that no font has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCovered {
    /// Where they stand.
    pub field: Field,
    /// Each once, in order of appearance; at most [`crate::limits::MAX_NAMED_CHARACTERS`].
    pub characters: Vec<char>,
}

impl fmt::Display for NotCovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        for (i, character) in self.characters.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}U+{:04X}", u32::from(*character))?;
        }
        Ok(())
    }
}

/// Why there is no poster. Says which field, and never its text beyond the characters at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Some characters are in none of the fonts; all fields are named at once.
    #[error(
        "no font of the posters has these characters ({}); leave them out, or add a font that has them",
        listed(.0)
    )]
    NotCovered(Vec<NotCovered>),
    /// The text does not fit into its place at the smallest size and must not be cut.
    #[error(
        "`{0}` does not fit on the poster at the smallest size and is not cut; shorten it \
         (small print: at most {MAX_SMALL_PRINT_GRAPHEMES} characters)"
    )]
    TooLong(Field),
    /// Not even the first letter of a text that may be cut fits: so many marks stand on it.
    #[error("the first letter of `{0}` is too tall for the poster; take marks off it")]
    TooTall(Field),
    /// There is nothing to show where something must stand.
    #[error("`{0}` holds nothing that can be shown")]
    Empty(Field),
    /// Nothing to draw, or more than is drawn at once.
    #[error("there must be 1 to {most} {what}, there are {count}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are drawn.
        most: usize,
    },
    /// The canvas is too small or too large.
    #[error("a canvas of {0} by {1} is not drawn; {MIN_CANVAS} to {MAX_CANVAS} pixels are")]
    Canvas(u32, u32),
}

fn listed(fields: &[NotCovered]) -> String {
    let fields: Vec<String> = fields.iter().map(NotCovered::to_string).collect();
    fields.join("; ")
}

impl Refusal {
    /// One word for machines: `not_covered`, `too_long`, `too_tall`, `empty`, `count` or `canvas`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotCovered(_) => "not_covered",
            Self::TooLong(_) => "too_long",
            Self::TooTall(_) => "too_tall",
            Self::Empty(_) => "empty",
            Self::Count { .. } => "count",
            Self::Canvas(..) => "canvas",
        }
    }
}
