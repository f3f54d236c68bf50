//! The slides as one PDF, written with the glyphs that were measured: each is a procedure of a Type 3 font, with
//! the letters that it stands for, so the page looks as the picture does and its words can be searched.

use std::collections::{BTreeMap, BTreeSet};

use cosmic_text::fontdb::ID;
use pdf_writer::{
    Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{SystemInfo, UnicodeCmap},
};
use resvg::{
    tiny_skia::PathSegment,
    usvg::{FillRule, Group, Node, Options, Paint, Tree},
};
use ttf_parser::OutlineBuilder;

use crate::{
    RasterError,
    fonts::Fonts,
    layout::Placed,
    limits::{MAX_FONT_GLYPHS, MAX_PDF_FONTS, SLIDE},
    slides::Page,
};

/// Glyph space: so many units to the size of the type.
const UNITS: f32 = 1000.0;
/// How hard streams are deflated, 0 to 10.
const LEVEL: u8 = 6;
/// For a glyph whose letters another one of its cluster already stands for.
const NOTHING: char = '\u{200b}';
/// Height of a page; a point for each pixel.
const H: f32 = SLIDE as f32;

/// The document of all pages.
///
/// # Errors
/// Only by a defect.
pub(crate) fn document(title: &str, pages: &[Page], fonts: &Fonts) -> Result<Vec<u8>, RasterError> {
    let mut glyphs = Glyphs::default();
    let contents: Vec<Vec<u8>> = pages
        .iter()
        .map(|page| content(page, &mut glyphs))
        .collect::<Result<_, _>>()?;

    let mut pdf = Pdf::new();
    let mut last = 0;
    let mut next = || {
        last += 1;
        Ref::new(last)
    };
    let (catalog, tree, info) = (next(), next(), next());
    pdf.catalog(catalog).pages(tree);
    pdf.document_info(info).title(TextStr(title));
    let faces: Vec<Ref> = (0..glyphs.fonts()).map(|_| next()).collect();
    let leaves: Vec<(Ref, Ref)> = contents.iter().map(|_| (next(), next())).collect();
    pdf.pages(tree)
        .kids(leaves.iter().map(|(leaf, _)| *leaf))
        .count(i32::try_from(leaves.len()).unwrap_or(i32::MAX));
    for ((leaf, stream), bytes) in leaves.iter().zip(&contents) {
        let mut page = pdf.page(*leaf);
        page.media_box(Rect::new(0.0, 0.0, H, H));
        page.parent(tree);
        page.contents(*stream);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (number, face) in faces.iter().enumerate() {
            named.pair(Name(font_name(number).as_bytes()), *face);
        }
        named.finish();
        resources.finish();
        page.finish();
        pdf.stream(*stream, &deflated(bytes))
            .filter(Filter::FlateDecode);
    }
    for (number, face) in faces.into_iter().enumerate() {
        let own = glyphs.of(number);
        let procedures: Vec<Ref> = own.iter().map(|_| next()).collect();
        font(&mut pdf, fonts, face, next(), own, &procedures);
    }
    Ok(pdf.finish())
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, LEVEL)
}

fn font_name(number: usize) -> String {
    format!("F{number}")
}

/// A glyph that stands for certain letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Sign {
    font: ID,
    glyph: u16,
    letters: String,
}

/// All signs in the order of their first use; each [`MAX_FONT_GLYPHS`] of them are one font.
#[derive(Default)]
struct Glyphs {
    signs: Vec<Sign>,
    numbers: BTreeMap<Sign, usize>,
}

impl Glyphs {
    /// Font and code of a sign.
    fn code(&mut self, sign: Sign) -> Result<(usize, u8), RasterError> {
        let number = match self.numbers.get(&sign) {
            Some(known) => *known,
            None => {
                let number = self.signs.len();
                self.signs.push(sign.clone());
                self.numbers.insert(sign, number);
                number
            }
        };
        let font = number / MAX_FONT_GLYPHS;
        let code = u8::try_from(number % MAX_FONT_GLYPHS + 1).map_err(|_| RasterError::Pdf)?;
        if font >= MAX_PDF_FONTS {
            return Err(RasterError::Pdf);
        }
        Ok((font, code))
    }

