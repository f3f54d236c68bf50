//! `pressrun health`: for images that hold no other program to ask with.

use std::time::Duration;

use anyhow::Context;

use crate::{Failure, output};

/// A service that is well answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn health(url: &str) -> Result<(), Failure> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .context("no HTTP client can be made")?;
    let answer = client
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
