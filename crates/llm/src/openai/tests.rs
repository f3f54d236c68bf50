//! Against a real local server that speaks the wire format.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response as Answer},
    routing::post,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::*;
use crate::provider::{Finish, Repair};

/// The `Authorization` header and the body of one request.
type Seen = (Option<String>, Value);
type Reply = Arc<dyn Fn() -> Answer + Send + Sync>;

#[derive(Clone)]
struct Server {
    reply: Reply,
    seen: Arc<Mutex<Vec<Seen>>>,
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: String) -> Answer {
    let auth = headers
        .get("authorization")
        .map(|v| v.to_str().unwrap().to_owned());
    server
        .seen
        .lock()
        .unwrap()
        .push((auth, serde_json::from_str(&body).unwrap()));
    (server.reply)()
}

async fn serve(reply: impl Fn() -> Answer + Send + Sync + 'static) -> (String, Server) {
    let server = Server {
        reply: Arc::new(reply),
        seen: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/v1/chat/completions", post(answer))
        .with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, server)
}

fn provider(base_url: &str) -> OpenAi {
    // Another test of this process may have installed it already.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    OpenAi::new(Config {
        base_url: base_url.to_owned(),
        model: "small".into(),
        key: Some(ApiKey::new("sk-test").unwrap()),
        price: Price {
            input_microusd: 1_000_000,
            output_microusd: 2_000_000,
        },
        timeout: Duration::from_secs(20),
        token_limit: TokenLimit::default(),
    })
    .unwrap()
}

fn request() -> Request {
    Request {
        task: "copy".into(),
        input: Value::Null,
        system: "be brief".into(),
        prompt: "write".into(),
        schema: json!({"type": "object"}),
        schema_name: "copy".into(),
        max_output_tokens: 100,
        temperature: Some(0.5),
        repair: None,
    }
}

fn good() -> Answer {
    axum::Json(json!({
        "model": "small-2026",
        "choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2},
    }))
    .into_response()
}

async fn failure(reply: impl Fn() -> Answer + Send + Sync + 'static) -> Failure {
    let (base, _) = serve(reply).await;
    provider(&base).complete(&request()).await.err().unwrap()
}

#[tokio::test]
async fn a_good_answer_with_tokens_and_cost() {
    for suffix in ["", "/"] {
        let (base, server) = serve(good).await;
        let got = provider(&(base + suffix))
            .complete(&request())
            .await
            .unwrap();
        assert_eq!(
            (got.text.as_str(), got.finish, got.model.as_str()),
            ("{}", Finish::Stop, "small-2026")
        );
        assert_eq!(got.usage.cost_microusd, 14);
        let seen = server.seen.lock().unwrap();
        let (auth, body) = &seen[0];
        assert_eq!(auth.as_deref(), Some("Bearer sk-test"));
        assert_eq!(body["messages"][1]["content"], "write");
        assert_eq!(body["max_tokens"], 100);
        assert_eq!(body["response_format"]["json_schema"]["name"], "copy");
    }
}

#[tokio::test]
async fn a_repair_hands_the_answer_and_its_faults_back() {
    let (base, server) = serve(good).await;
    let mut again = request();
    again.repair = Some(Repair {
        answer: "nonsense".into(),
        faults: vec!["not JSON".into()],
    });
    provider(&base).complete(&again).await.unwrap();
    let messages = server.seen.lock().unwrap()[0].1["messages"].clone();
    assert_eq!(messages[2]["content"], "nonsense");
    assert!(
        messages[3]["content"]
            .as_str()
            .unwrap()
            .contains("not JSON")
    );
}

