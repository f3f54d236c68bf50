//! SVG to PNG.

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

use crate::limits::{HEIGHT, WIDTH};

/// A defect: our own SVG could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// The SVG is not one.
    #[error("the poster's SVG cannot be read: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// The canvas has no size.
    #[error("no canvas of {WIDTH} by {HEIGHT}")]
    Canvas,
    /// The pixels could not be written.
    #[error("the poster's PNG cannot be written: {0}")]
    Png(String),
}

/// The PNG of a poster's SVG. It takes 0.1 s in a release build: not for a thread that others wait for.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, RasterError> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let mut pixels = Pixmap::new(WIDTH, HEIGHT).ok_or(RasterError::Canvas)?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels
        .encode_png()
        .map_err(|error| RasterError::Png(error.to_string()))
}
