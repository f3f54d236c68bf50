//! One writer: what is committed is there, whole, and nothing else is.

use std::{collections::BTreeSet, sync::Arc};

use engine::Command;
use model::{ContentHash, JobId, Timestamp};
use store::{
    Store,
    port::{Blob, CommitError},
};

use crate::fixture::{Driver, at, commit_all, commit_one, step};

pub(crate) async fn a_campaign_is_folded_back_as_it_was(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    let mut replay = driver.clone();
    assert_eq!(
        store.load(&driver.run.tenant, &driver.run.id).await,
        Ok(None)
    );
    for transition in driver.whole() {
        for event in &transition.events {
            engine::apply(&replay.plan, &mut replay.run, event);
        }
        commit_one(&*store, transition).await.expect("commits");
        assert_eq!(replay.stored(&*store).await, replay.run);
    }
    let stored = store.load(&driver.run.tenant, &driver.run.id).await;
    let stored = stored.expect("reads").expect("is there");
    assert_eq!(stored.birth, driver.birth);
    assert!(stored.snapshot.is_some(), "a run at rest has a snapshot");
    assert!(stored.events.is_empty(), "the snapshot holds them all");

    // It goes on from the snapshot, and comes to rest again.
    let regenerate = Command::Regenerate {
        step: step("copy"),
        note: None,
        by: "mia".to_owned(),
    };
    let again = [
        driver.tell(&regenerate, at(10)),
        driver.finish("copy", at(11)),
    ];
    commit_all(&*store, again.into()).await;
    assert_eq!(driver.stored(&*store).await, driver.run);
    commit_one(&*store, driver.finish("audit", at(12)))
        .await
        .expect("commits");
    assert_eq!(driver.stored(&*store).await, driver.run);
}

pub(crate) async fn the_rows_equal_what_is_outstanding(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    let submit = driver.submit();
    check_rows(&*store, &driver, submit).await;
    let finish = driver.finish("copy", at(1));
    check_rows(&*store, &driver, finish).await;
    let redrive = driver.redrive("short_copy", at(2));
    check_rows(&*store, &driver, redrive).await;
    let fail = driver.fail("short_copy", at(3));
    check_rows(&*store, &driver, fail).await;
    let wake = driver.tell(&Command::Wake, at(60_000));
    check_rows(&*store, &driver, wake).await;
    let cancel = Command::Cancel {
        reason: "enough".to_owned(),
        by: "mia".to_owned(),
    };
    let cancel = driver.tell(&cancel, at(60_001));
    check_rows(&*store, &driver, cancel).await;
}

async fn check_rows(store: &dyn Store, driver: &Driver, transition: store::port::Transition) {
    commit_one(store, transition).await.expect("commits");
    let rows = store
        .sent_before(Timestamp(i64::MAX), None, 100)
        .await
        .expect("reads");
    let rows: BTreeSet<(JobId, u64)> = rows
        .into_iter()
        .map(|sent| (sent.row.job, sent.row.token))
        .collect();
    let outstanding = driver.outstanding();
    assert_eq!(rows, outstanding.jobs.keys().cloned().collect());
    let due = store.due(Timestamp(i64::MAX), 100).await.expect("reads");
    let timers: Vec<_> = due.runs.iter().map(|run| run.wake_at).collect();
    assert_eq!(timers, Vec::from_iter(outstanding.wake_at()));
}

pub(crate) async fn a_stale_version_changes_nothing(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    let submit = driver.submit();
    let mut other = driver.clone();
    let stale = |expected| {
        Err(CommitError::Stale {
            run: driver.run.id.clone(),
            expected,
        })
    };
    let early = other.finish("copy", at(1));
    assert_eq!(
        commit_one(&*store, early.clone()).await,
        stale(early.expected),
        "no such run"
    );
    commit_one(&*store, submit.clone()).await.expect("commits");
    assert_eq!(
        commit_one(&*store, submit).await,
        stale(0),
        "exists already"
    );
    commit_one(&*store, early.clone()).await.expect("commits");
    assert_eq!(commit_one(&*store, early).await, stale(4), "has moved on");
    assert_eq!(other.stored(&*store).await, other.run);
}

pub(crate) async fn a_bad_run_fails_alone(store: Arc<dyn Store>) {
    let mut drivers: Vec<Driver> = (0..6)
        .map(|i| Driver::new("acme", &format!("r{i}"), None))
        .collect();
    let mut batch: Vec<_> = drivers.iter_mut().map(Driver::submit).collect();
    batch[1].birth.as_mut().expect("a birth").title = "a\0b".to_owned();
    batch[2].events.remove(1);
    batch[3].blobs[0].content.push('\0');
    batch[4].birth = None;
    let verdicts = store.commit(batch).await;
    for (i, verdict) in verdicts.iter().enumerate() {
        let run = &drivers[i].run.id;
        match verdict {
            Ok(()) => assert!([0, 5].contains(&i), "{run} was taken"),
            Err(CommitError::Data { run: named, .. }) => {
                assert_eq!((named, [0, 5].contains(&i)), (run, false))
            }
            other => panic!("{run}: {other:?}"),
        }
        let there = store
            .load(&drivers[i].run.tenant, run)
            .await
            .expect("reads")
            .is_some();
        assert_eq!(there, verdict.is_ok());
    }
}

