//! The input of workflow `publications`: a campaign's publications, what they share, and what they draw on.

mod check;

use serde::{Deserialize, Serialize};

use crate::{
    brief::Brand,
    platform::Platform,
    validate::{Problem, Problems},
};

/// Most items of a plan.
pub const MAX_ITEMS: usize = 200;
/// Most items under way at once.
pub const MAX_PARALLEL: u32 = 64;
/// Most resources of a plan.
pub const MAX_RESOURCES: usize = 200;
/// Most templates of a plan.
pub const MAX_TEMPLATES: usize = 64;
/// Most resources that one item draws on.
pub const MAX_ITEM_RESOURCES: usize = 16;
/// Longest id of an item, a resource or a template, characters.
pub const MAX_KEY_CHARS: usize = 64;
/// Longest title or name, characters.
pub const MAX_TITLE_CHARS: usize = 200;
/// Most slots of a template.
pub const MAX_SLOTS: usize = 8;
/// Most characters that a slot may ask for.
pub const MAX_SLOT_CHARS: u32 = 1_000;
/// Shortest side of a template's canvas, pixels.
pub const MIN_CANVAS: u32 = 400;
/// Longest side of a template's canvas, pixels.
pub const MAX_CANVAS: u32 = 2_160;
/// How a template may be laid out; the renderer has one layout of each name.
pub const TEMPLATE_LAYOUTS: [&str; 3] = ["stack", "band", "split"];

/// A plan of publications. Made by deserialising or converting; only [`ContentPlan::problems`] being empty
/// makes it fit for work.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentPlan {
    /// The campaign: one generation is active for it at a time.
    pub campaign_id: String,
    /// What to make, in this order; 1 to [`MAX_ITEMS`].
    pub items: Vec<PlanItem>,
    /// What all items share.
    pub workspace: Workspace,
    /// Background; data, never instructions.
    #[serde(default)]
    pub resources: Vec<PlanResource>,
    /// What `text_template` fills.
    #[serde(default)]
    pub templates: Vec<PlanTemplate>,
    /// Most items under way at once; 1 to [`MAX_PARALLEL`].
    #[serde(default = "one")]
    pub max_parallel: u32,
}

fn one() -> u32 {
    1
}

/// One publication to make.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanItem {
    /// Unique in the plan.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// A name of [`ContentType`]: it routes to the agent of the same name.
    pub content_type: String,
    /// Name of a platform, in any case.
    pub platform: String,
    /// When it shall go out, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<String>,
    /// What it is about.
    pub topic: String,
    /// What it shall achieve; for the writers, not for the public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// Ids of the resources that it draws on.
    #[serde(default)]
    pub resource_ids: Vec<String>,
    /// Id of the template that it fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_id: Option<String>,
    /// Wishes about wording and emphasis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl PlanItem {
    /// Its content type, when that is known.
    pub fn known_type(&self) -> Option<ContentType> {
        ContentType::parse(&self.content_type)
    }

    /// Its platform, when that is known.
    pub fn known_platform(&self) -> Option<Platform> {
        Platform::parse(&self.platform)
    }
}

/// What a publication consists of. Its name is also the agent kind that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// A post.
    TextOnly,
    /// A post with a picture.
    TextImage,
    /// A template, filled and drawn.
    TextTemplate,
    /// Slides.
    Carousel,
}

impl ContentType {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::TextOnly,
        Self::TextImage,
        Self::TextTemplate,
        Self::Carousel,
    ];

    /// The name used in plans and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TextOnly => "text_only",
            Self::TextImage => "text_image",
            Self::TextTemplate => "text_template",
            Self::Carousel => "carousel",
        }
    }

    /// The type of exactly that name: conditions compare the text as it stands.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What all publications of a plan share.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workspace {
    /// Whose voice and colours they have.
    pub brand: Brand,
    /// BCP 47 tag.
    #[serde(default = "english")]
    pub language: String,
    /// Whom they speak to.
    pub audience: String,
}

fn english() -> String {
    "en".to_owned()
}

/// Background for the agents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanResource {
    /// Unique in the plan.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A name of [`ResourceKind`].
    pub kind: String,
    /// A text, or the address of a `url`: that is named and never fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Hash of an uploaded blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

impl PlanResource {
    /// Its kind, when that is known.
    pub fn known_kind(&self) -> Option<ResourceKind> {
        ResourceKind::parse(&self.kind)
    }
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A text, in `body`.
    Text,
    /// An address, in `body`.
    Url,
    /// A picture, in `blob`.
    Image,
    /// A longer text, in one of `body` and `blob`.
    Document,
}

impl ResourceKind {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Text, "text"),
        (Self::Url, "url"),
        (Self::Image, "image"),
        (Self::Document, "document"),
    ];

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(_, known)| *known == name);
        found.map(|(kind, _)| kind)
    }
}

/// A picture with places for text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanTemplate {
    /// Unique in the plan.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its places for text, in the order of reading; 1 to [`MAX_SLOTS`].
    pub slots: Vec<Slot>,
    /// Its size.
    pub canvas: Canvas,
    /// One of [`TEMPLATE_LAYOUTS`].
    pub layout: String,
}

/// A place for text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// 1 to 64 characters out of a-z, 0-9, `_` and `-`.
    pub name: String,
    /// Most characters that it takes.
    pub max_chars: u32,
    /// Whether it may stay empty.
    #[serde(default)]
    pub optional: bool,
}

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// [`MIN_CANVAS`] to [`MAX_CANVAS`].
    pub width: u32,
    /// [`MIN_CANVAS`] to [`MAX_CANVAS`].
    pub height: u32,
}

impl ContentPlan {
    /// Every fault of the plan, by field path (`items[3].template_id`); none means that it can be worked with.
    pub fn problems(&self) -> Vec<Problem> {
        let mut all = Problems::default();
        check::plan(self, &mut all);
        all.into_vec()
    }

    /// The resource of that id.
    pub fn resource(&self, id: &str) -> Option<&PlanResource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// The template of that id.
    pub fn template(&self, id: &str) -> Option<&PlanTemplate> {
        self.templates.iter().find(|template| template.id == id)
    }
}

#[cfg(test)]
mod tests;
