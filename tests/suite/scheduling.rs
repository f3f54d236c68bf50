//! Between runs and tenants: fair shares, priorities and limits, over the orchestrator's core on real Postgres and
//! NATS. A trigger notes each job in the order in which it is sent: what is asserted is order and recorded times,
//! never how fast this machine is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Context;
use async_trait::async_trait;
use bus::signature::{Seed, Signer, Verifier};
use model::{
    AgentKind, CampaignId, Failure, RunId, RunStatus, TenantId, fact::FactTypes, job::Product,
    usage::Provenance,
};
use orchestrator::core::{Core, Options, Ports, places::Windows, submit::Submission};
use rig::{Nats, Postgres};
use service::supervise::Tasks;
use system_tests::stack::until;
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use worker::{Agent, AgentCard, Assignment, Worker, door};
use workflow::{Catalogue, Plan, Shape};

const KIND: &str = "scheduled";

/// Notes each job when it is sent, in the order of the transactions that do it.
const LOG: &str = "create table sent_log (n bigserial, tenant text, run text, sent_at bigint); \
    create function note_sent() returns trigger language plpgsql security definer as $$ begin \
    insert into sent_log (tenant, run, sent_at) values (new.tenant, new.run, new.sent_at); \
    return null; end $$; \
    create trigger note_sent after insert or update of sent_at on jobs for each row \
    when (new.sent_at is not null) execute function note_sent()";

/// Orchestrators on one database and one NATS server.
struct World {
    cores: Vec<Core>,
    store: Arc<store::postgres::Postgres>,
    database: String,
    nats: Nats,
    signer: Arc<Signer>,
    _stop: DropGuard,
}

impl World {
    async fn start(replicas: usize) -> anyhow::Result<Self> {
        service::crypto::install_crypto();
        let server = Postgres::shared().await?;
        let database = server.database().await?;
        store::postgres::migrate(&database).await?;
        server.query_in(&database, LOG).await?;
        let nats = Nats::own().await?;
        let signer = Arc::new(Signer::new(&Seed::generate()?)?);
        let stop = CancellationToken::new();
        let mut cores = Vec::new();
        for number in 0..replicas {
            let options = store::postgres::Options::new(&database);
            let ports = Ports {
                store: Arc::new(store::postgres::Postgres::connect(&options).await?),
                bus: connect(&nats).await?,
                signer: signer.clone(),
                entropy: Arc::new(rand::random),
            };
            let options = Options {
                replica: format!("replica-{number}"),
                bus_forgets: false,
                windows: Windows::default(),
            };
            let mut tasks = Tasks::new(stop.clone());
            cores.push(Core::start(ports, options, &mut tasks, &stop));
            tokio::spawn(tasks.run(std::time::Duration::from_secs(1)));
        }
        let options = store::postgres::Options::new(&database);
        Ok(Self {
            cores,
            store: Arc::new(store::postgres::Postgres::connect(&options).await?),
            database,
            nats,
            signer,
            _stop: stop.drop_guard(),
        })
    }

    /// A worker with so many places, once every orchestrator has heard of it.
    async fn host(&self, name: &str, slots: u32, agent: &Arc<Gated>) -> anyhow::Result<Hosted> {
        let ports = worker::Ports {
            bus: connect(&self.nats).await?,
            verifier: Arc::new(Verifier::new([self.signer.public_key().clone()])),
            door: Arc::new(door::None),
            clock: Arc::new(service::clock::now),
        };
        let mut options = worker::Options::new(name);
        options.slots = slots;
        let worker = Worker::new(options, ports, vec![agent.clone()])?;
        let running = worker.run(CancellationToken::new());
        let hosted = Hosted(tokio::spawn(async move {
            running.await;
        }));
        for core in &self.cores {
            until("the worker", async || {
                let known = core.workers.hosted();
                let known = known.get(KIND).is_some_and(|kind| {
                    let mut names = kind.workers.iter();
                    names.any(|worker| worker.starts_with(name))
                });
                Ok(known.then_some(()))
            })
            .await?;
        }
        Ok(hosted)
    }

