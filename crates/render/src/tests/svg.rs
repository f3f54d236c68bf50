//! The SVG and the PNG themselves.

use super::kit::{PALETTE, poster, set, tree};
use crate::{Field, Layout, colour::Rgb, draw, limits};

#[test]
fn texts_are_data_in_the_svg() {
    let mut poster = poster(Layout::Tiles);
    let nasty = "a</title><script>alert(1)</script>&amp;\"' onload=\"x";
    for field in Field::ALL {
        set(&mut poster, field, nasty);
    }
    poster
        .palette
        .push(("red\"/><script>".to_owned(), "accent".to_owned()));
    let drawing = draw(&poster).unwrap();
    assert!(!drawing.svg.contains("<script"), "{}", drawing.svg);
    assert!(!drawing.svg.contains("onload=\""));
    assert!(drawing.svg.contains("&lt;script&gt;"));
    tree(&drawing);
}

#[test]
fn the_same_poster_gives_the_same_bytes_and_another_seed_another_picture() {
    let one = draw(&poster(Layout::Tiles)).unwrap();
    assert_eq!(one, draw(&poster(Layout::Tiles)).unwrap());
    let mut other = poster(Layout::Tiles);
    other.seed = [8; 32];
    assert_ne!(one.svg, draw(&other).unwrap().svg);
}

#[test]
fn a_png_of_the_right_size_comes_of_each_layout() {
    for layout in Layout::ALL {
        let drawing = draw(&poster(layout)).unwrap();
        assert_eq!(drawing.layout, layout);
        let png = drawing.png().unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((side(16), side(20)), (limits::WIDTH, limits::HEIGHT));
        assert!(png.len() < 200_000, "{}", png.len());
    }
}

#[test]
fn a_layout_is_chosen_by_the_seed_and_each_comes_up() {
    let mut seen = [0; 3];
    for first in 0..=255 {
        let layout = Layout::of_seed(&[first; 32]);
        seen[Layout::ALL.iter().position(|l| *l == layout).unwrap()] += 1;
    }
    assert!(seen.iter().all(|count| *count > 80), "{seen:?}");
}

#[test]
fn contrast_as_wcag_has_it() {
    assert_eq!(Rgb::BLACK.contrast(Rgb::WHITE).round(), 21.0);
    let grey = Rgb::parse("#777777").unwrap();
    assert!((grey.contrast(Rgb::WHITE) - 4.48).abs() < 0.01);
    assert_eq!(Rgb::parse("#12345é"), None);
    for (colour, _) in PALETTE {
        assert_eq!(Rgb::parse(colour).unwrap().hex(), colour);
    }
}
