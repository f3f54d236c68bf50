//! Callers with API keys see their own tenant alone; and lists, which need a tenant that nobody else
//! fills.

use model::ContentHash;
use system_tests::{
    brief,
    stack::{Clients, Layout, Stack},
};
use tonic::{Code, Request, Status};
use wire::{
    artifact::v1::{GetMediaRequest, ListVersionsRequest},
    campaign::v1::{self as campaign, CancelRequest},
    run::v1::{self as run, ListRequest, ListResponse},
};

/// Runs of the first tenant.
const RUNS: usize = 5;

pub(super) async fn key(stack: &Stack, tenant: &str, role: &str) -> anyhow::Result<String> {
    let key = format!("{tenant}-{role}-0123456789abcdef");
    let hash = ContentHash::of(key.as_bytes());
    stack
        .query(&format!(
            "select save_api_key_v1('{tenant}', '{hash}', '{role}', 'test', 0)"
        ))
        .await?;
    Ok(key)
}

pub(super) fn with<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(value) = format!("Bearer {key}").parse() {
        request.metadata_mut().insert("authorization", value);
    }
    request
}

pub(super) fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn tenants_see_their_own_and_lists_go_page_by_page() -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        api_keys: true,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let clients = stack.clients()?;
    let acme = key(&stack, "acme", "editor").await?;
    let looker = key(&stack, "acme", "viewer").await?;
    let other = key(&stack, "umbrella", "admin").await?;

    let mut runs = Vec::new();
    for number in 0..RUNS {
        let mut request = brief::request(&format!("run {number}"), "parallel");
        request.options.get_or_insert_default().wait_for_workers = true;
        let answer = clients
            .campaigns
            .clone()
            .submit(with(&acme, request))
            .await?;
        runs.push(answer.into_inner());
    }
    runs.reverse();
    for run in &runs[..2] {
        let request = CancelRequest {
            run_id: run.run_id.clone(),
            reason: String::new(),
        };
        clients
            .campaigns
            .clone()
            .cancel(with(&acme, request))
            .await?;
    }
    let ids: Vec<_> = runs.iter().map(|run| run.run_id.as_str()).collect();

    assert_eq!(
        pages(&clients, &looker, ListRequest::default()).await?,
        std::slice::from_ref(&ids)
    );
    let small = ListRequest {
        page_size: 2,
        workflow: "campaign".to_owned(),
        ..ListRequest::default()
    };
    let chunks: Vec<Vec<_>> = ids.chunks(2).map(<[_]>::to_vec).collect();
    assert_eq!(pages(&clients, &looker, small).await?, chunks);
    for (status, wanted) in [("cancelled", &ids[..2]), ("running", &ids[2..])] {
        let filtered = ListRequest {
            status: status.to_owned(),
            ..ListRequest::default()
        };
        assert_eq!(
            pages(&clients, &looker, filtered).await?,
            [wanted.to_vec()],
            "{status}"
        );
    }
    let one = ListRequest {
        campaign_id: runs[3].campaign_id.clone(),
        ..ListRequest::default()
    };
    assert_eq!(pages(&clients, &looker, one).await?, [[ids[3]]]);
    for bad in [
        ListRequest {
            cursor: "a.b.c".to_owned(),
            ..ListRequest::default()
        },
        ListRequest {
            cursor: "' or 1=1".to_owned(),
            ..ListRequest::default()
        },
        ListRequest {
            status: "asleep".to_owned(),
            ..ListRequest::default()
        },
    ] {
        let answer = clients.runs.clone().list(with(&looker, bad.clone())).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{bad:?}");
    }

    // The other tenant: an empty list, and nothing found by its id.
    let nothing = Vec::<Vec<&str>>::from([vec![]]);
    assert_eq!(
        pages(&clients, &other, ListRequest::default()).await?,
        nothing
    );
    let run_id = ids[0].to_owned();
    let foreign = [
        code(
            clients
                .runs
                .clone()
                .get(with(
                    &other,
                    run::GetRequest {
                        run_id: run_id.clone(),
                    },
                ))
                .await,
        ),
        code(
            clients
                .campaigns
                .clone()
                .get(with(
                    &other,
                    campaign::GetRequest {
                        run_id: run_id.clone(),
                    },
                ))
                .await,
        ),
        code(
            clients
                .campaigns
                .clone()
                .cancel(with(
                    &other,
                    CancelRequest {
                        run_id: ids[4].to_owned(),
                        reason: String::new(),
                    },
                ))
                .await,
        ),
        code(
            clients
                .runs
                .clone()
                .list_events(with(
                    &other,
                    run::ListEventsRequest {
                        run_id: run_id.clone(),
                        ..Default::default()
                    },
                ))
                .await,
        ),
        code(
            clients
                .runs
                .clone()
                .explain(with(
                    &other,
                    run::ExplainRequest {
                        run_id: run_id.clone(),
                    },
                ))
                .await,
        ),
        code(
            clients
                .artifacts
                .clone()
                .list_versions(with(
                    &other,
                    ListVersionsRequest {
                        run_id,
                        step: String::new(),
                    },
                ))
                .await,
        ),
    ];
    assert_eq!(foreign, [Code::NotFound; 6]);
    let mine = run::GetRequest {
        run_id: ids[4].to_owned(),
    };
    let run = clients
        .runs
        .clone()
        .get(with(&acme, mine))
        .await?
        .into_inner();
    assert_eq!(
        (run.status.as_str(), run.tenant.as_str()),
        ("running", "acme")
    );

    // Rights and keys.
    let request = brief::request("not allowed", "parallel");
    let answer = clients
        .campaigns
        .clone()
        .submit(with(&looker, request.clone()))
        .await;
    assert_eq!(code(answer), Code::PermissionDenied);
    let answer = clients.campaigns.clone().submit(request.clone()).await;
    assert_eq!(code(answer), Code::Unauthenticated);
    let answer = clients
        .campaigns
        .clone()
        .submit(with("guessed", request))
        .await;
    assert_eq!(code(answer), Code::Unauthenticated);
    Ok(())
}