    fn fonts(&self) -> usize {
        self.signs.len().div_ceil(MAX_FONT_GLYPHS)
    }

    fn of(&self, font: usize) -> &[Sign] {
        self.signs
            .chunks(MAX_FONT_GLYPHS)
            .nth(font)
            .unwrap_or_default()
    }
}

/// One page's drawing: the picture, then the words.
fn content(page: &Page, glyphs: &mut Glyphs) -> Result<Vec<u8>, RasterError> {
    let mut content = Content::new();
    let tree = Tree::from_str(&page.picture, &Options::default())?;
    shapes(tree.root(), &mut content);
    for placed in &page.texts {
        words(placed, glyphs, &mut content)?;
    }
    Ok(content.finish().to_vec())
}

/// Our pictures are filled paths in plain colours.
fn shapes(group: &Group, content: &mut Content) {
    for node in group.children() {
        match node {
            Node::Group(inner) => shapes(inner, content),
            Node::Path(path) => {
                let Some(fill) = path.fill() else { continue };
                let Paint::Color(colour) = fill.paint() else {
                    continue;
                };
                let Some(data) = path.data().clone().transform(path.abs_transform()) else {
                    continue;
                };
                rgb(content, (colour.red, colour.green, colour.blue));
                let mut pen = Pen::new(content, 1.0, Some(H));
                for segment in data.segments() {
                    match segment {
                        PathSegment::MoveTo(p) => pen.move_to(p.x, p.y),
                        PathSegment::LineTo(p) => pen.line_to(p.x, p.y),
                        PathSegment::QuadTo(a, p) => pen.quad_to(a.x, a.y, p.x, p.y),
                        PathSegment::CubicTo(a, b, p) => {
                            pen.curve_to(a.x, a.y, b.x, b.y, p.x, p.y);
                        }
                        PathSegment::Close => pen.close(),
                    }
                }
                match fill.rule() {
                    FillRule::NonZero => content.fill_nonzero(),
                    FillRule::EvenOdd => content.fill_even_odd(),
                };
            }
            Node::Image(_) | Node::Text(_) => {}
        }
    }
}

fn rgb(content: &mut Content, (red, green, blue): (u8, u8, u8)) {
    let part = |value: u8| (f32::from(value) / 255.0 * UNITS).round() / UNITS;
    content.set_fill_rgb(part(red), part(green), part(blue));
}

fn words(placed: &Placed, glyphs: &mut Glyphs, content: &mut Content) -> Result<(), RasterError> {
    let block = &placed.block;
    let colour = placed.colour;
    rgb(content, (colour.0, colour.1, colour.2));
    content.begin_text();
    let mut font = None;
    for (line, left) in block.lines.iter().zip(&placed.lefts) {
        let mut told = BTreeSet::new();
        for glyph in &line.glyphs {
            let cluster = (glyph.start, glyph.end);
            let letters = if told.insert(cluster) {
                block.text.get(glyph.start..glyph.end).unwrap_or_default()
            } else {
                ""
            };
            let (number, code) = glyphs.code(Sign {
                font: glyph.font,
                glyph: glyph.id,
                letters: letters.to_owned(),
            })?;
            if font != Some(number) {
                content.set_font(Name(font_name(number).as_bytes()), block.size);
                font = Some(number);
            }
            let x = hundredths(left + glyph.x);
            let y = hundredths(H - placed.baseline - glyph.y);
            content.set_text_matrix([1.0, 0.0, 0.0, 1.0, x, y]);
            content.show(Str(&[code]));
        }
    }
    content.end_text();
    Ok(())
}

