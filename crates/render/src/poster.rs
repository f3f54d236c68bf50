//! What a poster says, and what comes of it.

use std::fmt;

use crate::{
    RasterError, Rect, Refusal,
    colour::{Rgb, Scheme},
    fonts::Fonts,
    layout::{Look, Sheet},
    limits::{HEIGHT, MAX_SLOTS, WIDTH},
    raster, svg,
    texts::Texts,
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
    /// What a slide says under its headline. Shrunk, then cut.
    Body,
    /// Which slide of how many.
    Counter,
    /// A place of a template, by its number from 0. Shrunk, never cut.
    Slot(u8),
}

/// Names of the places of a template.
const SLOTS: [&str; MAX_SLOTS] = [
    "slot_1", "slot_2", "slot_3", "slot_4", "slot_5", "slot_6", "slot_7", "slot_8",
];

impl Field {
    /// All of a poster, in the order of reading.
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
            Self::Body => "body",
            Self::Counter => "counter",
            Self::Slot(number) => SLOTS.get(usize::from(number)).copied().unwrap_or("slot"),
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
        raster::png(&self.svg, (WIDTH, HEIGHT))
    }
}

/// Draws a poster.
///
/// # Errors
/// When a text of it cannot be shown.
pub fn draw(poster: &Poster) -> Result<Drawing, Refusal> {
    let texts = Texts::of([
        (Field::Headline, poster.headline.as_str()),
        (Field::Subhead, &poster.subhead),
        (Field::CallToAction, &poster.call_to_action),
        (Field::Address, &poster.address),
        (Field::Brand, &poster.brand),
        (Field::SmallPrint, &poster.small_print),
    ])?;
    let look = Look {
        scheme: Scheme::read(&poster.palette),
        serifs: poster.serifs,
        seed: poster.seed,
    };
    match compose(&look, &texts, poster.layout) {
        Err(Refusal::TooLong(Field::SmallPrint)) if poster.layout == Layout::Diagonal => {
            compose(&look, &texts, Layout::Tiles)
        }
        done => done,
    }
}

fn compose(look: &Look, texts: &Texts, layout: Layout) -> Result<Drawing, Refusal> {
    let mut sheet = Sheet::new(Fonts::new(), look, (WIDTH, HEIGHT), texts);
    match layout {
        Layout::Tiles => crate::layout::tiles::compose(&mut sheet)?,
        Layout::Horizon => crate::layout::horizon::compose(&mut sheet)?,
        Layout::Diagonal => crate::layout::diagonal::compose(&mut sheet)?,
    }
    let svg = svg::document(&mut sheet, texts.get(Field::Headline));
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