/// The run ids of all pages.
async fn pages(
    clients: &Clients,
    key: &str,
    mut request: ListRequest,
) -> anyhow::Result<Vec<Vec<String>>> {
    let mut pages = Vec::new();
    loop {
        let answer = clients
            .runs
            .clone()
            .list(with(key, request.clone()))
            .await?;
        let ListResponse { runs, next_cursor } = answer.into_inner();
        assert!(runs.iter().all(|run| run.steps.is_empty()));
        pages.push(runs.into_iter().map(|run| run.id).collect());
        if next_cursor.is_empty() {
            return Ok(pages);
        }
        request.cursor = next_cursor;
    }
}

#[tokio::test]
async fn a_picture_is_shown_to_its_tenant_alone_and_no_other_blob_is() -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        api_keys: true,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let clients = stack.clients()?;
    let looker = key(&stack, "acme", "viewer").await?;
    let other = key(&stack, "umbrella", "admin").await?;
    let picture = b"<svg />";
    let hash = ContentHash::of(picture);
    let brief = ContentHash::of(b"{}");
    stack
        .query(&format!(
            "select save_blobs_v1('acme', array['{hash}', '{brief}'], \
             array['data:image/svg+xml;base64,PHN2ZyAvPg==', '{{}}'])"
        ))
        .await?;
    let get = async |key: &str, hash: &str| {
        let hash = hash.to_owned();
        let request = with(key, GetMediaRequest { hash });
        clients.artifacts.clone().get_media(request).await
    };
    let seen = get(&looker, hash.as_str()).await?.into_inner();
    assert_eq!(seen.content, picture);
    assert_eq!(seen.media_type, "image/svg+xml");
    assert_eq!(code(get(&other, hash.as_str()).await), Code::NotFound);
    assert_eq!(code(get(&looker, brief.as_str()).await), Code::NotFound);
    assert_eq!(code(get(&looker, "../etc").await), Code::InvalidArgument);
    Ok(())
}
