//! Texts as they can be shown, by their places.

use std::collections::BTreeMap;

use crate::{Refusal, poster::Field, typeset};

/// The texts of one sheet.
#[derive(Debug)]
pub(crate) struct Texts(BTreeMap<Field, String>);

impl Texts {
    /// Brings texts into the form in which they are shown.
    ///
    /// # Errors
    /// All characters at once that no font has.
    pub(crate) fn of<'a>(
        texts: impl IntoIterator<Item = (Field, &'a str)>,
    ) -> Result<Self, Refusal> {
        let texts: BTreeMap<Field, String> = texts
            .into_iter()
            .map(|(field, text)| (field, typeset::plain(text)))
            .collect();
        let missing: Vec<_> = texts
            .iter()
            .filter_map(|(field, text)| typeset::not_covered(*field, text))
            .collect();
        if !missing.is_empty() {
            return Err(Refusal::NotCovered(missing));
        }
        Ok(Self(texts))
    }

    /// The text of a place; empty when there is none.
    pub(crate) fn get(&self, field: Field) -> &str {
        self.0.get(&field).map_or("", String::as_str)
    }

    /// The first text that is read: it says in which direction the sheet runs.
    pub(crate) fn first(&self) -> &str {
        let first = self.0.values().find(|text| !text.is_empty());
        first.map_or("", String::as_str)
    }
}
