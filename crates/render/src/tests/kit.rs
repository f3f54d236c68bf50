//! Posters, texts and palettes to test with.

use proptest::prelude::*;
use resvg::usvg::{Options, Tree};

use crate::{Drawing, Field, Layout, Poster, Rect, TextBox, limits};

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
        Field::Body | Field::Counter | Field::Slot(_) => panic!("a poster has no {field}"),
    };
    text.clone_into(place);
}

/// What must hold for every poster.
pub(super) fn sound(drawing: &Drawing) -> Result<(), String> {
    sound_on(CANVAS, &drawing.texts)
}

/// What must hold for texts on any canvas.
pub(super) fn sound_on(canvas: Rect, texts: &[TextBox]) -> Result<(), String> {
    for (i, text) in texts.iter().enumerate() {
        if !canvas.holds(text.rect, 0.0) {
            return Err(format!("{} leaves the canvas: {:?}", text.field, text.rect));
        }
        if text.size < limits::MIN_TYPE {
            return Err(format!("{} is too small: {}", text.field, text.size));
        }
        let contrast = text.colour.contrast(text.ground);
        if contrast < limits::MIN_TEXT_CONTRAST {
            return Err(format!("{} cannot be read: {contrast}", text.field));
        }
        for other in &texts[..i] {
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
    tree_of(&drawing.svg)
}

pub(super) fn tree_of(svg: &str) -> Tree {
    Tree::from_str(svg, &Options::default()).expect("the SVG can be read")
}

/// Words of one script that the fonts have, and stretches without a place to break.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    let word =
        |letters: &'static str| prop::collection::vec(letters, 0..60).prop_map(|w| w.join(" "));
    prop_oneof![
        4 => word("[a-zA-Z0-9äöüßéñçøšžłőńÆŒ.,!?%&<>\"'’“”–—-]{1,14}"),
        1 => word("[a-zA-Zéß]{1,120}"),
        1 => word("[α-ωάέήΆΩΣΔ]{1,12}"),
        1 => word("[а-яА-Яёїґ]{1,14}"),
        1 => word("[ạảấầẩẫậắằẳẵặẹẻẽếềểễệđ]{1,7}"),
        1 => word("[ا-غف-ي٠-٩]{1,10}"),
        1 => word("[א-ת]{1,10}"),
        1 => word("[अ-ह][ािीुूेैोौ]?"),
        1 => word("[a-zא-תا-غ0-9]{1,9}"),
        1 => word("[a-z\u{301}\u{308}\u{323}]{1,12}"),
    ]
}

pub(super) fn palette() -> impl Strategy<Value = Vec<(String, String)>> {
    let role = prop::sample::select(vec!["background", "text", "accent", "support", "x"]);
    prop::collection::vec(("#[0-9a-fA-F]{6}", role.prop_map(str::to_owned)), 0..7)
}

/// Every pixel of a place.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "on the canvas"
)]
pub(super) fn inside(rect: Rect) -> impl Iterator<Item = (u32, u32)> {
    let columns = move || (rect.x.ceil() as u32)..(rect.right().floor() as u32);
    let rows = (rect.y.ceil() as u32)..(rect.bottom().floor() as u32);
    rows.flat_map(move |y| columns().map(move |x| (x, y)))
}
