//! A sheet of paper, and the ways to fill it. All places are given as for a script that runs from left to
//! right; for one that runs the other way the whole sheet is mirrored.

pub(crate) mod diagonal;
pub(crate) mod horizon;
mod shapes;
pub(crate) mod slide;
pub(crate) mod template;
pub(crate) mod tiles;

pub(crate) use shapes::data;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

use crate::{
    Rect, Refusal,
    colour::{Rgb, Scheme},
    fonts::{Face, Fonts},
    limits::{HEIGHT, MARGIN, MIN_TYPE, WIDTH},
    poster::{Field, TextBox},
    texts::Texts,
    typeset::{self, Block, Style},
};

/// Width of a poster's canvas.
pub(crate) const W: f32 = WIDTH as f32;
/// Height of a poster's canvas.
pub(crate) const H: f32 = HEIGHT as f32;
/// Width between the margins.
pub(crate) const INNER: f32 = W - 2.0 * MARGIN;

const LABEL: Style = Style {
    face: Face::Sans,
    tracking: -0.005,
    leading: 1.2,
    largest: 34.0,
    smallest: 22.0,
    lines: 1,
    cut: true,
};
const BRAND: Style = Style {
    face: Face::Sans,
    tracking: -0.01,
    leading: 1.2,
    largest: 34.0,
    smallest: 20.0,
    lines: 1,
    cut: true,
};
const ADDRESS: Style = Style {
    face: Face::Text,
    tracking: 0.0,
    leading: 1.2,
    largest: 26.0,
    smallest: 18.0,
    lines: 1,
    cut: true,
};
pub(crate) const SUBHEAD: Style = Style {
    face: Face::Text,
    tracking: -0.008,
    leading: 1.36,
    largest: 38.0,
    smallest: 24.0,
    lines: 5,
    cut: true,
};
const SMALL_PRINT: Style = Style {
    face: Face::Text,
    tracking: 0.0,
    leading: 1.35,
    largest: 19.0,
    smallest: MIN_TYPE,
    lines: 16,
    cut: false,
};

/// Where a block stands in the box it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Top,
    Middle,
    Bottom,
}

/// A block at its place.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) block: Block,
    /// Left edge of each line's ink.
    pub(crate) lefts: Vec<f32>,
    /// The first baseline.
    pub(crate) baseline: f32,
    pub(crate) rect: Rect,
    pub(crate) colour: Rgb,
    pub(crate) ground: Rgb,
}

impl Placed {
    pub(crate) fn text_box(&self) -> TextBox {
        TextBox {
            field: self.block.field,
            text: self.block.text.clone(),
            rect: self.rect,
            size: self.block.size,
            lines: self.block.lines.len(),
            cut: self.block.cut,
            colour: self.colour,
            ground: self.ground,
        }
    }
}

/// A button with its address, fitted but not yet placed; places are relative to its corner.
pub(crate) struct Button {
    pill: Rect,
    label: Option<Block>,
    address: Option<(Block, Rect)>,
    pub(crate) height: f32,
}

impl Button {
    const HEIGHT: f32 = 84.0;
    const PADDING: f32 = 44.0;
}

/// What the sheets of one picture or deck have in common.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) scheme: Scheme,
    pub(crate) serifs: bool,
    /// Chooses the shapes.
    pub(crate) seed: [u8; 32],
}

