//! Reviews over real processes: what people decide holds for what they were shown, whatever restarts.

use std::sync::{Arc, Mutex};

use anyhow::Context;
use async_trait::async_trait;
use bus::signature::Verifier;
use model::{AgentKind, ContentHash, ErrorClass, Failure, job::Product, usage::Provenance};
use rig::Postgres;
use system_tests::stack::{Layout, Role, Stack, channel, until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, transport::Channel};
use wire::{
    artifact::v1::{EditRequest, artifact_service_client::ArtifactServiceClient},
    library::v1::{
        Definition, PutRequest, library_service_client::LibraryServiceClient, put_request::Content,
    },
    review::v1::{
        DecideRequest, DecideResponse, GetRequest, ListRequest, Review, Waiting,
        review_service_client::ReviewServiceClient,
    },
    run::v1::{self as run, ListEventsRequest, run_service_client::RunServiceClient},
    workflow::v1::{StartRequest, workflow_service_client::WorkflowServiceClient},
};
use worker::{Agent, AgentCard, Assignment, Options, Ports, Worker, door};

const TENANT: &str = "acme";
const DEFINITION: &str = "# A draft that people sign off
workflow: signed
version: 1
input: { topic: text }
steps:
  draft: { agent: drafter }
  sign_off: { review: approver, of: [draft], needs: [draft], deadline: 12h }
  polish: { agent: polisher, needs: [sign_off], with: [draft] }
";

