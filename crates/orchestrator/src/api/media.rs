//! Pictures as blobs: a data URL (RFC 2397) under the hash of the bytes that it encodes. No other blob begins
//! like one: they are JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use model::{
    ContentHash,
    limits::MAX_MEDIA_BYTES,
    media::{Media, MediaType},
};
use store::port::Blob;

/// Why bytes are no picture to keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotKept {
    #[error("it has {0} bytes, at most {MAX_MEDIA_BYTES} are taken")]
    TooLarge(usize),
    #[error("it is no {0}")]
    FalseType(MediaType),
}

/// The blob of a picture.
pub(super) fn blob(media: &Media) -> Result<Blob, NotKept> {
    if media.content.len() > MAX_MEDIA_BYTES {
        return Err(NotKept::TooLarge(media.content.len()));
    }
    if !media.media_type.begins(&media.content) {
        return Err(NotKept::FalseType(media.media_type));
    }
    let encoded = STANDARD.encode(&media.content);
    Ok(Blob {
        hash: ContentHash::of(&media.content),
        content: format!("data:{};base64,{encoded}", media.media_type),
    })
}

/// The picture of a blob; `None` when the blob is none.
pub(super) fn media(blob: &str) -> Option<Media> {
    let (kind, encoded) = blob.strip_prefix("data:")?.split_once(";base64,")?;
    Some(Media {
        media_type: kind.parse().ok()?,
        content: STANDARD.decode(encoded).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_back_as_it_went() {
        for media_type in MediaType::ALL {
            let start: &[u8] = match media_type {
                MediaType::Png => b"\x89PNG\r\n\x1a\n",
                MediaType::Svg => b"<svg >",
                MediaType::Pdf => b"%PDF-1.7\n",
            };
            let mut content = start.to_vec();
            content.extend(0..=255);
            let picture = Media {
                media_type,
                content,
            };
            let kept = blob(&picture).expect("kept");
            assert_eq!(kept.hash, ContentHash::of(&picture.content));
            assert_eq!(media(&kept.content), Some(picture));
        }
    }

    #[test]
    fn what_is_no_picture_is_neither_kept_nor_shown() {
        let mut content = b"<svg ".to_vec();
        content.resize(MAX_MEDIA_BYTES + 1, b' ');
        let large = Media {
            media_type: MediaType::Svg,
            content,
        };
        let too_large = NotKept::TooLarge(MAX_MEDIA_BYTES + 1);
        assert_eq!(blob(&large), Err(too_large));
        let html = Media {
            media_type: MediaType::Svg,
            content: b"<html>".to_vec(),
        };
        assert_eq!(blob(&html), Err(NotKept::FalseType(MediaType::Svg)));
        for other in [
            "{\"brief\":{}}",
            "data:text/html;base64,AAAA",
            "data:image/png;base64,?",
        ] {
            assert_eq!(media(other), None, "{other}");
        }
    }
}
