//! From a submit to a brief that stands by itself: its template filled, the stored brand and resources that it
//! names put in. So a run keeps them as they were.

use model::{
    TenantId,
    brief::{CampaignBrief, Options},
    library::{Content, Kind, Reference, Sources},
    limits::MAX_REQUEST_BYTES,
    validate::Problem,
};
use store::library::Place;
use tonic::Status;
use wire::{campaign::v1 as proto, convert::brief};

use super::Api;
use crate::core::commit::WorkError;

/// What a run is made of.
pub(super) struct Resolved {
    pub(super) brief: CampaignBrief,
    pub(super) options: Options,
    /// What of the library went into the brief.
    pub(super) sources: Option<Sources>,
}

/// What is kept under a reference, or why it is not.
type Found = Result<(Reference, Content), String>;

impl Api {
    /// The brief with all that the submit names, or every fault at once by its path in `SubmitRequest`; the
    /// faults of a filled template have the paths of the brief that it became. A name without a version stands
    /// for the one in `pinned`, if that has it.
    pub(super) async fn resolve(
        &self,
        tenant: &TenantId,
        request: proto::SubmitRequest,
        pinned: Option<&Sources>,
    ) -> Result<Result<Resolved, Vec<Problem>>, Status> {
        let mut problems = Vec::new();
        let mut sources = Sources::default();
        let given = request.brief.map(CampaignBrief::from);
        let mut added = None;
        let brief = match request.template {
            None => given,
            Some(_) if given.is_some() => {
                problems.push(fault(
                    "template",
                    "must be left out, as `brief` is given: a run is made of one of them",
                ));
                given
            }
            Some(template) => {
                let brand = !template.brand_ref.is_empty();
                let filled = self.filled(tenant, template, pinned, &mut sources).await?;
                match filled {
                    Ok((brief, own_resources)) => {
                        added = Some(Added {
                            brand,
                            after: own_resources,
                        });
                        Some(brief)
                    }
                    Err(faults) => {
                        problems.extend(faults);
                        let (.., others) = brief::checked(None, request.options);
                        problems.extend(others.into_iter().filter(|other| other.path != "brief"));
                        return Ok(Err(problems));
                    }
                }
            }
        };
        let (brief, options, faults) = brief::checked(brief, request.options);
        problems.extend(faults);
        let Some(mut brief) = brief else {
            return Ok(Err(problems));
        };
        let (brand, resources) = brief.references();
        if let Some(reference) = brand {
            let pin = pinned.and_then(|pinned| pinned.brand.as_ref());
            match self.kept(tenant, Kind::Brand, reference, pin).await? {
                Ok((reference, Content::Brand(brand))) => {
                    brief.brand = brand;
                    sources.brand = Some(reference);
                }
                Ok(_) => {}
                Err(why) => problems.push(fault("brief.brand_ref", why)),
            }
        }
        for (number, (path, reference)) in resources.into_iter().enumerate() {
            let pin = pinned.and_then(|pinned| pinned.resources.get(number));
            match self.kept(tenant, Kind::Resource, reference, pin).await? {
                Ok((reference, Content::Resource(resource))) => {
                    brief.resources.push(resource);
                    sources.resources.push(reference);
                }
                Ok(_) => {}
                Err(why) => problems.push(fault(format!("brief.{path}"), why)),
            }
            if text_bytes(&brief) > MAX_REQUEST_BYTES {
                problems.push(fault(
                    format!("brief.{path}"),
                    format!("makes the resources more than {MAX_REQUEST_BYTES} bytes together"),
                ));
                break;
            }
        }
        if !problems.is_empty() {
            if let Some(added) = added {
                problems
                    .iter_mut()
                    .for_each(|problem| added.rename(problem));
            }
            return Ok(Err(problems));
        }
        brief.brand_ref.clear();
        brief.resource_refs.clear();
        // What was kept by an older version may have faults by now.
        let faults = brief.problems();
        if !faults.is_empty() {
            return Ok(Err(faults.into_iter().map(brief::under_brief).collect()));
        }
        Ok(Ok(Resolved {
            brief,
            options,
            sources: Some(sources).filter(|sources| !sources.is_empty()),
        }))
    }

