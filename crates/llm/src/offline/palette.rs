//! Colours that can be read: from the brand, or computed.

use model::artifact::Swatch;

use super::seed::Picks;

/// Least contrast of text on its ground (WCAG 2.2, AA).
const MIN_CONTRAST: f64 = 4.5;

#[derive(Clone, Copy, PartialEq)]
struct Rgb(u8, u8, u8);

const BLACK: Rgb = Rgb(0, 0, 0);
const WHITE: Rgb = Rgb(0xff, 0xff, 0xff);

impl Rgb {
    fn parse(text: &str) -> Option<Self> {
        let hex = text
            .strip_prefix('#')
            .filter(|h| h.len() == 6 && h.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        Some(Self(part(0)?, part(2)?, part(4)?))
    }

    fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    fn luminance(self) -> f64 {
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

    fn against(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Hue in degrees, saturation and lightness in percent.
    fn from_hsl(hue: usize, saturation: u32, lightness: u32) -> Self {
        let (s, l) = (f64::from(saturation) / 100.0, f64::from(lightness) / 100.0);
        let a = s * l.min(1.0 - l);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0 to 255 by construction"
        )]
        let part = |n: f64| {
            let k = (n + (hue % 360) as f64 / 30.0) % 12.0;
            let value = l - a * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
            (value * 255.0).round() as u8
        };
        Self(part(0.0), part(8.0), part(4.0))
    }
}

/// Contrast of two `#rrggbb` colours by WCAG, 1 to 21; `None` when one of them is no colour.
pub fn contrast(a: &str, b: &str) -> Option<f64> {
    Some(Rgb::parse(a)?.against(Rgb::parse(b)?))
}

/// A brand's colours with their roles, for those who draw without a concept; made up from `seed` for a brand
/// that has none.
pub fn swatches(brand: &[String], seed: &str) -> Vec<Swatch> {
    palette(brand, &mut Picks::new([seed.as_bytes()]))
}

/// Background, text and accent, then what else the brand has. Text on background has at least
/// the contrast that can be read by most.
pub(super) fn palette(brand: &[String], picks: &mut Picks) -> Vec<Swatch> {
    let mut colours: Vec<Rgb> = Vec::new();
    for colour in brand.iter().filter_map(|c| Rgb::parse(c)) {
        if !colours.contains(&colour) {
            colours.push(colour);
        }
    }
    let (background, text, accent) = match colours.as_slice() {
        [] => computed(picks),
        all => from_brand(all),
    };
    let swatch = |colour: Rgb, role: &str| Swatch {
        hex: colour.hex(),
        role: role.to_owned(),
    };
    let mut palette = vec![
        swatch(background, "background"),
        swatch(text, "text"),
        swatch(accent, "accent"),
    ];
    palette.extend(
        colours
            .iter()
            .filter(|c| ![background, text, accent].contains(c))
            .take(3)
            .map(|c| swatch(*c, "support")),
    );
    palette
}

/// The brand's own pair of most contrast, else its first colour with black or white; the accent is the
/// brand colour that stands out most from the background.
fn from_brand(all: &[Rgb]) -> (Rgb, Rgb, Rgb) {
    let first = all.first().copied().unwrap_or(WHITE);
    let farthest = |from: Rgb, among: &[Rgb]| {
        among
            .iter()
            .copied()
            .max_by(|a, b| a.against(from).total_cmp(&b.against(from)))
            .unwrap_or(BLACK)
    };
    let own = farthest(first, all);
    let text = if own.against(first) >= MIN_CONTRAST {
        own
    } else {
        farthest(first, &[BLACK, WHITE])
    };
    let others: Vec<Rgb> = all
        .iter()
        .copied()
        .filter(|c| *c != first && *c != text)
        .collect();
    let accent = if others.is_empty() {
        text
    } else {
        farthest(first, &others)
    };
    (first, text, accent)
}

/// A ground with text of the same hue, and an accent from across or beside it on the colour wheel.
fn computed(picks: &mut Picks) -> (Rgb, Rgb, Rgb) {
    let hue = picks.below(360);
    let across = hue + [180, 150, 210, 30][picks.below(4)];
    if picks.below(2) == 0 {
        let (ground, text) = (Rgb::from_hsl(hue, 45, 14), Rgb::from_hsl(hue, 30, 94));
        (ground, text, Rgb::from_hsl(across, 80, 66))
    } else {
        let (ground, text) = (Rgb::from_hsl(hue, 40, 95), Rgb::from_hsl(hue, 55, 14));
        (ground, text, Rgb::from_hsl(across, 75, 38))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn contrast_as_wcag_has_it() {
        assert_eq!(contrast("#000000", "#ffffff").map(f64::round), Some(21.0));
        let grey = contrast("#777777", "#FFFFFF").unwrap();
        assert!((grey - 4.48).abs() < 0.01, "{grey}");
        assert_eq!(contrast("red", "#ffffff"), None);
        assert_eq!(Rgb::from_hsl(120, 100, 50).hex(), "#00ff00");
        assert_eq!(Rgb::from_hsl(210, 50, 40).hex(), "#336699");
    }

    proptest! {
        #[test]
        fn text_can_always_be_read(brand in prop::collection::vec("#[0-9a-fA-F]{6}", 0..6), seed: u64) {
            let palette = palette(&brand, &mut Picks::new([&seed.to_be_bytes()[..]]));
            prop_assert!(contrast(&palette[0].hex, &palette[1].hex).unwrap() >= MIN_CONTRAST);
        }
    }
}
