//! Ready jobs: their order, and who may claim which.

use std::sync::Arc;

use engine::Command;
use futures::future::join_all;
use model::Timestamp;
use store::{
    Store,
    port::Transition,
    ready::{Claim, KeptBy, Lane, Limits, Pace, Pick, ReadyJob, ReadyRow, Share},
};

use crate::fixture::{Driver, at, commit_one, tenant};

/// The transition with its jobs ready instead of sent.
pub(crate) fn queued(mut transition: Transition, change: impl Fn(&mut ReadyRow)) -> Transition {
    let sent = std::mem::take(&mut transition.sent);
    transition.ready = sent
        .into_iter()
        .map(|row| {
            let mut ready = ReadyRow {
                job: row.job,
                token: row.token,
                step: row.step,
                agent: row.agent,
                priority: 3,
                score: 1,
                ready_at: row.sent_at,
                limits: Limits::default(),
            };
            change(&mut ready);
            ready
        })
        .collect();
    transition
}

/// A new run of the tenant whose jobs are ready: one of each of three kinds.
async fn submit(
    store: &dyn Store,
    owner: &str,
    id: &str,
    change: impl Fn(&mut ReadyRow),
) -> Driver {
    let mut driver = Driver::new(owner, id, None);
    let submit = queued(driver.submit(), change);
    commit_one(store, submit).await.expect("commits");
    driver
}

async fn ready(store: &dyn Store, kind: &str) -> Vec<ReadyJob> {
    let all = store.ready(None, 500, 64).await.expect("reads");
    all.into_iter()
        .filter(|job| job.lane.agent.as_str() == kind)
        .collect()
}

fn runs(jobs: &[ReadyJob]) -> String {
    let names: Vec<_> = jobs.iter().map(|job| job.run.as_str()).collect();
    names.join(" ")
}

fn pace(key: &str, every_us: u64, burst: u32) -> Limits {
    Limits {
        paces: vec![Pace {
            key: key.to_owned(),
            every_us,
            burst,
        }],
        share: None,
    }
}

fn cancel() -> Command {
    Command::Cancel {
        reason: "enough".to_owned(),
        by: "mia".to_owned(),
    }
}

pub(crate) async fn ready_jobs_come_in_their_order(store: Arc<dyn Store>) {
    assert!(!store.due(at(0), 10).await.expect("reads").ready);
    for (id, priority, score, since) in [
        ("r1", 3, 5, 1),
        ("r2", 3, 9, 2),
        ("r3", 5, 0, 3),
        ("r4", 3, 9, 1),
    ] {
        submit(&*store, "acme", id, |row| {
            (row.priority, row.score, row.ready_at) = (priority, score, at(since));
        })
        .await;
    }
    submit(&*store, "other", "r5", |_| {}).await;
    assert!(store.due(at(0), 10).await.expect("reads").ready);
    let jobs = ready(&*store, "copy").await;
    assert_eq!(runs(&jobs), "r3 r4 r2 r1 r5", "by tenant, then their order");
    let first = store.ready(None, 500, 1).await.expect("reads");
    assert_eq!(runs(&first), "r3 r5 r3 r5 r3 r5", "the first of each lane");

    // In pages of lanes: none is missed, and none comes twice.
    let mut seen: Vec<Lane> = Vec::new();
    loop {
        let page = store.ready(seen.last(), 2, 64).await.expect("reads");
        let mut lanes: Vec<_> = page.iter().map(|job| job.lane.clone()).collect();
        lanes.dedup();
        assert!(lanes.len() <= 2);
        if lanes.is_empty() {
            break;
        }
        seen.extend(lanes);
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted(), "{seen:?}");

    // Of the two tenants the one with fewer under way goes first.
    let kind = jobs[0].lane.agent.clone();
    let pick = Pick {
        under_way: [(kind.clone(), [(tenant("acme"), 1)].into())].into(),
        places: [(kind, 3)].into(),
        of_a_gate: 1,
        ..Pick::default()
    };
    assert_eq!(runs(&pick.from(jobs, 100)), "r5 r3 r4");
}

pub(crate) async fn what_is_claimed_is_sent_and_nothing_else(store: Arc<dyn Store>) {
    submit(&*store, "acme", "r1", |_| {}).await;
    let silent = || store.sent_before(Timestamp(i64::MAX), None, 100);
    assert_eq!(silent().await, Ok(Vec::new()), "ready jobs are not silent");
    let jobs = ready(&*store, "copy").await;
    assert_eq!(store.claim(at(7), &jobs).await, Ok(vec![Claim::Sent]));
    let sent = silent().await.expect("reads");
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0].row.job, sent[0].row.sent_at),
        (&jobs[0].job, at(7))
    );
    assert_eq!(store.claim(at(8), &jobs).await, Ok(vec![Claim::Gone]));
    assert_eq!(ready(&*store, "copy").await, []);
    assert_eq!(ready(&*store, "short_copy").await.len(), 1);
    // Under another lease token it is another.
    let mut other = ready(&*store, "short_copy").await;
    other[0].token += 1;
    assert_eq!(store.claim(at(8), &other).await, Ok(vec![Claim::Gone]));
}

