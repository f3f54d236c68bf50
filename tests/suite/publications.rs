//! Workflow `publications`: a content plan worked off item by item, over real processes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use anyhow::Context;
use async_trait::async_trait;
use bus::signature::Verifier;
use model::{AgentKind, ErrorClass, Failure, fact::FactType, job::Product};
use system_tests::stack::{Layout, Role, Stack, channel, until};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Code, transport::Channel};
use wire::publication::v1::{
    CancelGenerationRequest, ContentPlan, GenerateCampaignContentRequest,
    GenerateCampaignContentResponse, GenerationOptions, GenerationProgress,
    GetGenerationProgressRequest, IsGenerationActiveRequest, PlanItem, PlanTemplate, Slot,
    Workspace, publication_service_client::PublicationServiceClient,
};
use worker::{Agent, AgentCard, Assignment, Options, Ports, Worker, door};

type Client = PublicationServiceClient<Channel>;

const KINDS: [&str; 4] = ["text_only", "text_image", "text_template", "carousel"];
/// Which failure comes first for every tenth item, and what must mend it.
const FAULTS: [(ErrorClass, &str); 9] = [
    (ErrorClass::RateLimited, "exponential_backoff"),
    (ErrorClass::Network, "retry_with_timeout"),
    (ErrorClass::Timeout, "retry_with_timeout"),
    // The built-in definition names nobody to take over.
    (ErrorClass::Provider, "standard_retry"),
    (ErrorClass::Resources, "simplified_generation"),
    (ErrorClass::TooLong, "content_optimization"),
    (ErrorClass::Schema, "repair"),
    (ErrorClass::Transient, "standard_retry"),
    (ErrorClass::Policy, ""),
];
const ITEMS: usize = 100;

fn plan(campaign: &str, items: usize) -> ContentPlan {
    let item = |at: usize| PlanItem {
        id: format!("item-{at}"),
        title: format!("Publication {at}"),
        content_type: KINDS[at % KINDS.len()].to_owned(),
        platform: ["linkedin", "instagram", "x"][at % 3].to_owned(),
        topic: format!("What number {at} says of a shoe that weighs 190 g"),
        template_id: (at % KINDS.len() == 2).then(|| "quote".to_owned()),
        ..PlanItem::default()
    };
    let slot = |name: &str, max_chars| Slot {
        name: name.to_owned(),
        max_chars,
        optional: false,
    };
    ContentPlan {
        campaign_id: campaign.to_owned(),
        items: (0..items).map(item).collect(),
        workspace: Some(Workspace {
            brand: Some(wire::campaign::v1::Brand {
                name: "Acme".to_owned(),
                ..Default::default()
            }),
            audience: "People who run in any weather".to_owned(),
            ..Workspace::default()
        }),
        templates: vec![PlanTemplate {
            id: "quote".to_owned(),
            name: "Quote".to_owned(),
            slots: vec![slot("quote", 120), slot("source", 40)],
            canvas: Some(wire::publication::v1::Canvas {
                width: 1_080,
                height: 1_080,
            }),
            layout: "stack".to_owned(),
        }],
        ..ContentPlan::default()
    }
}

fn request(plan: ContentPlan, key: &str) -> GenerateCampaignContentRequest {
    GenerateCampaignContentRequest {
        plan: Some(plan),
        options: Some(GenerationOptions {
            idempotency_key: key.to_owned(),
            wait_for_workers: true,
            ..GenerationOptions::default()
        }),
        validate_only: false,
    }
}

fn client(stack: &Stack) -> anyhow::Result<Client> {
    Ok(PublicationServiceClient::new(channel(
        stack.url(Role::Orchestrator)?,
    )?))
}

async fn generate(
    client: &Client,
    request: GenerateCampaignContentRequest,
) -> Result<GenerateCampaignContentResponse, tonic::Status> {
    let answer = client.clone().generate_campaign_content(request).await?;
    Ok(answer.into_inner())
}

async fn progress(client: &Client, campaign: &str) -> anyhow::Result<GenerationProgress> {
    let request = GetGenerationProgressRequest {
        campaign_id: campaign.to_owned(),
    };
    let answer = client.clone().get_generation_progress(request).await?;
    Ok(answer.into_inner())
}

async fn rested(client: &Client, campaign: &str) -> anyhow::Result<GenerationProgress> {
    until("the generation's end", async || {
        // A killed orchestrator does not answer for a while.
        let Ok(now) = progress(client, campaign).await else {
            return Ok(None);
        };
        Ok((!matches!(now.state.as_str(), "queued" | "running")).then_some(now))
    })
    .await
}

