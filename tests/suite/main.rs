//! The tests of the whole: one module for each story.

mod bad_input;
mod campaign;
mod compose;
mod demo;
mod dev;
mod doctor;
mod faults;
mod layering;
mod metrics;
mod parked;
mod publications;
mod ready;
mod reviews;
mod rotation;
mod scheduling;
mod tidy;
mod trace;

use system_tests::stack::{Layout, Stack, until};
use tokio::sync::OnceCell;

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> &'static std::path::Path {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the workspace")
}

/// One system for all tests that neither stop a part of it nor count what others do.
async fn shared() -> anyhow::Result<&'static Stack> {
    static SHARED: OnceCell<Stack> = OnceCell::const_new();
    SHARED
        .get_or_try_init(async || {
            let stack = Stack::start(&Layout::default()).await?;
            workers_heard(&stack).await?;
            Ok(stack)
        })
        .await
}

/// Waits until the orchestrator has heard of a worker for each agent.
async fn workers_heard(stack: &Stack) -> anyhow::Result<()> {
    let clients = stack.clients()?;
    let mut request = system_tests::brief::request("pre-flight", "parallel");
    request.validate_only = true;
    until("all workers", async || {
        let answer = clients.campaigns.clone().submit(request.clone()).await;
        Ok(answer.is_ok().then_some(()))
    })
    .await
}
