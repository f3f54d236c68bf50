//! Pages as they are rendered: nothing of others becomes markup, nothing runs that is not ours.

mod reviews;

use std::sync::Arc;

use ::service::auth::{Guard, Principal, Role};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use model::{TenantId, Timestamp};
use serde_json::json;
use tower::ServiceExt;
use wire::{
    campaign::v1::{AuditReport, Brand, CampaignBrief, Finding, OrchestrationResult, Span},
    events::v1::Event,
    run::v1::{ExplainResponse, Run, Step, Waiting},
};

use super::{artifact::View, asset, concept, door::Visit, longcopy, post, run};
use crate::{client::Calls, feed::Feed, history::grpc::Orchestrator, stream::Streams};

/// Breaks out of text, attributes, comments and addresses, if anything lets it.
const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)><!--</textarea>javascript:alert(1)";

fn orchestrator() -> Orchestrator {
    Orchestrator::new("http://127.0.0.1:1").expect("an address")
}

fn visit() -> Visit {
    Visit {
        principal: Principal {
            tenant: TenantId::new("local").expect("an id"),
            role: Role::Admin,
            by: "test".to_owned(),
        },
        calls: Calls::new(&orchestrator(), None).expect("no key"),
        token: "t".to_owned(),
        nonce: "n".to_owned(),
        has_session: false,
    }
}

/// What no page may hold, wherever the text came from.
fn assert_harmless(page: &str) {
    let lower = page.to_ascii_lowercase();
    for bad in [
        "<script",
        "<img",
        "<!--",
        "</textarea>j",
        "href=\"javascript",
        "href=\"&quot;",
        " style=",
        " onerror=alert(1)>",
    ] {
        assert!(!lower.contains(bad), "{bad} in {page}");
    }
}

#[tokio::test]
async fn hostile_content_is_shown_as_text_in_every_artifact() {
    let content = json!({
        "headline_options": [HOSTILE, HOSTILE], "subhead": HOSTILE, "body": format!("# {HOSTILE}\n\n{HOSTILE}"),
        "key_benefits": [HOSTILE], "call_to_action": {"label": HOSTILE, "url": HOSTILE},
        "seo": {"title": HOSTILE, "description": HOSTILE, "keywords": [HOSTILE]},
        "claims": [{"text": HOSTILE, "source": HOSTILE}],
        "platforms": {"x": [{"text": HOSTILE, "hashtags": [HOSTILE], "link": HOSTILE, "character_count": 9}], HOSTILE: [{"text": "a"}]},
        "title": HOSTILE, "rationale": HOSTILE, "composition": HOSTILE,
        "palette": [{"hex": HOSTILE, "role": HOSTILE}, {"hex": "#12345\"", "role": "background"}],
        "typography": {"headline": HOSTILE, "body": HOSTILE, "notes": HOSTILE},
        "image_prompt": HOSTILE, "alt_text": HOSTILE,
        "poster": {"layout": HOSTILE, "png": {"hash": HOSTILE, "media_type": HOSTILE, "width": 1}},
        "poster_refusal": {"code": HOSTILE, "message": HOSTILE},
    });
    let brief = CampaignBrief {
        language: HOSTILE.to_owned(),
        brand: Some(Brand {
            name: HOSTILE.to_owned(),
            ..Brand::default()
        }),
        ..CampaignBrief::default()
    };
    let finding = Finding {
        severity: HOSTILE.to_owned(),
        span: Some(Span {
            path: "/subhead".to_owned(),
            start: 2,
            end: 9,
        }),
        ..Finding::default()
    };
    let view = View::new(&content, &brief, vec![(1, &finding)]);
    for shown in [
        longcopy::show(&view),
        post::show(&view, None),
        concept::show(&view, "/large"),
    ] {
        assert_harmless(&shown.into_string());
    }
}

