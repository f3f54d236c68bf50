//! A provider's API key.

use std::fmt;

use model::{ErrorClass, Failure};
use reqwest::header::HeaderValue;

use crate::limits::MAX_KEY_BYTES;

/// A provider's API key. It cannot be shown or serialised; it only ever leaves as a header that is
/// marked sensitive.
#[derive(Clone)]
pub struct ApiKey {
    bearer: HeaderValue,
    plain: HeaderValue,
}

impl ApiKey {
    /// Takes `key`, without the white space around it.
    ///
    /// # Errors
    /// Class `Auth` when it is empty, too long, or cannot stand in a header. The message does not show it.
    pub fn new(key: &str) -> Result<Self, Failure> {
        let key = key.trim();
        if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Failure::new(
                ErrorClass::Auth,
                format!("the API key must be 1 to {MAX_KEY_BYTES} printable ASCII characters"),
            ));
        }
        let header = |text: String| {
            let mut header = HeaderValue::try_from(text).map_err(|_| {
                Failure::new(ErrorClass::Auth, "the API key cannot stand in a header")
            })?;
            header.set_sensitive(true);
            Ok::<_, Failure>(header)
        };
        Ok(Self {
            bearer: header(format!("Bearer {key}"))?,
            plain: header(key.to_owned())?,
        })
    }

    /// As the `Authorization` header wants it.
    pub(crate) fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }

    /// As a header of its own wants it.
    pub(crate) fn plain(&self) -> HeaderValue {
        self.plain.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_shows_itself() {
        let key = ApiKey::new(" sk-secret\n").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(hidden)");
        for header in [key.bearer(), key.plain()] {
            assert!(!format!("{header:?}").contains("secret"));
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        for bad in ["", "  ", "a b\u{0}c", "schlüssel"] {
            let failure = ApiKey::new(bad).unwrap_err();
            assert_eq!(failure.class, ErrorClass::Auth);
            assert!(bad.trim().is_empty() || !failure.message.contains(bad));
        }
    }
}
