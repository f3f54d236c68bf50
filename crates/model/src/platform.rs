//! The platforms that short copy is written for, and how each of them counts.
//!
//! Where the rules are from: X, its library twitter-text 3.1.0 with configuration v3; Bluesky, the
//! lexicon `app.bsky.feed.post`; Mastodon, the server's `StatusLengthValidator`; LinkedIn, the Posts API
//! and its "little text" format; Facebook and Instagram, the Graph API's references. The last three say
//! "characters" only and are counted in UTF-16 units: never fewer than code points or graphemes, so what
//! fits by this count fits by either reading.

mod emoji;
mod hashtags;
mod linkedin;
mod mastodon;
mod tld;
mod urls;
mod x;

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

pub use hashtags::count_hashtags;
pub use linkedin::little_text;

/// A network that posts go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// X, once Twitter.
    X,
    /// LinkedIn.
    Linkedin,
    /// A Facebook page.
    Facebook,
    /// Instagram.
    Instagram,
    /// Bluesky.
    Bluesky,
    /// Mastodon.
    Mastodon,
}

impl Platform {
    /// All of them, in their own order.
    pub const ALL: [Self; 6] = [
        Self::X,
        Self::Linkedin,
        Self::Facebook,
        Self::Instagram,
        Self::Bluesky,
        Self::Mastodon,
    ];

    /// The name used in messages and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Linkedin => "linkedin",
            Self::Facebook => "facebook",
            Self::Instagram => "instagram",
            Self::Bluesky => "bluesky",
            Self::Mastodon => "mastodon",
        }
    }

    /// The platform of that name, in any case; Twitter is X (`spec/social.md`).
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        if name == "twitter" {
            return Some(Self::X);
        }
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == name)
    }

    /// What a post on it must keep to.
    pub fn limit(self) -> Limit {
        let (length, unit) = match self {
            Self::X => (280, "weighted characters"),
            Self::Linkedin => (3_000, "characters after escaping"),
            Self::Facebook => (63_206, "characters"),
            Self::Instagram => (2_200, "characters"),
            Self::Bluesky => (300, "graphemes"),
            Self::Mastodon => (500, "characters"),
        };
        Limit {
            length,
            unit,
            bytes: (self == Self::Bluesky).then_some(3_000),
            hashtags: (self == Self::Instagram).then_some(30),
        }
    }

    /// Length of `text` as the platform counts it, in the unit of its [`Limit`].
    pub fn count(self, text: &str) -> u32 {
        let length = match self {
            Self::X => x::weighted_length(text),
            Self::Linkedin => linkedin::escaped_length(text),
            Self::Facebook | Self::Instagram => text.encode_utf16().count(),
            Self::Bluesky => text.graphemes(true).count(),
            Self::Mastodon => mastodon::length(text),
        };
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    /// Whether the platform takes `text` as a whole post, by every part of its limit.
    pub fn fits(self, text: &str) -> bool {
        let limit = self.limit();
        self.count(text) <= limit.length
            && limit.bytes.is_none_or(|max| text.len() <= max as usize)
            && limit.hashtags.is_none_or(|max| count_hashtags(text) <= max)
    }

    /// All names, for messages.
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

/// What a post on a platform must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Longest post, in `unit`, as [`Platform::count`] counts.
    pub length: u32,
    /// What is counted, for messages.
    pub unit: &'static str,
    /// Most bytes of UTF-8.
    pub bytes: Option<u32>,
    /// Most hashtags.
    pub hashtags: Option<u32>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
