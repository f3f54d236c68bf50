//! [`Layout::Horizon`](crate::Layout::Horizon): a landscape of the brand's colours, whose last hill is the ground on which the
//! text stands.

use super::{At, H, INNER, SUBHEAD, Sheet, W, data};
use crate::{Rect, Refusal, colour::Rgb, limits::MARGIN, poster::Field, typeset::Style};

pub(crate) fn compose(sheet: &mut Sheet<'_>) -> Result<(), Refusal> {
    let scheme = sheet.scheme.clone();
    sheet.paper(scheme.ground);

    // The text is set from below, so the picture has what it leaves.
    let foot = Rect::new(MARGIN, H - 270.0, INNER, 206.0);
    let end = sheet.small_print(foot, scheme.ground, scheme.quiet)?;
    let end = if end < foot.bottom() {
        end - 16.0
    } else {
        H - 96.0
    };
    let headline = sheet.headline(INNER, 350.0, 120.0)?;
    let style = Style {
        lines: 3,
        ..SUBHEAD
    };
    let subhead = sheet.fit(Field::Subhead, style, INNER * 0.92, 150.0)?;
    let button = sheet.button(INNER)?;

    let brand_height = 34.0;
    let under_subhead = subhead.as_ref().map_or(0.0, |b| b.height() + 50.0);
    let mut y =
        end - button.height - 54.0 - under_subhead - headline.height() - 48.0 - brand_height;
    landscape(sheet, y - 20.0);

    let brand = Rect::new(MARGIN, y, INNER, brand_height);
    let mark = scheme.accent;
    sheet.brand(brand, At::Middle, (scheme.text, scheme.ground), mark)?;
    y = brand.bottom() + 48.0;
    let area = Rect::new(MARGIN, y, INNER, H);
    y = sheet
        .put(headline, area, At::Top, scheme.text, scheme.ground)
        .bottom();
    if let Some(block) = subhead {
        let area = Rect::new(MARGIN, y + 50.0, INNER, H);
        y = sheet
            .put(block, area, At::Top, scheme.quiet, scheme.ground)
            .bottom();
    }
    let at = (MARGIN, y + 54.0);
    sheet.put_button(button, at, scheme.accent, (scheme.text, scheme.ground));
    Ok(())
}

/// Sky, sun and hills; everything below `horizon` is ground.
fn landscape(sheet: &mut Sheet<'_>, horizon: f32) {
    let scheme = sheet.scheme.clone();
    let sky = scheme.accent.towards(scheme.ground, 0.62);
    sheet.rect(Rect::new(0.0, 0.0, W, horizon), sky);
    let glow = scheme.accent.towards(scheme.ground, 0.42);
    let x = sheet.between(620.0, 820.0);
    let radius = horizon * 0.27;
    let y = horizon * 0.45;
    sheet.circle(
        x,
        y,
        radius * 1.55,
        scheme.accent.towards(scheme.ground, 0.52),
    );
    sheet.circle(x, y, radius * 1.26, glow);
    sheet.circle(x, y, radius, scheme.accent);
    // From far and pale to near and strong, and the last one is the page.
    let far = scheme
        .accent
        .towards(scheme.text, 0.25)
        .towards(scheme.ground, 0.25);
    let picture = |at: usize| scheme.picture.get(at).copied().unwrap_or(scheme.text);
    let hills: [(f32, f32, Rgb); 4] = [
        (0.55, 0.13, far),
        (0.68, 0.11, picture(1)),
        (0.81, 0.09, picture(2)),
        (0.955, 0.055, scheme.ground),
    ];
    for (height, swing, colour) in hills {
        let base = horizon * height;
        let swing = horizon * swing;
        let shift = sheet.between(-1.0, 1.0);
        let left = base + swing * shift;
        let right = base - swing * shift;
        let up = base - swing * sheet.between(0.6, 1.4);
        let down = base + swing * sheet.between(0.2, 0.8);
        // The nearest covers the edges of all behind it.
        let end = if colour == scheme.ground {
            horizon + 6.0
        } else {
            horizon
        };
        sheet.path(
            &data(&[
                ('M', &[0.0, left]),
                ('C', &[W * 0.22, up, W * 0.36, up, W * 0.52, base]),
                ('S', &[W * 0.82, down, W, right]),
                ('L', &[W, end, 0.0, end]),
                ('Z', &[]),
            ]),
            colour,
        );
    }
}
