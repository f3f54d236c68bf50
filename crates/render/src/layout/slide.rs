//! The three kinds of slide: a cover over a band of tiles, a slide of text, and a field of colour that closes
//! with the button.

use super::{ADDRESS, At, INNER, SUBHEAD, Sheet, tiles};
use crate::{
    Rect, Refusal,
    colour::Rgb,
    limits::{MARGIN, SLIDE},
    poster::Field,
    typeset::Style,
};

/// Height of the canvas.
const H: f32 = SLIDE as f32;
/// Where the text begins, under the brand.
const TOP: f32 = 196.0;
/// Between the headline and what follows.
const GAP: f32 = 44.0;

const BODY: Style = Style {
    largest: 52.0,
    smallest: 26.0,
    lines: 12,
    ..SUBHEAD
};

pub(crate) fn cover(sheet: &mut Sheet<'_>) -> Result<(), Refusal> {
    /// Least height of the band.
    const BAND: f32 = 216.0;
    /// Between the text and the band.
    const AIR: f32 = 60.0;

    let scheme = sheet.scheme.clone();
    sheet.paper(scheme.ground);
    head(
        sheet,
        scheme.ground,
        (scheme.text, scheme.quiet),
        scheme.accent,
    )?;
    let style = Style {
        lines: 3,
        ..SUBHEAD
    };
    let body = sheet.fit(Field::Body, style, INNER * 0.9, 140.0)?;
    let under = body.as_ref().map_or(0.0, |block| block.height() + GAP);
    let room = H - BAND - AIR - TOP - under;
    let headline = sheet.headline(INNER, room, 150.0)?;
    let area = Rect::new(MARGIN, TOP, INNER, room);
    let placed = sheet.put(headline, area, At::Top, scheme.text, scheme.ground);
    let mut end = placed.bottom();
    if let Some(block) = body {
        let area = Rect::new(MARGIN, end + GAP, INNER, 140.0);
        end = sheet
            .put(block, area, At::Top, scheme.quiet, scheme.ground)
            .bottom();
    }
    tiles::band(sheet, end + AIR, H);
    Ok(())
}

pub(crate) fn body(sheet: &mut Sheet<'_>) -> Result<(), Refusal> {
    /// Where the text ends.
    const END: f32 = 884.0;

    let scheme = sheet.scheme.clone();
    sheet.paper(scheme.ground);
    head(
        sheet,
        scheme.ground,
        (scheme.text, scheme.quiet),
        scheme.accent,
    )?;
    sheet.rect(Rect::new(MARGIN, TOP, 96.0, 10.0), scheme.accent);
    let area = Rect::new(MARGIN, TOP + 56.0, INNER, 300.0);
    let headline = sheet.headline(INNER, area.height, 92.0)?;
    let placed = sheet.put(headline, area, At::Top, scheme.text, scheme.ground);
    let top = placed.bottom() + GAP;
    let room = Rect::new(MARGIN, top, INNER, END - top);
    if let Some(block) = sheet.fit(Field::Body, BODY, room.width, room.height)? {
        sheet.put(block, room, At::Top, scheme.quiet, scheme.ground);
    }
    tiles::band(sheet, END + 56.0, H);
    Ok(())
}

pub(crate) fn closing(sheet: &mut Sheet<'_>) -> Result<(), Refusal> {
    let scheme = sheet.scheme.clone();
    let ground = scheme.accent;
    let ink = scheme.text_on(ground);
    sheet.paper(ground);
    head(sheet, ground, (ink, ink), ink)?;
    // From below: small print, the button, the text; the headline has what is left.
    let foot = Rect::new(MARGIN, H - 254.0, INNER, 194.0);
    let end = sheet.small_print(foot, ground, ink)?;
    let button = sheet.button(INNER)?;
    let style = Style { lines: 5, ..BODY };
    let body = sheet.fit(Field::Body, style, INNER, 190.0)?;
    let under = body.as_ref().map_or(0.0, |block| block.height() + GAP) + button.height + 56.0;
    let area = Rect::new(MARGIN, TOP, INNER, end - TOP - under);
    let headline = sheet.headline(INNER, area.height, 120.0)?;
    let mut y = sheet.put(headline, area, At::Bottom, ink, ground).bottom();
    if let Some(block) = body {
        let area = Rect::new(MARGIN, y + GAP, INNER, 190.0);
        y = sheet.put(block, area, At::Top, ink, ground).bottom();
    }
    sheet.put_button(button, (MARGIN, y + 56.0), ink, (ink, ground));
    Ok(())
}

/// The brand on the left, the slide's number on the right.
fn head(
    sheet: &mut Sheet<'_>,
    ground: Rgb,
    (text, quiet): (Rgb, Rgb),
    mark: Rgb,
) -> Result<(), Refusal> {
    let row = Rect::new(MARGIN, 72.0, INNER, 48.0);
    let mut left = row;
    if let Some(block) = sheet.fit(Field::Counter, ADDRESS, 140.0, row.height)? {
        let x = row.right() - block.width;
        left.width = x - row.x - GAP;
        let place = Rect::new(x, row.y, block.width, row.height);
        sheet.put(block, place, At::Middle, quiet, ground);
    }
    sheet.brand(left, At::Middle, (text, ground), mark)?;
    Ok(())
}
