//! An artifact as the rules read it: typed, and as a list of texts with their places.

use std::{ops::Range, sync::OnceLock};

use model::{
    ContentHash, StepName,
    artifact::{CopyArtifact, PosterText, ShortCopyArtifact, VisualConceptArtifact},
    platform::Platform,
};

use crate::{
    fold::Folded,
    personal::{self, Kind},
    prose::{self, Sentence},
};

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

/// What a text that no run made is called where a step would be named.
const TEXT: &str = "text";

/// One artifact version, or any text, to be judged.
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
    VisualConcept,
    /// A text that no run made; a post when it has a platform.
    Text(Option<Platform>),
}

/// A post as it would go out.
pub(crate) struct Post<'a> {
    pub(crate) platform: Platform,
    /// Its text without hashtags and link, where those are fields of their own.
    pub(crate) text: &'a Text,
    /// All of it.
    pub(crate) whole: String,
    /// How long the artifact says that it is.
    pub(crate) stated_length: Option<u32>,
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
    /// Where a button or a post leads.
    Address,
    /// What stands on the button.
    Button,
}

/// One string of an artifact.
#[derive(Debug)]
pub(crate) struct Text {
    /// JSON pointer.
    pub(crate) path: String,
    pub(crate) role: Role,
    /// Where it is posted.
    pub(crate) platform: Option<Platform>,
    pub(crate) text: String,
    pub(crate) folded: Folded,
    personal: OnceLock<Vec<(Kind, Range<usize>)>>,
    sentences: OnceLock<Vec<Sentence>>,
}

impl Text {
    /// The personal data in it; found once, for the rules about them and the one about numbers.
    pub(crate) fn personal(&self) -> &[(Kind, Range<usize>)] {
        self.personal.get_or_init(|| personal::find(&self.text))
    }

    /// Its sentences, told apart once.
    pub(crate) fn sentences(&self) -> &[Sentence] {
        self.sentences.get_or_init(|| prose::sentences(&self.text))
    }
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
        let mut texts = Texts::default();
        let artifact = match step.as_str() {
            "copy" => {
                let copy: Box<CopyArtifact> = serde_json::from_str(json).map_err(wrong)?;
                texts.copy(&copy);
                Artifact::Copy(copy)
            }
            "short_copy" => {
                let short = serde_json::from_str(json).map_err(wrong)?;
                texts.short_copy(&short);
                Artifact::ShortCopy(short)
            }
            "visual_concept" => {
                let visual = serde_json::from_str(json).map_err(wrong)?;
                texts.visual_concept(&visual);
                Artifact::VisualConcept
            }
            _ => return Err(Unreadable::UnknownStep(step.clone())),
        };
        Ok(Self {
            step: step.clone(),
            version: version.clone(),
            artifact,
            texts: texts.all,
        })
    }

    /// A text that no run made: Markdown, or a post when `platform` is given. Findings name no path.
    pub fn text(text: &str, platform: Option<Platform>) -> Self {
        let mut texts = Texts {
            platform,
            ..Texts::default()
        };
        texts.add(Role::Shown, "", text);
        Self {
            step: StepName::new(TEXT).unwrap_or_else(|fault| unreachable!("a constant: {fault}")),
            version: ContentHash::of(text.as_bytes()),
            artifact: Artifact::Text(platform),
            texts: texts.all,
        }
    }

    /// The texts in one of `roles`.
    pub(crate) fn texts(&self, roles: &'static [Role]) -> impl Iterator<Item = &Text> {
        self.texts.iter().filter(|text| roles.contains(&text.role))
    }

    /// What the audience reads, in the order it is read.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Text> {
        self.texts(&[Role::Shown, Role::Button])
    }

    /// The posts, each with its platform.
    pub(crate) fn posts(&self) -> Vec<Post<'_>> {
        let texts = self.texts(&[Role::Shown]);
        match &self.artifact {
            Artifact::ShortCopy(short) => short
                .platforms
                .iter()
                .flat_map(|(platform, variants)| variants.iter().map(move |v| (*platform, v)))
                .zip(texts)
                .map(|((platform, variant), text)| Post {
                    platform,
                    text,
                    whole: variant.post_text(),
                    stated_length: Some(variant.character_count),
                })
                .collect(),
            Artifact::Text(Some(platform)) => texts
                .map(|text| Post {
                    platform: *platform,
                    text,
                    whole: text.text.clone(),
                    stated_length: None,
                })
                .collect(),
            Artifact::Text(None) | Artifact::Copy(_) | Artifact::VisualConcept => Vec::new(),
        }
    }
}

#[derive(Default)]
struct Texts {
    all: Vec<Text>,
    platform: Option<Platform>,
}

impl Texts {
    fn add(&mut self, role: Role, path: impl Into<String>, text: &str) {
        self.all.push(Text {
            path: path.into(),
            role,
            platform: self.platform,
            text: text.to_owned(),
            folded: Folded::new(text),
            personal: OnceLock::new(),
            sentences: OnceLock::new(),
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
            Role::Button,
            "/call_to_action/label",
            &copy.call_to_action.label,
        );
        self.add(
            Role::Address,
            "/call_to_action/url",
            &copy.call_to_action.url,
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
            self.platform = Some(*platform);
            for (i, variant) in variants.iter().enumerate() {
                let path = format!("/platforms/{platform}/{i}");
                self.add(Role::Shown, format!("{path}/text"), &variant.text);
                self.list(
                    Role::Hashtag,
                    &format!("{path}/hashtags"),
                    &variant.hashtags,
                );
                if let Some(link) = &variant.link {
                    self.add(Role::Address, format!("{path}/link"), link);
                }
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
