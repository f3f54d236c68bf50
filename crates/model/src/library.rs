//! What a tenant keeps to use again: brands, templates of briefs, resources and definitions, each under a name and in
//! versions.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    ContentHash, EntryName,
    brief::{Brand, MAX_RESOURCE_BYTES, MAX_TEXT_CHARS, Resource},
    validate::{Problem, Problems},
};

mod template;

pub use template::{MAX_PLACEHOLDERS, Placeholder, Template, ValueKind};

/// Longest definition, bytes.
pub const MAX_DEFINITION_BYTES: usize = 256 * 1024;
/// Longest title of an entry, characters.
const MAX_TITLE_CHARS: usize = 120;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A [`Brand`].
    Brand,
    /// A [`Template`].
    Template,
    /// A [`Resource`] with a text.
    Resource,
    /// A definition of a workflow.
    Workflow,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Brand, Self::Template, Self::Resource, Self::Workflow];

    /// The name used in rows and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Brand => "brand",
            Self::Template => "template",
            Self::Resource => "resource",
            Self::Workflow => "workflow",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names an entry: `name` for its newest version, `name@version` for one that stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Under which it is kept.
    pub name: EntryName,
    /// 1, 2, 3 …; none for the newest.
    pub version: Option<u32>,
}

/// Why a text is no [`Reference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be `name` or `name@version`: 1 to 64 characters out of a-z, 0-9, `_` and `-`, then a number from 1"
)]
pub struct InvalidReference;

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => {
                let plain = version.starts_with(|first: char| matches!(first, '1'..='9'));
                let version = version.parse().map_err(|_| InvalidReference)?;
                (name, Some(version).filter(|_| plain))
            }
            None => (text, None),
        };
        if text.contains('@') && version.is_none() {
            return Err(InvalidReference);
        }
        Ok(Self {
            name: EntryName::new(name).map_err(|_| InvalidReference)?,
            version,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What of the library a run's brief was made of; each with its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sources {
    /// The template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Reference>,
    /// The brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<Reference>,
    /// The resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Reference>,
}

impl Sources {
    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The content of an entry.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time is held, on its way between a caller and the store"
)]
pub enum Content {
    /// A brand.
    Brand(Brand),
    /// A template.
    Template(Template),
    /// A resource.
    Resource(Resource),
    /// A definition.
    Workflow(Definition),
}

/// A definition of a workflow, as written. What it says is checked by who knows the agents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// YAML.
    pub source: String,
}

impl Content {
    /// Of which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Brand(_) => Kind::Brand,
            Self::Template(_) => Kind::Template,
            Self::Resource(_) => Kind::Resource,
            Self::Workflow(_) => Kind::Workflow,
        }
    }

    /// Every fault, by field path (`brand.name`, `template.brief.offer`, `resource.text`).
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            Self::Brand(brand) => brand.problems(),
            Self::Template(template) => template.problems(),
            Self::Resource(resource) => resource_problems(resource),
            Self::Workflow(definition) => {
                let mut all = Problems::default();
                all.text("workflow.source", &definition.source, MAX_DEFINITION_BYTES);
                all.into_vec()
            }
        }
    }

    /// A line for people, on one line.
    pub fn title(&self) -> String {
        let text = match self {
            Self::Brand(brand) => &brand.name,
            Self::Template(template) => &template.about,
            Self::Resource(resource) => &resource.name,
            Self::Workflow(definition) => definition
                .source
                .lines()
                .find_map(|line| line.strip_prefix("# "))
                .unwrap_or_default(),
        };
        let line = text.lines().next().unwrap_or_default();
        line.chars()
            .filter(|c| !c.is_control())
            .take(MAX_TITLE_CHARS)
            .collect()
    }

    /// The exact bytes that are kept, and their hash.
    ///
    /// # Errors
    /// Never for content without [`Content::problems`].
    pub fn encode(&self) -> Result<(ContentHash, String), serde_json::Error> {
        let text = match self {
            Self::Brand(brand) => serde_json::to_string(brand),
            Self::Template(template) => serde_json::to_string(template),
            Self::Resource(resource) => serde_json::to_string(resource),
            Self::Workflow(definition) => serde_json::to_string(definition),
        }?;
        Ok((ContentHash::of(text.as_bytes()), text))
    }

    /// What [`Content::encode`] made.
    ///
    /// # Errors
    /// When the text is no content of this kind.
    pub fn decode(kind: Kind, text: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Brand => Self::Brand(serde_json::from_str(text)?),
            Kind::Template => Self::Template(serde_json::from_str(text)?),
            Kind::Resource => Self::Resource(serde_json::from_str(text)?),
            Kind::Workflow => Self::Workflow(serde_json::from_str(text)?),
        })
    }
}

/// Kinds of text that a kept resource may be said to have.
const TEXTS: [&str; 3] = ["", "text", "markdown"];

fn resource_problems(resource: &Resource) -> Vec<Problem> {
    let mut all = Problems::default();
    all.text("resource.name", &resource.name, MAX_TEXT_CHARS);
    all.check(
        "resource.kind",
        TEXTS.contains(&resource.kind.as_str()),
        "must be `text` or `markdown`: what is kept is given to writers as a text",
    );
    all.text(
        "resource.text",
        resource.text.as_deref().unwrap_or_default(),
        MAX_RESOURCE_BYTES,
    );
    all.check(
        "resource.text",
        resource.text.as_deref().unwrap_or_default().len() <= MAX_RESOURCE_BYTES,
        format!("must be at most {MAX_RESOURCE_BYTES} bytes"),
    );
    all.check(
        "resource.blob",
        resource.blob.is_none(),
        "must be left out: a kept resource is a text",
    );
    all.into_vec()
}

/// The values of a template's placeholders, by name.
pub type Values = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