#[tokio::test]
async fn a_run_page_shows_what_happens_and_obeys_nothing() {
    let material = run::Material {
        run: Run {
            id: "r-1".to_owned(),
            title: HOSTILE.to_owned(),
            status: "running".to_owned(),
            state: HOSTILE.to_owned(),
            percent: 40,
            submitted: Some(Timestamp(1_000).into()),
            steps: vec![Step {
                name: "copy".to_owned(),
                phase: "running".to_owned(),
                error: HOSTILE.to_owned(),
                ..Step::default()
            }],
            ..Run::default()
        },
        waiting: ExplainResponse {
            waiting: vec![Waiting {
                step: "copy".to_owned(),
                what: "worker".to_owned(),
                message: format!("no live worker {HOSTILE}"),
                ..Waiting::default()
            }],
            ..ExplainResponse::default()
        },
        events: vec![Event {
            sequence: 1,
            r#type: "step_started".to_owned(),
            step: "copy".to_owned(),
            message: HOSTILE.to_owned(),
            time: Some(Timestamp(1_000).into()),
            ..Event::default()
        }],
        result: Some(OrchestrationResult {
            audit_report: Some(AuditReport {
                verdict: HOSTILE.to_owned(),
                ..AuditReport::default()
            }),
            ..OrchestrationResult::default()
        }),
        usual: Some((std::time::Duration::from_secs(10), 5)),
    };
    let page = run::render(&visit(), &material, Timestamp(4_000)).into_string();
    assert_harmless(&page);
    for told in [
        "3.0 s</time> so far",
        "About 7.0 s left",
        "no live worker",
        "Cancel the run",
        "Pause the run",
        "value=\"40\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[tokio::test]
async fn a_reopened_run_counts_from_there_and_promises_nothing() {
    let event = |sequence, kind: &str, at| Event {
        sequence,
        r#type: kind.to_owned(),
        time: Some(Timestamp(at).into()),
        ..Event::default()
    };
    let material = run::Material {
        run: Run {
            id: "r-1".to_owned(),
            status: "running".to_owned(),
            submitted: Some(Timestamp(1_000).into()),
            ..Run::default()
        },
        waiting: ExplainResponse::default(),
        events: vec![event(1, "submitted", 1_000), event(2, "reopened", 60_000)],
        result: None,
        usual: None,
    };
    let page = run::render(&visit(), &material, Timestamp(62_500)).into_string();
    assert!(page.contains("2.5 s</time> so far. </p>"), "{page}");
}

#[tokio::test]
async fn the_longest_run_page_stays_below_150_kb() {
    let events = (0..1_000_u64).map(|n| Event {
        sequence: n + 1,
        r#type: ["step_started", "step_retrying"][(n % 2) as usize].to_owned(),
        step: "visual_concept".to_owned(),
        message: "visual_concept failed (rate_limited), attempt 3 follows".to_owned(),
        metadata: [(
            "error".to_owned(),
            "the provider asks for patience: 429".to_owned(),
        )]
        .into(),
        time: Some(Timestamp(n as i64 * 500).into()),
        ..Event::default()
    });
    let steps = (0..60).map(|n| Step {
        name: format!("a_step_with_a_name_{n}"),
        phase: "backoff".to_owned(),
        needs: (n > 0)
            .then(|| format!("a_step_with_a_name_{}", n - 1))
            .into_iter()
            .collect(),
        ..Step::default()
    });
    let mut steps: Vec<Step> = steps.collect();
    steps[0].name = "visual_concept".to_owned();
    let material = run::Material {
        run: Run {
            id: "r-1".to_owned(),
            status: "running".to_owned(),
            steps,
            ..Run::default()
        },
        waiting: ExplainResponse::default(),
        events: events.collect(),
        result: None,
        usual: None,
    };
    let page = run::render(&visit(), &material, Timestamp(1_000_000)).into_string();
    assert!(page.len() < 150 * 1024, "{} bytes", page.len());
}

#[test]
fn our_own_files_have_no_inline_way_to_run_or_style() {
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        ".style.",
    ] {
        assert!(!asset::SCRIPT_TEXT.contains(sink), "{sink}");
    }
    assert!(!asset::STYLE_TEXT.contains("http") && !asset::STYLE_TEXT.contains("@import"));
}

fn console(guard: Guard) -> Router {
    let feed = Feed::default();
    let bus = Arc::new(bus::Memory::new());
    super::routes(
        guard,
        orchestrator(),
        Streams::new(feed, bus, orchestrator()),
        &super::Secrets::default(),
    )
    .expect("randomness")
}

async fn call(console: &Router, request: Request<Body>) -> (StatusCode, header::HeaderMap, String) {
    let response = console.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    (
        parts.status,
        parts.headers,
        String::from_utf8(body.into()).expect("text"),
    )
}

fn get(path: &str) -> Request<Body> {
    Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "text/html")
        .body(Body::empty())
        .expect("a request")
}

