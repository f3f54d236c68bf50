//! The bounds of posters, slides and templates.

/// Width of a poster's canvas, pixels.
pub const WIDTH: u32 = 1080;
/// Height of a poster's canvas, pixels.
pub const HEIGHT: u32 = 1350;
/// Least distance of text from the canvas' edge, pixels.
pub const MARGIN: f32 = 84.0;
/// Least contrast of text on its ground (WCAG 2.2, 1.4.3, level AA).
pub const MIN_TEXT_CONTRAST: f64 = 4.5;
/// Least contrast of a button on its ground (WCAG 2.2, 1.4.11).
pub const MIN_SHAPE_CONTRAST: f64 = 3.0;
/// Smallest type, pixels.
pub const MIN_TYPE: f32 = 15.0;
/// Most characters (graphemes) of a text that may be cut; what follows is cut before it is measured.
pub const MAX_CUT_GRAPHEMES: usize = 400;
/// Most characters (graphemes) of the small print, which is never cut; more is refused.
pub const MAX_SMALL_PRINT_GRAPHEMES: usize = 1_200;
/// Most characters that a refusal names.
pub const MAX_NAMED_CHARACTERS: usize = 16;
/// Most steps between the largest and the smallest size tried for a text.
pub const MAX_SIZES: usize = 48;
/// Halvings of the width while lines are evened out.
pub const BALANCE_STEPS: usize = 7;
/// Both sides of a slide, pixels.
pub const SLIDE: u32 = 1080;
/// Most slides of a deck.
pub const MAX_SLIDES: usize = 10;
/// Most places of a template.
pub const MAX_SLOTS: usize = 8;
/// Shortest side of a template's canvas, pixels.
pub const MIN_CANVAS: u32 = 400;
/// Longest side of a template's canvas, pixels.
pub const MAX_CANVAS: u32 = 2_160;
/// Most glyphs of one font of a PDF: its codes are one byte.
pub const MAX_FONT_GLYPHS: usize = 255;
/// Most fonts of a PDF.
pub const MAX_PDF_FONTS: usize = 64;
