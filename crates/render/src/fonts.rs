//! The fonts that are compiled in, and what they can write.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use cosmic_text::{
    FontSystem,
    fontdb::{Database, ID, Source},
};
use ttf_parser::{Face as Reader, GlyphId, OutlineBuilder};

/// Which of the fonts a text is set in; scripts that it does not have fall to those that have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Face {
    Text,
    Sans,
    Serif,
}

const TEXT: usize = 0;
const SANS: usize = 1;
const SERIF: usize = 2;
/// The files; from the fourth on each serves one script, with every face.
const FILES: [&[u8]; 6] = [
    include_bytes!("../fonts/Inter-Medium.ttf"),
    include_bytes!("../fonts/Inter-ExtraBold.ttf"),
    include_bytes!("../fonts/Fraunces-SemiBold.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Bold.ttf"),
    include_bytes!("../fonts/NotoSansHebrew-Bold.ttf"),
    include_bytes!("../fonts/NotoSansDevanagari-Bold.ttf"),
];
/// The first file that serves one script.
pub(crate) const SCRIPTS: usize = 3;

/// What each file can write, read once.
static COVERED: LazyLock<Vec<HashSet<char>>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|file| {
            let mut covered = HashSet::new();
            let Ok(face) = Reader::parse(file, 0) else {
                return covered;
            };
            for table in face.tables().cmap.iter().flat_map(|cmap| cmap.subtables) {
                if table.is_unicode() {
                    table.codepoints(|code| {
                        let has = table.glyph_index(code).is_some_and(|glyph| glyph.0 != 0);
                        covered.extend(char::from_u32(code).filter(|_| has));
                    });
                }
            }
            covered
        })
        .collect()
});

impl Face {
    /// The files to ask for a character, the wanted face first.
    fn chain(self) -> [usize; 5] {
        match self {
            Self::Text => [TEXT, SANS, 3, 4, 5],
            Self::Sans => [SANS, TEXT, 3, 4, 5],
            Self::Serif => [SERIF, SANS, 3, 4, 5],
        }
    }

    /// The face for a whole text: with serifs only if they have all of it, so that no word mixes two styles.
    pub(crate) fn for_text(self, text: &str) -> Self {
        let serifs = COVERED.get(SERIF);
        let latin = |c: char| !is_invisible(c) && !in_other_script(c);
        let all = text
            .chars()
            .filter(|c| latin(*c))
            .all(|c| serifs.is_some_and(|covered| covered.contains(&c)));
        if self == Self::Serif && !all {
            Self::Sans
        } else {
            self
        }
    }
}

/// Whether a script's own font, and none of the Latin ones, has it.
fn in_other_script(character: char) -> bool {
    let has = |file: usize| COVERED.get(file).is_some_and(|c| c.contains(&character));
    !has(TEXT) && (SCRIPTS..FILES.len()).any(has)
}

/// Marks of direction and joining that show nothing of themselves.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' | '\u{61c}'
    )
}

/// Whether any font has it.
pub(crate) fn covers(character: char) -> bool {
    is_invisible(character) || COVERED.iter().any(|covered| covered.contains(&character))
}

/// The file for each stretch of a text: the wanted face, else the first that has the character; a
/// character that the file before it has too stays with it, so that a mark stays with its letter.
pub(crate) fn stretches(text: &str, face: Face) -> Vec<(usize, &str)> {
    let chain = face.chain();
    let has = |file: usize, c: char| {
        COVERED
            .get(file)
            .is_some_and(|covered| covered.contains(&c))
    };
    let mut stretches: Vec<(usize, usize, usize)> = Vec::new();
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let before = stretches.last().map(|last| last.0);
        let neutral = is_invisible(c) || !c.is_alphabetic();
        let file = match before {
            Some(file) if neutral && (is_invisible(c) || has(file, c)) => file,
            _ => chain
                .into_iter()
                .find(|file| has(*file, c))
                .or_else(|| (0..FILES.len()).find(|file| has(*file, c)))
                .or(before)
                .unwrap_or(chain[0]),
        };
        match stretches.last_mut() {
            Some(last) if last.0 == file => last.2 = end,
            _ => stretches.push((file, at, end)),
        }
    }
    stretches
        .into_iter()
        .filter_map(|(file, start, end)| Some((file, text.get(start..end)?)))
        .collect()
}

