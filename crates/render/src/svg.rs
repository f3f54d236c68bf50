//! Writing SVG.

use std::collections::BTreeMap;

use cosmic_text::fontdb::ID;

use crate::{
    fonts::Fonts,
    layout::{Placed, Sheet},
};

/// A coordinate with at most two decimals.
pub(crate) fn number(value: f32) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// Text as it may stand in an element or an attribute; what XML does not have is left out.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The whole document. For those who do not see it, it is what it says; the picture is ornament.
pub(crate) fn document(sheet: &mut Sheet<'_>, title: &str) -> String {
    let description: Vec<&str> = sheet.texts.iter().map(|p| p.block.text.as_str()).collect();
    let description = escaped(&description.join(" · "));
    let mut body = String::new();
    let mut glyphs: BTreeMap<(ID, u16), usize> = BTreeMap::new();
    let mut outlines = String::new();
    for placed in &sheet.texts {
        write_text(
            &mut body,
            &mut outlines,
            &mut glyphs,
            &mut sheet.fonts,
            placed,
        );
    }
    let (width, height) = sheet.size;
    let mirror = mirror(sheet);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title description\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n<defs>\n{outlines}</defs>\n\
         <g id=\"picture\" aria-hidden=\"true\"{mirror}>\n{}</g>\n{body}</svg>\n",
        escaped(title),
        description,
        sheet.shapes,
    )
}

/// The picture alone, without words.
pub(crate) fn picture(sheet: &Sheet<'_>) -> String {
    let (width, height) = sheet.size;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\"><g{}>{}</g></svg>",
        mirror(sheet),
        sheet.shapes
    )
}

/// The attribute that turns the picture for a script that runs from right to left.
fn mirror(sheet: &Sheet<'_>) -> String {
    if !sheet.mirrored {
        return String::new();
    }
    let width = sheet.size.0;
    format!(" transform=\"translate({width} 0) scale(-1 1)\"")
}

fn write_text(
    body: &mut String,
    outlines: &mut String,
    glyphs: &mut BTreeMap<(ID, u16), usize>,
    fonts: &mut Fonts,
    placed: &Placed,
) {
    let block = &placed.block;
    // Writing to a string cannot fail.
    let mut put = |text: String| body.push_str(&text);
    put(format!(
        "<g id=\"{}\" role=\"img\" aria-label=\"{}\" fill=\"{}\">\n",
        block.field,
        escaped(&block.text),
        placed.colour.hex()
    ));
    for (line, left) in block.lines.iter().zip(&placed.lefts) {
        for glyph in &line.glyphs {
            let next = glyphs.len();
            let name = *glyphs.entry((glyph.font, glyph.id)).or_insert(next);
            if name == next {
                let path = &fonts.outline(glyph.font, glyph.id).path;
                outlines.push_str(&format!("<path id=\"g{name}\" d=\"{path}\"/>\n"));
            }
            let scale = block.size / fonts.units(glyph.font);
            put(format!(
                "<use href=\"#g{name}\" transform=\"matrix({scale:.5} 0 0 -{scale:.5} {} {})\"/>\n",
                number(left + glyph.x),
                number(placed.baseline + glyph.y)
            ));
        }
    }
    put("</g>\n".to_owned());
}
