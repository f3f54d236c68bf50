//! An artifact as the rules read it: typed, and as a list of texts with their places.

use model::{
    ContentHash, StepName,
    artifact::{
        CopyArtifact, PosterText, ShortCopyArtifact, ShortCopyVariant, VisualConceptArtifact,
    },
    platform::Platform,
};

use crate::fold::Folded;

/// Why an artifact cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// No rule knows what this step makes.
    #[error(
        "step `{0}` makes no artifact of this auditor; it judges copy, short_copy and visual_concept"
    )]
    UnknownStep(StepName),
    /// The content is not of the step's type. Says where, never what stands there.
    #[error(
        "the artifact of step `{step}` is not of its type (line {line}, column {column}); make it again"
    )]
    WrongType {
        /// The step.
        step: StepName,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
}

/// One artifact version to be judged.
#[derive(Debug)]
pub struct Piece {
    pub(crate) step: StepName,
    pub(crate) version: ContentHash,
    pub(crate) artifact: Artifact,
    pub(crate) texts: Vec<Text>,
}

#[derive(Debug)]
pub(crate) enum Artifact {
    Copy(Box<CopyArtifact>),
    ShortCopy(ShortCopyArtifact),
    VisualConcept(Box<VisualConceptArtifact>),
}

/// What a text is for, which decides what the rules ask of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The audience reads it on the page or in the post.
    Shown,
    /// Search engines show it.
    Search,
    /// Says what a picture shows.
    Picture,
    /// A hashtag without its sign.
    Hashtag,
    /// An entry of the list of claims.
    Claim,
    /// Tells a designer or an image model what to make.
    Direction,
}

/// One string of an artifact.
#[derive(Debug)]
pub(crate) struct Text {
    /// JSON pointer.
    pub(crate) path: String,
    pub(crate) role: Role,
    pub(crate) text: String,
    pub(crate) folded: Folded,
}

impl Piece {
    /// Reads the artifact of `step`; its type is told by the step's name.
    ///
    /// # Errors
    /// When the step's name is none of this auditor's, or the content is not of its type.
    pub fn read(step: &StepName, version: &ContentHash, json: &str) -> Result<Self, Unreadable> {
        let wrong = |fault: serde_json::Error| Unreadable::WrongType {
            step: step.clone(),
            line: fault.line(),
            column: fault.column(),
        };
        let artifact = match step.as_str() {
            "copy" => Artifact::Copy(serde_json::from_str(json).map_err(wrong)?),
            "short_copy" => Artifact::ShortCopy(serde_json::from_str(json).map_err(wrong)?),
            "visual_concept" => Artifact::VisualConcept(serde_json::from_str(json).map_err(wrong)?),
            _ => return Err(Unreadable::UnknownStep(step.clone())),
        };
        let mut texts = Texts::default();
        match &artifact {
            Artifact::Copy(copy) => texts.copy(copy),
            Artifact::ShortCopy(short) => texts.short_copy(short),
            Artifact::VisualConcept(visual) => texts.visual_concept(visual),
        }
        Ok(Self {
            step: step.clone(),
            version: version.clone(),
            artifact,
            texts: texts.0,
        })
    }

    /// The texts in one of `roles`.
    pub(crate) fn texts(&self, roles: &'static [Role]) -> impl Iterator<Item = &Text> {
        self.texts.iter().filter(|text| roles.contains(&text.role))
    }

    /// The variants of a short copy, each with its platform and its text.
    pub(crate) fn posts(&self) -> impl Iterator<Item = (Platform, &ShortCopyVariant, &Text)> {
        let platforms = match &self.artifact {
            Artifact::ShortCopy(short) => Some(&short.platforms),
            Artifact::Copy(_) | Artifact::VisualConcept(_) => None,
        };
        platforms
            .into_iter()
            .flatten()
            .flat_map(|(platform, variants)| variants.iter().map(move |v| (*platform, v)))
            .zip(self.texts(&[Role::Shown]))
            .map(|((platform, variant), text)| (platform, variant, text))
    }
}

#[derive(Default)]
struct Texts(Vec<Text>);

impl Texts {
    fn add(&mut self, role: Role, path: impl Into<String>, text: &str) {
        self.0.push(Text {
            path: path.into(),
            role,
            text: text.to_owned(),
            folded: Folded::new(text),
        });
    }

    fn list(&mut self, role: Role, path: &str, list: &[String]) {
        for (i, text) in list.iter().enumerate() {
            self.add(role, format!("{path}/{i}"), text);
        }
    }

    fn copy(&mut self, copy: &CopyArtifact) {
        self.list(Role::Shown, "/headline_options", &copy.headline_options);
        self.add(Role::Shown, "/subhead", &copy.subhead);
        self.add(Role::Shown, "/body", &copy.body);
        self.list(Role::Shown, "/key_benefits", &copy.key_benefits);
        self.add(
            Role::Shown,
            "/call_to_action/label",
            &copy.call_to_action.label,
        );
        self.add(Role::Search, "/seo/title", &copy.seo.title);
        self.add(Role::Search, "/seo/description", &copy.seo.description);
        self.list(Role::Search, "/seo/keywords", &copy.seo.keywords);
        for (i, claim) in copy.claims.iter().enumerate() {
            self.add(Role::Claim, format!("/claims/{i}/text"), &claim.text);
        }
    }

    fn short_copy(&mut self, short: &ShortCopyArtifact) {
        for (platform, variants) in &short.platforms {
            for (i, variant) in variants.iter().enumerate() {
                let path = format!("/platforms/{platform}/{i}");
                self.add(Role::Shown, format!("{path}/text"), &variant.text);
                self.list(
                    Role::Hashtag,
                    &format!("{path}/hashtags"),
                    &variant.hashtags,
                );
            }
        }
    }

    fn visual_concept(&mut self, visual: &VisualConceptArtifact) {
        for (path, text) in [
            ("/title", &visual.title),
            ("/rationale", &visual.rationale),
            ("/composition", &visual.composition),
            ("/typography/headline", &visual.typography.headline),
            ("/typography/body", &visual.typography.body),
            ("/typography/notes", &visual.typography.notes),
            ("/image_prompt", &visual.image_prompt),
        ] {
            self.add(Role::Direction, path, text);
        }
        for (i, swatch) in visual.palette.iter().enumerate() {
            self.add(Role::Direction, format!("/palette/{i}/role"), &swatch.role);
        }
        self.add(Role::Picture, "/alt_text", &visual.alt_text);
        if let Some(poster) = &visual.poster {
            let PosterText {
                headline,
                subhead,
                call_to_action,
                brand,
                small_print,
                // An address says nothing.
                address: _,
            } = &poster.text;
            for (name, text) in [
                ("headline", headline),
                ("subhead", subhead),
                ("call_to_action", call_to_action),
                ("brand", brand),
                ("small_print", small_print),
            ] {
                self.add(Role::Shown, format!("/poster/text/{name}"), text);
            }
        }
    }
}
