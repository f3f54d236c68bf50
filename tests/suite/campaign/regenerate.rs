//! A new version of one artifact.

use anyhow::Context;
use tonic::Code;
use wire::{
    artifact::v1::{ArtifactVersion, GetVersionRequest},
    campaign::v1::RegenerateRequest,
    problem::problems_of,
};

use super::{MODES, submit};
use crate::shared;

#[tokio::test]
async fn makes_version_two_audits_it_and_keeps_version_one() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    for mode in MODES {
        let name = format!("made again, {mode}");
        let run_id = submit(&clients, &name, mode).await?;
        let before = clients.at_rest(&run_id).await?;
        let version = async |version: u32| -> anyhow::Result<ArtifactVersion> {
            let request = GetVersionRequest {
                run_id: run_id.clone(),
                step: "copy".to_owned(),
                version,
            };
            Ok(clients
                .artifacts
                .clone()
                .get_version(request)
                .await?
                .into_inner())
        };
        let first = version(1).await?;
        assert!(first.active);

        let request = RegenerateRequest {
            run_id: run_id.clone(),
            step: "copy".to_owned(),
            note: "fewer adjectives".to_owned(),
        };
        let reopened = clients
            .campaigns
            .clone()
            .regenerate(request)
            .await?
            .into_inner();
        let after = clients.at_rest(&run_id).await?;
        assert_eq!(after.status, "success");

        let events = clients.stored_events(&run_id).await?;
        let kind = |number: u64| events.iter().find(|event| event.sequence == number);
        assert_eq!(
            kind(reopened.sequence).map(|event| event.r#type.as_str()),
            Some("reopened")
        );

        let second = version(2).await?;
        assert!(second.active && second.content_json.contains("fewer adjectives"));
        let old = version(1).await?;
        assert_eq!(
            (old.active, &old.content_json),
            (false, &first.content_json)
        );
        assert_eq!(version(0).await?, second);

        let (was, is) = (
            before.artifacts.context("before")?,
            after.artifacts.context("after")?,
        );
        assert_eq!(is.versions["copy"].number, 2);
        assert_eq!(is.versions["copy"].hash, second.hash);
        assert_ne!(is.copy, was.copy);
        for other in ["short_copy", "visual_concept"] {
            assert_eq!(is.versions[other], was.versions[other]);
        }

        // The audit that judges the copy judged again; others did not.
        let mut audits: Vec<_> = clients
            .versions(&run_id)
            .await?
            .into_iter()
            .filter(|version| version.step.starts_with("audit"))
            .map(|version| (version.step, version.version))
            .collect();
        audits.sort();
        let wanted: &[(&str, u32)] = match mode {
            "parallel" => &[("audit", 1), ("audit", 2)],
            _ => &[
                ("audit_copy", 1),
                ("audit_copy", 2),
                ("audit_short_copy", 1),
                ("audit_visual_concept", 1),
            ],
        };
        let audits: Vec<_> = audits
            .iter()
            .map(|(step, version)| (step.as_str(), *version))
            .collect();
        assert_eq!(audits, wanted);
        assert!(after.audit_report.is_some());

        let active = stack
            .query(&format!(
                "select step, version from artifacts where run = '{run_id}' order by step"
            ))
            .await?;
        assert_eq!(active, "copy|2\nshort_copy|1\nvisual_concept|1");
        assert_eq!(stack.calls_for(&name)?.len(), 4);
    }
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_made_again_is_refused() -> anyhow::Result<()> {
    let clients = shared().await?.clients()?;
    let run_id = submit(&clients, "made once", "parallel").await?;
    clients.at_rest(&run_id).await?;
    for step in ["audit", "no_such_step", "Not A Step"] {
        let request = RegenerateRequest {
            run_id: run_id.clone(),
            step: step.to_owned(),
            note: String::new(),
        };
        let refused = clients.campaigns.clone().regenerate(request).await;
        let Err(status) = refused else {
            panic!("{step} was made again");
        };
        assert_eq!(status.code(), Code::InvalidArgument, "{step}");
        assert_eq!(problems_of(&status)[0].path, "step", "{step}");
    }
    assert_eq!(clients.versions(&run_id).await?.len(), 4);
    Ok(())
}
