//! Scans over all tenants, and the paging of a run's events.

use std::sync::Arc;

use model::Timestamp;
use store::{
    Store,
    port::{Changed, Due},
};

use crate::fixture::{Driver, at, commit_all, commit_one, run_id, tenant};

pub(crate) async fn timers_come_in_order(store: Arc<dyn Store>) {
    assert_eq!(store.due(at(0), 10).await, Ok(Due::default()));
    for (i, wake) in [50, 10, 40, 20, 30].into_iter().enumerate() {
        let owner = ["acme", "other"][i % 2];
        let mut submit = Driver::new(owner, &format!("r{i}"), None).submit();
        submit.standing.wake_at = Some(at(wake));
        commit_one(&*store, submit).await.expect("commits");
    }
    let mut without = Driver::new("acme", "without", None).submit();
    without.standing.wake_at = None;
    commit_one(&*store, without).await.expect("commits");

    let due = |now, limit| {
        let store = store.clone();
        async move {
            let due = store.due(at(now), limit).await.expect("reads");
            let runs: Vec<_> = due.runs.iter().map(|run| run.run.to_string()).collect();
            (runs.join(" "), due.next)
        }
    };
    assert_eq!(due(9, 10).await, (String::new(), Some(at(10))));
    assert_eq!(due(30, 10).await, ("r1 r3 r4".to_owned(), Some(at(40))));
    assert_eq!(
        due(30, 2).await,
        ("r1 r3".to_owned(), Some(at(30))),
        "more is due"
    );
    assert_eq!(due(50, 10).await, ("r1 r3 r4 r2 r0".to_owned(), None));
    let all = store.due(at(50), 10).await.expect("reads");
    assert_eq!(
        (&all.runs[0].tenant, all.runs[0].wake_at),
        (&tenant("other"), at(10))
    );
}

pub(crate) async fn silent_jobs_come_in_pages(store: Arc<dyn Store>) {
    let mut all = Vec::new();
    for i in 0..5 {
        let owner = ["acme", "other"][i % 2];
        let mut submit = Driver::new(owner, &format!("r{i}"), None).submit();
        for (row, sent) in submit.sent.iter_mut().zip([1, 2, 2]) {
            row.sent_at = at(sent);
            all.push((tenant(owner), run_id(&format!("r{i}")), row.clone()));
        }
        commit_one(&*store, submit).await.expect("commits");
    }
    all.sort_by_key(|(tenant, run, row)| (tenant.clone(), run.clone(), row.job.clone()));
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store
            .sent_before(at(3), cursor.as_ref(), 4)
            .await
            .expect("reads");
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        cursor = Some(last.clone());
        seen.extend(
            page.into_iter()
                .map(|sent| (sent.tenant, sent.run, sent.row)),
        );
    }
    assert_eq!(seen, all);
    let early = store.sent_before(at(2), None, 100).await.expect("reads");
    assert_eq!(early.len(), 5, "before, not at");
    assert_eq!(store.sent_before(at(1), None, 100).await, Ok(Vec::new()));
}

pub(crate) async fn changed_runs_come_in_pages(store: Arc<dyn Store>) {
    assert_eq!(store.last_change().await, Ok(None));
    for i in 0..7 {
        let mut driver = Driver::new(["acme", "other"][i % 2], &format!("r{i}"), None);
        let submit = driver.submit();
        let finish = driver.finish("copy", at(10 * (i as i64 / 2)));
        commit_all(&*store, vec![submit, finish]).await;
    }
    assert_eq!(store.last_change().await, Ok(Some(at(30))));
    let mut seen: Vec<Changed> = Vec::new();
    let mut cursor: Option<(Timestamp, model::RunId)> = None;
    loop {
        let page = store
            .changed_since(None, at(10), cursor.as_ref(), 2)
            .await
            .expect("reads");
        let Some(last) = page.last() else { break };
        cursor = Some((last.updated, last.run.clone()));
        seen.extend(page);
    }
    let names: Vec<_> = seen.iter().map(|one| one.run.as_str()).collect();
    assert_eq!(names, ["r2", "r3", "r4", "r5", "r6"]);
    assert!(
        seen.iter().all(|one| one.sequence == 5),
        "the last number: {seen:?}"
    );
    assert_eq!(
        (&seen[0].tenant, seen[0].updated),
        (&tenant("acme"), at(10))
    );
    assert_eq!(
        store.changed_since(None, at(31), None, 10).await,
        Ok(Vec::new())
    );
    // Of one tenant: in pages too, and nothing of the other.
    let other = tenant("other");
    let first = store.changed_since(Some(&other), at(10), None, 1).await;
    let first = first.expect("reads");
    let cursor = first.last().map(|last| (last.updated, last.run.clone()));
    let rest = store.changed_since(Some(&other), at(10), cursor.as_ref(), 10);
    let rest = rest.await.expect("reads");
    let names: Vec<_> = first
        .iter()
        .chain(&rest)
        .map(|one| one.run.as_str())
        .collect();
    assert_eq!(names, ["r3", "r5"]);
    assert!(first.iter().chain(&rest).all(|one| one.tenant == other));
    assert_eq!(
        store
            .changed_since(Some(&tenant("none")), at(0), None, 10)
            .await,
        Ok(Vec::new())
    );
}

pub(crate) async fn events_come_in_pages(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    let whole = driver.whole();
    let all: Vec<_> = whole.iter().flat_map(|one| one.events.clone()).collect();
    let status = whole.last().map(|one| one.standing.status);
    commit_all(&*store, whole).await;
    let page = |after, limit| store.events(&driver.run.tenant, &driver.run.id, after, limit);
    for after in 0..=all.len() as u64 {
        let mut got = Vec::new();
        let mut last = after;
        loop {
            let page = page(last, 1).await.expect("reads").expect("is there");
            assert_eq!((page.head, &page.birth), (all.len() as u64, &driver.birth));
            let Some(event) = page.events.last() else {
                break;
            };
            last = event.sequence;
            got.extend(page.events);
        }
        assert_eq!(got, all[after as usize..]);
    }
    let rest = page(0, 1_000).await.expect("reads").expect("is there");
    assert_eq!(rest.events, all);
    assert_eq!(Some(rest.status), status);
    let nothing = store
        .events(&driver.run.tenant, &run_id("nothing"), 0, 10)
        .await;
    assert_eq!(nothing, Ok(None));
}
