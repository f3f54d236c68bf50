//! Posters to test with.

use resvg::usvg::{Options, Tree};

use crate::{Drawing, Field, Layout, Poster, Rect, limits};

pub(super) const CANVAS: Rect = Rect::new(0.0, 0.0, limits::WIDTH as f32, limits::HEIGHT as f32);

pub(super) const PALETTE: [(&str, &str); 5] = [
    ("#f6f1e7", "background"),
    ("#16213e", "text"),
    ("#e4572e", "accent"),
    ("#f3a712", "support"),
    ("#4f9d9d", "support"),
];

pub(super) fn poster(layout: Layout) -> Poster {
    Poster {
        headline: "Half the meetings, twice the work that matters".to_owned(),
        subhead: "Deskhaus plans the week of a team of ten in four minutes.".to_owned(),
        call_to_action: "Plan your first week".to_owned(),
        address: "deskhaus.example/start".to_owned(),
        brand: "Deskhaus".to_owned(),
        small_print: "Free for 30 days, then 9 EUR per seat and month.".to_owned(),
        palette: PALETTE
            .map(|(colour, role)| (colour.to_owned(), role.to_owned()))
            .to_vec(),
        serifs: false,
        layout,
        seed: [7; 32],
    }
}

pub(super) fn set(poster: &mut Poster, field: Field, text: &str) {
    let place = match field {
        Field::Headline => &mut poster.headline,
        Field::Subhead => &mut poster.subhead,
        Field::CallToAction => &mut poster.call_to_action,
        Field::Address => &mut poster.address,
        Field::Brand => &mut poster.brand,
        Field::SmallPrint => &mut poster.small_print,
    };
    text.clone_into(place);
}

/// What must hold for every poster.
pub(super) fn sound(drawing: &Drawing) -> Result<(), String> {
    for (i, text) in drawing.texts.iter().enumerate() {
        if !CANVAS.holds(text.rect, 0.0) {
            return Err(format!("{} leaves the canvas: {:?}", text.field, text.rect));
        }
        if text.size < limits::MIN_TYPE {
            return Err(format!("{} is too small: {}", text.field, text.size));
        }
        let contrast = text.colour.contrast(text.ground);
        if contrast < limits::MIN_TEXT_CONTRAST {
            return Err(format!("{} cannot be read: {contrast}", text.field));
        }
        for other in &drawing.texts[..i] {
            if text.rect.overlaps(other.rect) {
                return Err(format!(
                    "{} and {} overlap: {:?}, {:?}",
                    text.field, other.field, text.rect, other.rect
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn tree(drawing: &Drawing) -> Tree {
    Tree::from_str(&drawing.svg, &Options::default()).expect("the SVG can be read")
}
