//! A model provider of its own process: speaks OpenAI's chat completions, answers with valid artifacts
//! after a seeded delay, and misbehaves where it is told to.
//!
//! Its world log, one line of JSON for each call that it accepted, is the truth about what was asked:
//! nobody else writes to that file.
//!
//! Start with [`Rule`] (what it is told), then [`serve`]; `answer` makes the artifacts.

mod answer;

use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use futures::StreamExt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

/// The model's name in its answers.
pub const MODEL: &str = "fake-1";
/// Largest request that is read, bytes.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// Most rules in force at once.
const MAX_RULES: usize = 10_000;
/// What a huge answer comes to, bytes.
const HUGE_BYTES: usize = 50 * 1024 * 1024;
/// What a streamed answer is sent in, bytes.
const PIECE_BYTES: usize = 12;
/// What a huge answer is sent in, bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// How the model runs.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Seed of the delays.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Shortest delay of an answer, milliseconds.
    #[arg(long, default_value_t = 50)]
    pub min_delay_ms: u64,
    /// Longest delay of an answer, milliseconds.
    #[arg(long, default_value_t = 500)]
    pub max_delay_ms: u64,
    /// A good answer is written in pieces over so many milliseconds, if it is asked for as a stream; 0: it
    /// comes whole.
    #[arg(long, default_value_t = 0)]
    pub stream_ms: u64,
    /// File that gets one line for each accepted call.
    #[arg(long)]
    pub world_log: PathBuf,
    /// A rule in force from the start, as JSON; may be repeated.
    #[arg(long = "rule", value_parser = rule)]
    pub rules: Vec<Rule>,
}

fn rule(text: &str) -> Result<Rule, serde_json::Error> {
    serde_json::from_str(text)
}

/// Which calls the model answers in which other way. The first rule that fits a call rules it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only calls for the brief of this name; all when absent.
    #[serde(default)]
    pub brief: Option<String>,
    /// Only calls for this task (`copy`); all when absent.
    #[serde(default)]
    pub task: Option<String>,
    /// How many calls it rules; all when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub act: Act,
}

/// How a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Refused with this HTTP status; 429 asks for a minute's patience.
    Status(u16),
    /// Not answered until the rule is taken back.
    Hang,
    /// With the brief's name in every text: what it holds comes back as a model's own words.
    Echo,
    /// With nothing.
    Empty,
    /// With text that is no JSON.
    Garbage,
    /// With the first half of an artifact, and the provider's word that it was cut.
    CutOff,
    /// With the first half of an artifact, as if it were whole.
    Half,
    /// With JSON of another shape.
    OtherSchema,
    /// With 50 MB.
    Huge,
    /// With 10,000 levels of JSON.
    Deep,
    /// With a body that is no completion.
    NoCompletion,
}

/// One accepted call, as the world log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// 1 for the first since the start.
    pub call: u64,
    /// The task: the name of the schema asked for.
    pub task: String,
    /// The name of the brief.
    pub brief: String,
    /// Whether an answer is to be repaired.
    pub repair: bool,
    /// How it is answered; none for a good answer.
    pub act: Option<Act>,
    /// Whether the line says that the caller went away before the answer.
    #[serde(default)]
    pub dropped: bool,
}

struct Model {
    options: Options,
    log: Mutex<File>,
    state: Mutex<Drawn>,
    /// Changes with each change of the rules, which frees what hangs.
    rules: watch::Sender<Vec<Rule>>,
}

struct Drawn {
    calls: u64,
    delays: ChaCha8Rng,
}

/// Serves `POST /chat/completions`, and `/rules` to set (PUT) all rules, add one (POST) or drop those for
/// a brief (DELETE), until the process ends.
///
/// # Errors
/// When the world log cannot be opened or the listener fails.
pub async fn serve(listener: TcpListener, options: Options) -> anyhow::Result<()> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(&options.world_log)
        .with_context(|| {
            format!(
                "the world log {} cannot be opened",
                options.world_log.display()
            )
        })?;
    let model = Arc::new(Model {
        log: Mutex::new(log),
        state: Mutex::new(Drawn {
            calls: 0,
            delays: ChaCha8Rng::seed_from_u64(options.seed),
        }),
        rules: watch::Sender::new(options.rules.clone()),
        options,
    });
    let router = Router::new()
        .route("/chat/completions", post(complete))
        .route("/rules", post(add_rule).delete(drop_rules))
        .route("/health/ready", axum::routing::get(|| async { "ready\n" }))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(model);
    axum::serve(listener, router).await?;
    Ok(())
}

async fn add_rule(State(model): State<Arc<Model>>, Json(rule): Json<Rule>) -> StatusCode {
    let mut added = false;
    model.rules.send_modify(|rules| {
        added = rules.len() < MAX_RULES;
        if added {
            rules.push(rule);
        }
    });
    if added {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::INSUFFICIENT_STORAGE
    }
}

/// Which rules to drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drop {
    /// Those for this brief; all when absent.
    pub brief: Option<String>,
}

async fn drop_rules(State(model): State<Arc<Model>>, Json(which): Json<Drop>) -> StatusCode {
    model.rules.send_modify(|rules| {
        rules.retain(|rule| which.brief.is_some() && rule.brief != which.brief)
    });
    StatusCode::NO_CONTENT
}

async fn complete(State(model): State<Arc<Model>>, Json(body): Json<Value>) -> Response {
    let Some(asked) = answer::Asked::of(&body) else {
        return (StatusCode::BAD_REQUEST, "no task of ours").into_response();
    };
    let ruling = model.ruling(&asked);
    let (call, delay) = match model.accept(&asked, ruling.as_ref().map(|rule| rule.act)) {
        Ok(accepted) => accepted,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response();
        }
    };
    let mut watched = Watched {
        model: &model,
        call: Some(call),
    };
    let response = model.respond(&asked, ruling, delay).await;
    watched.call = None;
    response
}

