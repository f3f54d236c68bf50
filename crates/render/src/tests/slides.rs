//! Decks: their slides and their PDF.

use proptest::prelude::*;
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

use super::kit::{PALETTE, any_text, inside, palette, sound_on, tree_of};
use crate::{Deck, DrawnDeck, Field, Rect, Refusal, Slide, draw_slides, limits};

const CANVAS: Rect = Rect::new(0.0, 0.0, limits::SLIDE as f32, limits::SLIDE as f32);

fn slide(headline: &str, body: &str) -> Slide {
    Slide {
        headline: headline.to_owned(),
        body: body.to_owned(),
    }
}

fn deck() -> Deck {
    Deck {
        slides: vec![
            slide(
                "A week in four minutes",
                "How a team of ten plans its days.",
            ),
            slide(
                "One list",
                "Every order, every shift and every question stands in one list.",
            ),
            slide("Your move", "Try it with your own team."),
        ],
        call_to_action: "Plan your first week".to_owned(),
        address: "deskhaus.example/start".to_owned(),
        small_print: "Free for 30 days, then 9 EUR per seat and month.".to_owned(),
        brand: "Deskhaus".to_owned(),
        palette: PALETTE
            .map(|(colour, role)| (colour.to_owned(), role.to_owned()))
            .to_vec(),
        serifs: false,
        seed: [7; 32],
    }
}

fn sound(drawn: &DrawnDeck) -> Result<(), String> {
    for slide in &drawn.slides {
        sound_on(CANVAS, &slide.texts)?;
        tree_of(&slide.svg);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_text_of_any_length_stays_in_its_box(
        slides in prop::collection::vec((any_text(), any_text()), 1..4),
        own in prop::collection::vec(any_text(), 4),
        palette in palette(),
        serifs: bool,
        seed: [u8; 32],
    ) {
        let [call_to_action, address, small_print, brand] = own.try_into().unwrap();
        let deck = Deck {
            slides: slides.iter().map(|(headline, body)| slide(headline, body)).collect(),
            call_to_action, address, small_print, brand, palette, serifs, seed,
        };
        match draw_slides(&deck) {
            Ok(drawn) => {
                sound(&drawn).map_err(TestCaseError::fail)?;
                let pdf = drawn.pdf().unwrap();
                prop_assert!(pdf.starts_with(b"%PDF-"));
            }
            Err(refused) => for (number, refusal) in refused.0 {
                match refusal {
                    Refusal::Empty(Field::Headline) => {
                        prop_assert!(deck.slides[number - 1].headline.trim().is_empty());
                    }
                    Refusal::TooLong(Field::SmallPrint) => {
                        prop_assert!(deck.small_print.len() > 250);
                    }
                    Refusal::TooTall(_) => {}
                    refusal => return Err(TestCaseError::fail(refusal.to_string())),
                }
            }
        }
    }
}

#[test]
fn a_deck_without_slides_or_with_too_many_is_refused() {
    for count in [0, limits::MAX_SLIDES + 1] {
        let mut deck = deck();
        deck.slides = vec![slide("One", ""); count];
        assert_eq!(draw_slides(&deck).err().unwrap().code(), "count");
    }
}

#[test]
fn every_slide_that_cannot_be_shown_is_named_at_once() {
    let mut deck = deck();
    deck.slides[0].headline = "Good 朝".to_owned();
    deck.slides[1].headline = " ".to_owned();
    deck.slides[2].body = "🙂".to_owned();
    let refused = draw_slides(&deck).err().unwrap();
    let numbers: Vec<_> = refused.0.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(refused.code(), "not_covered");
    let said = refused.to_string();
    assert!(
        said.contains("slide 1: ") && said.contains("U+671D"),
        "{said}"
    );
    assert!(!said.contains("Good"), "{said}");
}

#[test]
fn texts_stand_whole_where_they_fit_and_the_button_on_the_last() {
    let drawn = draw_slides(&deck()).unwrap();
    sound(&drawn).unwrap();
    for (number, slide) in drawn.slides.iter().enumerate() {
        assert!(slide.texts.iter().all(|text| !text.cut), "{number}");
        let has = |field: Field| slide.texts.iter().any(|text| text.field == field);
        assert!(
            has(Field::Headline) && has(Field::Body) && has(Field::Brand) && has(Field::Counter)
        );
        assert_eq!(has(Field::CallToAction), number == 2);
        assert_eq!(has(Field::SmallPrint), number == 2);
        let png = slide.png().unwrap();
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20)), (limits::SLIDE, limits::SLIDE));
        assert!(png.len() < 200_000, "{}", png.len());
    }
}

#[test]
fn the_same_deck_gives_the_same_bytes() {
    let (one, two) = (draw_slides(&deck()).unwrap(), draw_slides(&deck()).unwrap());
    assert_eq!(one.slides, two.slides);
    assert_eq!(one.pdf().unwrap(), two.pdf().unwrap());
    assert_ne!(one.slides[0].svg, one.slides[1].svg);
}

