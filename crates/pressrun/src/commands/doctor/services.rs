//! The orchestrator with its parts, the caller's key, the gateway, the clocks.

use std::time::Duration;

use model::Timestamp;
use service::{build_info, clock};
use tokio::time::timeout;
use tonic::{Code, Request, Status};
use wire::{
    auth::v1::WhoAmIRequest,
    system::v1::{GetStatusRequest, GetStatusResponse},
};

use super::{super::health, Finding};
use crate::client::Client;

pub(super) const ORCHESTRATOR: &str = "orchestrator";
const GATEWAY: &str = "gateway";
const KEY: &str = "key";
const SCHEMA: &str = "schema";
const STREAMS: &str = "streams";
const CLOCK: &str = "clock";

/// Longest wait for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// Two clocks this far apart make times hard to compare.
const SKEW_SEEN: Duration = Duration::from_secs(2);
/// Two clocks this far apart are wrong: times in events and logs no longer tell what came first.
const SKEW_WRONG: Duration = Duration::from_secs(60);

/// Where to look.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Addresses<'a> {
    pub(in crate::commands) orchestrator: &'a str,
    pub(in crate::commands) gateway: &'a str,
    /// Whether the calls carry a key.
    pub(in crate::commands) keyed: bool,
}

pub(super) async fn look(client: &Client, at: Addresses<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let before = clock::now();
    let answer = bounded(client.system().get_status(bound(GetStatusRequest {}))).await;
    let after = clock::now();
    match answer {
        Ok(status) => {
            findings.extend(orchestrator(at.orchestrator, &status, build_info::VERSION));
            findings.extend(clocks(before, after, &status));
        }
        Err(status) => findings.push(silent(at.orchestrator, &status)),
    }
    if findings
        .iter()
        .any(|found| found.level != super::Level::Fault)
    {
        let who = bounded(client.auth().who_am_i(bound(WhoAmIRequest {}))).await;
        findings.push(match who {
            Ok(who) => key(at.keyed, &who.tenant, &who.role),
            Err(status) => bad_key(&status),
        });
    }
    findings.push(gateway(at.gateway).await);
    findings
}

fn bound<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER);
    request
}

async fn bounded<T>(
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    match timeout(ANSWER, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "no answer within {} s",
            ANSWER.as_secs()
        ))),
    }
}

/// How it is reached.
fn transport(url: &str) -> &'static str {
    if url.starts_with("https:") {
        "TLS"
    } else {
        "plain"
    }
}

/// What the orchestrator says of itself.
pub(super) fn orchestrator(url: &str, status: &GetStatusResponse, own: &str) -> Vec<Finding> {
    let says = format!(
        "{url} ({}) answers: version {}, replica {}",
        transport(url),
        status.version,
        status.replica
    );
    let first = if status.version == own {
        Finding::ok(ORCHESTRATOR, says)
    } else {
        Finding::warning(
            ORCHESTRATOR,
            format!("{says}; this program is {own}"),
            "use the programs of one version; docs/how-to/upgrade.md has the order",
        )
    };
    let mut findings = vec![first];
    for part in status.parts.iter().filter(|part| part.name != "service") {
        findings.push(match (part.state.as_str(), part.name.as_str()) {
            ("ok", name) => Finding::ok(name, "reached by the orchestrator"),
            (why, "postgres") => Finding::fault(
                "postgres",
                why,
                "start Postgres, or mend PRESSRUN_DATABASE_URL of the orchestrator; nothing is lost, and all goes on by itself",
            ),
            (why, "nats") => Finding::fault(
                "nats",
                why,
                "start nats-server with JetStream, or mend PRESSRUN_NATS_URL; nothing is lost, and all goes on by itself",
            ),
            (why, name) => Finding::fault(name, why, "see the orchestrator's log"),
        });
    }
    let away = |name: &str| {
        status
            .parts
            .iter()
            .any(|part| part.name == name && part.state != "ok")
    };
    if !away("postgres") {
        findings.extend(schema(status.schema, status.schema_wanted));
    }
    if !away("nats") && !away(STREAMS) {
        findings.push(match status.missing_streams.as_slice() {
            [] => Finding::ok(STREAMS, "all there"),
            missing => Finding::fault(
                STREAMS,
                format!("missing: {}", missing.join(", ")),
                "the services make them again when they use them; if they stay away, see their logs, the NATS user's rights and max_file_store",
            ),
        });
    }
    findings
}

