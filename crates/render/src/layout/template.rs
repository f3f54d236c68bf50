//! The layouts of templates, on a canvas of any size: texts under one another, each as large as it gets.

use super::{At, SUBHEAD, Sheet};
use crate::{
    Rect, Refusal, TemplateLayout,
    colour::Rgb,
    fonts::Face,
    limits::MIN_TYPE,
    poster::Field,
    typeset::{Block, Style},
};

/// Shares of the largest type that are tried, one after another, until all texts have room.
const SCALES: [f32; 5] = [1.0, 0.8, 0.62, 0.48, 0.36];
/// Most lines of a text.
const LINES: usize = 60;
/// Height of a line for any script, in sizes of the type.
const LINE: f32 = 1.6;
/// What each text weighs besides its characters, when height is shared out.
const WEIGHT: usize = 24;

pub(crate) fn compose(
    sheet: &mut Sheet<'_>,
    layout: TemplateLayout,
    places: &[Field],
) -> Result<(), Refusal> {
    let Some((lead, others)) = places.split_first() else {
        return Err(Refusal::Empty(Field::Slot(0)));
    };
    let scheme = sheet.scheme.clone();
    let canvas = sheet.canvas();
    let unit = canvas.width.min(canvas.height);
    let margin = unit * 0.08;
    let inside = |rect: Rect| {
        let (width, height) = (rect.width - 2.0 * margin, rect.height - 2.0 * margin);
        Rect::new(rect.x + margin, rect.y + margin, width, height)
    };
    let field = match layout {
        TemplateLayout::Stack => {
            sheet.paper(scheme.ground);
            let room = inside(canvas);
            sheet.rect(
                Rect::new(room.x, room.y, unit * 0.1, unit * 0.012),
                scheme.accent,
            );
            let above = unit * 0.06;
            let room = Rect::new(room.x, room.y + above, room.width, room.height - above);
            return fill(sheet, places, room, At::Top, (scheme.text, scheme.ground));
        }
        TemplateLayout::Band if others.is_empty() => canvas,
        TemplateLayout::Split if others.is_empty() => canvas,
        TemplateLayout::Band => Rect::new(0.0, 0.0, canvas.width, canvas.height * 0.48),
        TemplateLayout::Split => Rect::new(0.0, 0.0, canvas.width * 0.5, canvas.height),
    };
    let rest = match layout {
        TemplateLayout::Split => Rect::new(
            field.right(),
            0.0,
            canvas.width - field.width,
            canvas.height,
        ),
        TemplateLayout::Stack | TemplateLayout::Band => Rect::new(
            0.0,
            field.bottom(),
            canvas.width,
            canvas.height - field.height,
        ),
    };
    sheet.paper(scheme.ground);
    sheet.rect(field, scheme.accent);
    let colours = (scheme.text_on(scheme.accent), scheme.accent);
    fill(sheet, &[*lead], inside(field), At::Bottom, colours)?;
    if others.is_empty() {
        return Ok(());
    }
    let colours = (scheme.text, scheme.ground);
    let at = match layout {
        TemplateLayout::Split => At::Bottom,
        TemplateLayout::Stack | TemplateLayout::Band => At::Top,
    };
    fill(sheet, others, inside(rest), at, colours)
}

/// Sets texts under one another into `room`, in the largest type in which all of them fit.
fn fill(
    sheet: &mut Sheet<'_>,
    places: &[Field],
    room: Rect,
    at: At,
    (colour, ground): (Rgb, Rgb),
) -> Result<(), Refusal> {
    let mut last = Refusal::Empty(Field::Slot(0));
    for scale in SCALES {
        match fitted(sheet, places, room, scale) {
            Ok(blocks) => {
                let gap = gap(sheet);
                let heights: f32 = blocks.iter().map(|block| block.height() + gap).sum();
                let mut y = match at {
                    At::Top => room.y,
                    At::Middle => room.y + (room.height - heights + gap) / 2.0,
                    At::Bottom => room.bottom() - heights + gap,
                };
                for block in blocks {
                    let area = Rect::new(room.x, y, room.width, block.height());
                    y = sheet.put(block, area, At::Top, colour, ground).bottom() + gap;
                }
                return Ok(());
            }
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

fn gap(sheet: &Sheet<'_>) -> f32 {
    let canvas = sheet.canvas();
    canvas.width.min(canvas.height) * 0.05
}

/// Each text has room for a line, and a share of the rest by its length; what one leaves goes to the next.
fn fitted(
    sheet: &mut Sheet<'_>,
    places: &[Field],
    room: Rect,
    scale: f32,
) -> Result<Vec<Block>, Refusal> {
    let gap = gap(sheet);
    let line = smallest(sheet) * LINE;
    let mut waiting: Vec<(Field, f32)> = places
        .iter()
        .map(|place| (*place, weight(sheet, *place)))
        .collect();
    waiting.reverse();
    let mut y = room.y;
    let mut blocks = Vec::new();
    while let Some((place, weight)) = waiting.pop() {
        let others: f32 = waiting.iter().map(|(_, weight)| weight).sum();
        let kept: f32 = waiting.iter().map(|_| line + gap).sum();
        let free = (room.bottom() - y - kept - line).max(0.0);
        let height = line + free * weight / (weight + others);
        let style = style(sheet, place, scale);
        let block = sheet.fit(place, style, room.width, height)?;
        let block = block.ok_or(Refusal::Empty(place))?;
        y += block.height() + gap;
        blocks.push(block);
    }
    // Lines are kept free for all, but a canvas may be too low for so many.
    match places.last() {
        Some(last) if y - gap > room.bottom() + 0.5 => Err(Refusal::TooLong(*last)),
        _ => Ok(blocks),
    }
}

fn smallest(sheet: &Sheet<'_>) -> f32 {
    let canvas = sheet.canvas();
    (canvas.width.min(canvas.height) * 0.016).max(MIN_TYPE)
}

/// The leading text is set larger, so it needs more.
fn weight(sheet: &Sheet<'_>, place: Field) -> f32 {
    let length = sheet.words.get(place).chars().count() + WEIGHT;
    #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
    let length = length as f32;
    if leads(sheet, place) {
        length * 2.5
    } else {
        length
    }
}

fn leads(sheet: &Sheet<'_>, place: Field) -> bool {
    sheet.words.get(place) == sheet.words.first()
}

fn style(sheet: &Sheet<'_>, place: Field, scale: f32) -> Style {
    let canvas = sheet.canvas();
    let unit = canvas.width.min(canvas.height);
    let smallest = smallest(sheet);
    let (face, largest, leading, tracking) = match (leads(sheet, place), sheet.serifs) {
        (true, true) => (Face::Serif, 0.13, 1.08, -0.012),
        (true, false) => (Face::Sans, 0.13, 1.05, -0.026),
        (false, _) => (Face::Text, 0.054, SUBHEAD.leading, SUBHEAD.tracking),
    };
    Style {
        face,
        tracking,
        leading,
        largest: (unit * largest * scale).max(smallest),
        smallest,
        lines: LINES,
        cut: false,
    }
}
