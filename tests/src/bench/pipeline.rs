//! Eight agents in sequence. No built-in workflow is one, and the orchestrator's doors know only those:
//! so the orchestrator's library runs in this process, on real Postgres and NATS, and the worker is a
//! process of its own.

use std::sync::Arc;

use anyhow::bail;
use bus::signature::{Seed, Signer};
use model::{AgentKind, CampaignId, RunId, RunStatus, TenantId, fact::FactTypes};
use orchestrator::{
    Options, Ports, Service,
    core::{Core, submit::Submission},
};
use rig::{Nats, Postgres, Process};
use tokio_util::sync::{CancellationToken, DropGuard};
use workflow::{Catalogue, Plan, Shape};

use super::{
    Binaries,
    product::{hosted, worker},
    rest::Rests,
};

const STEPS: usize = 8;

/// The running pipeline.
pub(super) struct Pipeline {
    client: Client,
    _worker: Process,
    nats: Nats,
    _stop: DropGuard,
}

/// A caller; cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    core: Core,
    plan: Arc<Plan>,
    tenant: TenantId,
    input: String,
    rests: Rests,
}

impl Pipeline {
    /// Starts it on a database and a NATS server of its own: on the product's they would share the work.
    pub(super) async fn start(binaries: &Binaries, postgres: &Postgres) -> anyhow::Result<Self> {
        let nats = Nats::own().await?;
        let database = postgres.database().await?;
        store::postgres::migrate(&database).await?;
        let options = store::postgres::Options::new(&database);
        let store = Arc::new(store::postgres::Postgres::connect(&options).await?);
        let options = bus::nats::Options {
            url: nats.url().to_owned(),
            nkey_seed: None,
            inbox_prefix: None,
            role: None,
            name: "bench".to_owned(),
        };
        let bus = Arc::new(bus::Nats::connect(&options).await?);
        let signer = Arc::new(Signer::new(&Seed::generate()?)?);
        let ports = Ports {
            store: store.clone(),
            queries: store.clone(),
            library: store,
            bus,
            signer: signer.clone(),
        };
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            replica: "bench".to_owned(),
            api_keys: false,
            bus_forgets: false,
            verify_keys: Vec::new(),
        };
        let stop = CancellationToken::new();
        let service = Service::build(options, ports, stop.clone()).await?;
        let (core, url) = (service.core().clone(), format!("http://{}", service.addr()));
        // It ends with the guard; what it says by then is of no use.
        tokio::spawn(async move { drop(service.run().await) });

        let kinds: Vec<String> = (1..=STEPS).map(|step| format!("step_{step}")).collect();
        let worker = worker(
            binaries,
            "agent-worker",
            &kinds.join(","),
            &nats,
            &signer,
            &url,
        )
        .await?;
        for kind in &kinds {
            hosted(&core, kind).await?;
        }
        Ok(Self {
            client: Client {
                core,
                plan: Arc::new(plan(&kinds)?),
                tenant: TenantId::new("default")?,
                input: serde_json::json!({ "brief": "x".repeat(1_024) }).to_string(),
                rests: Rests::listen(nats.url()).await?,
            },
            _worker: worker,
            nats,
            _stop: stop.drop_guard(),
        })
    }

    /// Its server's address.
    pub(super) fn nats(&self) -> &str {
        self.nats.url()
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Runs one and looks at it.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        let Client { core, tenant, .. } = &self.client;
        let run = self.client.submit_and_wait().await?;
        let held = core.committer.read(tenant, &run).await?;
        let done = held.run.steps.values().filter(|step| step.result.is_some());
        match (held.run.status, done.count()) {
            (RunStatus::Completed, STEPS) => Ok(()),
            (status, done) => bail!("a pipeline ended {status} with {done} of {STEPS} results"),
        }
    }
}

impl Client {
    /// One pipeline, from its submit to the event of its end.
    pub(super) async fn run(&self) -> anyhow::Result<()> {
        self.submit_and_wait().await.map(drop)
    }

    async fn submit_and_wait(&self) -> anyhow::Result<RunId> {
        let id = uuid::Uuid::now_v7().to_string();
        let run = RunId::new(id.as_str())?;
        let submission = Submission {
            tenant: self.tenant.clone(),
            run: run.clone(),
            by: "bench".to_owned(),
            campaign: CampaignId::new(id.as_str())?,
            plan: self.plan.clone(),
            input: self.input.clone(),
            title: "bench".to_owned(),
            holds: None,
            idempotency_key: None,
            correlation_id: id.clone(),
            traceparent: String::new(),
            priority: 3,
            timeout: None,
        };
        self.core.submit(submission).await?;
        self.rests.of(&id).await?;
        Ok(run)
    }
}

/// Each step works from what the one before it made.
fn plan(kinds: &[String]) -> anyhow::Result<Plan> {
    let mut source =
        "workflow: pipeline\nmode: sequence\nversion: 1\ninput: PipelineInput\nsteps:\n".to_owned();
    let mut before: Option<&String> = None;
    for kind in kinds {
        source.push_str(&format!(
            "  {kind}:\n    agent: {kind}\n    result: {kind}\n"
        ));
        if let Some(before) = before {
            source.push_str(&format!("    needs: [{before}]\n    with: [{before}]\n"));
        }
        before = Some(kind);
    }
    let agents = kinds
        .iter()
        .map(|kind| Ok((AgentKind::new(kind.as_str())?, FactTypes::new())))
        .collect::<anyhow::Result<_>>()?;
    let catalogue = Catalogue {
        agents,
        roles: std::collections::BTreeSet::new(),
        inputs: [(
            "PipelineInput".to_owned(),
            Shape::object([("brief", Shape::Text)]),
        )]
        .into(),
    };
    workflow::compile(&source, &catalogue).map_err(|problems| {
        anyhow::anyhow!("the pipeline does not compile: {problems:?}").context(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipeline_is_one_step_after_another() {
        let kinds: Vec<String> = (1..=STEPS).map(|step| format!("step_{step}")).collect();
        let plan = plan(&kinds).expect("compiles");
        let needs: Vec<usize> = plan.steps.iter().map(|step| step.needs.len()).collect();
        assert_eq!(needs, [0, 1, 1, 1, 1, 1, 1, 1]);
    }
}
