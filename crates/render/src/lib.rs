//! Posters, slides and filled templates: a few texts, a palette and a seed become an SVG and its PNG, the same
//! bytes on every machine; the slides of a deck also one PDF.
//!
//! Must never: read a font, a file or a clock of the machine, let text leave its box or the canvas, show text
//! with less contrast than WCAG AA asks for, cut a disclosure, or leave a character out in silence. What cannot be
//! shown is refused by name ([`Refusal`]).
//!
//! Text travels as outlines of the fonts in `fonts/`, so a viewer without these fonts shows what was measured
//! here; the words stand beside them as `aria-label`.
//!
//! Start with [`draw`], [`draw_slides`] and [`draw_template`]; `layout` holds the layouts, `typeset` makes text fit, `fonts` says what can be
//! written at all.

pub mod colour;
mod fonts;
mod geometry;
mod layout;
pub mod limits;
mod pdf;
mod poster;
mod raster;
mod refusal;
mod slides;
mod svg;
mod template;
mod texts;
mod typeset;

pub use geometry::Rect;
pub use poster::{Drawing, Field, Layout, Poster, TextBox, draw};
pub use raster::RasterError;
pub use refusal::{NotCovered, Refusal};
pub use slides::{Deck, DeckRefusal, DrawnDeck, DrawnSlide, Slide, draw_slides};
pub use template::{DrawnTemplate, Template, TemplateLayout, draw_template};

#[cfg(test)]
mod tests;
