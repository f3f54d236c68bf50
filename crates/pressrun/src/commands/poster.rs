//! A run's poster as files.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use model::{ContentHash, media::MediaType};
use wire::{artifact::v1::GetMediaRequest, campaign::v1::OrchestrationResult};

use crate::{Failure, client::Client, output};

/// Writes `poster.png` and `poster.svg` of the active concept into `dir`, and says where they are, or why
/// there is none.
pub(super) async fn save(
    client: &Client,
    result: &OrchestrationResult,
    dir: &Path,
) -> Result<(), Failure> {
    let concept = result
        .artifacts
        .as_ref()
        .and_then(|artifacts| artifacts.visual_concept.as_ref());
    let Some(concept) = concept else {
        return output::talk("there is no poster: the run has no visual concept");
    };
    if let Some(refusal) = &concept.poster_refusal {
        return output::talk(&format!("there is no poster: {}", refusal.message));
    }
    let Some(poster) = &concept.poster else {
        return output::talk("there is no poster: the concept was made without");
    };
    for picture in [&poster.png, &poster.svg].into_iter().flatten() {
        let path = file(client, &picture.hash, dir).await?;
        output::talk(&format!("poster: {}", path.display()))?;
    }
    Ok(())
}

async fn file(client: &Client, hash: &str, dir: &Path) -> Result<PathBuf, Failure> {
    let request = GetMediaRequest {
        hash: hash.to_owned(),
    };
    let media = client.artifacts().get_media(request).await?.into_inner();
    if ContentHash::of(&media.content).as_str() != hash {
        return Err(anyhow!("the picture {hash} came with other bytes; ask again").into());
    }
    let kind: MediaType = media.media_type.parse().map_err(anyhow::Error::from)?;
    tokio::fs::create_dir_all(dir)
        .await
        .with_context(|| format!("{} cannot be made", dir.display()))?;
    let path = dir.join(format!("poster.{}", kind.extension()));
    tokio::fs::write(&path, &media.content)
        .await
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}