pub(crate) async fn one_claim_wins_each_job(store: Arc<dyn Store>) {
    for number in 0..6 {
        submit(
            &*store,
            ["acme", "other"][number % 2],
            &format!("r{number}"),
            |_| {},
        )
        .await;
    }
    let jobs = store.ready(None, 500, 64).await.expect("reads");
    assert_eq!(jobs.len(), 18);
    let claims = (0..6).map(|_| {
        let (store, jobs) = (store.clone(), jobs.clone());
        tokio::spawn(async move { store.claim(at(1), &jobs).await.expect("claims") })
    });
    let mut sent = vec![0; jobs.len()];
    for claims in join_all(claims).await {
        for (count, claim) in sent.iter_mut().zip(claims.expect("ends")) {
            *count += u32::from(claim == Claim::Sent);
        }
    }
    // What two claims met at, both may have left to the other.
    let rest = store.ready(None, 500, 64).await.expect("reads");
    for (job, count) in jobs.iter().zip(&sent) {
        let left = u32::from(rest.contains(job));
        assert_eq!(count + left, 1, "{job:?}");
    }
    let claims = store.claim(at(2), &rest).await.expect("claims");
    assert!(claims.iter().all(|claim| *claim == Claim::Sent));
}

pub(crate) async fn a_pace_holds_over_all_claims(store: Arc<dyn Store>) {
    // Two steps of two workflows with one key; another tenant has the same word for something else.
    for (owner, id) in [("acme", "r1"), ("acme", "r2"), ("other", "r3")] {
        submit(&*store, owner, id, |row| {
            row.limits = pace("rate:linkedin", 200_000, 1)
        })
        .await;
    }
    let jobs = ready(&*store, "copy").await;
    let claims = store.claim(at(0), &jobs).await;
    let until = Claim::Until(at(200));
    assert_eq!(claims, Ok(vec![Claim::Sent, until, Claim::Sent]));
    let second = &jobs[1..2];
    assert_eq!(store.claim(at(199), second).await, Ok(vec![until]));
    assert_eq!(store.claim(at(200), second).await, Ok(vec![Claim::Sent]));

    // Many at once, at one moment: one goes.
    let rest = ready(&*store, "short_copy").await;
    let own: Vec<_> = rest
        .into_iter()
        .filter(|job| job.lane.tenant == tenant("acme"))
        .collect();
    let claims = (0..6).map(|number: usize| {
        let (store, job) = (store.clone(), own[number % 2].clone());
        tokio::spawn(async move { store.claim(at(400), &[job]).await.expect("claims") })
    });
    let ended = join_all(claims).await;
    let sent = ended.into_iter().flat_map(|claims| claims.expect("ends"));
    assert_eq!(sent.filter(|claim| *claim == Claim::Sent).count(), 1);
}

pub(crate) async fn a_pace_lets_a_burst_go_and_no_more(store: Arc<dyn Store>) {
    for number in 0..5 {
        submit(&*store, "acme", &format!("r{number}"), |row| {
            row.limits = pace("rate:fast", 10_000, 3);
        })
        .await;
    }
    let jobs = ready(&*store, "copy").await;
    let until = Claim::Until(at(110));
    let sent = Claim::Sent;
    assert_eq!(
        store.claim(at(100), &jobs).await,
        Ok(vec![sent, sent, sent, until, until])
    );
    assert_eq!(store.claim(at(110), &jobs[3..4]).await, Ok(vec![sent]));
    // A long silence is no more than a burst.
    let last = &jobs[4..];
    assert_eq!(store.claim(at(1_000_000), last).await, Ok(vec![sent]));
}

