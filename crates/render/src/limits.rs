//! The bounds of a poster.

/// Width of the canvas, pixels.
pub const WIDTH: u32 = 1080;
/// Height of the canvas, pixels.
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
