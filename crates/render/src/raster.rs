//! SVG to PNG.

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

/// A defect: our own SVG could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// The SVG is not one.
    #[error("the poster's SVG cannot be read: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// The canvas has no size.
    #[error("no canvas of {0} by {1}")]
    Canvas(u32, u32),
    /// The pixels could not be written.
    #[error("the poster's PNG cannot be written: {0}")]
    Png(String),
    /// The slides hold more different glyphs than a PDF of ours names.
    #[error("the slides' PDF has too many glyphs")]
    Pdf,
}

/// The PNG of a picture's SVG. It takes 0.1 s in a release build: not for a thread that others wait for.
pub(crate) fn png(svg: &str, (width, height): (u32, u32)) -> Result<Vec<u8>, RasterError> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let mut pixels = Pixmap::new(width, height).ok_or(RasterError::Canvas(width, height))?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| RasterError::Png(error.to_string()))
}