/// The database's schema against the one that the orchestrator was built for.
fn schema(found: u32, wanted: u32) -> Option<Finding> {
    Some(match (found, wanted) {
        // A store that keeps no number: it is brought up to date at each start.
        (0, 0) => return None,
        (0, wanted) => Finding::warning(
            SCHEMA,
            format!("its number cannot be read; wanted is {wanted}"),
            "run `pressrun migrate` as the owner once: it lets the services read it",
        ),
        (found, wanted) if found == wanted => Finding::ok(SCHEMA, format!("number {found}")),
        (found, wanted) if found < wanted => Finding::fault(
            SCHEMA,
            format!("number {found}, the orchestrator wants {wanted}"),
            "run `pressrun migrate` as the owner",
        ),
        (found, wanted) => Finding::warning(
            SCHEMA,
            format!("number {found}, newer than the orchestrator's {wanted}"),
            "finish the upgrade: start orchestrators of the new version",
        ),
    })
}

/// An orchestrator that did not tell how it stands.
fn silent(url: &str, status: &Status) -> Finding {
    let why = status.message();
    match status.code() {
        Code::Unauthenticated => {
            Finding::ok(ORCHESTRATOR, format!("{url} ({}) answers", transport(url)))
        }
        Code::PermissionDenied => Finding::warning(
            ORCHESTRATOR,
            format!(
                "{url} ({}) answers, and does not tell this caller more: {why}",
                transport(url)
            ),
            "use a key of role operator or admin to see its parts",
        ),
        Code::Unimplemented => Finding::warning(
            ORCHESTRATOR,
            format!("{url} answers, but cannot tell how it stands"),
            "it is older than this program, or no orchestrator: check --orchestrator-url",
        ),
        _ => Finding::fault(
            ORCHESTRATOR,
            format!("{url} does not answer: {why}"),
            "is it running? is --orchestrator-url (PRESSRUN_ORCHESTRATOR_URL) its address?",
        ),
    }
}

fn key(keyed: bool, tenant: &str, role: &str) -> Finding {
    let known = if keyed {
        format!("tenant {tenant}, role {role}; keys do not expire")
    } else {
        format!("none needed: {role} of tenant {tenant}, as everyone on this machine")
    };
    if role == "viewer" {
        Finding::warning(
            KEY,
            known,
            "it may look only; to submit, use a key of role editor",
        )
    } else {
        Finding::ok(KEY, known)
    }
}

fn bad_key(status: &Status) -> Finding {
    match status.code() {
        Code::Unauthenticated => Finding::fault(
            KEY,
            format!("refused: {}", status.message()),
            "set PRESSRUN_API_KEY; `pressrun key api` makes a key",
        ),
        Code::PermissionDenied => Finding::fault(
            KEY,
            format!("refused: {}", status.message()),
            "without keys only callers on the orchestrator's own machine are served",
        ),
        _ => Finding::fault(
            KEY,
            format!("cannot be looked up: {}", status.message()),
            "mend the orchestrator's parts first",
        ),
    }
}

async fn gateway(url: &str) -> Finding {
    let misses = match health::look(url).await {
        Ok(look) if look.ready => {
            return Finding::ok(GATEWAY, format!("{url} ({}) is ready", transport(url)));
        }
        Ok(look) => look.parts.into_iter().filter(|(_, state)| state != "ok"),
        Err(error) => {
            return Finding::fault(
                GATEWAY,
                format!("{url} does not answer: {error:#}"),
                "is it running? is --gateway-url (PRESSRUN_GATEWAY_URL) its address?",
            );
        }
    };
    let misses: Vec<_> = misses.map(|(part, why)| format!("{part}: {why}")).collect();
    Finding::fault(
        GATEWAY,
        format!("{url} answers, but is not ready ({})", misses.join("; ")),
        "mend the part that it misses; it goes on by itself",
    )
}

/// This machine's clock against the orchestrator's, and that one against the store's. The orchestrator read
/// its own between question and answer, so only what lies outside counts.
pub(super) fn clocks(
    before: Timestamp,
    after: Timestamp,
    status: &GetStatusResponse,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(theirs) = status.time.map(Timestamp::from) else {
        return findings;
    };
    let apart = theirs.since(after).max(before.since(theirs));
    findings.push(judged("this machine and the orchestrator", apart));
    if let Some(store) = status.store_time.map(Timestamp::from) {
        let apart = theirs.since(store).max(store.since(theirs));
        findings.push(judged("the orchestrator and the database", apart));
    }
    findings
}

fn judged(which: &str, apart: Duration) -> Finding {
    let found = format!("{which} are {:.1} s apart", apart.as_secs_f64());
    let advice = "let all machines follow one time server";
    if apart >= SKEW_WRONG {
        Finding::fault(CLOCK, found, advice)
    } else if apart >= SKEW_SEEN {
        Finding::warning(CLOCK, found, advice)
    } else {
        Finding::ok(CLOCK, found)
    }
}