    async fn submit(
        &self,
        replica: usize,
        tenant: &str,
        plan: &Arc<Plan>,
        jobs: usize,
        priority: u8,
    ) -> anyhow::Result<Submitted> {
        let id = uuid::Uuid::now_v7().to_string();
        let keys: Vec<_> = (0..jobs)
            .map(|at| serde_json::json!({ "id": format!("k{at}") }))
            .collect();
        let submitted = Submitted {
            tenant: TenantId::new(tenant)?,
            run: RunId::new(id.as_str())?,
        };
        let submission = Submission {
            by: "tests".to_owned(),
            tenant: submitted.tenant.clone(),
            run: submitted.run.clone(),
            campaign: CampaignId::new(id.as_str())?,
            plan: plan.clone(),
            input: serde_json::json!({ "jobs": keys, "account": "acc-1" }).to_string(),
            title: "scheduled".to_owned(),
            holds: None,
            idempotency_key: None,
            correlation_id: id,
            traceparent: String::new(),
            priority,
            timeout: None,
        };
        self.cores[replica].submit(submission).await?;
        Ok(submitted)
    }

    async fn completed(&self, run: &Submitted) -> anyhow::Result<()> {
        let status = until("the run's end", async || {
            let held = self.cores[0].committer.read(&run.tenant, &run.run).await?;
            let status = held.run.status;
            Ok(status.at_rest().then_some(status))
        })
        .await?;
        anyhow::ensure!(status == RunStatus::Completed, "the run ended {status}");
        Ok(())
    }

    async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let text = self.lines(sql).await?;
        let first = text.first().context("no row")?;
        Ok(first.parse()?)
    }

    async fn lines(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let server = Postgres::shared().await?;
        let text = server.query_in(&self.database, sql).await?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    async fn waiting(&self, tenant: &str) -> anyhow::Result<i64> {
        self.number(&format!(
            "select count(*) from jobs where sent_at is null and tenant = '{tenant}'"
        ))
        .await
    }

    /// Whose jobs were sent, in order, from the `from`th on.
    async fn sent(&self, from: i64) -> anyhow::Result<Vec<(String, String)>> {
        let sql = format!("select tenant || ' ' || run from sent_log where n > {from} order by n");
        let lines = self.lines(&sql).await?;
        let pair = |line: String| {
            let (tenant, run) = line.split_once(' ')?;
            Some((tenant.to_owned(), run.to_owned()))
        };
        Ok(lines.into_iter().filter_map(pair).collect())
    }
}

struct Submitted {
    tenant: TenantId,
    run: RunId,
}

async fn connect(nats: &Nats) -> anyhow::Result<Arc<bus::Nats>> {
    let options = bus::nats::Options {
        url: nats.url().to_owned(),
        nkey_seed: None,
        inbox_prefix: None,
        role: None,
        name: "scheduling".to_owned(),
    };
    Ok(Arc::new(bus::Nats::connect(&options).await?))
}

/// A worker in this process; dropping it is as sudden as a kill.
struct Hosted(JoinHandle<()>);

impl Drop for Hosted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An agent that answers once it is let, and counts how many of it work at once.
struct Gated {
    card: AgentCard,
    gate: Semaphore,
    working: AtomicUsize,
    most: AtomicUsize,
}

impl Gated {
    fn new(permits: usize) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            card: AgentCard {
                kind: AgentKind::new(KIND)?,
                output_schema: serde_json::json!({ "type": "object" }),
                facts: FactTypes::new(),
                model: "scripted".to_owned(),
                version: "1".to_owned(),
                max_output_bytes: 1_024,
                input_price_microusd: 0,
                output_price_microusd: 0,
            },
            gate: Semaphore::new(permits),
            working: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }))
    }

    fn open() -> anyhow::Result<Arc<Self>> {
        Self::new(Semaphore::MAX_PERMITS)
    }
}

#[async_trait]
impl Agent for Gated {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, _assignment: &Assignment) -> Result<Product, Failure> {
        let now = self.working.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
        // Room for another to be seen beside it.
        tokio::task::yield_now().await;
        self.working.fetch_sub(1, Ordering::SeqCst);
        Ok(Product {
            content: "{}".to_owned(),
            facts: model::fact::Facts::new(),
            provenance: Provenance::default(),
            media: Vec::new(),
        })
    }
}

