//! Text stays in its box, whatever it is.

use proptest::prelude::*;
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

use unicode_segmentation::UnicodeSegmentation;

use super::kit::{CANVAS, any_text, inside, palette, poster, set, sound, tree};
use crate::{Field, Layout, Refusal, draw, limits};

fn layout() -> impl Strategy<Value = Layout> {
    prop::sample::select(Layout::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_text_of_any_length_stays_in_its_box(
        texts in prop::collection::vec(any_text(), 6),
        layout in layout(),
        palette in palette(),
        serifs: bool,
        seed: [u8; 32],
    ) {
        let mut poster = poster(layout);
        poster.palette = palette;
        poster.serifs = serifs;
        poster.seed = seed;
        for (field, text) in Field::ALL.into_iter().zip(&texts) {
            set(&mut poster, field, text);
        }
        match draw(&poster) {
            Ok(drawing) => {
                sound(&drawing).map_err(TestCaseError::fail)?;
                tree(&drawing);
            }
            Err(Refusal::Empty(Field::Headline)) => prop_assert!(texts[0].trim().is_empty()),
            // Disclosures are never cut.
            Err(Refusal::TooLong(Field::SmallPrint)) => prop_assert!(texts[5].len() > 250),
            Err(Refusal::TooTall(field)) => {
                let at = Field::ALL.iter().position(|one| *one == field);
                let text = at.and_then(|at| texts.get(at)).map_or("", String::as_str);
                prop_assert!(marks_on_the_first_letter(text) > 4, "{text:?}");
            }
            Err(refusal) => return Err(TestCaseError::fail(refusal.to_string())),
        }
    }

    #[test]
    fn anything_at_all_is_drawn_or_refused(texts in prop::collection::vec(".{0,80}", 6), layout in layout()) {
        let mut poster = poster(layout);
        for (field, text) in Field::ALL.into_iter().zip(&texts) {
            set(&mut poster, field, text);
        }
        if let Ok(drawing) = draw(&poster) {
            sound(&drawing).map_err(TestCaseError::fail)?;
            tree(&drawing);
        }
    }
}

/// The composed letters need none of their own.
fn marks_on_the_first_letter(text: &str) -> usize {
    let text = crate::typeset::plain(text);
    let first = text.graphemes(true).next().unwrap_or_default();
    first.chars().count().saturating_sub(1)
}

#[test]
fn a_text_that_fits_is_shown_whole_and_a_longer_one_is_cut_with_an_ellipsis() {
    for layout in Layout::ALL {
        let drawing = draw(&poster(layout)).unwrap();
        assert_eq!(drawing.texts.len(), Field::ALL.len());
        for text in &drawing.texts {
            assert!(!text.cut && !text.text.contains('…'), "{text:?}");
        }
        let mut long = poster(layout);
        set(
            &mut long,
            Field::Headline,
            &"more and more of it ".repeat(100),
        );
        let drawing = draw(&long).unwrap();
        sound(&drawing).unwrap();
        let headline = drawing
            .texts
            .iter()
            .find(|t| t.field == Field::Headline)
            .unwrap();
        assert!(headline.cut && headline.text.ends_with('…'), "{headline:?}");
    }
}

/// The measured boxes are those of what is drawn.
#[test]
fn a_renderer_finds_the_ink_where_it_was_measured() {
    for layout in Layout::ALL {
        for headline in [
            "Quick brown jumps, Ågot!",
            "قهوة طازجة تصل إلى بابك",
            "हर सुबह ताज़ी कॉफ़ी",
            "בוקר טוב לכולם",
        ] {
            let mut poster = poster(layout);
            set(&mut poster, Field::Headline, headline);
            let drawing = draw(&poster).unwrap();
            let tree = tree(&drawing);
            for text in &drawing.texts {
                let node = tree.node_by_id(text.field.as_str()).unwrap();
                let ink = node.abs_bounding_box();
                let ink = crate::Rect::new(ink.x(), ink.y(), ink.width(), ink.height());
                assert!(
                    text.rect.holds(ink, 1.0),
                    "{:?} {:?} {ink:?}",
                    text.field,
                    text.rect
                );
                assert!(
                    (text.rect.width - ink.width).abs() < 1.5,
                    "{text:?} {ink:?}"
                );
            }
        }
    }
}

/// The contrast was computed with what is really behind the text.
#[test]
fn behind_each_text_is_the_one_colour_that_was_computed_with() {
    for layout in Layout::ALL {
        for seed in 0..4 {
            let mut poster = poster(layout);
            poster.seed = [seed; 32];
            if seed % 2 == 1 {
                set(
                    &mut poster,
                    Field::Headline,
                    "قهوة طازجة تصل إلى بابك كل صباح",
                );
                set(&mut poster, Field::SmallPrint, &"Terms apply. ".repeat(30));
            }
            let drawing = draw(&poster).unwrap();
            let texts = drawing.svg.find("<g id=\"headline\"").into_iter();
            let texts = texts.chain(
                Field::ALL
                    .iter()
                    .filter_map(|field| drawing.svg.find(&format!("<g id=\"{field}\""))),
            );
            let picture = format!("{}</svg>", &drawing.svg[..texts.min().unwrap()]);
            let tree = Tree::from_str(&picture, &Options::default()).unwrap();
            let mut pixels = Pixmap::new(limits::WIDTH, limits::HEIGHT).unwrap();
            resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
            for text in &drawing.texts {
                let ground = (text.ground.0, text.ground.1, text.ground.2);
                for (x, y) in inside(text.rect) {
                    let pixel = pixels.pixel(x, y).unwrap();
                    let found = (pixel.red(), pixel.green(), pixel.blue());
                    assert_eq!(
                        found, ground,
                        "{layout:?} {seed} {} at {x}, {y}",
                        text.field
                    );
                }
            }
        }
    }
}

#[test]
fn a_script_that_runs_leftwards_is_set_from_the_right() {
    let mut poster = poster(Layout::Tiles);
    set(&mut poster, Field::Headline, "בוקר טוב");
    let drawing = draw(&poster).unwrap();
    for text in drawing
        .texts
        .iter()
        .filter(|t| t.field == Field::Headline || t.field == Field::Subhead)
    {
        let edge = CANVAS.right() - limits::MARGIN;
        assert!((text.rect.right() - edge).abs() < 0.5, "{text:?}");
    }
}
