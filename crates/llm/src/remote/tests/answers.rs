//! Good answers, and what was asked for them.

use super::*;

#[tokio::test]
async fn a_good_answer_with_tokens_and_cost() {
    for dialect in Dialect::ALL {
        for suffix in ["", "/"] {
            let (base, server) = serve(move || axum::Json(whole(dialect)).into_response()).await;
            let got = provider(dialect, &(base + suffix))
                .complete(&request())
                .await
                .unwrap();
            assert_eq!(
                (got.text.as_str(), got.finish, got.model.as_str()),
                ("{\"a\":1}", Finish::Stop, "small-2026"),
                "{dialect:?}"
            );
            // 6 at full price, 4 at a tenth, 2 written at twice.
            assert_eq!(
                (
                    got.usage.input_tokens,
                    got.usage.output_tokens,
                    got.usage.cost_microusd
                ),
                (10, 2, 11),
                "{dialect:?}"
            );
            let path = match dialect {
                Dialect::OpenAi => "/v1/chat/completions",
                Dialect::Anthropic => "/v1/messages",
                Dialect::Gemini => "/v1/models/small:generateContent",
            };
            assert_eq!(server.first().uri, path);
        }
    }
}

#[tokio::test]
async fn a_streamed_answer_is_the_same_and_is_seen_in_pieces() {
    for dialect in Dialect::ALL {
        let body = sse(dialect, &events(dialect), true);
        let (base, server) = serve(move || event_stream(body.clone())).await;
        let seer = Seer::default();
        let streamed = provider(dialect, &base)
            .stream(&request(), &seer)
            .await
            .unwrap();
        let whole = ask(dialect, move || axum::Json(whole(dialect)).into_response())
            .await
            .unwrap();
        assert!(streamed == whole, "{dialect:?}");
        assert_eq!(seer.pieces(), ["{\"a\"", ":1}"], "{dialect:?}");
        let seen = server.first();
        match dialect {
            Dialect::Gemini => {
                assert_eq!(seen.uri, "/v1/models/small:streamGenerateContent?alt=sse");
            }
            _ => assert_eq!(seen.body["stream"], true),
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_stream_answers_whole() {
    for dialect in Dialect::ALL {
        let (result, pieces) =
            listen(dialect, move || axum::Json(whole(dialect)).into_response()).await;
        assert_eq!(result.unwrap().text, "{\"a\":1}");
        assert_eq!(pieces, ["{\"a\":1}"]);
    }
}

#[tokio::test]
async fn each_format_asks_in_its_own_way() {
    for dialect in Dialect::ALL {
        let (base, server) = serve(move || axum::Json(whole(dialect)).into_response()).await;
        provider(dialect, &base).complete(&request()).await.unwrap();
        let Seen { headers, body, .. } = server.first();
        let list = |schema: &Value| schema["properties"]["list"].clone();
        match dialect {
            Dialect::OpenAi => {
                assert_eq!(headers["authorization"], "Bearer sk-test");
                assert_eq!(body["messages"][1]["content"], "write");
                assert_eq!(body["max_tokens"], 100);
                let format = &body["response_format"]["json_schema"];
                assert_eq!(
                    (&format["name"], &format["strict"]),
                    (&json!("copy"), &json!(true))
                );
                assert_eq!(list(&format["schema"])["maxItems"], 3);
            }
            Dialect::Anthropic => {
                assert_eq!(headers["x-api-key"], "sk-test");
                assert_eq!(headers["anthropic-version"], "2023-06-01");
                assert_eq!(
                    (&body["system"], &body["max_tokens"]),
                    (&json!("be brief"), &json!(100))
                );
                assert_eq!(
                    body["messages"],
                    json!([{"role": "user", "content": "write"}])
                );
                let format = &body["output_config"]["format"];
                assert_eq!(format["type"], "json_schema");
                assert_eq!(
                    list(&format["schema"]),
                    json!({"type": "array", "description": "maxItems: 3"})
                );
            }
            Dialect::Gemini => {
                assert_eq!(headers["x-goog-api-key"], "sk-test");
                assert_eq!(body["systemInstruction"]["parts"][0]["text"], "be brief");
                assert_eq!(body["contents"][0]["parts"][0]["text"], "write");
                let generation = &body["generationConfig"];
                assert_eq!(generation["maxOutputTokens"], 100);
                assert_eq!(generation["responseMimeType"], "application/json");
                assert_eq!(list(&generation["responseJsonSchema"])["maxItems"], 3);
            }
        }
        assert!(!body.to_string().contains("sk-test"));
    }
}

#[tokio::test]
async fn a_thinking_model_gets_room_and_no_temperature() {
    for dialect in Dialect::ALL {
        let (base, server) = serve(move || axum::Json(whole(dialect)).into_response()).await;
        let mut config = config(dialect, &base);
        config.thinking_tokens = 1_000;
        Remote::new(config)
            .unwrap()
            .complete(&request())
            .await
            .unwrap();
        let body = server.first().body;
        let most = match dialect {
            Dialect::OpenAi => &body["max_completion_tokens"],
            Dialect::Anthropic => &body["max_tokens"],
            Dialect::Gemini => &body["generationConfig"]["maxOutputTokens"],
        };
        assert_eq!(*most, 1_100);
        assert!(!body.to_string().contains("temperature"), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_repair_hands_the_answer_and_its_faults_back() {
    for dialect in Dialect::ALL {
        let (base, server) = serve(move || axum::Json(whole(dialect)).into_response()).await;
        let mut again = request();
        again.repair = Some(Repair {
            answer: "nonsense".into(),
            faults: vec!["not JSON".into()],
        });
        provider(dialect, &base).complete(&again).await.unwrap();
        let body = server.first().body;
        let said = match dialect {
            Dialect::Gemini => &body["contents"],
            _ => &body["messages"],
        };
        let [.., answer, demand] = said.as_array().unwrap().as_slice() else {
            panic!("no repair: {said}");
        };
        assert!(answer.to_string().contains("nonsense"));
        assert!(demand.to_string().contains("not JSON"));
    }
}

#[tokio::test]
async fn why_it_stopped() {
    let openai = |choice: Value| (Dialect::OpenAi, json!({"choices": [choice]}));
    let anthropic = |reason: &str| {
        (
            Dialect::Anthropic,
            json!({"content": [], "stop_reason": reason}),
        )
    };
    let gemini = |reason: &str| {
        (
            Dialect::Gemini,
            json!({"candidates": [{"finishReason": reason}]}),
        )
    };
    for ((dialect, body), wanted) in [
        (
            openai(json!({"message": {"content": "x"}, "finish_reason": "length"})),
            Finish::Length,
        ),
        (
            openai(json!({"message": {}, "finish_reason": "content_filter"})),
            Finish::Refused,
        ),
        (
            openai(json!({"message": {"refusal": "no"}, "finish_reason": "stop"})),
            Finish::Refused,
        ),
        (openai(json!({"message": {}})), Finish::Other),
        (anthropic("max_tokens"), Finish::Length),
        (anthropic("model_context_window_exceeded"), Finish::Length),
        (anthropic("refusal"), Finish::Refused),
        (anthropic("pause_turn"), Finish::Other),
        (gemini("MAX_TOKENS"), Finish::Length),
        (gemini("SAFETY"), Finish::Refused),
        (gemini("PROHIBITED_CONTENT"), Finish::Refused),
        (gemini("LANGUAGE"), Finish::Other),
        (
            (
                Dialect::Gemini,
                json!({"promptFeedback": {"blockReason": "SAFETY"}}),
            ),
            Finish::Refused,
        ),
    ] {
        let shown = body.to_string();
        let got = ask(dialect, move || axum::Json(body.clone()).into_response())
            .await
            .unwrap();
        assert_eq!(got.finish, wanted, "{shown}");
        assert_eq!(
            got.usage.output_tokens, 100,
            "unknown use costs the worst case"
        );
        assert_eq!(got.model, "small");
    }
}

#[test]
fn a_bad_configuration_is_refused() {
    for bad in ["", "api.openai.com/v1", "file:///etc/passwd", "http://"] {
        let failure = Remote::new(config(Dialect::OpenAi, bad)).unwrap_err();
        assert_eq!(failure.class, ErrorClass::InvalidInput, "{bad}");
    }
    let mut nameless = config(Dialect::Gemini, "http://host");
    nameless.model = " ".into();
    assert_eq!(
        Remote::new(nameless).unwrap_err().class,
        ErrorClass::InvalidInput
    );
    for dialect in Dialect::ALL {
        assert_eq!(dialect.name().parse(), Ok(dialect));
        assert!(Remote::new(config(dialect, dialect.base_url())).is_ok());
    }
    assert_eq!("other".parse::<Dialect>(), Err(UnknownDialect));
}

#[test]
fn nothing_shows_the_key() {
    let shown = format!("{:?}", provider(Dialect::Anthropic, "http://host"));
    assert!(!shown.contains("sk-test"), "{shown}");
}
