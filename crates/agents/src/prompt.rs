//! The prompts: templates in files, compiled in.

use minijinja::{Environment, UndefinedBehavior, Value, context};
use model::Failure;
use sha2::{Digest, Sha256};

use crate::{
    material::{Material, Subject},
    task::defect,
};

const FILES: [(&str, &str); 9] = [
    ("material.md", include_str!("../prompts/material.md")),
    ("copy", include_str!("../prompts/copy.md")),
    ("short_copy", include_str!("../prompts/short_copy.md")),
    (
        "visual_concept",
        include_str!("../prompts/visual_concept.md"),
    ),
    ("publication.md", include_str!("../prompts/publication.md")),
    ("text_only", include_str!("../prompts/text_only.md")),
    ("text_image", include_str!("../prompts/text_image.md")),
    ("text_template", include_str!("../prompts/text_template.md")),
    ("carousel", include_str!("../prompts/carousel.md")),
];

/// All templates, ready.
pub(crate) struct Prompts(Environment<'static>);

impl Prompts {
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in FILES {
            environment
                .add_template(name, source)
                .map_err(|error| defect("a prompt cannot be read", error))?;
        }
        Ok(Self(environment))
    }

    /// The prompt `name` about `material`; `own` is what this prompt needs besides.
    pub(crate) fn render<S: Subject>(
        &self,
        name: &str,
        material: &Material<S>,
        attempt: u32,
        own: Value,
    ) -> Result<String, Failure> {
        let template = self.0.get_template(name);
        template
            .and_then(|template| {
                template.render(context! {
                    data => material.fenced(),
                    revising => material.previous.is_some(),
                    noted => material.note.is_some(),
                    earlier => !material.earlier.is_empty(),
                    attempt => attempt,
                    ..own
                })
            })
            .map_err(|error| defect("a prompt cannot be rendered", error))
    }
}

/// A version that changes with any text that a model is given: the prompt, the rules, the schema.
pub(crate) fn version<S: Subject>(kind: &str, schema: &str) -> String {
    let mut hash = Sha256::new();
    let own = FILES
        .iter()
        .filter(|(name, _)| [kind, S::FENCE].contains(name));
    for text in own.map(|(_, text)| *text).chain([S::SYSTEM, schema]) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    format!(
        "{kind}-{:02x}{:02x}{:02x}{:02x}",
        digest[0], digest[1], digest[2], digest[3]
    )
}
