//! What a poster says, and what comes of it.

use std::fmt;

use crate::{
    RasterError, Rect, Refusal,
    colour::{Rgb, Scheme},
    fonts::Fonts,
    layout::Sheet,
    raster, svg, typeset,
};

/// A place for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The one line that is read first. Shrunk, then cut with an ellipsis.
    Headline,
    /// One or two sentences under it. Shrunk, then cut.
    Subhead,
    /// The button. Shrunk, then cut.
    CallToAction,
    /// Where the button leads. Shrunk, then cut.
    Address,
    /// Who speaks. Shrunk, then cut.
    Brand,
    /// Disclosures. Shrunk, never cut: a poster whose small print has no room is refused.
    SmallPrint,
}

impl Field {
    /// All, in the order of reading.
    pub const ALL: [Self; 6] = [
        Self::Headline,
        Self::Subhead,
        Self::CallToAction,
        Self::Address,
        Self::Brand,
        Self::SmallPrint,
    ];

    /// Its name, as in the artifact.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Headline => "headline",
            Self::Subhead => "subhead",
            Self::CallToAction => "call_to_action",
            Self::Address => "address",
            Self::Brand => "brand",
            Self::SmallPrint => "small_print",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a poster is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A large headline over a band of geometric tiles.
    Tiles,
    /// A landscape in the brand's colours over the text.
    Horizon,
    /// Two fields, parted by a diagonal, and arcs in the corner. Small print that is too long for its narrow
    /// column makes it [`Layout::Tiles`] instead.
    Diagonal,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tiles, Self::Horizon, Self::Diagonal];

    /// Its name, as in the artifact.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tiles => "tiles",
            Self::Horizon => "horizon",
            Self::Diagonal => "diagonal",
        }
    }

    /// The layout of a seed; each comes up equally often.
    pub fn of_seed(seed: &[u8; 32]) -> Self {
        Self::ALL[usize::from(seed[0]) % Self::ALL.len()]
    }
}

/// All that a poster is made of. Texts may be of any length and hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poster {
    /// [`Field::Headline`]; something must stand there.
    pub headline: String,
    /// [`Field::Subhead`]; may be empty.
    pub subhead: String,
    /// [`Field::CallToAction`]; may be empty.
    pub call_to_action: String,
    /// [`Field::Address`], as shown; may be empty.
    pub address: String,
    /// [`Field::Brand`]; may be empty.
    pub brand: String,
    /// [`Field::SmallPrint`]; may be empty.
    pub small_print: String,
    /// Colour (`#rrggbb`) and role; `background`, `text` and `accent` have a meaning, all others are for the
    /// picture.
    pub palette: Vec<(String, String)>,
    /// Headlines with serifs, where the font has the text.
    pub serifs: bool,
    /// The layout.
    pub layout: Layout,
    /// Chooses the shapes of the picture: the same seed gives the same picture.
    pub seed: [u8; 32],
}

/// One text as it stands on the poster.
#[derive(Debug, Clone, PartialEq)]
pub struct TextBox {
    /// Which.
    pub field: Field,
    /// What of it is shown.
    pub text: String,
    /// Where its ink is.
    pub rect: Rect,
    /// Size of the type, pixels.
    pub size: f32,
    /// How many lines.
    pub lines: usize,
    /// Whether it was cut with an ellipsis.
    pub cut: bool,
    /// Its colour.
    pub colour: Rgb,
    /// The one colour behind it.
    pub ground: Rgb,
}

/// A poster, drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The SVG.
    pub svg: String,
    /// The layout.
    pub layout: Layout,
    /// All texts on it.
    pub texts: Vec<TextBox>,
}

impl Drawing {
    /// The PNG. Takes about 0.1 s of a processor in a release build.
    ///
    /// # Errors
    /// Only by a defect.
    pub fn png(&self) -> Result<Vec<u8>, RasterError> {
        raster::png(&self.svg)
    }
}

/// Draws a poster.
///
/// # Errors
/// When a text of it cannot be shown.
pub fn draw(poster: &Poster) -> Result<Drawing, Refusal> {
    let texts = Texts::of(poster)?;
    let palette: Vec<(Rgb, &str)> = poster
        .palette
        .iter()
        .filter_map(|(hex, role)| Some((Rgb::parse(hex)?, role.as_str())))
        .collect();
    match compose(poster, &texts, &palette, poster.layout) {
        Err(Refusal::TooLong(Field::SmallPrint)) if poster.layout == Layout::Diagonal => {
            compose(poster, &texts, &palette, Layout::Tiles)
        }
        done => done,
    }
}

fn compose(
    poster: &Poster,
    texts: &Texts,
    palette: &[(Rgb, &str)],
    layout: Layout,
) -> Result<Drawing, Refusal> {
    let mut sheet = Sheet::new(Fonts::new(), Scheme::of(palette), texts, poster);
    match layout {
        Layout::Tiles => crate::layout::tiles::compose(&mut sheet)?,
        Layout::Horizon => crate::layout::horizon::compose(&mut sheet)?,
        Layout::Diagonal => crate::layout::diagonal::compose(&mut sheet)?,
    }
    let svg = svg::document(&mut sheet, &texts.headline);
    Ok(Drawing {
        svg,
        layout,
        texts: sheet
            .texts
            .iter()
            .map(crate::layout::Placed::text_box)
            .collect(),
    })
}

/// The texts as they can be shown.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) headline: String,
    pub(crate) subhead: String,
    pub(crate) call_to_action: String,
    pub(crate) address: String,
    pub(crate) brand: String,
    pub(crate) small_print: String,
}

impl Texts {
    fn of(poster: &Poster) -> Result<Self, Refusal> {
        let texts = Self {
            headline: typeset::plain(&poster.headline),
            subhead: typeset::plain(&poster.subhead),
            call_to_action: typeset::plain(&poster.call_to_action),
            address: typeset::plain(&poster.address),
            brand: typeset::plain(&poster.brand),
            small_print: typeset::plain(&poster.small_print),
        };
        let missing: Vec<_> = Field::ALL
            .into_iter()
            .filter_map(|field| typeset::not_covered(field, texts.get(field)))
            .collect();
        if !missing.is_empty() {
            return Err(Refusal::NotCovered(missing));
        }
        Ok(texts)
    }

    /// The text of a field.
    pub(crate) fn get(&self, field: Field) -> &str {
        match field {
            Field::Headline => &self.headline,
            Field::Subhead => &self.subhead,
            Field::CallToAction => &self.call_to_action,
            Field::Address => &self.address,
            Field::Brand => &self.brand,
            Field::SmallPrint => &self.small_print,
        }
    }
}