/// An agent that fails as the plan's items are told to, and logs what it was asked for.
struct Scripted {
    card: AgentCard,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    /// Item and attempt of each call that was answered, in order.
    calls: Mutex<Vec<(String, u32)>>,
    done: watch::Sender<usize>,
}

impl Log {
    fn calls(&self) -> Vec<(String, u32)> {
        self.calls.lock().expect("not poisoned").clone()
    }
}

fn fault(item: &str) -> Option<(ErrorClass, &'static str)> {
    let number: usize = item.rsplit_once('-')?.1.parse().ok()?;
    FAULTS.get(number % 10).copied()
}

#[async_trait]
impl Agent for Scripted {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure> {
        let internal = |why: &str| Failure::new(ErrorClass::Internal, why);
        let item = assignment
            .input
            .item
            .as_ref()
            .ok_or_else(|| internal("no item"))?;
        let call = (item.key.clone(), assignment.attempt);
        self.log.calls.lock().expect("not poisoned").push(call);
        let fault = fault(&item.key);
        if let (1, Some((class, _))) = (assignment.attempt, fault) {
            return Err(Failure::new(class, "as told"));
        }
        let told = assignment.input.recovery.as_ref();
        let told = told.map_or("", |recovery| recovery.strategy.as_str());
        let wanted = fault.map_or("", |(_, strategy)| strategy);
        if told != wanted {
            return Err(internal(&format!("told `{told}`, not `{wanted}`")));
        }
        self.log.done.send_modify(|done| *done += 1);
        Ok(Product {
            content: serde_json::json!({ "item": item.key }).to_string(),
            facts: self
                .card
                .facts
                .keys()
                .map(|name| (name.clone(), model::fact::Fact::Number(1.0)))
                .collect(),
            provenance: model::usage::Provenance::default(),
            media: Vec::new(),
        })
    }
}

/// A worker in this process; dropping it is as sudden as a kill.
struct Hosted(JoinHandle<()>);

impl Drop for Hosted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn host(stack: &Stack, name: &str, log: &Arc<Log>) -> anyhow::Result<Hosted> {
    let ports = Ports {
        bus: Arc::new(stack.bus().await?),
        verifier: Arc::new(Verifier::new([stack.signer.public_key().clone()])),
        door: Arc::new(door::None),
        clock: Arc::new(service::clock::now),
    };
    let agents = KINDS.into_iter().map(|kind| {
        let facts: &[&str] = if kind == "carousel" {
            &["chars", "slides"]
        } else {
            &["chars"]
        };
        let card = AgentCard {
            kind: AgentKind::new(kind)?,
            output_schema: serde_json::json!({ "type": "object" }),
            facts: facts
                .iter()
                .map(|fact| ((*fact).to_owned(), FactType::Number))
                .collect(),
            model: "scripted".to_owned(),
            version: "1".to_owned(),
            max_output_bytes: 1_024,
            input_price_microusd: 0,
            output_price_microusd: 0,
        };
        let log = log.clone();
        Ok(Arc::new(Scripted { card, log }) as Arc<dyn Agent>)
    });
    let agents = agents.collect::<anyhow::Result<_>>()?;
    let worker = Worker::new(Options::new(name), ports, agents)?;
    let running = worker.run(CancellationToken::new());
    Ok(Hosted(tokio::spawn(async move {
        running.await;
    })))
}