    /// The brief of a template with the use's own brand and resources, and how many resources it names itself.
    async fn filled(
        &self,
        tenant: &TenantId,
        used: proto::TemplateUse,
        pinned: Option<&Sources>,
        sources: &mut Sources,
    ) -> Result<Result<(CampaignBrief, usize), Vec<Problem>>, Status> {
        let reference = match used.name.parse::<Reference>() {
            Ok(reference) => reference,
            Err(error) => return Ok(Err(vec![fault("template.name", error)])),
        };
        let pin = pinned.and_then(|pinned| pinned.template.as_ref());
        let (reference, template) = match self.kept(tenant, Kind::Template, reference, pin).await? {
            Ok((reference, Content::Template(template))) => (reference, template),
            Ok(_) => return Ok(Err(Vec::new())),
            Err(why) => return Ok(Err(vec![fault("template.name", why)])),
        };
        sources.template = Some(reference);
        let filled = template.fill(&used.values);
        Ok(match filled {
            Ok(mut brief) => {
                if !used.brand_ref.is_empty() {
                    brief.brand = model::brief::Brand::default();
                    brief.brand_ref = used.brand_ref;
                }
                let own_resources = brief.resource_refs.len();
                brief.resource_refs.extend(used.resource_refs);
                Ok((brief, own_resources))
            }
            Err(faults) => Err(faults
                .into_iter()
                .map(|problem| fault(format!("template.{}", problem.path), problem.message))
                .collect()),
        })
    }

    /// What is kept under a reference. A deleted name counts only for whom `pin` names.
    async fn kept(
        &self,
        tenant: &TenantId,
        kind: Kind,
        reference: Reference,
        pin: Option<&Reference>,
    ) -> Result<Found, Status> {
        let pin = pin.filter(|pin| {
            pin.name == reference.name
                && (reference.version.is_none() || reference.version == pin.version)
        });
        let version = pin.map_or(reference.version, |pin| pin.version);
        let place = Place {
            tenant: tenant.clone(),
            kind,
            name: reference.name.clone(),
        };
        let found = self.library.entry(&place, version).await;
        let found = found.map_err(WorkError::from)?;
        let Some((row, content)) = found.filter(|(row, _)| !row.deleted || pin.is_some()) else {
            return Ok(Err(format!("there is no {kind} `{reference}`")));
        };
        let content = Content::decode(kind, &content).map_err(|error| {
            WorkError::Corrupt(format!(
                "{kind} {} version {}: {error}",
                row.name, row.version
            ))
        })?;
        let reference = Reference {
            name: row.name,
            version: Some(row.version),
        };
        Ok(Ok((reference, content)))
    }
}

/// What the use of a template added to its brief: faults of it have paths of their own.
struct Added {
    /// The brand.
    brand: bool,
    /// Resources after this many of the template's.
    after: usize,
}

impl Added {
    fn rename(&self, problem: &mut Problem) {
        if self.brand && problem.path == "brief.brand_ref" {
            problem.path = "template.brand_ref".to_owned();
        }
        let number = problem
            .path
            .strip_prefix("brief.resource_refs[")
            .and_then(|rest| rest.strip_suffix(']')?.parse::<usize>().ok());
        if let Some(number) = number.and_then(|number| number.checked_sub(self.after)) {
            problem.path = format!("template.resource_refs[{number}]");
        }
    }
}

fn text_bytes(brief: &CampaignBrief) -> usize {
    let texts = brief.resources.iter().filter_map(|r| r.text.as_deref());
    texts.map(str::len).sum()
}

fn fault(path: impl Into<String>, message: impl ToString) -> Problem {
    Problem {
        path: path.into(),
        message: message.to_string(),
    }
}
