//! Colours, and which of them can be read on which (WCAG 2.2).

use crate::limits::{MIN_SHAPE_CONTRAST, MIN_TEXT_CONTRAST};

/// A colour of sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// `#000000`.
    pub const BLACK: Self = Self(0, 0, 0);
    /// `#ffffff`.
    pub const WHITE: Self = Self(255, 255, 255);

    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix('#').filter(|h| h.len() == 6)?;
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        Some(Self(part(0)?, part(2)?, part(4)?))
    }

    /// As `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Relative luminance, 0 to 1.
    pub fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Contrast ratio, 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// `share` (0 to 1) of the way to `other`.
    pub fn towards(self, other: Self, share: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between two bytes"
        )]
        let part = |a: u8, b: u8| {
            let (a, b) = (f64::from(a), f64::from(b));
            (a + (b - a) * share.clamp(0.0, 1.0)).round() as u8
        };
        Self(
            part(self.0, other.0),
            part(self.1, other.1),
            part(self.2, other.2),
        )
    }

    /// This colour, or as near to it as has `least` contrast on `ground`: moved towards black or white.
    pub fn readable_on(self, ground: Self, least: f64) -> Self {
        if self.contrast(ground) >= least {
            return self;
        }
        // The better of the two always has 4.58 or more.
        let pole = if ground.contrast(Self::BLACK) >= ground.contrast(Self::WHITE) {
            Self::BLACK
        } else {
            Self::WHITE
        };
        (1..=20)
            .map(|step| self.towards(pole, f64::from(step) / 20.0))
            .find(|mixed| mixed.contrast(ground) >= least)
            .unwrap_or(pole)
    }
}

/// The colours of one poster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scheme {
    /// The ground.
    pub(crate) ground: Rgb,
    /// Text on the ground; can be read there.
    pub(crate) text: Rgb,
    /// Second text on the ground; can be read there.
    pub(crate) quiet: Rgb,
    /// A field or a button; stands out from the ground.
    pub(crate) accent: Rgb,
    /// Colours of the picture, the strongest first; none is the ground.
    pub(crate) picture: Vec<Rgb>,
}

impl Scheme {
    /// From a palette as it is written; what is no colour is left out.
    pub(crate) fn read(palette: &[(String, String)]) -> Self {
        let colours: Vec<(Rgb, &str)> = palette
            .iter()
            .filter_map(|(hex, role)| Some((Rgb::parse(hex)?, role.as_str())))
            .collect();
        Self::of(&colours)
    }

    /// From a concept's palette: `(colour, role)`. Missing and unreadable ones are made up from what is there.
    pub(crate) fn of(palette: &[(Rgb, &str)]) -> Self {
        let role = |name: &str| palette.iter().find(|(_, role)| *role == name).map(|c| c.0);
        let ground = role("background").unwrap_or(Rgb(0xf5, 0xf2, 0xec));
        let text = role("text")
            .unwrap_or(Rgb(0x1a, 0x1a, 0x1f))
            .readable_on(ground, MIN_TEXT_CONTRAST);
        let accent = role("accent")
            .filter(|accent| accent.contrast(ground) >= MIN_SHAPE_CONTRAST)
            .or_else(|| role("accent").map(|a| a.readable_on(ground, MIN_SHAPE_CONTRAST)))
            .unwrap_or(text);
        let quiet = text
            .towards(ground, 0.22)
            .readable_on(ground, MIN_TEXT_CONTRAST);
        let mut picture = vec![accent];
        let others = palette
            .iter()
            .filter(|(_, role)| !matches!(*role, "background" | "text" | "accent"))
            .map(|c| c.0);
        let made = [
            text,
            accent.towards(ground, 0.45),
            accent.towards(text, 0.5),
            text.towards(ground, 0.8),
        ];
        for colour in others.chain(made) {
            if picture.len() < 6 && colour.contrast(ground) >= 1.12 && !picture.contains(&colour) {
                picture.push(colour);
            }
        }
        Self {
            ground,
            text,
            quiet,
            accent,
            picture,
        }
    }

    /// Text on a field of colour: one of the poster's own colours where one can be read there.
    pub(crate) fn text_on(&self, field: Rgb) -> Rgb {
        let own = [self.ground, self.text, Rgb::WHITE];
        let readable = own
            .into_iter()
            .find(|colour| colour.contrast(field) >= MIN_TEXT_CONTRAST);
        readable.unwrap_or_else(|| self.text.readable_on(field, MIN_TEXT_CONTRAST))
    }
}
