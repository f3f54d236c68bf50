//! Pictures that belong to an artifact. They travel and are kept beside it, under the hash of their bytes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ContentHash;

/// What may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaType {
    /// A PNG image.
    #[serde(rename = "image/png")]
    Png,
    /// An SVG document.
    #[serde(rename = "image/svg+xml")]
    Svg,
    /// A PDF document.
    #[serde(rename = "application/pdf")]
    Pdf,
}

impl MediaType {
    /// Every type that is kept.
    pub const ALL: [Self; 3] = [Self::Png, Self::Svg, Self::Pdf];

    /// Its name by RFC 6838.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
            Self::Pdf => "application/pdf",
        }
    }

    /// What a file of it is called after the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
            Self::Pdf => "pdf",
        }
    }

    /// Whether `content` begins as this type does.
    pub fn begins(self, content: &[u8]) -> bool {
        match self {
            Self::Png => content.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Svg => content.starts_with(b"<svg "),
            Self::Pdf => content.starts_with(b"%PDF-"),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a type that is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not kept; image/png, image/svg+xml and application/pdf are")]
pub struct UnknownMediaType(String);

impl FromStr for MediaType {
    type Err = UnknownMediaType;

    fn from_str(name: &str) -> Result<Self, UnknownMediaType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownMediaType(name.chars().take(64).collect()))
    }
}

/// A picture's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub media_type: MediaType,
    /// At most [`crate::limits::MAX_MEDIA_BYTES`].
    pub content: Vec<u8>,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Media({}, {} bytes)",
            self.media_type,
            self.content.len()
        )
    }
}

/// A picture as an artifact names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaRef {
    /// Of its bytes.
    pub hash: ContentHash,
    /// What it is.
    pub media_type: MediaType,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How long it is.
    pub bytes: u64,
}

impl MediaRef {
    /// The name of a picture of this size.
    pub fn of(media: &Media, width: u32, height: u32) -> Self {
        Self {
            hash: ContentHash::of(&media.content),
            media_type: media.media_type,
            width,
            height,
            bytes: media.content.len() as u64,
        }
    }
}
