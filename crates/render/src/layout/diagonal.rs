//! [`Layout::Diagonal`](crate::Layout::Diagonal): a field of the accent colour with the headline, parted by a diagonal from
//! the ground with the rest; arcs rise from the corner.

use super::{At, H, INNER, SUBHEAD, Sheet, W, data};
use crate::{Rect, Refusal, limits::MARGIN, poster::Field, typeset::Style};

/// Where the diagonal meets the left edge, at the lowest.
const LOWEST: f32 = 830.0;
/// How much higher it meets the right edge.
const RISE: f32 = 170.0;
/// Width of a second, thin stripe along it.
const STRIPE: f32 = 26.0;
/// Width of the text below it; the rest belongs to the arcs.
const COLUMN: f32 = 560.0;
/// Least height kept for the subhead.
const SUBHEAD_ROOM: f32 = 150.0;
const GAP: f32 = 40.0;

pub(crate) fn compose(sheet: &mut Sheet<'_>) -> Result<(), Refusal> {
    let scheme = sheet.scheme.clone();
    sheet.paper(scheme.ground);
    let foot = Rect::new(MARGIN, H - 230.0, COLUMN, 170.0);
    let end = sheet.small_print(foot, scheme.ground, scheme.quiet)?;
    let end = if end < foot.bottom() { end } else { H - 84.0 };
    let button = sheet.button(COLUMN)?;
    let needed = button.height + GAP + SUBHEAD_ROOM + GAP + STRIPE;
    let left = (end - needed).min(LOWEST);
    let right = left - RISE;

    let field = scheme.accent;
    let on_field = scheme.text_on(field);
    sheet.path(
        &data(&[
            ('M', &[0.0, 0.0]),
            ('L', &[W, 0.0, W, right, 0.0, left]),
            ('Z', &[]),
        ]),
        field,
    );
    let stripe = scheme.picture.get(1).copied().unwrap_or(scheme.text);
    sheet.path(
        &data(&[
            ('M', &[0.0, left]),
            ('L', &[W, right, W, right + STRIPE, 0.0, left + STRIPE]),
            ('Z', &[]),
        ]),
        stripe,
    );
    arcs(sheet);

    let brand = Rect::new(MARGIN, 72.0, INNER, 48.0);
    sheet.brand(brand, At::Middle, (on_field, field), on_field)?;
    let top = 176.0;
    let height = right - 44.0 - top;
    let headline = sheet.headline(INNER, height, 190.0)?;
    let area = Rect::new(MARGIN, top, INNER, height);
    sheet.put(headline, area, At::Middle, on_field, field);

    let start = left + STRIPE + GAP;
    let room = end - button.height - GAP - start;
    let style = Style {
        lines: 5,
        ..SUBHEAD
    };
    let mut y = start;
    if let Some(block) = sheet.fit(Field::Subhead, style, COLUMN, room)? {
        let area = Rect::new(MARGIN, start, COLUMN, room);
        y = sheet
            .put(block, area, At::Top, scheme.quiet, scheme.ground)
            .bottom()
            + GAP;
    }
    let place = (MARGIN, y);
    sheet.put_button(button, place, scheme.text, (scheme.text, scheme.ground));
    Ok(())
}

/// Arcs around the lower right corner, none farther from it than the text's column.
fn arcs(sheet: &mut Sheet<'_>) {
    let colours = [sheet.scheme.picture.clone(), vec![sheet.scheme.ground]].concat();
    let first = sheet.roll(colours.len());
    for (i, radius) in [400.0_f32, 318.0, 236.0, 154.0, 72.0]
        .into_iter()
        .enumerate()
    {
        let ring = colours.get((first + i) % colours.len()).copied();
        let data = data(&[
            ('M', &[W, H - radius]),
            ('A', &[radius, radius, 0.0, 0.0, 0.0, W - radius, H]),
            ('L', &[W, H]),
            ('Z', &[]),
        ]);
        sheet.path(&data, ring.unwrap_or(sheet.scheme.accent));
    }
}
