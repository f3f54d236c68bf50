//! Templates on canvases of any size.

use proptest::prelude::*;
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

use super::kit::{PALETTE, any_text, inside, palette, sound_on, tree_of};
use crate::{Field, Rect, Refusal, Template, TemplateLayout, draw_template, limits};

fn template(layout: TemplateLayout, width: u32, height: u32, slots: &[&str]) -> Template {
    Template {
        layout,
        width,
        height,
        slots: slots.iter().map(|text| (*text).to_owned()).collect(),
        palette: PALETTE
            .map(|(colour, role)| (colour.to_owned(), role.to_owned()))
            .to_vec(),
        serifs: false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
fn canvas(template: &Template) -> Rect {
    Rect::new(0.0, 0.0, template.width as f32, template.height as f32)
}

const TEXTS: [&str; 3] = [
    "Half the meetings, twice the work that matters",
    "Deskhaus plans the week of a team of ten in four minutes.",
    "deskhaus.example",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_in_its_box_or_is_refused(
        slots in prop::collection::vec(any_text(), 1..=limits::MAX_SLOTS),
        width in limits::MIN_CANVAS..=limits::MAX_CANVAS,
        height in limits::MIN_CANVAS..=limits::MAX_CANVAS,
        layout in prop::sample::select(TemplateLayout::ALL.to_vec()),
        palette in palette(),
        serifs: bool,
    ) {
        let template = Template { layout, width, height, slots, palette, serifs };
        match draw_template(&template) {
            Ok(drawn) => {
                sound_on(canvas(&template), &drawn.texts).map_err(TestCaseError::fail)?;
                prop_assert!(drawn.texts.iter().all(|text| !text.cut));
                tree_of(&drawn.svg);
            }
            Err(Refusal::TooLong(Field::Slot(_)) | Refusal::Empty(Field::Slot(_))) => {}
            Err(refusal) => return Err(TestCaseError::fail(refusal.to_string())),
        }
    }
}

#[test]
fn texts_of_usual_length_have_room_on_every_usual_canvas() {
    for layout in TemplateLayout::ALL {
        assert_eq!(TemplateLayout::parse(layout.as_str()), Some(layout));
        for (width, height) in [
            (1080, 1080),
            (1080, 1350),
            (1200, 628),
            (1080, 1920),
            (400, 400),
        ] {
            for count in 1..=3 {
                let template = template(layout, width, height, &TEXTS[..count]);
                let drawn = draw_template(&template).unwrap();
                sound_on(canvas(&template), &drawn.texts).unwrap();
                assert_eq!(drawn.texts.len(), count);
                assert_eq!(drawn, draw_template(&template).unwrap());
            }
        }
    }
}

#[test]
fn an_empty_place_is_left_out_and_all_empty_are_refused() {
    let drawn = draw_template(&template(
        TemplateLayout::Band,
        1080,
        1080,
        &["", TEXTS[0], " "],
    ));
    let texts = drawn.unwrap().texts;
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].field, Field::Slot(1));
    let empty = draw_template(&template(TemplateLayout::Stack, 1080, 1080, &["", " "]));
    assert_eq!(empty.unwrap_err(), Refusal::Empty(Field::Slot(0)));
}

#[test]
fn what_cannot_be_shown_whole_is_refused_by_its_place() {
    let long = "word ".repeat(400);
    for layout in TemplateLayout::ALL {
        let refused = draw_template(&template(layout, 1080, 1080, &["One", long.as_str()]));
        assert_eq!(refused.unwrap_err(), Refusal::TooLong(Field::Slot(1)));
        let refused = draw_template(&template(layout, 1080, 1080, &["One", "Good 朝"]));
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "not_covered");
        assert!(refused.to_string().contains("slot_2: U+671D"), "{refused}");
    }
    let refused = draw_template(&template(TemplateLayout::Stack, 399, 1080, &["One"]));
    assert_eq!(refused.unwrap_err(), Refusal::Canvas(399, 1080));
    let refused = draw_template(&template(TemplateLayout::Stack, 1080, 1080, &["One"; 9]));
    assert_eq!(refused.unwrap_err().code(), "count");
}

#[test]
fn behind_each_text_is_the_one_colour_that_was_computed_with() {
    for layout in TemplateLayout::ALL {
        for lead in [TEXTS[0], "קפה טרי מגיע לדלת שלך"] {
            let template = template(layout, 1200, 628, &[lead, TEXTS[1], TEXTS[2]]);
            let drawn = draw_template(&template).unwrap();
            let texts = drawn.svg.find("<g id=\"slot_").unwrap();
            let picture = format!("{}</svg>", &drawn.svg[..texts]);
            let tree = Tree::from_str(&picture, &Options::default()).unwrap();
            let mut pixels = Pixmap::new(template.width, template.height).unwrap();
            resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
            for text in &drawn.texts {
                let ground = (text.ground.0, text.ground.1, text.ground.2);
                for (x, y) in inside(text.rect) {
                    let pixel = pixels.pixel(x, y).unwrap();
                    let found = (pixel.red(), pixel.green(), pixel.blue());
                    assert_eq!(found, ground, "{layout:?} {} at {x}, {y}", text.field);
                }
            }
            let png = drawn.png().unwrap();
            let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            assert_eq!((side(16), side(20)), (template.width, template.height));
        }
    }
}