/// A picture while it is made.
pub(crate) struct Sheet<'a> {
    pub(crate) fonts: Fonts,
    pub(crate) scheme: Scheme,
    pub(crate) words: &'a Texts,
    pub(crate) serifs: bool,
    pub(crate) mirrored: bool,
    /// Pixels.
    pub(crate) size: (u32, u32),
    /// SVG of the picture, back to front.
    pub(crate) shapes: String,
    pub(crate) texts: Vec<Placed>,
    dice: ChaCha8Rng,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(fonts: Fonts, look: &Look, size: (u32, u32), words: &'a Texts) -> Self {
        Self {
            fonts,
            scheme: look.scheme.clone(),
            words,
            serifs: look.serifs,
            mirrored: runs_leftwards(words.first()),
            size,
            shapes: String::new(),
            texts: Vec::new(),
            dice: ChaCha8Rng::from_seed(look.seed),
        }
    }

    /// The whole of it.
    pub(crate) fn canvas(&self) -> Rect {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
        let side = |pixels: u32| pixels as f32;
        Rect::new(0.0, 0.0, side(self.size.0), side(self.size.1))
    }

    /// 0 to `sides` - 1.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.dice.next_u32() as usize % sides.max(1)
    }

    /// Between the two, in 256 steps.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        let step = (self.dice.next_u32() % 256) as f32 / 255.0;
        low + (high - low) * step
    }

    /// Fits a field's text; `None` when there is nothing to show.
    pub(crate) fn fit(
        &mut self,
        field: Field,
        style: Style,
        width: f32,
        height: f32,
    ) -> Result<Option<Block>, Refusal> {
        let text = self.words.get(field);
        if text.is_empty() {
            return Ok(None);
        }
        typeset::fit(&mut self.fonts, field, text, style, width, height).map(Some)
    }

    /// Puts a block into `area` (as for left to right), on one ground.
    pub(crate) fn put(
        &mut self,
        block: Block,
        area: Rect,
        at: At,
        colour: Rgb,
        ground: Rgb,
    ) -> Rect {
        self.put_aligned(block, area, at, (colour, ground), false)
    }

    fn put_aligned(
        &mut self,
        block: Block,
        area: Rect,
        at: At,
        (colour, ground): (Rgb, Rgb),
        centred: bool,
    ) -> Rect {
        let seen = if self.mirrored {
            area.mirrored(self.canvas().width)
        } else {
            area
        };
        let top = match at {
            At::Top => area.y,
            At::Middle => area.y + (area.height - block.height()) / 2.0,
            At::Bottom => area.bottom() - block.height(),
        };
        let left = |width: f32| {
            if centred {
                seen.x + (seen.width - width) / 2.0
            } else if self.mirrored {
                seen.right() - width
            } else {
                seen.x
            }
        };
        let lefts: Vec<f32> = block.lines.iter().map(|line| left(line.width)).collect();
        let rect = Rect::new(left(block.width), top, block.width, block.height());
        self.texts.push(Placed {
            baseline: top + block.above,
            lefts,
            rect,
            colour,
            ground,
            block,
        });
        Rect::new(area.x, top, rect.width, rect.height)
    }

    /// The headline, the largest that fits.
    pub(crate) fn headline(
        &mut self,
        width: f32,
        height: f32,
        largest: f32,
    ) -> Result<Block, Refusal> {
        let (face, tracking, leading) = if self.serifs {
            (Face::Serif, -0.015, 1.06)
        } else {
            (Face::Sans, -0.032, 1.03)
        };
        let style = Style {
            face,
            tracking,
            leading,
            largest,
            smallest: 42.0,
            lines: 7,
            cut: true,
        };
        let block = self.fit(Field::Headline, style, width, height)?;
        block.ok_or(Refusal::Empty(Field::Headline))
    }

    /// The small print at the foot of `area`; the answer is where the room above it ends.
    pub(crate) fn small_print(
        &mut self,
        area: Rect,
        ground: Rgb,
        colour: Rgb,
    ) -> Result<f32, Refusal> {
        let Some(block) = self.fit(Field::SmallPrint, SMALL_PRINT, area.width, area.height)? else {
            return Ok(area.bottom());
        };
        let gap = 30.0;
        let rect = self.put(block, area, At::Bottom, colour, ground);
        Ok(rect.y - gap)
    }

    /// The brand's name on one line, behind its mark: a disc in the accent colour.
    pub(crate) fn brand(
        &mut self,
        area: Rect,
        at: At,
        (text, ground): (Rgb, Rgb),
        mark: Rgb,
    ) -> Result<Rect, Refusal> {
        let indent = 40.0;
        let room = Rect::new(area.x + indent, area.y, area.width - indent, area.height);
        let Some(block) = self.fit(Field::Brand, BRAND, room.width, room.height)? else {
            return Ok(Rect::new(area.x, area.y, 0.0, 0.0));
        };
        let rect = self.put(block, room, at, text, ground);
        self.circle(area.x + 13.0, rect.y + rect.height / 2.0, 13.0, mark);
        Ok(rect)
    }

    /// Fits the button, as wide as its label, and the address beside it or, where there is no room, below.
    pub(crate) fn button(&mut self, width: f32) -> Result<Button, Refusal> {
        let room = width - 2.0 * Button::PADDING;
        let label = self.fit(Field::CallToAction, LABEL, room, Button::HEIGHT - 24.0)?;
        let mut pill = Rect::new(0.0, 0.0, 0.0, 0.0);
        if let Some(label) = &label {
            pill.width = label.width + 2.0 * Button::PADDING;
            pill.height = Button::HEIGHT;
        }
        let gap = if label.is_some() { 30.0 } else { 0.0 };
        let rest = width - pill.width - gap;
        if rest > 60.0
            && let Some(address) = self.fit(Field::Address, ADDRESS, rest, Button::HEIGHT)?
            && !address.cut
            && address.size >= 22.0
        {
            let beside = Rect::new(pill.width + gap, 0.0, rest, Button::HEIGHT);
            return Ok(Button {
                pill,
                label,
                address: Some((address, beside)),
                height: Button::HEIGHT,
            });
        }
        let below = Rect::new(0.0, pill.height + gap * 0.8, width, 34.0);
        let address = self.fit(Field::Address, ADDRESS, below.width, below.height)?;
        let bottom = |block: &Block| below.y + block.height();
        Ok(Button {
            height: address.as_ref().map_or(pill.height, bottom),
            pill,
            label,
            address: address.map(|block| (block, below)),
        })
    }

    /// Puts a button at a place. `beside` is the address' colour, on `ground`.
    pub(crate) fn put_button(
        &mut self,
        button: Button,
        (x, y): (f32, f32),
        fill: Rgb,
        (beside, ground): (Rgb, Rgb),
    ) {
        let moved = |rect: Rect| Rect::new(x + rect.x, y + rect.y, rect.width, rect.height);
        if let Some(label) = button.label {
            let pill = moved(button.pill);
            let colour = self.scheme.text_on(fill);
            self.pill(pill, fill);
            self.put_aligned(label, pill, At::Middle, (colour, fill), true);
        }
        if let Some((address, area)) = button.address {
            let at = if area.y > 0.0 { At::Top } else { At::Middle };
            self.put(address, moved(area), at, beside, ground);
        }
    }
}

/// Whether the first letter belongs to a script that runs from right to left.
fn runs_leftwards(text: &str) -> bool {
    let first = text.chars().find(|c| c.is_alphabetic());
    matches!(
        first,
        Some('\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
    )
}
