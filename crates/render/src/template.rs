//! A template with its places filled.

use crate::{
    RasterError, Refusal, TextBox,
    colour::Scheme,
    fonts::Fonts,
    layout::{Look, Placed, Sheet, template},
    limits::{MAX_CANVAS, MAX_SLOTS, MIN_CANVAS},
    poster::Field,
    raster, svg,
    texts::Texts,
};

/// How a template is built. The first text that is not empty leads: it is set largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TemplateLayout {
    /// All texts under one another.
    Stack,
    /// The leading text on a field of colour above, the others below it.
    Band,
    /// The leading text on a field of colour at the side, the others beside it.
    Split,
}

impl TemplateLayout {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stack, Self::Band, Self::Split];

    /// Its name, as in a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Band => "band",
            Self::Split => "split",
        }
    }

    /// The layout of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.as_str() == name)
    }
}

/// All that a filled template is made of. Texts may be of any length and hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The layout.
    pub layout: TemplateLayout,
    /// [`MIN_CANVAS`] to [`MAX_CANVAS`] pixels.
    pub width: u32,
    /// [`MIN_CANVAS`] to [`MAX_CANVAS`] pixels.
    pub height: u32,
    /// The text of each place, in the order of reading; at most [`MAX_SLOTS`], and not all of them empty. Each is
    /// shown whole or refused: [`Field::Slot`] says which.
    pub slots: Vec<String>,
    /// Colour (`#rrggbb`) and role, as of a poster.
    pub palette: Vec<(String, String)>,
    /// The leading text with serifs, where the font has it.
    pub serifs: bool,
}

/// A template, filled and drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnTemplate {
    /// The SVG.
    pub svg: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// All texts on it.
    pub texts: Vec<TextBox>,
}

impl DrawnTemplate {
    /// The PNG. Takes about 0.1 s of a processor in a release build.
    ///
    /// # Errors
    /// Only by a defect.
    pub fn png(&self) -> Result<Vec<u8>, RasterError> {
        raster::png(&self.svg, (self.width, self.height))
    }
}

/// Draws a filled template.
///
/// # Errors
/// When a text of it cannot be shown whole, or the canvas or the number of places is out of bounds.
pub fn draw_template(filled: &Template) -> Result<DrawnTemplate, Refusal> {
    let (width, height) = (filled.width, filled.height);
    let sides = MIN_CANVAS..=MAX_CANVAS;
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(Refusal::Canvas(width, height));
    }
    let count = filled.slots.len();
    if !(1..=MAX_SLOTS).contains(&count) {
        return Err(Refusal::Count {
            what: "places",
            count,
            most: MAX_SLOTS,
        });
    }
    let texts = Texts::of(
        (0..)
            .map(Field::Slot)
            .zip(filled.slots.iter().map(String::as_str)),
    )?;
    let look = Look {
        scheme: Scheme::read(&filled.palette),
        serifs: filled.serifs,
        seed: [0; 32],
    };
    let places: Vec<Field> = (0..)
        .map(Field::Slot)
        .take(count)
        .filter(|place| !texts.get(*place).is_empty())
        .collect();
    let mut sheet = Sheet::new(Fonts::new(), &look, (width, height), &texts);
    template::compose(&mut sheet, filled.layout, &places)?;
    let svg = svg::document(&mut sheet, texts.first());
    Ok(DrawnTemplate {
        svg,
        width,
        height,
        texts: sheet.texts.iter().map(Placed::text_box).collect(),
    })
}