/// Writes what it is given, and keeps what it was asked with.
struct Scripted {
    card: AgentCard,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Agent for Scripted {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure> {
        let broken =
            |error: serde_json::Error| Failure::new(ErrorClass::Internal, error.to_string());
        let drafts = assignment.input.artifacts.values();
        let drafts: Vec<_> = drafts.map(|draft| draft.content.get().to_owned()).collect();
        let mut asked = self.asked.lock().expect("not poisoned");
        asked.push(format!("{} {}", self.card.kind, drafts.join(" ")));
        let text = format!("the {} no. {}", self.card.kind, asked.len());
        drop(asked);
        Ok(Product {
            content: serde_json::to_string(&serde_json::json!({ "text": text })).map_err(broken)?,
            facts: model::fact::Facts::new(),
            provenance: Provenance::default(),
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

async fn host(stack: &Stack, asked: &Arc<Mutex<Vec<String>>>) -> anyhow::Result<Hosted> {
    let ports = Ports {
        bus: Arc::new(stack.bus().await?),
        verifier: Arc::new(Verifier::new([stack.signer.public_key().clone()])),
        door: Arc::new(door::None),
        clock: Arc::new(service::clock::now),
    };
    let agents = ["drafter", "polisher"].map(|kind| {
        let card = AgentCard {
            kind: AgentKind::new(kind)?,
            output_schema: serde_json::json!({ "type": "object" }),
            facts: model::fact::FactTypes::new(),
            model: "scripted".to_owned(),
            version: "1".to_owned(),
            max_output_bytes: 1_024,
            input_price_microusd: 0,
            output_price_microusd: 0,
        };
        let asked = asked.clone();
        Ok(Arc::new(Scripted { card, asked }) as Arc<dyn Agent>)
    });
    let agents = agents.into_iter().collect::<anyhow::Result<_>>()?;
    let worker = Worker::new(Options::new("scripted"), ports, agents)?;
    let running = worker.run(CancellationToken::new());
    Ok(Hosted(tokio::spawn(async move {
        running.await;
    })))
}

/// Somebody with a key of their own.
#[derive(Clone)]
struct Person {
    key: String,
    channel: Channel,
}

impl Person {
    async fn new(stack: &Stack, name: &str, role: &str) -> anyhow::Result<Self> {
        let key = format!("{TENANT}-{name}-0123456789abcdef");
        let hash = ContentHash::of(key.as_bytes());
        let sql = format!("select save_api_key_v1('{TENANT}', '{hash}', '{role}', '{name}', 0)");
        stack.query(&sql).await?;
        let channel = channel(stack.url(Role::Orchestrator)?)?;
        Ok(Self { key, channel })
    }

    fn with<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let (false, Ok(value)) = (self.key.is_empty(), format!("Bearer {}", self.key).parse()) {
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    async fn keep(&self, name: &str, source: &str) -> Result<(), Status> {
        let put = PutRequest {
            kind: "workflow".to_owned(),
            name: name.to_owned(),
            content: Some(Content::Workflow(Definition {
                source: source.to_owned(),
            })),
            if_version: None,
        };
        let mut library = LibraryServiceClient::new(self.channel.clone());
        library.put(self.with(put)).await.map(drop)
    }

    async fn start(&self, workflow: &str) -> Result<String, Status> {
        let request = StartRequest {
            workflow: workflow.to_owned(),
            input_json: r#"{"topic":"shoes"}"#.to_owned(),
            ..StartRequest::default()
        };
        let mut workflows = WorkflowServiceClient::new(self.channel.clone());
        let answer = workflows.start(self.with(request)).await?;
        Ok(answer.into_inner().run_id)
    }

    fn reviews(&self) -> ReviewServiceClient<Channel> {
        ReviewServiceClient::new(self.channel.clone())
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, Status> {
        let request = self.with(ListRequest::default());
        Ok(self.reviews().list(request).await?.into_inner().reviews)
    }

    async fn review(&self, run: &str) -> Result<Review, Status> {
        let request = GetRequest {
            run_id: run.to_owned(),
            step: "sign_off".to_owned(),
        };
        Ok(self.reviews().get(self.with(request)).await?.into_inner())
    }

    async fn decide(
        &self,
        run: &str,
        subject: &str,
        verdict: &str,
        to: &str,
    ) -> Result<DecideResponse, Status> {
        let request = DecideRequest {
            run_id: run.to_owned(),
            step: "sign_off".to_owned(),
            subject: subject.to_owned(),
            verdict: verdict.to_owned(),
            to: to.to_owned(),
            note: "as seen".to_owned(),
        };
        let answer = self.reviews().decide(self.with(request)).await?;
        Ok(answer.into_inner())
    }

    async fn edit(&self, run: &str, version: u32, text: &str) -> Result<u32, Status> {
        let request = EditRequest {
            run_id: run.to_owned(),
            step: "draft".to_owned(),
            version,
            content_json: serde_json::json!({ "text": text }).to_string(),
        };
        let mut artifacts = ArtifactServiceClient::new(self.channel.clone());
        let answer = artifacts.edit(self.with(request)).await?;
        Ok(answer.into_inner().version)
    }

    async fn status(&self, run: &str) -> Result<String, Status> {
        let request = run::GetRequest {
            run_id: run.to_owned(),
        };
        let mut runs = RunServiceClient::new(self.channel.clone());
        Ok(runs.get(self.with(request)).await?.into_inner().status)
    }

    /// How many events of the run are of this type.
    async fn count(&self, run: &str, kind: &str) -> Result<usize, Status> {
        let request = ListEventsRequest {
            run_id: run.to_owned(),
            ..ListEventsRequest::default()
        };
        let mut runs = RunServiceClient::new(self.channel.clone());
        let events = runs.list_events(self.with(request)).await?.into_inner();
        Ok(events
            .events
            .iter()
            .filter(|event| event.r#type == kind)
            .count())
    }

    /// The review once it is open on another subject than this one.
    async fn asked(&self, run: &str, before: &str) -> anyhow::Result<Review> {
        until("people are asked", async || {
            // A killed orchestrator does not answer for a while.
            let Ok(review) = self.review(run).await else {
                return Ok(None);
            };
            let open = review.state == "open" && review.subject != before;
            Ok(open.then_some(review))
        })
        .await
    }

    async fn ended(&self, run: &str) -> anyhow::Result<String> {
        until("the run's end", async || {
            let status = self.status(run).await;
            Ok(status.ok().filter(|status| status != "running"))
        })
        .await
    }
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

/// Keeps a definition once the workers that it needs were heard.
async fn kept(person: &Person, name: &str, source: &str) -> anyhow::Result<()> {
    until("the definition is kept", async || {
        match person.keep(name, source).await {
            Ok(()) => Ok(Some(())),
            Err(status) if status.message().contains("unknown agent kind") => Ok(None),
            Err(status) => Err(status.into()),
        }
    })
    .await
}

#[tokio::test]
async fn a_decision_holds_for_what_was_shown_across_a_restart_of_everything() -> anyhow::Result<()>
{
    let mut postgres = Postgres::own().await?;
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        api_keys: true,
        ..Layout::default()
    };
    let mut stack = Stack::start_on(&layout, postgres.database().await?).await?;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let first = host(&stack, &asked).await?;
    let author = Person::new(&stack, "mia", "approver").await?;
    let editor = Person::new(&stack, "ed", "editor").await?;
    let anna = Person::new(&stack, "anna", "approver").await?;
    kept(&editor, "signed", DEFINITION).await?;
    let faulty = DEFINITION
        .replace("approver", "boss")
        .replace("agent: polisher", "agent: nobody");
    let faults = author.keep("signed", &faulty).await.expect_err("faults");
    assert_eq!(wire::problem::problems_of(&faults).len(), 2, "{faults}");

    let run = author.start("signed").await?;
    let shown = anna.asked(&run, "").await?;
    let waiting = anna.waiting().await?;
    assert_eq!(
        waiting
            .iter()
            .map(|one| (&one.run_id, &one.subject))
            .collect::<Vec<_>>(),
        [(&run, &shown.subject)]
    );

    // Everything restarts, and it waits as before.
    drop(first);
    stack.process(Role::Orchestrator)?.kill9().await?;
    stack.nats.kill9().await?;
    postgres.stop_immediate().await?;
    postgres.restart().await?;
    stack.nats.restart().await?;
    stack.process(Role::Orchestrator)?.restart().await?;
    let _second = host(&stack, &asked).await?;
    assert_eq!(anna.asked(&run, "").await?.subject, shown.subject);

    // Who may not, is refused: without the role, on their own run, and on what was not shown.
    assert_eq!(
        code(editor.decide(&run, &shown.subject, "approve", "").await),
        Code::PermissionDenied
    );
    assert_eq!(
        code(author.decide(&run, &shown.subject, "approve", "").await),
        Code::PermissionDenied
    );
    let other = ContentHash::of(b"something else").to_string();
    assert_eq!(
        code(anna.decide(&run, &other, "approve", "").await),
        Code::Aborted
    );

    // An edit voids what was shown.
    assert_eq!(code(editor.edit(&run, 7, "better").await), Code::Aborted);
    assert_eq!(editor.edit(&run, 1, "better").await?, 2);
    let edited = anna.asked(&run, &shown.subject).await?;
    assert_eq!(
        code(anna.decide(&run, &shown.subject, "approve", "").await),
        Code::Aborted
    );
    // Sent back, it is made again, and asked about again.
    anna.decide(&run, &edited.subject, "send_back", "draft")
        .await?;
    let again = anna.asked(&run, &edited.subject).await?;
    assert_eq!(again.of.first().map(|of| of.version), Some(3));
    anna.decide(&run, &again.subject, "approve", "").await?;
    assert_eq!(anna.ended(&run).await?, "completed");
    let ended = anna.review(&run).await?;
    assert_eq!((ended.state.as_str(), ended.approved), ("approved", 1));
    assert_eq!(
        ended.decisions.first().map(|one| one.note.as_str()),
        Some("as seen")
    );
    assert!(anna.waiting().await?.is_empty());

    // After the approval: another edit, and it is asked about again; what was polished stays until then.
    assert_eq!(editor.edit(&run, 3, "best").await?, 4);
    let last = anna.asked(&run, &again.subject).await?;
    assert_eq!(
        code(anna.decide(&run, &again.subject, "approve", "").await),
        Code::Aborted
    );
    anna.decide(&run, &last.subject, "reject", "").await?;
    assert_eq!(anna.ended(&run).await?, "rejected");
    let polished = asked.lock().expect("not poisoned").clone();
    let mut polished = polished.iter().filter(|call| call.starts_with("polisher"));
    let polished = polished.next_back().context("nothing was polished")?;
    assert!(polished.contains("the drafter no. 2"), "{polished}");
    Ok(())
}

#[tokio::test]
async fn a_deadline_fires_once_whoever_looks_at_it() -> anyhow::Result<()> {
    let layout = Layout {
        orchestrators: 2,
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        api_keys: true,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let _hosted = host(&stack, &asked).await?;
    let author = Person::new(&stack, "mia", "approver").await?;
    let source = DEFINITION.replace("deadline: 12h", "deadline: 1s, on_deadline: approve");
    kept(&author, "signed", &source).await?;
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(author.start("signed").await?);
    }
    for run in runs {
        assert_eq!(author.ended(&run).await?, "completed");
        assert_eq!(author.count(&run, "review_ended").await?, 1);
        let review = author.review(&run).await?;
        assert_eq!(review.state, "approved_by_deadline");
    }
    Ok(())
}

#[tokio::test]
async fn alone_without_keys_one_may_decide_on_ones_own() -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let dev = crate::dev::offline(home.path()).await?;
    let alone = Person {
        key: String::new(),
        channel: channel(&dev.orchestrator)?,
    };
    let source = "# A text that people sign off
workflow: signed
version: 1
input: CampaignInput
steps:
  draft: { agent: copy }
  sign_off: { review: approver, of: [draft], needs: [draft] }
";
    alone.keep("signed", source).await?;
    let brief = system_tests::brief::brief("Signed at home");
    let input = model::job::CampaignInput::new(brief.into(), model::brief::Options::default());
    let request = StartRequest {
        workflow: "signed".to_owned(),
        input_json: serde_json::to_string(&input)?,
        ..StartRequest::default()
    };
    let mut workflows = WorkflowServiceClient::new(alone.channel.clone());
    let started = workflows.start(alone.with(request.clone())).await?;
    let run = started.into_inner().run_id;
    let shown = alone.asked(&run, "").await?;
    assert_eq!(shown.submitted_by, "");
    alone.decide(&run, &shown.subject, "approve", "").await?;
    assert_eq!(alone.ended(&run).await?, "completed");

    // An input of another form is refused, with what is wrong.
    let other = StartRequest {
        input_json: r#"{"topic":"shoes"}"#.to_owned(),
        ..request
    };
    let refused = workflows
        .start(alone.with(other))
        .await
        .expect_err("faults");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    Ok(())
}