/// A glyph's outline, in font units, y up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    /// SVG path commands; empty for a space.
    pub(crate) path: String,
    /// Left, lowest, right, highest; none for a space.
    pub(crate) ink: Option<[f32; 4]>,
}

/// The fonts as the shaper and the outlines read them.
pub(crate) struct Fonts {
    pub(crate) system: FontSystem,
    ids: Vec<ID>,
    readers: Vec<Option<Reader<'static>>>,
    outlines: HashMap<(ID, u16), Arc<Outline>>,
}

impl Fonts {
    pub(crate) fn new() -> Self {
        let mut database = Database::new();
        let mut ids = Vec::new();
        let mut readers = Vec::new();
        for file in &FILES {
            let loaded = database.load_font_source(Source::Binary(Arc::new(*file)));
            ids.extend(loaded.first().copied());
            readers.push(Reader::parse(file, 0).ok());
        }
        Self {
            system: FontSystem::new_with_locale_and_db("en".to_owned(), database),
            ids,
            readers,
            outlines: HashMap::new(),
        }
    }

    /// Family and weight by which the shaper finds the file.
    pub(crate) fn named(&self, file: usize) -> Option<(String, u16)> {
        let face = self.system.db().face(*self.ids.get(file)?)?;
        let family = face.families.first()?.0.clone();
        Some((family, face.weight.0))
    }

    /// Units per em of a font.
    pub(crate) fn units(&self, id: ID) -> f32 {
        self.reader(id)
            .map_or(1000.0, |face| f32::from(face.units_per_em()))
    }

    /// Height of a capital in ems.
    pub(crate) fn capital(&self, face: Face) -> f32 {
        let file = face.chain()[0];
        let reader = self.readers.get(file).and_then(Option::as_ref);
        reader.map_or(0.7, |reader| {
            let height = reader.capital_height().unwrap_or(0);
            f32::from(height) / f32::from(reader.units_per_em())
        })
    }

    fn reader(&self, id: ID) -> Option<&Reader<'static>> {
        let file = self.ids.iter().position(|own| *own == id)?;
        self.readers.get(file)?.as_ref()
    }

    /// How far a glyph moves on, font units.
    pub(crate) fn advance(&self, id: ID, glyph: u16) -> f32 {
        let advance = self
            .reader(id)
            .and_then(|face| face.glyph_hor_advance(GlyphId(glyph)));
        f32::from(advance.unwrap_or(0))
    }

    /// Left, lowest, right and highest point of a glyph, font units.
    pub(crate) fn ink(&self, id: ID, glyph: u16) -> [f32; 4] {
        let ink = self
            .reader(id)
            .and_then(|face| face.glyph_bounding_box(GlyphId(glyph)));
        ink.map_or([0.0; 4], |b| {
            [b.x_min, b.y_min, b.x_max, b.y_max].map(f32::from)
        })
    }

    /// Draws a glyph's outline with another pen.
    pub(crate) fn trace(&self, id: ID, glyph: u16, pen: &mut dyn OutlineBuilder) {
        if let Some(face) = self.reader(id) {
            face.outline_glyph(GlyphId(glyph), pen);
        }
    }

    /// The outline of a glyph.
    pub(crate) fn outline(&mut self, id: ID, glyph: u16) -> Arc<Outline> {
        if let Some(known) = self.outlines.get(&(id, glyph)) {
            return Arc::clone(known);
        }
        let mut pen = Pen(String::new());
        let ink = self
            .reader(id)
            .and_then(|face| face.outline_glyph(GlyphId(glyph), &mut pen))
            .map(|b| [b.x_min, b.y_min, b.x_max, b.y_max].map(f32::from));
        let outline = Arc::new(Outline { path: pen.0, ink });
        self.outlines.insert((id, glyph), Arc::clone(&outline));
        outline
    }
}

/// Writes an outline as SVG path commands.
struct Pen(String);

impl Pen {
    fn write(&mut self, command: char, points: &[f32]) {
        self.0.push(command);
        for (i, value) in points.iter().enumerate() {
            if i > 0 {
                self.0.push(' ');
            }
            self.0.push_str(&crate::svg::number(*value));
        }
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.write('M', &[x, y]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.write('L', &[x, y]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.write('Q', &[x1, y1, x, y]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.write('C', &[x1, y1, x2, y2, x, y]);
    }

    fn close(&mut self) {
        self.0.push('Z');
    }
}