#[tokio::test]
async fn finish_reasons_and_unknown_use() {
    for (choice, wanted) in [
        (
            json!({"message": {"content": "x"}, "finish_reason": "length"}),
            Finish::Length,
        ),
        (
            json!({"message": {"content": null}, "finish_reason": "content_filter"}),
            Finish::Refused,
        ),
        (
            json!({"message": {"refusal": "no"}, "finish_reason": "stop"}),
            Finish::Refused,
        ),
        (json!({"message": {}}), Finish::Other),
    ] {
        let (base, _) =
            serve(move || axum::Json(json!({"choices": [choice]})).into_response()).await;
        let got = provider(&base).complete(&request()).await.unwrap();
        assert_eq!(got.finish, wanted);
        assert_eq!(
            got.usage.output_tokens, 100,
            "unknown use costs the worst case"
        );
        assert_eq!(got.model, "small");
    }
}

#[tokio::test]
async fn refusals_by_class() {
    for (status, code, wanted) in [
        (429, "rate_limit_exceeded", ErrorClass::RateLimited),
        (429, "insufficient_quota", ErrorClass::Auth),
        (500, "", ErrorClass::Provider),
        (503, "", ErrorClass::Provider),
        (401, "invalid_api_key", ErrorClass::Auth),
        (403, "", ErrorClass::Auth),
        (400, "content_filter", ErrorClass::Policy),
        (400, "context_length_exceeded", ErrorClass::Resources),
        (413, "", ErrorClass::Resources),
        (408, "", ErrorClass::Timeout),
        (404, "model_not_found", ErrorClass::InvalidInput),
        (302, "", ErrorClass::InvalidInput),
    ] {
        let failure = failure(move || {
            (
                StatusCode::from_u16(status).unwrap(),
                [("retry-after", "7"), ("location", "http://127.0.0.1:9/")],
                json!({"error": {"code": code, "message": "sk-test write"}}).to_string(),
            )
                .into_response()
        })
        .await;
        assert_eq!(failure.class, wanted, "{status} {code}");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
        assert!(!failure.message.contains("sk-test"));
    }
}

#[tokio::test]
async fn bodies_that_are_no_completion() {
    for body in ["", "[]", "{\"choices\":[]}", "<html>", "\u{0}"] {
        let failure = failure(move || body.into_response()).await;
        assert_eq!(failure.class, ErrorClass::Provider, "{body:?}");
    }
    let deep = "[".repeat(10_000);
    let failure = failure(move || deep.clone().into_response()).await;
    assert_eq!(failure.class, ErrorClass::Provider);
}

/// 50 MB with and without a declared length. The server counts what it could send: had the client read
/// on, that would be all of it.
#[tokio::test]
async fn a_huge_answer_ends_early() {
    const CHUNK: usize = 64 * 1024;
    const CHUNKS: usize = 800;
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let endless = failure(move || {
        let counter = Arc::clone(&counter);
        let chunks = stream::iter(0..CHUNKS).map(move |_| {
            counter.fetch_add(CHUNK, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>(vec![b' '; CHUNK])
        });
        Body::from_stream(chunks).into_response()
    })
    .await;
    assert_eq!(endless.class, ErrorClass::Schema);
    assert!(sent.load(std::sync::atomic::Ordering::Relaxed) < CHUNK * CHUNKS);
    let declared = failure(|| vec![b' '; 50_000_000].into_response()).await;
    assert_eq!(declared.class, ErrorClass::Schema);
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut silent = provider(&base);
    silent.config.timeout = Duration::from_millis(50);
    let silent = OpenAi::new(silent.config).unwrap();
    let failure = silent.complete(&request()).await.err().unwrap();
    assert_eq!(failure.class, ErrorClass::Timeout);
    drop(listener);
    let failure = provider(&base).complete(&request()).await.err().unwrap();
    assert_eq!(failure.class, ErrorClass::Network);
}

#[tokio::test]
async fn a_bad_configuration_is_refused() {
    for bad in ["", "api.openai.com/v1", "file:///etc/passwd", "http://"] {
        assert_eq!(
            endpoint(bad).unwrap_err().class,
            ErrorClass::InvalidInput,
            "{bad}"
        );
    }
    assert_eq!(
        endpoint("https://host/v1").unwrap().as_str(),
        "https://host/v1/chat/completions"
    );
}
