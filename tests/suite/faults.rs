//! Four seeds of `make test-faults`, one for each binary, and one wipe of NATS; the rest, with more runs,
//! is `cargo run --release -p system-tests --bin faults`.

use system_tests::faults::{
    share,
    trial::{self, Fault, Trial},
};

const RUNS: usize = 10;

async fn killed(seed: u64) -> anyhow::Result<()> {
    trial::run(Trial {
        seed,
        runs: RUNS,
        fault: Fault::of_seed(seed),
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn runs_outlive_an_orchestrator() -> anyhow::Result<()> {
    killed(0).await
}

#[tokio::test]
async fn runs_outlive_an_agent_worker() -> anyhow::Result<()> {
    killed(1).await
}

#[tokio::test]
async fn runs_outlive_an_audit_worker() -> anyhow::Result<()> {
    killed(2).await
}

#[tokio::test]
async fn subscribers_outlive_an_event_gateway() -> anyhow::Result<()> {
    killed(3).await
}

#[tokio::test]
async fn runs_outlive_a_bus_that_forgets_everything() -> anyhow::Result<()> {
    let trial = Trial {
        seed: 4,
        runs: RUNS,
        fault: Fault::WipeNats,
    };
    trial::run(trial).await?;
    Ok(())
}

#[tokio::test]
async fn replicas_share_the_work() -> anyhow::Result<()> {
    share::run(5, 60).await?;
    Ok(())
}
