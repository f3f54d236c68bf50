//! A visual concept: what the picture shows, its colours, its faces.

use maud::{Markup, html};

use super::{
    artifact::View,
    poster::{self, Poster},
    text::Foreign,
};

/// The concept's sheet. `large` is where its poster has a page of its own.
pub(super) fn show(view: &View<'_>, large: &str) -> Markup {
    let swatches = view.items("/palette");
    html! {
        article.sheet.concept lang=[view.language()] {
            p.headline role="heading" aria-level="2" { (view.field("/title")) }
            p.subhead { (view.field("/rationale")) }
            div.halves {
                div {
                    @match Poster::of(view) {
                        Some(poster) => (poster::figure(view, &poster, large)),
                        None => { (poster::refusal(view)) (sketch(view)) }
                    }
                }
                div {
                    div.swatches role="list" {
                        @for pointer in &swatches {
                            div role="listitem" {
                                @if let Some(hex) = color(view.text(&format!("{pointer}/hex"))) {
                                    svg viewBox="0 0 10 6" preserveAspectRatio="none" aria-hidden="true" {
                                        rect width="10" height="6" fill=(hex) {}
                                    }
                                }
                                p { (view.field(&format!("{pointer}/role"))) }
                                code { (view.field(&format!("{pointer}/hex"))) }
                            }
                        }
                    }
                    dl.facts {
                        dt { "Composition" } dd { (view.field("/composition")) }
                        dt { "Headline face" } dd { (view.field("/typography/headline")) }
                        dt { "Text face" } dd { (view.field("/typography/body")) }
                        dt { "Setting" } dd { (view.field("/typography/notes")) }
                        dt { "For an image model" } dd { (view.field("/image_prompt")) }
                        dt { "For those who do not see it" } dd { (view.field("/alt_text")) }
                    }
                }
            }
        }
    }
}

/// `#rrggbb`; nothing else may become an attribute.
fn color(hex: &str) -> Option<&str> {
    let digits = hex.strip_prefix('#')?;
    (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hex)
}

/// The palette at work: ground, a shape, the title. No picture yet, and it says so.
fn sketch(view: &View<'_>) -> Markup {
    let of_role = |names: &[&str]| {
        view.items("/palette").into_iter().find_map(|pointer| {
            let role = view.text(&format!("{pointer}/role")).to_lowercase();
            let fits = names.iter().any(|name| role.contains(name));
            fits.then(|| color(view.text(&format!("{pointer}/hex"))).map(str::to_owned))?
        })
    };
    let ground = of_role(&["background", "ground"]).unwrap_or_else(|| "#e9e5da".to_owned());
    let ink = of_role(&["text", "ink", "primary"]).unwrap_or_else(|| "#22302c".to_owned());
    let accent = of_role(&["accent", "highlight", "secondary"]).unwrap_or_else(|| ink.clone());
    let title: String = view.text("/title").chars().take(48).collect();
    html! {
        figure.sketch {
            svg viewBox="0 0 120 68" role="img" aria-label=(format!("A sketch of the palette. {}", view.text("/alt_text"))) {
                rect width="120" height="68" fill=(ground) {}
                circle cx="92" cy="30" r="20" fill=(accent) {}
                path d="M0 68V54l26-16 22 12 18-9 54 27z" fill=(ink) {}
                rect x="8" y="9" width="18" height="1.6" fill=(accent) {}
                text x="8" y="21" font-size="6.4" fill=(ink) { (Foreign(&title)) }
            }
            figcaption { "The palette at work; not the picture itself." }
        }
    }
}
