//! Places on the canvas, in pixels from its top left corner.

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// To the right of `x`.
    pub width: f32,
    /// Below `y`.
    pub height: f32,
}

impl Rect {
    /// A rectangle by its corner and its size.
    pub const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// The right edge.
    pub fn right(self) -> f32 {
        self.x + self.width
    }

    /// The lower edge.
    pub fn bottom(self) -> f32 {
        self.y + self.height
    }

    /// Whether `other` lies inside, give or take `slack` pixels.
    pub fn holds(self, other: Self, slack: f32) -> bool {
        other.x >= self.x - slack
            && other.y >= self.y - slack
            && other.right() <= self.right() + slack
            && other.bottom() <= self.bottom() + slack
    }

    /// Whether the two share more than an edge.
    pub fn overlaps(self, other: Self) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    /// As seen in a mirror that stands upright in the middle of a canvas of `width`.
    pub(crate) fn mirrored(self, width: f32) -> Self {
        Self::new(width - self.right(), self.y, self.width, self.height)
    }
}