/// Faults that only the database sees: here a version that is there already.
pub(crate) async fn what_the_database_refuses_fails_alone(store: Arc<dyn Store>) {
    let mut drivers: Vec<Driver> = (0..3)
        .map(|i| Driver::new("acme", &format!("r{i}"), None))
        .collect();
    let submits = drivers.iter_mut().map(Driver::submit).collect();
    commit_all(&*store, submits).await;
    let mut batch: Vec<_> = drivers
        .iter_mut()
        .map(|driver| driver.finish("copy", at(1)))
        .collect();
    let twice = batch[1].versions[0].clone();
    batch[1].versions.push(twice);
    let bad = drivers[1].run.id.clone();
    let verdicts = store.commit(batch).await;
    assert_eq!(verdicts[0], Ok(()));
    assert!(
        matches!(&verdicts[1], Err(CommitError::Data { run, .. }) if *run == bad),
        "{verdicts:?}"
    );
    assert_eq!(verdicts[2], Ok(()));
    let stored = store
        .load(&drivers[1].run.tenant, &bad)
        .await
        .expect("reads")
        .expect("is there");
    assert_eq!(stored.version, 4, "nothing of the bad transition stays");
    let results = store
        .results(&drivers[1].run.tenant, &bad, &[(step("copy"), 1)])
        .await;
    assert_eq!(results, Ok(Vec::new()));
}

pub(crate) async fn contents_come_back_to_the_byte(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    let whole = driver.whole();
    let written: Vec<_> = whole.iter().flat_map(|one| one.versions.clone()).collect();
    let mut wanted: Vec<_> = written
        .iter()
        .map(|one| (one.step.clone(), one.version))
        .collect();
    commit_all(&*store, whole).await;
    wanted.push((step("copy"), 9));
    wanted.push((step("nothing"), 1));
    let found = store
        .results(&driver.run.tenant, &driver.run.id, &wanted)
        .await
        .expect("reads");
    assert_eq!(found.len(), written.len());
    for one in written {
        assert!(found.contains(&(one.step, one.version, one.content)));
    }
    let awkward = "\u{feff}\r\n\t\"\\ \u{202e}😀\u{10ffff} 'quoted' {1,2} \\u0000 NULL".to_owned();
    let blob = Blob {
        hash: ContentHash::of(awkward.as_bytes()),
        content: awkward,
    };
    store
        .save_blobs(&driver.run.tenant, vec![blob.clone()])
        .await
        .expect("keeps");
    let missing = ContentHash::of(b"nothing");
    let found = store
        .blobs(&driver.run.tenant, &[missing, blob.hash.clone()])
        .await;
    assert_eq!(found, Ok(vec![blob]));
    let none = store.results(&driver.run.tenant, &driver.run.id, &[]).await;
    assert_eq!(none, Ok(Vec::new()));
}

/// A snapshot is a short cut: the events alone give the same run.
pub(crate) async fn a_snapshot_of_another_form_is_not_needed(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    commit_all(&*store, driver.whole()).await;
    let page = store
        .events(&driver.run.tenant, &driver.run.id, 0, 1_000)
        .await;
    let page = page.expect("reads").expect("is there");
    let mut stored = store
        .load(&driver.run.tenant, &driver.run.id)
        .await
        .expect("reads")
        .expect("is there");
    stored.snapshot = None;
    stored.events = page.events;
    let run = store::record::fold(&stored, &driver.run.tenant, &driver.run.id, &driver.plan);
    assert_eq!(run, Ok(driver.run.clone()));
}

pub(crate) async fn a_run_may_be_named_once_in_a_batch(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    let submit = driver.submit();
    let mut longer = submit.clone();
    longer.events.pop();
    longer.sent.pop();
    let verdicts = store.commit(vec![submit, longer]).await;
    assert_eq!(verdicts[0], Ok(()));
    assert!(
        matches!(verdicts[1], Err(CommitError::Stale { .. })),
        "{verdicts:?}"
    );
    assert_eq!(driver.stored(&*store).await, driver.run);
    assert!(store.commit(Vec::new()).await.is_empty());
}

pub(crate) async fn a_large_batch_is_committed_whole(store: Arc<dyn Store>) {
    let count = store::limits::MAX_BATCH + 10;
    let mut drivers: Vec<Driver> = (0..count)
        .map(|i| Driver::new("acme", &format!("r{i}"), Some(&format!("k{}", count - i))))
        .collect();
    let submits = drivers.iter_mut().map(Driver::submit).collect();
    assert!(store.commit(submits).await.iter().all(Result::is_ok));
    let finishes = drivers
        .iter_mut()
        .map(|driver| driver.finish("copy", at(1)))
        .collect();
    assert!(store.commit(finishes).await.iter().all(Result::is_ok));
    for driver in drivers.iter().step_by(50) {
        assert_eq!(driver.stored(&*store).await, driver.run);
    }
}
