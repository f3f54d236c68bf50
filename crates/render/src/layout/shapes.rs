//! The shapes of a sheet's picture, as SVG.

use std::fmt::Write as _;

use super::Sheet;
use crate::{Rect, colour::Rgb, svg::number};

impl Sheet<'_> {
    /// Fills the whole canvas.
    pub(crate) fn paper(&mut self, colour: Rgb) {
        self.rect(self.canvas(), colour);
    }

    pub(crate) fn rect(&mut self, rect: Rect, colour: Rgb) {
        let Rect {
            x,
            y,
            width,
            height,
        } = rect;
        self.shape(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>",
            number(x),
            number(y),
            number(width),
            number(height),
            colour.hex()
        ));
    }

    pub(super) fn pill(&mut self, rect: Rect, colour: Rgb) {
        let Rect {
            x,
            y,
            width,
            height,
        } = rect;
        self.shape(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\"/>",
            number(x),
            number(y),
            number(width),
            number(height),
            number(height / 2.0),
            colour.hex()
        ));
    }

    pub(crate) fn circle(&mut self, x: f32, y: f32, radius: f32, colour: Rgb) {
        self.shape(&format!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>",
            number(x),
            number(y),
            number(radius),
            colour.hex()
        ));
    }

    /// SVG path data.
    pub(crate) fn path(&mut self, data: &str, colour: Rgb) {
        self.shape(&format!("<path d=\"{data}\" fill=\"{}\"/>", colour.hex()));
    }

    fn shape(&mut self, element: &str) {
        self.shapes.push_str(element);
        self.shapes.push('\n');
    }
}

/// Path data from commands and coordinates.
pub(crate) fn data(parts: &[(char, &[f32])]) -> String {
    let mut data = String::new();
    for (command, values) in parts {
        data.push(*command);
        for value in *values {
            // Writing to a string cannot fail.
            write!(data, "{} ", number(*value)).unwrap_or_default();
        }
    }
    data
}