/// Notes a caller that went away: its handler is dropped before it has answered.
struct Watched<'a> {
    model: &'a Model,
    call: Option<Call>,
}

impl std::ops::Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            // The process has no other place to complain to than the log that failed.
            drop(self.model.write(&Call {
                dropped: true,
                ..call
            }));
        }
    }
}

impl Model {
    /// The rule for this call, used up by one.
    fn ruling(&self, asked: &answer::Asked) -> Option<Rule> {
        let mut found = None;
        let fits = |rule: &Rule| {
            rule.times != Some(0)
                && rule.brief.as_ref().is_none_or(|name| *name == asked.brief)
                && rule.task.as_ref().is_none_or(|task| *task == asked.task)
        };
        self.rules.send_if_modified(|rules| {
            if let Some(rule) = rules.iter_mut().find(|rule| fits(rule)) {
                found = Some(rule.clone());
                rule.times = rule.times.map(|left| left - 1);
            }
            false
        });
        found
    }

    /// Numbers a call, draws its delay, and writes it down before anything is answered.
    fn accept(&self, asked: &answer::Asked, act: Option<Act>) -> std::io::Result<(Call, Duration)> {
        let mut drawn = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.calls += 1;
        let (least, most) = (self.options.min_delay_ms, self.options.max_delay_ms);
        let delay = drawn.delays.random_range(least..=most.max(least));
        let call = Call {
            call: drawn.calls,
            task: asked.task.clone(),
            brief: asked.brief.clone(),
            repair: asked.repair,
            act,
            dropped: false,
        };
        self.write(&call)?;
        Ok((call, Duration::from_millis(delay)))
    }

    /// One line in one write to a file opened for appending, so lines are whole whoever is killed when.
    fn write(&self, call: &Call) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(call)?;
        line.push(b'\n');
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.write_all(&line)
    }

    /// As it was asked for: in pieces, if we write so, or whole.
    fn written(&self, asked: &answer::Asked, good: &str) -> Response {
        if asked.streamed && self.options.stream_ms > 0 {
            return stream(good, Duration::from_millis(self.options.stream_ms));
        }
        completion(good, "stop")
    }

    async fn respond(
        &self,
        asked: &answer::Asked,
        ruling: Option<Rule>,
        delay: Duration,
    ) -> Response {
        let good = asked.artifact().to_string();
        let half = || good[..good.floor_char_boundary(good.len() / 2)].to_owned();
        let Some(rule) = ruling else {
            tokio::time::sleep(delay).await;
            return self.written(asked, &good);
        };
        match rule.act {
            Act::Status(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                let body = Json(json!({"error": {"message": "as told"}}));
                if status == StatusCode::TOO_MANY_REQUESTS {
                    return (status, [(header::RETRY_AFTER, "60")], body).into_response();
                }
                (status, body).into_response()
            }
            Act::Hang => {
                let mut rules = self.rules.subscribe();
                let same = |other: &Rule| {
                    other.brief == rule.brief && other.task == rule.task && other.act == Act::Hang
                };
                // An error means that the process ends.
                drop(
                    rules
                        .wait_for(|rules| !rules.iter().any(same))
                        .await
                        .map(drop),
                );
                completion(&good, "stop")
            }
            Act::Echo => self.written(asked, &asked.echo().to_string()),
            Act::Empty => completion("", "stop"),
            Act::Garbage => completion("Certainly! Here is your copy: {\"headline", "stop"),
            Act::CutOff => completion(&half(), "length"),
            Act::Half => completion(&half(), "stop"),
            Act::OtherSchema => completion(r#"{"recipe": "soup", "persons": 4}"#, "stop"),
            Act::Deep => completion(&("[".repeat(10_000) + &"]".repeat(10_000)), "stop"),
            Act::NoCompletion => Json(json!({"hello": "world"})).into_response(),
            Act::Huge => huge(),
        }
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500})
}

fn completion(content: &str, finish: &str) -> Response {
    Json(json!({
        "id": "fake",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "finish_reason": finish,
        }],
        "usage": usage(),
    }))
    .into_response()
}

/// A completion as a stream of events, its text in pieces, evenly over `span`.
fn stream(content: &str, span: Duration) -> Response {
    let choice = |delta: Value, finish: Option<&str>| json!({"model": MODEL, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    let mut events = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(PIECE_BYTES));
        events.push(choice(json!({"content": piece}), None).to_string());
        rest = after;
    }
    let pause = span / u32::try_from(events.len().max(1)).unwrap_or(u32::MAX);
    events.push(choice(json!({}), Some("stop")).to_string());
    events.push(json!({"model": MODEL, "choices": [], "usage": usage()}).to_string());
    events.push("[DONE]".to_owned());
    let events = futures::stream::iter(events).then(move |event| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(Bytes::from(format!("data: {event}\n\n")))
    });
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(events),
    )
        .into_response()
}

/// 50 MB in chunks, without saying so beforehand.
fn huge() -> Response {
    let head = Bytes::from_static(br#"{"model":"fake-1","choices":[{"message":{"content":""#);
    let chunk = Bytes::from(vec![b'x'; CHUNK_BYTES]);
    let chunks = std::iter::once(head)
        .chain(std::iter::repeat_n(chunk, HUGE_BYTES / CHUNK_BYTES))
        .map(Ok::<_, std::convert::Infallible>);
    Body::from_stream(futures::stream::iter(chunks)).into_response()
}