#[tokio::test]
async fn a_hundred_items_with_every_class_of_error_and_a_kill_in_the_middle() -> anyhow::Result<()>
{
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        ..Layout::default()
    };
    let mut stack = Stack::start(&layout).await?;
    let log = Arc::new(Log::default());
    let first = host(&stack, "publisher-1", &log).await?;
    let publications = client(&stack)?;
    let started = generate(&publications, request(plan("autumn", ITEMS), "once")).await?;

    // A second one is refused with the run's id; the same key gives the run.
    let second = generate(&publications, request(plan("autumn", 3), "")).await;
    let refused = second.expect_err("one at a time");
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(refused.message().contains(&started.run_id), "{refused}");
    let again = generate(&publications, request(plan("autumn", ITEMS), "once")).await?;
    assert_eq!(
        (again.run_id, again.existing),
        (started.run_id.clone(), true)
    );

    let mut done = log.done.subscribe();
    done.wait_for(|done| *done >= ITEMS / 2).await?;
    drop(first);
    stack.process(Role::Orchestrator)?.kill9().await?;
    let finished_before = log.calls();
    stack.process(Role::Orchestrator)?.restart().await?;
    let _second = host(&stack, "publisher-2", &log).await?;
    let end = rested(&publications, "autumn").await?;

    // Every tenth item may fail for good: policy is not tried again.
    assert_eq!(end.state, "partially_completed");
    assert_eq!((end.total, end.completed, end.failed), (100, 90, 10));
    let mut recovered = BTreeMap::new();
    for error in &end.errors {
        let (class, _) = fault(&error.item).context("an error nobody told")?;
        assert_eq!(error.code, class.as_str(), "{}", error.item);
        assert_eq!(error.recovered, class.retryable(), "{}", error.item);
        *recovered.entry(error.code.clone()).or_insert(0) += 1;
    }
    assert_eq!(recovered.len(), FAULTS.len());
    assert!(
        recovered.values().all(|count| *count == 10),
        "{recovered:?}"
    );

    // In the plan's order, and what had ended before the kill was not asked for again.
    let ids: Vec<_> = end.items.iter().map(|item| item.id.as_str()).collect();
    let planned: Vec<_> = (0..ITEMS).map(|at| format!("item-{at}")).collect();
    assert_eq!(ids, planned);
    let calls = log.calls();
    let mut firsts: Vec<&str> = Vec::new();
    for (item, _) in &calls {
        if !firsts.contains(&item.as_str()) {
            firsts.push(item);
        }
    }
    assert_eq!(firsts, planned);
    let under_way = finished_before.last().map(|(item, _)| item.clone());
    let after = &calls[finished_before.len()..];
    let repeated: Vec<_> = after
        .iter()
        .filter(|call| finished_before.contains(call))
        .collect();
    // The one whose outcome the kill may have lost.
    assert!(
        repeated
            .iter()
            .all(|(item, _)| Some(item) == under_way.as_ref()),
        "{repeated:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_real_agents_make_a_plan_and_a_cancel_keeps_what_is_there() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let dev = crate::dev::offline(home.path()).await?;
    let publications = PublicationServiceClient::new(channel(&dev.orchestrator)?);
    let started = generate(&publications, request(plan("spring", 8), "")).await?;
    let end = rested(&publications, "spring").await?;
    assert_eq!(
        (end.state.as_str(), end.completed),
        ("completed", 8),
        "{end:?}"
    );
    assert_eq!(end.percent, 100);
    let versions = dev.clients.versions(&started.run_id).await?;
    assert_eq!(versions.len(), 8);

    // A finished campaign may be made again, and then be stopped.
    let again = generate(&publications, request(plan("spring", 200), "")).await?;
    assert_ne!(again.run_id, started.run_id);
    let some = until("the first publications", async || {
        let now = progress(&publications, "spring").await?;
        Ok((now.completed >= 2).then_some(now))
    })
    .await?;
    assert!(
        some.estimated_remaining_ms.is_some(),
        "something was measured"
    );
    let cancel = CancelGenerationRequest {
        campaign_id: "spring".to_owned(),
        reason: "enough".to_owned(),
    };
    let answer = publications.clone().cancel_generation(cancel).await?;
    assert!(answer.into_inner().cancelled);
    let end = progress(&publications, "spring").await?;
    assert_eq!(end.state, "cancelled");
    let cancelled = end.items.iter().filter(|item| item.phase == "cancelled");
    assert_eq!(cancelled.count() as u32, 200 - end.completed - end.failed);
    assert!(end.completed >= 2 && end.completed < 200);
    let asked = IsGenerationActiveRequest {
        campaign_id: "spring".to_owned(),
    };
    let active = publications.clone().is_generation_active(asked).await?;
    assert!(!active.into_inner().active);
    Ok(())
}

#[tokio::test]
async fn a_plan_with_faults_is_told_all_of_them_before_anything_runs() -> anyhow::Result<()> {
    let stack = crate::shared().await?;
    let publications = client(stack)?;
    let mut bad = plan("winter", 4);
    bad.items[0].content_type = "poem".to_owned();
    bad.items[1].resource_ids = vec!["nothing".to_owned()];
    bad.items[2].template_id = None;
    bad.items[3].id = "item-0".to_owned();
    bad.max_parallel = 1_000;
    let refused = generate(&publications, request(bad, ""))
        .await
        .expect_err("faults");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let mut paths: Vec<_> = wire::problem::problems_of(&refused)
        .into_iter()
        .map(|problem| problem.path)
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "plan.items[0].content_type",
            "plan.items[1].resource_ids[0]",
            "plan.items[2].template_id",
            "plan.items[3].id",
            "plan.max_parallel",
        ]
    );
    let none = progress(&publications, "winter")
        .await
        .expect_err("nothing runs");
    assert!(none.to_string().contains("no generation"), "{none}");
    Ok(())
}
