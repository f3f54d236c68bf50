//! What is kept to be used again.

use model::{
    brief::CampaignBrief,
    library::{Content, Definition, Placeholder, Sources, Template},
};

use crate::{campaign::v1 as campaign, library::v1 as pb};

impl From<pb::Template> for Template {
    /// An absent brief becomes an empty one, whose faults [`Template::problems`] names.
    fn from(wire: pb::Template) -> Self {
        Self {
            about: wire.about,
            placeholders: wire
                .placeholders
                .into_iter()
                .map(|placeholder| Placeholder {
                    name: placeholder.name,
                    kind: placeholder.kind,
                    about: placeholder.about,
                    default: placeholder.default,
                })
                .collect(),
            brief: CampaignBrief::from(wire.brief.unwrap_or_default()),
        }
    }
}

impl From<Template> for pb::Template {
    fn from(model: Template) -> Self {
        Self {
            about: model.about,
            placeholders: model
                .placeholders
                .into_iter()
                .map(|placeholder| pb::Placeholder {
                    name: placeholder.name,
                    kind: placeholder.kind,
                    about: placeholder.about,
                    default: placeholder.default,
                })
                .collect(),
            brief: Some(model.brief.into()),
        }
    }
}

impl From<pb::Definition> for Definition {
    fn from(wire: pb::Definition) -> Self {
        Self {
            source: wire.source,
        }
    }
}

impl From<Definition> for pb::Definition {
    fn from(model: Definition) -> Self {
        Self {
            source: model.source,
        }
    }
}

impl From<pb::put_request::Content> for Content {
    fn from(wire: pb::put_request::Content) -> Self {
        match wire {
            pb::put_request::Content::Brand(brand) => Self::Brand(brand.into()),
            pb::put_request::Content::Template(template) => Self::Template(template.into()),
            pb::put_request::Content::Resource(resource) => Self::Resource(resource.into()),
            pb::put_request::Content::Workflow(own) => Self::Workflow(own.into()),
        }
    }
}

impl From<Content> for pb::put_request::Content {
    fn from(model: Content) -> Self {
        match model {
            Content::Brand(brand) => Self::Brand(brand.into()),
            Content::Template(template) => Self::Template(template.into()),
            Content::Resource(resource) => Self::Resource(resource.into()),
            Content::Workflow(own) => Self::Workflow(own.into()),
        }
    }
}

impl From<Content> for pb::entry::Content {
    fn from(model: Content) -> Self {
        match model {
            Content::Brand(brand) => Self::Brand(brand.into()),
            Content::Template(template) => Self::Template(template.into()),
            Content::Resource(resource) => Self::Resource(resource.into()),
            Content::Workflow(own) => Self::Workflow(own.into()),
        }
    }
}

impl From<pb::entry::Content> for Content {
    fn from(wire: pb::entry::Content) -> Self {
        match wire {
            pb::entry::Content::Brand(brand) => Self::Brand(brand.into()),
            pb::entry::Content::Template(template) => Self::Template(template.into()),
            pb::entry::Content::Resource(resource) => Self::Resource(resource.into()),
            pb::entry::Content::Workflow(own) => Self::Workflow(own.into()),
        }
    }
}

impl From<Sources> for campaign::Sources {
    fn from(model: Sources) -> Self {
        let text = |reference: Option<model::library::Reference>| {
            reference.map_or_else(String::new, |reference| reference.to_string())
        };
        Self {
            template: text(model.template),
            brand: text(model.brand),
            resources: model.resources.iter().map(ToString::to_string).collect(),
        }
    }
}