pub(crate) async fn a_share_is_held_until_its_jobs_end(store: Arc<dyn Store>) {
    let mut drivers = Vec::new();
    for number in 0..3 {
        let driver = submit(&*store, "acme", &format!("r{number}"), |row| {
            row.limits.share = Some(Share {
                key: "share:acc".to_owned(),
                at_once: 2,
            });
        })
        .await;
        drivers.push(driver);
    }
    let jobs = ready(&*store, "copy").await;
    let claims = store.claim(at(1), &jobs).await;
    assert_eq!(claims, Ok(vec![Claim::Sent, Claim::Sent, Claim::Full]));
    let third = &jobs[2..];
    let run = drivers[2].run.id.clone();
    let kept = store
        .kept(&tenant("acme"), &run, at(2))
        .await
        .expect("reads");
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter()
            .all(|kept| kept.by == KeptBy::Share("share:acc".to_owned(), 2, 2)),
        "{kept:?}"
    );
    let first = drivers
        .iter_mut()
        .find(|driver| driver.run.id == jobs[0].run)
        .expect("a run");
    let finish = first.finish("copy", at(3));
    commit_one(&*store, finish).await.expect("commits");
    assert_eq!(store.claim(at(4), third).await, Ok(vec![Claim::Sent]));
}

pub(crate) async fn what_is_given_up_is_never_claimed(store: Arc<dyn Store>) {
    let mut driver = submit(&*store, "acme", "r0", |_| {}).await;
    let jobs = store.ready(None, 500, 64).await.expect("reads");
    let cancelled = driver.tell(&cancel(), at(1));
    assert_eq!(cancelled.given_up.len(), 3);
    commit_one(&*store, cancelled).await.expect("commits");
    assert_eq!(store.claim(at(2), &jobs).await, Ok(vec![Claim::Gone; 3]));

    // At the same moment: whoever is first, no row is left of a cancelled run.
    for number in 1..30 {
        let mut driver = submit(&*store, "acme", &format!("r{number}"), |_| {}).await;
        let jobs = store.ready(None, 500, 64).await.expect("reads");
        let cancelled = driver.tell(&cancel(), at(1));
        let (claimer, committer) = (store.clone(), store.clone());
        let claim = tokio::spawn(async move { claimer.claim(at(2), &jobs).await });
        let commit = tokio::spawn(async move { commit_one(&*committer, cancelled).await });
        claim.await.expect("ends").expect("claims");
        commit.await.expect("ends").expect("commits");
        let left = store.ready(None, 500, 64).await.expect("reads");
        assert_eq!(left, []);
        let sent = store.sent_before(Timestamp(i64::MAX), None, 100).await;
        assert_eq!(sent, Ok(Vec::new()), "run {number}");
    }
}

pub(crate) async fn a_dropped_claim_is_whole_or_nothing(store: Arc<dyn Store>) {
    for number in 0..20 {
        submit(&*store, "acme", &format!("r{number}"), |_| {}).await;
        let jobs = store.ready(None, 500, 64).await.expect("reads");
        let claim = store.claim(at(1), &jobs);
        // Polled once, then dropped.
        drop(futures::future::select(claim, futures::future::ready(())).await);
        let mut left = store.ready(None, 500, 64).await.expect("reads");
        // What was under way may end later; then nothing is left to claim.
        while !left.is_empty() {
            store.claim(at(2), &left).await.expect("claims");
            left = store.ready(None, 500, 64).await.expect("reads");
        }
    }
    let sent = store.sent_before(Timestamp(i64::MAX), None, 100).await;
    assert_eq!(sent.expect("reads").len(), 60);
}

pub(crate) async fn a_run_says_what_keeps_its_jobs(store: Arc<dyn Store>) {
    let limits = |row: &mut ReadyRow| {
        if row.agent.as_str() != "copy" {
            row.limits = pace("rate:slow", 30_000_000, 1);
        }
    };
    let driver = submit(&*store, "acme", "r1", limits).await;
    submit(&*store, "acme", "r2", limits).await;
    let kept = async |now| {
        let kept = store.kept(&tenant("acme"), &driver.run.id, now).await;
        let kept = kept.expect("reads").into_iter();
        let mut kept: Vec<_> = kept.map(|kept| (kept.agent.to_string(), kept.by)).collect();
        kept.sort_by(|a, b| a.0.cmp(&b.0));
        kept
    };
    let place = |kind: &str| (kind.to_owned(), KeptBy::Place);
    assert_eq!(
        kept(at(1)).await,
        ["copy", "short_copy", "visual_concept"].map(place)
    );
    let other = ready(&*store, "short_copy").await;
    let other = other.iter().filter(|job| job.run != driver.run.id);
    let other: Vec<_> = other.cloned().collect();
    assert_eq!(store.claim(at(1), &other).await, Ok(vec![Claim::Sent]));
    let paced = |kind: &str| {
        let by = KeptBy::Pace("rate:slow".to_owned(), at(30_001));
        (kind.to_owned(), by)
    };
    assert_eq!(
        kept(at(2)).await,
        [place("copy"), paced("short_copy"), paced("visual_concept")]
    );
    let foreign = store.kept(&tenant("other"), &driver.run.id, at(2)).await;
    assert_eq!(foreign, Ok(Vec::new()));
}
