//! `pressrun validate`, and what it and `submit` are given.

use model::{brief::Brand, brief::CampaignBrief, validate::Problem};
use wire::campaign::v1::{self as campaign, Options, SubmitRequest, TemplateUse};

use crate::{
    Failure,
    args::{Output, Source},
    brief,
    client::Client,
    output,
};

/// What a submit is made of: a brief that was checked here, or the use of a template.
pub(super) enum Made {
    Brief(Box<CampaignBrief>),
    Template(TemplateUse),
}

impl Made {
    /// Reads the brief, when there is one.
    pub(super) fn of(source: Source) -> Result<Self, Failure> {
        let Source {
            brief,
            template,
            set,
            brand,
            resources,
        } = source;
        let brand = brand.map(|brand| brand.to_string()).unwrap_or_default();
        let resources = resources.iter().map(ToString::to_string);
        let Some(template) = template else {
            let path = brief.unwrap_or_default();
            let brief = brief::read_with(&path, |brief| {
                if !brand.is_empty() {
                    brief.brand = Brand::default();
                    brief.brand_ref = brand;
                }
                brief.resource_refs.extend(resources);
            })?;
            return Ok(Self::Brief(Box::new(brief)));
        };
        let mut used = TemplateUse {
            name: template.to_string(),
            brand_ref: brand,
            resource_refs: resources.collect(),
            ..TemplateUse::default()
        };
        let mut twice = Vec::new();
        for (key, value) in set {
            if used.values.insert(key.clone(), value).is_some() {
                twice.push(Problem {
                    path: format!("--set {key}"),
                    message: "is given twice".to_owned(),
                });
            }
        }
        if twice.is_empty() {
            return Ok(Self::Template(used));
        }
        Err(Failure::Invalid {
            what: "the command line".to_owned(),
            problems: twice,
        })
    }

    /// Whether only the orchestrator knows all of it.
    fn names_library(&self) -> bool {
        match self {
            Self::Brief(brief) => !brief.brand_ref.is_empty() || !brief.resource_refs.is_empty(),
            Self::Template(_) => true,
        }
    }

    pub(super) fn request(self) -> SubmitRequest {
        match self {
            Self::Brief(brief) => SubmitRequest {
                brief: Some((*brief).into()),
                ..SubmitRequest::default()
            },
            Self::Template(template) => SubmitRequest {
                template: Some(template),
                ..SubmitRequest::default()
            },
        }
    }
}

pub(super) async fn validate(
    client: impl Fn() -> Result<Client, Failure>,
    source: Source,
    format: Output,
) -> Result<(), Failure> {
    let what = match (&source.brief, &source.template) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(template)) => format!("template {template}"),
        (None, None) => String::new(),
    };
    let made = Made::of(source)?;
    let brief = if made.names_library() {
        let request = SubmitRequest {
            validate_only: true,
            // Only the brief is asked about, not whether someone could work on it.
            options: Some(Options {
                wait_for_workers: true,
                ..Options::default()
            }),
            ..made.request()
        };
        let answer = client()?.campaigns().submit(request).await?;
        answer.into_inner().brief.unwrap_or_default()
    } else {
        match made {
            Made::Brief(brief) => (*brief).into(),
            Made::Template(_) => campaign::CampaignBrief::default(),
        }
    };
    match format {
        Output::Json => output::json(&brief),
        Output::Text => output::line(&format!("{what} has no fault")),
    }
}
