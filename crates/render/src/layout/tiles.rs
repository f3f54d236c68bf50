//! [`Layout::Tiles`](crate::Layout::Tiles): the headline as large as it gets, and a band of geometric tiles that bleeds off at
//! the foot.

use super::{At, H, INNER, SUBHEAD, Sheet, W, data};
use crate::{Rect, Refusal, colour::Rgb, limits::MARGIN, poster::Field, typeset::Style};

/// Tiles to a row; each gives whole pixels.
const COLUMNS: [u8; 4] = [6, 5, 8, 4];
/// Least height of the band.
const BAND: f32 = 200.0;
/// Between the text and the band.
const AIR: f32 = 64.0;

pub(crate) fn compose(sheet: &mut Sheet<'_>) -> Result<(), Refusal> {
    let scheme = sheet.scheme.clone();
    sheet.paper(scheme.ground);
    let brand = Rect::new(MARGIN, 72.0, INNER, 48.0);
    let mark = scheme.accent;
    sheet.brand(brand, At::Middle, (scheme.text, scheme.ground), mark)?;

    // From below: small print, then the band.
    let foot = Rect::new(MARGIN, H - 250.0, INNER, 214.0);
    let end = sheet.small_print(foot, scheme.ground, scheme.quiet)?;
    let band_end = if end < foot.bottom() { end } else { H };

    let column = INNER * 0.88;
    let style = Style {
        lines: 4,
        ..SUBHEAD
    };
    let subhead = sheet.fit(Field::Subhead, style, column, 190.0)?;
    let button = sheet.button(INNER)?;
    let mut y = 184.0;
    let under = subhead.as_ref().map_or(0.0, |b| b.height() + 52.0) + button.height + 56.0;
    let room = band_end - BAND - AIR - under - y;
    let headline = sheet.headline(INNER, room.min(540.0), 190.0)?;
    let area = Rect::new(MARGIN, y, INNER, room);
    y = sheet
        .put(headline, area, At::Top, scheme.text, scheme.ground)
        .bottom()
        + 52.0;
    if let Some(block) = subhead {
        let area = Rect::new(MARGIN, y, column, 190.0);
        y = sheet
            .put(block, area, At::Top, scheme.quiet, scheme.ground)
            .bottom()
            + 56.0;
    }
    let bottom = y + button.height;
    sheet.put_button(
        button,
        (MARGIN, y),
        scheme.accent,
        (scheme.text, scheme.ground),
    );
    band(sheet, bottom + AIR, band_end);
    Ok(())
}

/// Whole rows from `end` upwards, on a canvas as wide as a poster's, of the tiles that leave the least room unfilled.
pub(super) fn band(sheet: &mut Sheet<'_>, start: f32, end: f32) {
    let rows = |columns: u8| ((end - start) * f32::from(columns) / W).floor();
    let filled = |columns: u8| rows(columns) * W / f32::from(columns);
    let best = COLUMNS.into_iter().fold(COLUMNS[0], |best, next| {
        if filled(next) > filled(best) + 20.0 {
            next
        } else {
            best
        }
    });
    let size = W / f32::from(best);
    let mut top = end - size;
    let mut last = usize::MAX;
    while top >= start - 0.5 {
        for column in 0..best {
            let x = f32::from(column) * size;
            last = tile(sheet, Rect::new(x, top, size, size), last);
        }
        top -= size;
    }
}

/// One tile; the answer is its motif, which the next one does not repeat.
fn tile(sheet: &mut Sheet<'_>, place: Rect, last: usize) -> usize {
    let colours = [vec![sheet.scheme.ground], sheet.scheme.picture.clone()].concat();
    let back = sheet.roll(colours.len());
    let fore = (back + 1 + sheet.roll(colours.len().saturating_sub(1))) % colours.len();
    let colour = |at: usize| colours.get(at).copied().unwrap_or(Rgb::BLACK);
    let (back, fore) = (colour(back), colour(fore));
    sheet.rect(place, back);
    let mut motif = sheet.roll(7);
    if motif == last {
        motif = (motif + 1) % 7;
    }
    let turn = sheet.roll(4);
    let Rect { x, y, width: s, .. } = place;
    let half = s / 2.0;
    let corner = [(x, y), (x + s, y), (x + s, y + s), (x, y + s)];
    let at = |step: usize| corner[(turn + step) % 4];
    match motif {
        0 => quarter(sheet, at(0), at(1), at(3), s, fore),
        1 => sheet.circle(x + half, y + half, half, fore),
        2 => {
            quarter(sheet, at(0), at(1), at(3), s, fore);
            let second = colour(sheet.roll(colours.len()));
            let third = (at(0), at(1), at(3));
            let near = |p: (f32, f32)| {
                let from = third.0;
                (f32::midpoint(from.0, p.0), f32::midpoint(from.1, p.1))
            };
            quarter(sheet, third.0, near(third.1), near(third.2), half, second);
        }
        3 => {
            let (a, b, c) = (at(0), at(1), at(2));
            sheet.path(
                &data(&[('M', &[a.0, a.1]), ('L', &[b.0, b.1, c.0, c.1]), ('Z', &[])]),
                fore,
            );
        }
        4 => {
            let (a, b) = (at(0), at(1));
            sheet.path(
                &data(&[
                    ('M', &[a.0, a.1]),
                    ('A', &[half, half, 0.0, 0.0, 0.0, b.0, b.1]),
                    ('Z', &[]),
                ]),
                fore,
            );
            let (c, d) = (at(2), at(3));
            sheet.path(
                &data(&[
                    ('M', &[c.0, c.1]),
                    ('A', &[half, half, 0.0, 0.0, 0.0, d.0, d.1]),
                    ('Z', &[]),
                ]),
                fore,
            );
        }
        5 => {
            let bar = s / 7.0;
            for i in [0_u8, 2, 4, 6] {
                let offset = f32::from(i) * bar;
                let rect = if turn.is_multiple_of(2) {
                    Rect::new(x + offset, y, bar, s)
                } else {
                    Rect::new(x, y + offset, s, bar)
                };
                sheet.rect(rect, fore);
            }
        }
        _ => {
            let radius = s / 9.0;
            for row in 0..3_u8 {
                for column in 0..3_u8 {
                    let centre = |n: u8| (f32::from(n) + 0.5) * s / 3.0;
                    sheet.circle(x + centre(column), y + centre(row), radius, fore);
                }
            }
        }
    }
    motif
}

/// A quarter of a disc around `centre`, from `a` to `b`, which follow each other clockwise.
fn quarter(
    sheet: &mut Sheet<'_>,
    centre: (f32, f32),
    a: (f32, f32),
    b: (f32, f32),
    radius: f32,
    colour: Rgb,
) {
    sheet.path(
        &data(&[
            ('M', &[centre.0, centre.1]),
            ('L', &[a.0, a.1]),
            ('A', &[radius, radius, 0.0, 0.0, 1.0, b.0, b.1]),
            ('Z', &[]),
        ]),
        colour,
    );
}
