//! What is no answer.

use super::*;

#[tokio::test]
async fn refusals_by_class() {
    for (status, code, wanted) in [
        (429, "rate_limit_exceeded", ErrorClass::RateLimited),
        (429, "insufficient_quota", ErrorClass::Auth),
        (500, "", ErrorClass::Provider),
        (503, "", ErrorClass::Provider),
        (529, "overloaded_error", ErrorClass::Provider),
        (401, "invalid_api_key", ErrorClass::Auth),
        (403, "", ErrorClass::Auth),
        (400, "content_filter", ErrorClass::Policy),
        (400, "context_length_exceeded", ErrorClass::Resources),
        (413, "", ErrorClass::Resources),
        (408, "", ErrorClass::Timeout),
        (404, "model_not_found", ErrorClass::InvalidInput),
        (302, "", ErrorClass::InvalidInput),
    ] {
        for dialect in Dialect::ALL {
            let reply = move || {
                (
                    StatusCode::from_u16(status).unwrap(),
                    [("retry-after", "7"), ("location", "http://127.0.0.1:9/")],
                    json!({"error": {"code": code, "message": "sk-test write"}}).to_string(),
                )
                    .into_response()
            };
            let (streamed, pieces) = listen(dialect, reply).await;
            assert!(pieces.is_empty());
            for failure in [ask(dialect, reply).await.err(), streamed.err()] {
                let failure = failure.unwrap();
                assert_eq!(failure.class, wanted, "{status} {code}");
                assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
                assert!(!failure.message.contains("sk-test"));
                assert_eq!(
                    failure.usage,
                    model::usage::Usage::default(),
                    "nothing to pay"
                );
            }
        }
    }
}

#[tokio::test]
async fn bodies_that_are_no_answer_are_paid_for() {
    let deep = "[".repeat(10_000);
    for dialect in Dialect::ALL {
        for body in ["", "[]", "{\"choices\":[]}", "<html>", "\u{0}", &deep] {
            let body = body.to_owned();
            let failure = ask(dialect, move || body.clone().into_response())
                .await
                .err()
                .unwrap();
            assert_eq!(failure.class, ErrorClass::Provider);
            assert_eq!(
                failure.usage.output_tokens, 100,
                "unknown use costs the worst case"
            );
        }
    }
}

/// 50 MB with and without a declared length. The server counts what it could send: had the client read
/// on, that would be all of it.
#[tokio::test]
async fn a_huge_answer_ends_early() {
    const CHUNK: usize = 64 * 1024;
    const CHUNKS: usize = 800;
    for (kind, dialect) in [
        ("application/json", Dialect::OpenAi),
        ("text/event-stream", Dialect::Anthropic),
    ] {
        for byte in [b' ', b'\n'] {
            let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let counter = Arc::clone(&sent);
            let (endless, _) = listen(dialect, move || {
                let counter = Arc::clone(&counter);
                let chunks = stream::iter(0..CHUNKS).map(move |_| {
                    counter.fetch_add(CHUNK, std::sync::atomic::Ordering::Relaxed);
                    Ok::<_, std::io::Error>(vec![byte; CHUNK])
                });
                ([("content-type", kind)], Body::from_stream(chunks)).into_response()
            })
            .await;
            assert_eq!(endless.err().unwrap().class, ErrorClass::Schema);
            assert!(sent.load(std::sync::atomic::Ordering::Relaxed) < CHUNK * CHUNKS);
        }
    }
    let declared = ask(Dialect::Gemini, || vec![b' '; 50_000_000].into_response()).await;
    assert_eq!(declared.err().unwrap().class, ErrorClass::Schema);
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut impatient = config(Dialect::OpenAi, &base);
    impatient.timeout = Duration::from_millis(50);
    let silent = Remote::new(impatient).unwrap();
    let failure = silent.complete(&request()).await.err().unwrap();
    assert_eq!(failure.class, ErrorClass::Timeout);
    assert_eq!(failure.usage.output_tokens, 100, "it may have been taken");
    drop(listener);
    let gone = provider(Dialect::OpenAi, &base);
    let failure = gone.complete(&request()).await.err().unwrap();
    assert_eq!(failure.class, ErrorClass::Network);
    assert_eq!(failure.usage.cost_microusd, 0, "it was never asked");
}