fn hundredths(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

/// A font of up to [`MAX_FONT_GLYPHS`] signs, coded from 1.
fn font(pdf: &mut Pdf, fonts: &Fonts, id: Ref, cmap: Ref, signs: &[Sign], procedures: &[Ref]) {
    let widths: Vec<f32> = signs
        .iter()
        .map(|sign| (fonts.advance(sign.font, sign.glyph) * scale(fonts, sign.font)).round())
        .collect();
    let mut unicode = UnicodeCmap::new(
        Name(b"Letters"),
        SystemInfo {
            registry: Str(b"Adobe"),
            ordering: Str(b"UCS"),
            supplement: 0,
        },
    );
    let mut whole = [0.0_f32; 4];
    for (((code, sign), procedure), width) in (1..=u8::MAX).zip(signs).zip(procedures).zip(&widths)
    {
        let mut drawn = Content::new();
        let [x0, y0, x1, y1] = ink(fonts, sign);
        whole = [
            whole[0].min(x0),
            whole[1].min(y0),
            whole[2].max(x1),
            whole[3].max(y1),
        ];
        drawn.start_shape_glyph(*width, x0, y0, x1, y1);
        let mut pen = Pen::new(&mut drawn, scale(fonts, sign.font), None);
        fonts.trace(sign.font, sign.glyph, &mut pen);
        drawn.fill_nonzero();
        pdf.stream(*procedure, &deflated(&drawn.finish()))
            .filter(Filter::FlateDecode);
        if sign.letters.is_empty() {
            unicode.pair(code, NOTHING);
        } else {
            unicode.pair_with_multiple(code, sign.letters.chars());
        }
    }
    pdf.stream(cmap, &deflated(&unicode.finish()))
        .filter(Filter::FlateDecode);

    let names: Vec<String> = (1..=signs.len()).map(|code| format!("g{code}")).collect();
    let last = u8::try_from(signs.len()).unwrap_or(u8::MAX);
    let mut font = pdf.type3_font(id);
    font.bbox(Rect::new(whole[0], whole[1], whole[2], whole[3]));
    font.matrix([1.0 / UNITS, 0.0, 0.0, 1.0 / UNITS, 0.0, 0.0]);
    let mut named = font.char_procs();
    for (name, procedure) in names.iter().zip(procedures) {
        named.pair(Name(name.as_bytes()), *procedure);
    }
    named.finish();
    font.encoding_custom()
        .differences()
        .consecutive(1, names.iter().map(|name| Name(name.as_bytes())));
    font.first_char(1);
    font.last_char(last);
    font.widths(widths);
    font.resources();
    font.to_unicode(cmap);
}

/// What a sign covers, in glyph space; a unit more on each side, as outlines are rounded.
fn ink(fonts: &Fonts, sign: &Sign) -> [f32; 4] {
    let scale = scale(fonts, sign.font);
    let [x0, y0, x1, y1] = fonts.ink(sign.font, sign.glyph).map(|side| side * scale);
    [
        x0.floor() - 1.0,
        y0.floor() - 1.0,
        x1.ceil() + 1.0,
        y1.ceil() + 1.0,
    ]
}

fn scale(fonts: &Fonts, font: ID) -> f32 {
    UNITS / fonts.units(font)
}

/// Writes a path; with `height`, y runs down from there.
struct Pen<'a> {
    content: &'a mut Content,
    scale: f32,
    height: Option<f32>,
    /// Where it is, as written.
    at: (f32, f32),
}

impl<'a> Pen<'a> {
    fn new(content: &'a mut Content, scale: f32, height: Option<f32>) -> Self {
        Self {
            content,
            scale,
            height,
            at: (0.0, 0.0),
        }
    }

    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x * self.scale, y * self.scale);
        let y = self.height.map_or(y, |height| height - y);
        (hundredths(x), hundredths(y))
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = self.place(x, y);
        self.content.move_to(self.at.0, self.at.1);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = self.place(x, y);
        self.content.line_to(self.at.0, self.at.1);
    }

    /// PDF has cubic curves only.
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (from, control, to) = (self.at, self.place(x1, y1), self.place(x, y));
        let two_thirds = |end: (f32, f32)| {
            let part = |end: f32, control: f32| hundredths(end + (control - end) * 2.0 / 3.0);
            (part(end.0, control.0), part(end.1, control.1))
        };
        let (a, b) = (two_thirds(from), two_thirds(to));
        self.content.cubic_to(a.0, a.1, b.0, b.1, to.0, to.1);
        self.at = to;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (a, b, to) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.content.cubic_to(a.0, a.1, b.0, b.1, to.0, to.1);
        self.at = to;
    }

    fn close(&mut self) {
        self.content.close_path();
    }
}