/// The contrast was computed with what is really behind the text.
#[test]
fn behind_each_text_is_the_one_colour_that_was_computed_with() {
    for headline in ["A week", "قهوة طازجة تصل إلى بابك كل صباح"] {
        let mut deck = deck();
        for slide in &mut deck.slides {
            headline.clone_into(&mut slide.headline);
            slide.body = "More and more of it. ".repeat(8);
        }
        let drawn = draw_slides(&deck).unwrap();
        sound(&drawn).unwrap();
        for (slide, page) in drawn.slides.iter().zip(&drawn.pages) {
            let tree = Tree::from_str(&page.picture, &Options::default()).unwrap();
            let mut pixels = Pixmap::new(limits::SLIDE, limits::SLIDE).unwrap();
            resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
            for text in &slide.texts {
                let ground = (text.ground.0, text.ground.1, text.ground.2);
                for (x, y) in inside(text.rect) {
                    let pixel = pixels.pixel(x, y).unwrap();
                    let found = (pixel.red(), pixel.green(), pixel.blue());
                    assert_eq!(found, ground, "{} at {x}, {y}", text.field);
                }
            }
        }
    }
}

/// The measured boxes are those of what is drawn.
#[test]
fn a_renderer_finds_the_ink_where_it_was_measured() {
    for headline in [
        "Quick brown jumps, Ågot!",
        "हर सुबह ताज़ी कॉफ़ी",
        "בוקר טוב לכולם",
    ] {
        let mut deck = deck();
        headline.clone_into(&mut deck.slides[1].headline);
        let drawn = draw_slides(&deck).unwrap();
        for slide in &drawn.slides {
            let tree = tree_of(&slide.svg);
            for text in &slide.texts {
                let node = tree.node_by_id(text.field.as_str()).unwrap();
                let ink = node.abs_bounding_box();
                let ink = Rect::new(ink.x(), ink.y(), ink.width(), ink.height());
                assert!(text.rect.holds(ink, 1.0), "{text:?} {ink:?}");
                assert!(
                    (text.rect.width - ink.width).abs() < 1.5,
                    "{text:?} {ink:?}"
                );
            }
        }
    }
}

/// Streams are deflated; what they hold is looked at here without a reader of PDF.
fn streams(pdf: &[u8]) -> Vec<String> {
    let find = |from: usize, what: &[u8]| {
        let found = pdf[from..].windows(what.len()).position(|w| w == what);
        found.map(|at| from + at)
    };
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(start) = find(at, b"\nstream\n") {
        let start = start + 8;
        let end = find(start, b"\nendstream").unwrap();
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(&pdf[start..end]).unwrap();
        all.push(String::from_utf8_lossy(&bytes).into_owned());
        at = end;
    }
    all
}

#[test]
fn a_pdf_has_a_page_for_each_slide_and_the_letters_of_its_words() {
    let mut deck = deck();
    deck.slides[1].body = "Zażółć gęślą jaźń".to_owned();
    let pdf = draw_slides(&deck).unwrap().pdf().unwrap();
    assert!(pdf.ends_with(b"%%EOF"));
    assert!(pdf.len() < 200_000, "{}", pdf.len());
    let text = String::from_utf8_lossy(&pdf);
    assert_eq!(text.matches("/Type /Page\n").count(), 3);
    assert!(text.contains("/Count 3"));
    let streams = streams(&pdf);
    let letters = streams
        .iter()
        .find(|stream| stream.contains("begincmap"))
        .unwrap();
    for letter in deck.slides[1].body.chars().filter(|c| *c != ' ') {
        let code = format!("<{:04X}>", u32::from(letter));
        assert!(letters.contains(&code), "{letter}");
    }
}

/// One font codes 255 glyphs; more of them are more fonts.
#[test]
fn a_pdf_holds_more_glyphs_than_one_font() {
    let mut deck = deck();
    let letters: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('À'..='ž')
        .chain('А'..='я')
        .filter(|letter| crate::fonts::covers(*letter))
        .collect();
    deck.slides = letters
        .chunks(60)
        .take(limits::MAX_SLIDES)
        .map(|some| {
            slide(
                "More",
                &some.iter().map(|c| format!("{c} ")).collect::<String>(),
            )
        })
        .collect();
    let pdf = draw_slides(&deck).unwrap().pdf().unwrap();
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.matches("/Subtype /Type3").count() > 1);
}

#[test]
fn texts_are_data_in_the_pdf_too() {
    let mut deck = deck();
    deck.slides[0].headline = "a) Tj ET (\\ endstream endobj %%EOF".to_owned();
    let pdf = draw_slides(&deck).unwrap().pdf().unwrap();
    let text = String::from_utf8_lossy(&pdf);
    assert_eq!(text.matches("%%EOF").count(), 2, "one of them is the title");
}