/// A workflow of one list, with these fields beside.
fn plan(name: &str, fields: &str) -> anyhow::Result<Arc<Plan>> {
    let source = format!(
        "workflow: {name}\nversion: 1\ninput: Work\nsteps:\n  items:\n    agent: {KIND}\n    \
         for_each: input.jobs\n    max_parallel: 500\n{fields}"
    );
    let catalogue = Catalogue {
        roles: std::collections::BTreeSet::new(),
        agents: [(AgentKind::new(KIND)?, FactTypes::new())].into(),
        inputs: [(
            "Work".to_owned(),
            Shape::object([
                ("jobs", Shape::each([("id", Shape::Text)])),
                ("account", Shape::Text),
            ]),
        )]
        .into(),
    };
    let plan = workflow::compile(&source, &catalogue)
        .map_err(|problems| anyhow::anyhow!("{source}: {problems:?}"))?;
    Ok(Arc::new(plan))
}

const BIG: usize = 10_000;
/// Jobs of a run of the big tenant.
const OF_A_RUN: usize = 100;
/// A claim takes as many at once, before who comes later can be seen.
const CLAIM: usize = store::limits::MAX_CLAIM;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_jobs_of_one_tenant_keep_no_other_and_nothing_urgent_back()
-> anyhow::Result<()> {
    let world = World::start(1).await?;
    // Nothing ends before all is there.
    let agent = Gated::new(0)?;
    let _worker = world.host("worker", 4, &agent).await?;
    let plan = plan("shared", "")?;
    for _ in 0..BIG / OF_A_RUN {
        world.submit(0, "big", &plan, OF_A_RUN, 3).await?;
    }
    let held = BIG as i64 - world.waiting("big").await?;
    assert!(held <= 64, "{held} of {BIG} jobs were sent to 4 places");

    // One of ten jobs, and one of enough to see a share by.
    let few = world.submit(0, "few", &plan, 10, 3).await?;
    let many = 4 * OF_A_RUN;
    for _ in 0..4 {
        world.submit(0, "many", &plan, OF_A_RUN, 3).await?;
    }
    let urgent = world.submit(0, "big", &plan, 1, 5).await?;
    let from = world.number("select count(*) from sent_log").await?;
    assert_eq!(world.waiting("few").await?, 10);
    agent.gate.add_permits(Semaphore::MAX_PERMITS);

    world.completed(&few).await?;
    world.completed(&urgent).await?;
    until("the end of the second tenant's wait", async || {
        Ok((world.waiting("many").await? == 0).then_some(()))
    })
    .await?;
    assert!(
        world.waiting("big").await? > (BIG / 2) as i64,
        "it still waits"
    );
    let sent = world.sent(from).await?;

    // The ten were gone after at most three turns each, and a claim that was under way.
    let last = sent.iter().rposition(|(tenant, _)| tenant == "few");
    let last = last.context("the few were sent")?;
    assert!(last < 30 + CLAIM, "the last of ten went as number {last}");

    // The late run of priority 5 went before all that its tenant had waiting for long.
    let at = sent
        .iter()
        .position(|(_, run)| *run == urgent.run.to_string());
    let at = at.context("the urgent job was sent")?;
    let before = sent[..at].iter().filter(|(tenant, _)| tenant == "big");
    let before = before.count();
    assert!(
        before <= CLAIM,
        "{before} jobs of its tenant went before it"
    );

    // While both wait, each has half of what goes out. The first places go to who has none, so the share shows
    // once both have had some.
    let of = |name: &'static str| {
        let places = sent.iter().enumerate();
        let own = places.filter(move |(_, (tenant, _))| tenant == name);
        own.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let theirs = of("many");
    assert_eq!(theirs.len(), many);
    let (first, end) = (theirs[many / 10], theirs[many * 9 / 10]);
    let window = &sent[first..=end];
    let share = |name: &str| window.iter().filter(|(tenant, _)| tenant == name).count();
    let (theirs, others) = (share("many") as f64, share("big") as f64);
    let half = theirs / (theirs + others);
    println!(
        "of {} jobs {theirs} were the second tenant's: {half:.3}",
        window.len()
    );
    assert!((0.4..=0.6).contains(&half), "its share is {half}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_holds_over_two_orchestrators_workflows_and_runs() -> anyhow::Result<()> {
    let world = World::start(2).await?;
    let agent = Gated::open()?;
    let _worker = world.host("worker", 16, &agent).await?;
    let rate = "    rate: { key: input.account, per_second: 5 }\n";
    let (one, other) = (plan("one", rate)?, plan("other", rate)?);
    let mut runs = Vec::new();
    for number in 0..4 {
        let plan = if number < 2 { &one } else { &other };
        runs.push(world.submit(number % 2, "acme", plan, 8, 3).await?);
    }
    // Another tenant's account of the same name has a rate of its own.
    runs.push(world.submit(0, "other", &one, 4, 3).await?);
    for run in &runs {
        world.completed(run).await?;
    }
    let sql = "select sent_at from sent_log where tenant = 'acme' order by n";
    let times = world.lines(sql).await?;
    let times: Vec<i64> = times
        .iter()
        .map(|time| time.parse())
        .collect::<Result<_, _>>()?;
    // A job that was lost on the way goes out again, and counts again.
    assert!(times.len() >= 32, "{} jobs were sent", times.len());
    // In any n fifths of a second start at most n + 1.
    for (first, began) in times.iter().enumerate() {
        for (number, time) in times[first..].iter().enumerate() {
            let least = 200 * number as i64;
            assert!(time - began >= least, "{number} after {} ms", time - began);
        }
    }
    let took = times.last().context("jobs")? - times[0];
    println!(
        "{} jobs at 5/s took {took} ms, {} at least",
        times.len(),
        200 * (times.len() - 1)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_concurrency_key_and_a_spacing_hold_over_two_orchestrators() -> anyhow::Result<()> {
    let world = World::start(2).await?;
    let agent = Gated::open()?;
    let _worker = world.host("worker", 16, &agent).await?;
    let shared = "    concurrency: { key: input.account, at_once: 2 }\n";
    let (one, other) = (plan("one", shared)?, plan("other", shared)?);
    let mut runs = Vec::new();
    for number in 0..4 {
        let plan = if number < 2 { &one } else { &other };
        runs.push(world.submit(number % 2, "acme", plan, 10, 3).await?);
    }
    for run in &runs {
        world.completed(run).await?;
    }
    let most = agent.most.load(Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most} worked at once");

    let spaced = plan("spaced", "    spacing: 300ms\n")?;
    let run = world.submit(0, "acme", &spaced, 5, 3).await?;
    world.completed(&run).await?;
    let sql = format!(
        "select sent_at from sent_log where run = '{}' order by n",
        run.run
    );
    let times = world.lines(&sql).await?;
    let times: Vec<i64> = times
        .iter()
        .map(|time| time.parse())
        .collect::<Result<_, _>>()?;
    assert!(times.len() >= 5);
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] >= 300),
        "{times:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_leaves_nothing_that_waits() -> anyhow::Result<()> {
    let world = World::start(1).await?;
    let agent = Gated::new(0)?;
    let _worker = world.host("worker", 2, &agent).await?;
    let plan = plan("shared", "")?;
    let run = world.submit(0, "acme", &plan, 300, 3).await?;
    let left = world.submit(0, "acme", &plan, 3, 1).await?;
    assert!(world.waiting("acme").await? > 200);
    let kept = store::port::Queries::kept(
        &*world.store,
        &left.tenant,
        &left.run,
        store::port::CommitPath::now(&*world.store).await?,
    )
    .await?;
    assert_eq!(kept.len(), 3, "they wait for places");
    let cancel = engine::Command::Cancel {
        reason: "enough".to_owned(),
        by: "mia".to_owned(),
    };
    let work = orchestrator::core::commit::Work::new(run.tenant.clone(), run.run.clone(), cancel);
    world.cores[0].committer.run(work).await?;
    agent.gate.add_permits(Semaphore::MAX_PERMITS);
    // Its places come free, and those behind it go.
    world.completed(&left).await?;
    let rows = format!("select count(*) from jobs where run = '{}'", run.run);
    assert_eq!(world.number(&rows).await?, 0);
    assert_eq!(world.waiting("acme").await?, 0);
    Ok(())
}
