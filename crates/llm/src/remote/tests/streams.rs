//! Streams that go wrong.

use super::*;

#[tokio::test]
async fn a_stream_that_is_cut_is_no_answer_and_is_paid_for() {
    for dialect in Dialect::ALL {
        let events = events(dialect);
        // Before the event that says why the model stopped.
        let end = match dialect {
            Dialect::OpenAi => 3,
            Dialect::Anthropic => 6,
            Dialect::Gemini => 1,
        };
        let whole = sse(dialect, &events[..end], false);
        for cut in [whole.len(), whole.len() - 9] {
            let body = whole[..cut].to_owned();
            let (result, pieces) = listen(dialect, move || event_stream(body.clone())).await;
            let failure = result.err().unwrap();
            assert_eq!(failure.class, ErrorClass::Network, "{dialect:?}");
            assert_eq!(
                failure.usage.output_tokens, 100,
                "the model may have gone on"
            );
            let known = dialect == Dialect::Anthropic;
            assert_eq!(failure.usage.input_tokens == 10, known, "{dialect:?}");
            let seen = pieces.concat();
            assert!("{\"a\":1}".starts_with(&seen));
            assert!(cut < whole.len() || !seen.is_empty(), "{dialect:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_within_a_stream() {
    for dialect in Dialect::ALL {
        let begun = sse(dialect, &events(dialect)[..1], false);
        let (result, _) = listen(dialect, move || {
            let broken = std::io::Error::other("broken");
            event_stream(Body::from_stream(stream::iter([
                Ok(begun.clone()),
                Err(broken),
            ])))
        })
        .await;
        assert_eq!(result.err().unwrap().class, ErrorClass::Network);
    }
}

#[tokio::test]
async fn garbage_between_events_means_nothing_and_garbage_in_them_ends_it() {
    for dialect in Dialect::ALL {
        let good = sse(dialect, &events(dialect), true);
        let body = format!(": hello\n\nnonsense\nid: 7\nretry: x\n\n\u{0}\u{7}\n\n{good}");
        let (result, _) = listen(dialect, move || event_stream(body.clone())).await;
        assert_eq!(result.unwrap().text, "{\"a\":1}");

        for garbage in ["nonsense", "[", "\u{0}", "7"] {
            let body = format!("data: {garbage}\n\n{good}");
            let (result, pieces) = listen(dialect, move || event_stream(body.clone())).await;
            assert_eq!(
                result.err().unwrap().class,
                ErrorClass::Provider,
                "{garbage}"
            );
            assert!(pieces.is_empty());
        }
    }
}

#[tokio::test]
async fn an_error_within_a_stream_has_its_class() {
    for (dialect, error, wanted) in [
        (
            Dialect::Anthropic,
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "sk-test"}}),
            ErrorClass::Provider,
        ),
        (
            Dialect::OpenAi,
            json!({"error": {"code": "rate_limit_exceeded", "message": "sk-test"}}),
            ErrorClass::RateLimited,
        ),
        (
            Dialect::Gemini,
            json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "sk-test"}}),
            ErrorClass::Provider,
        ),
    ] {
        let mut all = events(dialect);
        all.truncate(1);
        all.push(error);
        let body = sse(dialect, &all, true);
        let (result, _) = listen(dialect, move || event_stream(body.clone())).await;
        let failure = result.err().unwrap();
        assert_eq!(failure.class, wanted);
        assert!(!failure.message.contains("sk-test"));
    }
}

#[tokio::test]
async fn a_refusal_within_a_stream() {
    for (dialect, last) in [
        (
            Dialect::OpenAi,
            json!({"choices": [{"delta": {"refusal": "no"}, "finish_reason": "stop"}]}),
        ),
        (
            Dialect::Anthropic,
            json!({"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 3}}),
        ),
        (
            Dialect::Gemini,
            json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        ),
    ] {
        let mut all = events(dialect);
        all.truncate(1);
        all.push(last);
        let body = sse(dialect, &all, true);
        let (result, _) = listen(dialect, move || event_stream(body.clone())).await;
        assert_eq!(result.unwrap().finish, Finish::Refused, "{dialect:?}");
    }
}

#[tokio::test]
async fn an_answer_in_a_stream_is_bounded() {
    for dialect in Dialect::ALL {
        let text = "x".repeat(300 * 1024);
        let event = match dialect {
            Dialect::OpenAi => json!({"choices": [{"delta": {"content": text}}]}),
            Dialect::Anthropic => {
                json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}})
            }
            Dialect::Gemini => json!({"candidates": [{"content": {"parts": [{"text": text}]}}]}),
        };
        let body = sse(dialect, &vec![event; 4], true);
        let (result, pieces) = listen(dialect, move || event_stream(body.clone())).await;
        assert_eq!(result.err().unwrap().class, ErrorClass::Schema);
        assert_eq!(pieces.len(), 3);
    }
}

/// The drip never ends; only silence can end it. What time does to a stream is tested in `sse`.
#[tokio::test]
async fn a_stream_that_falls_silent() {
    let begun = sse(Dialect::OpenAi, &events(Dialect::OpenAi)[..2], false);
    let (base, _server) = serve(move || {
        let begun = stream::iter([Ok::<_, std::io::Error>(begun.clone())]);
        event_stream(Body::from_stream(begun.chain(stream::pending())))
    })
    .await;
    let mut impatient = config(Dialect::OpenAi, &base);
    impatient.idle = Duration::from_millis(50);
    let seer = Seer::default();
    let result = Remote::new(impatient)
        .unwrap()
        .stream(&request(), &seer)
        .await;
    assert_eq!(result.err().unwrap().class, ErrorClass::Timeout);
    assert_eq!(seer.pieces(), ["{\"a\""]);
}
