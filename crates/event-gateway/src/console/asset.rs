//! The console's own files, in the binary, each at an address that changes with its content.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::ContentHash;

/// One file.
pub(super) struct Asset {
    kind: &'static str,
    text: &'static str,
    name: LazyLock<String>,
}

impl Asset {
    /// Where it is served.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", *self.name)
    }
}

pub(super) static STYLE: Asset = Asset {
    kind: "text/css; charset=utf-8",
    text: STYLE_TEXT,
    name: LazyLock::new(|| name("css", STYLE_TEXT)),
};
pub(super) static SCRIPT: Asset = Asset {
    kind: "text/javascript; charset=utf-8",
    text: SCRIPT_TEXT,
    name: LazyLock::new(|| name("js", SCRIPT_TEXT)),
};
pub(super) const STYLE_TEXT: &str = include_str!("console.css");
pub(super) const SCRIPT_TEXT: &str = include_str!("console.js");
/// Browsers ask for it by a fixed name.
const ICON: &str = include_str!("icon.svg");
/// By the names that the style gives them, which carry their versions.
const FONTS: [(&str, &[u8]); 2] = [
    (
        "inter-5.3.0.woff2",
        include_bytes!("fonts/inter-5.3.0.woff2"),
    ),
    (
        "source-serif-4-5.3.1.woff2",
        include_bytes!("fonts/source-serif-4-5.3.1.woff2"),
    ),
];

fn name(extension: &str, text: &str) -> String {
    let hash = ContentHash::of(text.as_bytes());
    let short = hash.as_str().get(..12).unwrap_or_default();
    format!("console-{short}.{extension}")
}

/// `GET /assets/{file}`.
pub(super) async fn serve(Path(file): Path<String>) -> Response {
    let font = FONTS.iter().find(|(name, _)| *name == file);
    let (kind, content, cached) = match (file.as_str(), font) {
        (_, Some((_, font))) => ("font/woff2", *font, true),
        (name, _) if name == *STYLE.name => (STYLE.kind, STYLE.text.as_bytes(), true),
        (name, _) if name == *SCRIPT.name => (SCRIPT.kind, SCRIPT.text.as_bytes(), true),
        ("icon.svg", _) => ("image/svg+xml", ICON.as_bytes(), false),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let cached = if cached {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_names_the_fonts_that_there_are() {
        let named: Vec<&str> = STYLE_TEXT
            .split("url(\"/assets/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(named, FONTS.map(|(name, _)| name));
        for (name, font) in FONTS {
            assert!(font.starts_with(b"wOF2"), "{name}");
        }
    }
}
