//! Posters: a headline and a few lines of text, a palette and a seed become an SVG of 1080 by 1350 and its
//! PNG, the same bytes on every machine.
//!
//! Must never: read a font, a file or a clock of the machine, let text leave its box or the canvas, show text
//! with less contrast than WCAG AA asks for, cut a disclosure, or leave a character out in silence. What cannot be
//! shown is refused by name ([`Refusal`]).
//!
//! Text travels as outlines of the fonts in `fonts/`, so a viewer without these fonts shows what was measured
//! here; the words stand beside them as `aria-label`.
//!
//! Start with [`draw`]; `layout` holds the three layouts, `typeset` makes text fit, `fonts` says what can be
//! written at all.

pub mod colour;
mod fonts;
mod geometry;
mod layout;
pub mod limits;
mod poster;
mod raster;
mod refusal;
mod svg;
mod typeset;

pub use geometry::Rect;
pub use poster::{Drawing, Field, Layout, Poster, TextBox, draw};
pub use raster::RasterError;
pub use refusal::{NotCovered, Refusal};

#[cfg(test)]
mod tests;
