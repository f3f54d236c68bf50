//! `pressrun health`: for images that hold no other program to ask with.

use std::time::Duration;

use anyhow::Context;
use service::http::{READY, Ready};

use crate::{Failure, output};

/// A service that is well answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
    client.build().context("no HTTP client can be made")
}

/// How a service stands, part by part.
pub(super) async fn look(base: &str) -> anyhow::Result<Ready> {
    let url = format!("{}{READY}", base.trim_end_matches('/'));
    let answer = client()?.get(url).send().await?;
    Ok(answer.json().await?)
}

pub(super) async fn health(url: &str) -> Result<(), Failure> {
    let answer = client()?
        .get(url)
        .send()
        .await
        .map_err(|error| Failure::Unavailable(format!("{url} does not answer: {error}")))?;
    let status = answer.status();
    if status.is_success() {
        output::line("well")
    } else {
        Err(Failure::Unavailable(format!("{url} answers {status}")))
    }
}
