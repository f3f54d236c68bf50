//! Slides: a cover, one for each point, and one that closes.

use model::publication::{
    CarouselArtifact, CarouselSlide, MAX_ALT_CHARS, MAX_SLIDE_BODY_CHARS, MAX_SLIDE_TITLE_CHARS,
    MAX_SLIDES,
};

use super::{
    publication::{ItemWork, something},
    text::{capital, fill, one_line, shorten},
    writer::{About, Writer},
};

/// Most slides between the cover and the last.
const MAX_POINTS: usize = MAX_SLIDES - 3;

pub(super) fn write(w: &mut Writer, work: &ItemWork) -> CarouselArtifact {
    let most_body = work
        .limit_chars
        .and_then(|limit| usize::try_from(limit).ok())
        .map_or(MAX_SLIDE_BODY_CHARS, |limit| {
            limit.clamp(1, MAX_SLIDE_BODY_CHARS)
        });
    let mut slides = vec![cover(w, work, most_body)];

    // The topic is the first point; each sentence of the resources is one more.
    let opening = w.say_anew(w.phrases.posts.openings, About::default(), most_body);
    let opening = opening.unwrap_or_else(|| something(w, most_body));
    let first = title(w, 1);
    slides.push(slide(first, opening));
    let points = if work.simple { 0 } else { MAX_POINTS };
    for message in w.messages.clone().iter().take(points) {
        let text = fill("{message}.", |_| Some(capital(message)));
        let text = text.map(|text| shorten(&text, most_body));
        if let Some(text) = text.filter(|text| w.allows(text) && !w.has_said(text)) {
            w.note_said(&text);
            let title = title(w, slides.len());
            slides.push(slide(title, text));
        }
    }
    slides.push(closing(w, most_body));

    let count = slides.len();
    for (i, slide) in slides.iter_mut().enumerate() {
        slide.alt_text = alt(w, i + 1, count, slide);
    }
    CarouselArtifact {
        slides,
        call_to_action: w.button.clone(),
        link: work.link.clone(),
        drawn: None,
        drawn_refusal: None,
    }
}

fn slide(title: String, body: String) -> CarouselSlide {
    CarouselSlide {
        title,
        body,
        alt_text: String::new(),
    }
}

fn cover(w: &mut Writer, work: &ItemWork, most: usize) -> CarouselSlide {
    let title = shorten(&one_line(&work.item.title), MAX_SLIDE_TITLE_CHARS);
    let usable = !title.trim().is_empty() && w.allows(&title);
    let title = if usable {
        title
    } else {
        something(w, MAX_SLIDE_TITLE_CHARS)
    };
    w.note_said(&title);
    let body = w.say_anew(w.phrases.posts.covers, About::default(), most);
    slide(title, body.unwrap_or_default())
}

/// A title that stands on no slide yet; a number where there is no phrase for one.
fn title(w: &mut Writer, number: usize) -> String {
    let said = w.say_anew(
        w.phrases.posts.titles,
        About::default(),
        MAX_SLIDE_TITLE_CHARS,
    );
    said.unwrap_or_else(|| number.to_string())
}

fn closing(w: &mut Writer, most: usize) -> CarouselSlide {
    let title = w.say_anew(
        w.phrases.posts.closings,
        About::default(),
        MAX_SLIDE_TITLE_CHARS,
    );
    let title = title.unwrap_or_else(|| something(w, MAX_SLIDE_TITLE_CHARS));
    let body = w.say_anew(w.phrases.posts.invitations, About::default(), most);
    slide(title, body.unwrap_or_default())
}

fn alt(w: &Writer, number: usize, count: usize, slide: &CarouselSlide) -> String {
    let name = w.phrases.posts.slide;
    let words = [slide.title.as_str(), slide.body.as_str()];
    let words: Vec<&str> = words.into_iter().filter(|text| !text.is_empty()).collect();
    let text = format!("{name} {number}/{count}: {}", words.join(" – "));
    let text = shorten(text.trim(), MAX_ALT_CHARS);
    if w.allows(&text) {
        text
    } else {
        format!("{number}/{count}")
    }
}
