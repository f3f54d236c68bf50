//! Makes a text fit into a box: the largest size at which it does, its lines evened out, and measured by
//! the ink of its glyphs.

use cosmic_text::{Attrs, Buffer, Family, Metrics, Shaping, Weight, Wrap, fontdb::ID};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    fonts::{self, Face, Fonts, SCRIPTS},
    limits::{BALANCE_STEPS, MAX_CUT_GRAPHEMES, MAX_SIZES, MAX_SMALL_PRINT_GRAPHEMES},
    poster::Field,
    refusal::{NotCovered, Refusal},
};

const ELLIPSIS: char = '…';
/// Scripts with marks above and below need more room between lines than capitals do.
const TALL_LEADING: f32 = 1.45;
/// What counts as equal, pixels.
const SLACK: f32 = 0.25;

/// How a text is to be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) face: Face,
    /// Added between letters, ems.
    pub(crate) tracking: f32,
    /// From baseline to baseline, ems.
    pub(crate) leading: f32,
    /// Sizes tried, pixels.
    pub(crate) largest: f32,
    pub(crate) smallest: f32,
    /// Most lines.
    pub(crate) lines: usize,
    /// At the smallest size: cut with an ellipsis (else refused).
    pub(crate) cut: bool,
}

/// A glyph; `x` and `y` of its origin from the block's first baseline, y down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glyph {
    pub(crate) font: ID,
    pub(crate) id: u16,
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// What of the block's text it stands for, bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A line, moved so that its ink begins at 0.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) glyphs: Vec<Glyph>,
    /// Width of its ink.
    pub(crate) width: f32,
}

/// A text that fits.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) field: Field,
    /// What is shown.
    pub(crate) text: String,
    pub(crate) size: f32,
    pub(crate) lines: Vec<Line>,
    pub(crate) width: f32,
    /// From the first baseline up to the block's top: the capitals' height, or more where ink is higher.
    pub(crate) above: f32,
    /// From the first baseline down to the block's bottom: the last baseline, or more.
    pub(crate) below: f32,
    pub(crate) cut: bool,
}

impl Block {
    pub(crate) fn height(&self) -> f32 {
        self.above + self.below
    }
}

/// The text as it can be shown: composed, each run of blanks one space, without controls and marks that
/// could turn the direction of what follows.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.nfc() {
        let dropped = matches!(c,
            '\u{ad}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{e0000}'..='\u{e0fff}');
        if c.is_whitespace() || c.is_control() {
            if !plain.is_empty() && !plain.ends_with(' ') {
                plain.push(' ');
            }
        } else if !dropped {
            plain.push(c);
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// What no font has; `None` when all of it can be shown.
pub(crate) fn not_covered(field: Field, text: &str) -> Option<NotCovered> {
    let mut characters = Vec::new();
    for c in text.chars() {
        if characters.len() < crate::limits::MAX_NAMED_CHARACTERS
            && !fonts::covers(c)
            && !characters.contains(&c)
        {
            characters.push(c);
        }
    }
    (!characters.is_empty()).then_some(NotCovered { field, characters })
}

/// Sets `text` (already [`plain`]) into a box of `width` by `height`.
///
/// # Errors
/// When it cannot be shown there.
pub(crate) fn fit(
    fonts: &mut Fonts,
    field: Field,
    text: &str,
    style: Style,
    width: f32,
    height: f32,
) -> Result<Block, Refusal> {
    let most = if style.cut {
        MAX_CUT_GRAPHEMES
    } else {
        MAX_SMALL_PRINT_GRAPHEMES
    };
    let ends: Vec<usize> = text
        .grapheme_indices(true)
        .take(most + 1)
        .map(|(at, grapheme)| at + grapheme.len())
        .collect();
    let whole = ends.len() <= most;
    if !whole && !style.cut {
        return Err(Refusal::TooLong(field));
    }
    let mut setting = Setting::new(fonts, field, style, (width, height));
    if whole {
        let mut buffer = setting.shaped(text);
        if let Some(trial) = setting.largest(&mut buffer)? {
            return Ok(setting.block(trial, text.to_owned(), false));
        }
        if style.cut || style.lines > 1 {
            let trial = setting.lay(&mut buffer, style.smallest, width, Wrap::WordOrGlyph)?;
            if setting.fits(&trial) {
                return Ok(setting.block(trial, text.to_owned(), false));
            }
        }
    }
    if !style.cut {
        return Err(Refusal::TooLong(field));
    }
    setting.cut(text, &ends)
}

/// One way to break a text.
struct Trial {
    size: f32,
    lines: Vec<Line>,
    width: f32,
    above: f32,
    below: f32,
}

struct Setting<'a> {
    fonts: &'a mut Fonts,
    field: Field,
    style: Style,
    face: Face,
    room: (f32, f32),
}

