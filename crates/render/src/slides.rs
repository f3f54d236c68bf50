//! A deck of slides, and what comes of it: a picture of each and one document of all.

use std::fmt;

use crate::{
    RasterError, Refusal, TextBox,
    colour::Scheme,
    fonts::Fonts,
    layout::{Look, Placed, Sheet, slide},
    limits::{MAX_SLIDES, SLIDE},
    pdf,
    poster::Field,
    raster, svg,
    texts::Texts,
};

/// One slide's own texts. They may be of any length and hold anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slide {
    /// What is read first; something must stand there. Shrunk, then cut.
    pub headline: String,
    /// Under it; may be empty. Shrunk, then cut.
    pub body: String,
}

/// All that a deck is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deck {
    /// 1 to [`MAX_SLIDES`]. The first is the cover, the last of several closes with the button.
    pub slides: Vec<Slide>,
    /// The button of the last slide; may be empty. Shrunk, then cut.
    pub call_to_action: String,
    /// Where it leads, as shown; may be empty. Shrunk, then cut.
    pub address: String,
    /// Disclosures, on the last slide; may be empty. Shrunk, never cut.
    pub small_print: String,
    /// Who speaks, on every slide; may be empty. Shrunk, then cut.
    pub brand: String,
    /// Colour (`#rrggbb`) and role, as of a poster.
    pub palette: Vec<(String, String)>,
    /// Headlines with serifs, where the font has the text.
    pub serifs: bool,
    /// Chooses the shapes.
    pub seed: [u8; 32],
}

/// Why there is no deck: each slide that cannot be shown, by its number from 1, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct DeckRefusal(pub Vec<(usize, Refusal)>);

impl fmt::Display for DeckRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (number, refusal)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "; " };
            write!(f, "{comma}slide {number}: {refusal}")?;
        }
        Ok(())
    }
}

impl DeckRefusal {
    /// One word for machines: the first slide's [`Refusal::code`].
    pub fn code(&self) -> &'static str {
        self.0
            .first()
            .map_or("empty", |(_, refusal)| refusal.code())
    }
}

/// One slide, drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnSlide {
    /// The SVG, [`SLIDE`] by [`SLIDE`].
    pub svg: String,
    /// All texts on it.
    pub texts: Vec<TextBox>,
}

impl DrawnSlide {
    /// The PNG. Takes about 0.1 s of a processor in a release build.
    ///
    /// # Errors
    /// Only by a defect.
    pub fn png(&self) -> Result<Vec<u8>, RasterError> {
        raster::png(&self.svg, (SLIDE, SLIDE))
    }
}

/// A sheet as the document holds it.
pub(crate) struct Page {
    /// Its picture alone, as SVG.
    pub(crate) picture: String,
    pub(crate) texts: Vec<Placed>,
}

/// A deck, drawn.
pub struct DrawnDeck {
    /// In the deck's order.
    pub slides: Vec<DrawnSlide>,
    title: String,
    pub(crate) pages: Vec<Page>,
    fonts: Fonts,
}

impl DrawnDeck {
    /// All slides as one PDF, one on each page: the same outlines as in the pictures, as text that can be searched
    /// and copied.
    ///
    /// # Errors
    /// Only by a defect.
    pub fn pdf(&self) -> Result<Vec<u8>, RasterError> {
        pdf::document(&self.title, &self.pages, &self.fonts)
    }
}

/// Draws a deck.
///
/// # Errors
/// When a text of it cannot be shown; all such slides are named at once.
pub fn draw_slides(deck: &Deck) -> Result<DrawnDeck, DeckRefusal> {
    let count = deck.slides.len();
    if !(1..=MAX_SLIDES).contains(&count) {
        return Err(DeckRefusal(vec![(
            count,
            Refusal::Count {
                what: "slides",
                count,
                most: MAX_SLIDES,
            },
        )]));
    }
    let mut look = Look {
        scheme: Scheme::read(&deck.palette),
        serifs: deck.serifs,
        seed: deck.seed,
    };
    let mut fonts = Fonts::new();
    let (mut slides, mut pages, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=count {
        look.seed[31] = deck.seed[31].wrapping_add(u8::try_from(number).unwrap_or(0));
        let texts = match texts(deck, number) {
            Ok(texts) => texts,
            Err(refusal) => {
                refused.push((number, refusal));
                continue;
            }
        };
        let mut sheet = Sheet::new(fonts, &look, (SLIDE, SLIDE), &texts);
        let composed = match number {
            1 => slide::cover(&mut sheet),
            number if number == count => slide::closing(&mut sheet),
            _ => slide::body(&mut sheet),
        };
        if let Err(refusal) = composed {
            refused.push((number, refusal));
        } else {
            slides.push(DrawnSlide {
                svg: svg::document(&mut sheet, texts.get(Field::Headline)),
                texts: sheet.texts.iter().map(Placed::text_box).collect(),
            });
            pages.push(Page {
                picture: svg::picture(&sheet),
                texts: std::mem::take(&mut sheet.texts),
            });
        }
        fonts = sheet.fonts;
    }
    if !refused.is_empty() {
        return Err(DeckRefusal(refused));
    }
    let title = deck.slides.first().map_or("", |slide| &slide.headline);
    Ok(DrawnDeck {
        slides,
        title: crate::typeset::plain(title),
        pages,
        fonts,
    })
}

fn texts(deck: &Deck, number: usize) -> Result<Texts, Refusal> {
    let count = deck.slides.len();
    let counter = if count > 1 {
        format!("{number}/{count}")
    } else {
        String::new()
    };
    let slide = deck.slides.get(number - 1);
    let mut all = vec![
        (Field::Headline, slide.map_or("", |s| &s.headline)),
        (Field::Body, slide.map_or("", |s| &s.body)),
        (Field::Brand, &deck.brand),
        (Field::Counter, &counter),
    ];
    if number == count {
        all.extend([
            (Field::CallToAction, deck.call_to_action.as_str()),
            (Field::Address, &deck.address),
            (Field::SmallPrint, &deck.small_print),
        ]);
    }
    Texts::of(all)
}