#[tokio::test]
async fn every_page_carries_the_policy_and_only_its_own_script() {
    let console = console(Guard::local_only().expect("an id"));
    for path in [
        "/runs/new",
        "/",
        "/runs/none",
        "/runs/..%2f",
        "/runs/none/artifacts/copy?version=x",
        "/reviews",
        "/runs/none/reviews/sign_off",
        "/system",
    ] {
        let (_, headers, page) = call(&console, get(path)).await;
        let policy = headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("text");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'nonce-"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.matches("<script").count(), 1, "{path}: {page}");
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .expect("a nonce");
        assert!(page.contains(&format!("nonce=\"{nonce}\"")), "{path}");
        assert!(
            !page.contains(" style=") && !page.contains("<style"),
            "{path}"
        );
        let (_, again, _) = call(&console, get(path)).await;
        assert_ne!(
            headers[header::CONTENT_SECURITY_POLICY],
            again[header::CONTENT_SECURITY_POLICY]
        );
    }
}

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_elsewhere() {
    let console = console(Guard::local_only().expect("an id"));
    let (_, _, page) = call(&console, get("/runs/new")).await;
    let token = page
        .split("name=\"token\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let paths = [
        "/runs",
        "/runs/cancel",
        "/runs/r/cancel",
        "/runs/r/regenerate",
        "/runs/r/pause",
        "/runs/r/resume",
        "/runs/r/retry",
        "/runs/r/reviews/sign_off",
        "/logout",
    ];
    let send = |path: &str, body: String, origin: &str| {
        Request::post(path)
            .header(header::HOST, "localhost")
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request")
    };
    for path in paths {
        let (status, _, _) = call(
            &console,
            send(path, "step=copy".to_owned(), "http://localhost"),
        )
        .await;
        assert!(status.is_client_error(), "{path}: {status}");
        let (status, _, page) = call(
            &console,
            send(path, format!("token={token}"), "http://evil.example"),
        )
        .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {page}");
    }
    // With both it is taken: nothing was selected.
    let (status, headers, _) = call(
        &console,
        send("/runs/cancel", format!("token={token}"), "http://localhost"),
    )
    .await;
    assert_eq!(
        (status, headers[header::LOCATION].as_bytes()),
        (StatusCode::SEE_OTHER, &b"/?done=none"[..])
    );
}

#[tokio::test]
async fn with_keys_nobody_sees_a_page_without_a_session() {
    struct One;
    #[async_trait::async_trait]
    impl ::service::auth::Keys for One {
        async fn principal(
            &self,
            key: &str,
        ) -> Result<Option<Principal>, ::service::auth::KeysUnavailable> {
            Ok((key == "good").then(|| visit().principal))
        }
    }
    let console = console(Guard::Keys(Arc::new(One)));
    let (status, headers, _) = call(&console, get("/runs/new?sample=x")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(
        headers[header::LOCATION],
        "/login?next=%2Fruns%2Fnew%3Fsample%3Dx"
    );

    let (_, _, page) = call(&console, get("/login?next=%2Fruns%2Fnew")).await;
    let token = page
        .split("name=\"token\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let login = |key: &str| {
        Request::post("/login")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!(
                "token={token}&key={key}&next=%2Fruns%2Fnew"
            )))
            .expect("a request")
    };
    let (status, headers, page) = call(&console, login("bad")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(!headers.contains_key(header::SET_COOKIE) && page.contains("unknown"));

    let (status, headers, _) = call(&console, login("good")).await;
    assert_eq!(
        (status, headers[header::LOCATION].as_bytes()),
        (StatusCode::SEE_OTHER, &b"/runs/new"[..])
    );
    let cookie = headers[header::SET_COOKIE].to_str().expect("text");
    assert!(
        cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("good"),
        "{cookie}"
    );
    let mut request = get("/runs/new");
    let pair = cookie
        .split(';')
        .next()
        .expect("a pair")
        .parse()
        .expect("a value");
    request.headers_mut().insert(header::COOKIE, pair);
    let (status, _, page) = call(&console, request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("Log out") && !page.contains("good\""),
        "{page}"
    );
}

#[tokio::test]
async fn a_foreign_name_for_this_machine_gets_no_page() {
    let console = console(Guard::local_only().expect("an id"));
    let mut request = get("/");
    request
        .headers_mut()
        .insert(header::HOST, "evil.example".parse().expect("a value"));
    let (status, _, page) = call(&console, request).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!page.contains("name=\"token\""), "{page}");
}

#[tokio::test]
async fn without_an_orchestrator_a_page_says_so() {
    let console = console(Guard::local_only().expect("an id"));
    let (status, _, page) = call(&console, get("/")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.contains("No answer from the orchestrator"), "{page}");
}