impl<'a> Setting<'a> {
    fn new(fonts: &'a mut Fonts, field: Field, style: Style, room: (f32, f32)) -> Self {
        Self {
            fonts,
            field,
            style,
            face: style.face,
            room,
        }
    }

    fn shaped(&mut self, text: &str) -> Buffer {
        self.face = self.style.face.for_text(text);
        let stretches = fonts::stretches(text, self.face);
        if stretches.iter().any(|(file, _)| *file >= SCRIPTS) {
            self.style.leading = self.style.leading.max(TALL_LEADING);
        }
        let names: Vec<(String, u16)> = stretches
            .iter()
            .map(|(file, _)| self.fonts.named(*file).unwrap_or_default())
            .collect();
        let spans: Vec<(&str, Attrs<'_>)> = stretches
            .iter()
            .zip(&names)
            .map(|((file, part), (family, weight))| {
                let attrs = Attrs::new()
                    .family(Family::Name(family))
                    .weight(Weight(*weight));
                // Spaced letters would no longer join in scripts whose letters do.
                let tracking = if *file < SCRIPTS {
                    self.style.tracking
                } else {
                    0.0
                };
                (*part, attrs.letter_spacing(tracking))
            })
            .collect();
        let size = self.style.largest;
        let mut buffer = Buffer::new_empty(Metrics::new(size, size * self.style.leading));
        buffer.set_rich_text(spans, &Attrs::new(), Shaping::Advanced, None);
        buffer
    }

    /// The largest size at which whole words fit, with even lines.
    fn largest(&mut self, buffer: &mut Buffer) -> Result<Option<Trial>, Refusal> {
        let (width, _) = self.room;
        let sizes = sizes(self.style.largest, self.style.smallest);
        let (mut low, mut high) = (0, sizes.len());
        let mut best = None;
        while low < high {
            let middle = usize::midpoint(low, high);
            let Some(size) = sizes.get(middle) else { break };
            let trial = self.lay(buffer, *size, width, Wrap::Word)?;
            if self.fits(&trial) {
                best = Some(trial);
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let Some(best) = best else { return Ok(None) };
        self.evened(buffer, best).map(Some)
    }

    /// The same lines, as near to one length as they get.
    fn evened(&mut self, buffer: &mut Buffer, mut best: Trial) -> Result<Trial, Refusal> {
        let (mut low, mut high) = (self.room.0 * 0.4, self.room.0);
        if best.lines.len() < 2 {
            return Ok(best);
        }
        for _ in 0..BALANCE_STEPS {
            let width = f32::midpoint(low, high);
            let trial = self.lay(buffer, best.size, width, Wrap::Word)?;
            if trial.lines.len() == best.lines.len()
                && trial.width <= width + SLACK
                && self.fits(&trial)
            {
                best = trial;
                high = width;
            } else {
                low = width;
            }
        }
        Ok(best)
    }

    /// The longest beginning that fits at the smallest size with an ellipsis behind it, at a word's end
    /// where one is near.
    fn cut(&mut self, text: &str, ends: &[usize]) -> Result<Block, Refusal> {
        let (mut low, mut high) = (0, ends.len());
        let mut best = None;
        while low < high {
            let middle = usize::midpoint(low, high);
            let part = text.get(..ends[middle]).unwrap_or_default();
            if let Some(made) = self.shortened(part)? {
                best = Some((made, part));
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(((trial, shown), part)) = best else {
            return Err(Refusal::TooTall(self.field));
        };
        let word = part
            .trim_end()
            .rfind(' ')
            .filter(|at| at * 10 > part.len() * 7);
        if let Some(at) = word
            && let Some((trial, shown)) = self.shortened(part.get(..at).unwrap_or_default())?
        {
            return Ok(self.block(trial, shown, true));
        }
        Ok(self.block(trial, shown, true))
    }

    fn shortened(&mut self, part: &str) -> Result<Option<(Trial, String)>, Refusal> {
        let kept = part.trim_end_matches(|c: char| c == ' ' || c.is_ascii_punctuation());
        let shown = format!("{kept}{ELLIPSIS}");
        let mut buffer = self.shaped(&shown);
        let trial = self.lay(
            &mut buffer,
            self.style.smallest,
            self.room.0,
            Wrap::WordOrGlyph,
        )?;
        Ok(self.fits(&trial).then_some((trial, shown)))
    }

    fn fits(&self, trial: &Trial) -> bool {
        trial.lines.len() <= self.style.lines
            && trial.width <= self.room.0 + SLACK
            && trial.above + trial.below <= self.room.1 + SLACK
    }

    fn lay(
        &mut self,
        buffer: &mut Buffer,
        size: f32,
        width: f32,
        wrap: Wrap,
    ) -> Result<Trial, Refusal> {
        let leading = size * self.style.leading;
        buffer.set_wrap(wrap);
        buffer.set_metrics_and_size(Metrics::new(size, leading), Some(width), None);
        buffer.shape_until_scroll(&mut self.fonts.system, false);
        let mut trial = Trial {
            size,
            lines: Vec::new(),
            width: 0.0,
            above: size * self.fonts.capital(self.face),
            below: 0.0,
        };
        let mut baseline = 0.0_f32;
        for run in buffer.layout_runs() {
            let mut glyphs = Vec::with_capacity(run.glyphs.len());
            let (mut left, mut right) = (f32::MAX, f32::MIN);
            for glyph in run.glyphs {
                if glyph.glyph_id == 0 {
                    let cluster = run.text.get(glyph.start..glyph.end).unwrap_or_default();
                    return Err(Refusal::NotCovered(vec![NotCovered {
                        field: self.field,
                        characters: cluster
                            .chars()
                            .take(crate::limits::MAX_NAMED_CHARACTERS)
                            .collect(),
                    }]));
                }
                let x = glyph.x + glyph.font_size * glyph.x_offset;
                let y = baseline + glyph.y - glyph.font_size * glyph.y_offset;
                let outline = self.fonts.outline(glyph.font_id, glyph.glyph_id);
                let Some([x0, y0, x1, y1]) = outline.ink else {
                    continue;
                };
                let scale = size / self.fonts.units(glyph.font_id);
                left = left.min(x + x0 * scale);
                right = right.max(x + x1 * scale);
                trial.above = trial.above.max(y1 * scale - y);
                trial.below = trial.below.max(y - y0 * scale);
                glyphs.push(Glyph {
                    font: glyph.font_id,
                    id: glyph.glyph_id,
                    x,
                    y,
                    start: glyph.start,
                    end: glyph.end,
                });
            }
            if !glyphs.is_empty() {
                for glyph in &mut glyphs {
                    glyph.x -= left;
                }
                trial.width = trial.width.max(right - left);
                trial.below = trial.below.max(baseline);
                trial.lines.push(Line {
                    glyphs,
                    width: right - left,
                });
                baseline += leading;
            }
        }
        if trial.lines.is_empty() {
            return Err(Refusal::Empty(self.field));
        }
        Ok(trial)
    }

    fn block(&self, trial: Trial, text: String, cut: bool) -> Block {
        Block {
            field: self.field,
            text,
            size: trial.size,
            lines: trial.lines,
            width: trial.width,
            above: trial.above,
            below: trial.below,
            cut,
        }
    }
}

/// From large to small in steps of a twentieth, both ends included.
fn sizes(largest: f32, smallest: f32) -> Vec<f32> {
    let mut sizes = Vec::new();
    let mut size = largest;
    while size > smallest && sizes.len() < MAX_SIZES {
        sizes.push(size);
        size *= 0.95;
    }
    sizes.push(smallest);
    sizes
}
