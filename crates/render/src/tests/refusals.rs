//! What cannot be shown is refused by name.

use super::kit::{poster, set, sound};
use crate::{Field, Layout, NotCovered, Refusal, draw, limits};

#[test]
fn characters_that_no_font_has_are_named_with_their_fields_all_at_once() {
    for layout in Layout::ALL {
        let mut poster = poster(layout);
        set(&mut poster, Field::Headline, "Good 朝 morning 朝 🙂");
        set(&mut poster, Field::SmallPrint, "ไทย");
        let refusal = draw(&poster).unwrap_err();
        let expected = Refusal::NotCovered(vec![
            NotCovered {
                field: Field::Headline,
                characters: vec!['朝', '🙂'],
            },
            NotCovered {
                field: Field::SmallPrint,
                characters: vec!['ไ', 'ท', 'ย'],
            },
        ]);
        assert_eq!(refusal, expected);
        assert_eq!(refusal.code(), "not_covered");
        let said = refusal.to_string();
        assert!(
            said.contains("headline: U+671D, U+1F642") && said.contains("small_print"),
            "{said}"
        );
        assert!(!said.contains("morning"), "{said}");
    }
}

#[test]
fn a_refusal_names_a_bounded_number_of_characters() {
    let mut poster = poster(Layout::Tiles);
    let many: String = ('\u{4e00}'..'\u{5000}').collect();
    set(&mut poster, Field::Headline, &many);
    let Err(Refusal::NotCovered(fields)) = draw(&poster) else {
        panic!("no font has them");
    };
    assert_eq!(fields[0].characters.len(), limits::MAX_NAMED_CHARACTERS);
}

#[test]
fn nothing_to_read_is_no_headline() {
    for nothing in ["", "  \n\t ", "\u{200b}\u{202e}\u{feff}"] {
        let mut poster = poster(Layout::Horizon);
        set(&mut poster, Field::Headline, nothing);
        assert_eq!(draw(&poster).unwrap_err(), Refusal::Empty(Field::Headline));
    }
}

#[test]
fn all_but_the_headline_may_be_missing() {
    for layout in Layout::ALL {
        let mut poster = poster(layout);
        for field in Field::ALL.into_iter().skip(1) {
            set(&mut poster, field, "");
        }
        let drawing = draw(&poster).unwrap();
        sound(&drawing).unwrap();
        assert_eq!(drawing.texts.len(), 1);
    }
}

#[test]
fn small_print_is_shown_whole_or_refused() {
    for layout in Layout::ALL {
        let mut shown = 0;
        for words in [1, 20, 60, 120, 200, 400] {
            let mut poster = poster(layout);
            let text = "Terms apply. ".repeat(words);
            set(&mut poster, Field::SmallPrint, &text);
            match draw(&poster) {
                Ok(drawing) => {
                    sound(&drawing).unwrap();
                    let small = drawing
                        .texts
                        .iter()
                        .find(|t| t.field == Field::SmallPrint)
                        .unwrap();
                    assert_eq!(small.text, text.trim_end());
                    shown = words;
                }
                Err(refusal) => assert_eq!(refusal, Refusal::TooLong(Field::SmallPrint)),
            }
        }
        assert!((60..400).contains(&shown), "{layout:?} {shown}");
    }
}

#[test]
fn marks_that_turn_the_direction_do_not_reach_the_poster() {
    let mut poster = poster(Layout::Tiles);
    set(&mut poster, Field::Brand, "Desk\u{202e}haus\u{2066}");
    let drawing = draw(&poster).unwrap();
    let brand = drawing
        .texts
        .iter()
        .find(|t| t.field == Field::Brand)
        .unwrap();
    assert_eq!(brand.text, "Deskhaus");
}
