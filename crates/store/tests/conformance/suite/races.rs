//! Many writers.

use std::{future::poll_fn, sync::Arc, task::Poll};

use engine::Command;
use futures::future::join_all;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use store::{Store, port::CommitError};

use crate::fixture::{Driver, at, commit_one, run_id, tenant};

/// Writers who all know the same version: one of them wins it, the others are stale.
pub(crate) async fn one_writer_wins_each_version(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    commit_one(&*store, driver.submit()).await.expect("commits");
    let mut version = driver.run.sequence;
    for round in 0..20 {
        let redrives: Vec<_> = (0..8)
            .map(|writer| {
                let mut mine = driver.clone();
                let name = ["copy", "short_copy", "visual_concept"][writer % 3];
                let transition = mine.redrive(name, at(round));
                let store = store.clone();
                tokio::spawn(async move { (commit_one(&*store, transition).await, mine) })
            })
            .collect();
        let mut winners = Vec::new();
        for outcome in join_all(redrives).await {
            match outcome.expect("no panic") {
                (Ok(()), mine) => winners.push(mine),
                (Err(CommitError::Stale { expected, .. }), _) => assert_eq!(expected, version),
                (other, _) => panic!("{other:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        driver = winners.remove(0);
        version = driver.run.sequence;
        assert_eq!(driver.stored(&*store).await, driver.run);
        // A job that is lost for the third time is parked, so the next round starts anew.
        if driver.outstanding().jobs.len() < 3 || round % 2 == 1 {
            driver = Driver::new("acme", &format!("r{}", round + 2), None);
            commit_one(&*store, driver.submit()).await.expect("commits");
            version = driver.run.sequence;
        }
    }
}

/// Batches over the same runs in different orders: no deadlock, each version won once.
pub(crate) async fn crossing_batches_do_not_lock_up(store: Arc<dyn Store>) {
    let mut drivers: Vec<Driver> = (0..12)
        .map(|i| Driver::new("acme", &format!("r{i}"), None))
        .collect();
    let submits = drivers.iter_mut().map(Driver::submit).collect();
    assert!(store.commit(submits).await.iter().all(Result::is_ok));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let mut random = ChaCha8Rng::seed_from_u64(writer);
            let mut batch: Vec<_> = drivers
                .clone()
                .iter_mut()
                .map(|driver| driver.finish("copy", at(1)))
                .collect();
            batch.shuffle(&mut random);
            let store = store.clone();
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    let mut won = 0;
    for verdicts in join_all(writers).await {
        for verdict in verdicts.expect("no panic") {
            match verdict {
                Ok(()) => won += 1,
                Err(CommitError::Stale { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!(won, drivers.len());
    for driver in &mut drivers {
        let transition = driver.finish("copy", at(1));
        assert_eq!(driver.stored(&*store).await, driver.run);
        let jobs = store
            .results(
                &driver.run.tenant,
                &driver.run.id,
                &[(transition.versions[0].step.clone(), 1)],
            )
            .await;
        assert_eq!(jobs.map(|found| found.len()), Ok(1));
    }
}

pub(crate) async fn one_submit_wins_a_key(store: Arc<dyn Store>) {
    for round in 0..5 {
        let key = format!("key {round}");
        let submits: Vec<_> = (0..8)
            .map(|writer| {
                let mut driver = Driver::new("acme", &format!("r{round}-{writer}"), Some(&key));
                // Beside it in the batch: other keys, so that the orders of keys and runs cross.
                let mut beside = Driver::new(
                    "acme",
                    &format!("b{round}-{}", 9 - writer),
                    Some(&format!("key {round} {writer}")),
                );
                let batch = vec![driver.submit(), beside.submit()];
                let store = store.clone();
                tokio::spawn(async move { (driver, store.commit(batch).await) })
            })
            .collect();
        let mut winners = Vec::new();
        let mut named = Vec::new();
        for outcome in join_all(submits).await {
            let (driver, verdicts) = outcome.expect("no panic");
            assert_eq!(verdicts[1], Ok(()));
            match &verdicts[0] {
                Ok(()) => winners.push(driver),
                Err(CommitError::KeyTaken(holder)) => named.push(holder.clone()),
                other => panic!("{other:?}"),
            }
        }
        let [winner] = winners.as_slice() else {
            panic!("{} winners", winners.len());
        };
        assert!(named.iter().all(|holder| *holder == winner.run.id));
        let found = store.find_key(&winner.run.tenant, &key).await;
        assert_eq!(
            found,
            Ok(Some((winner.run.id.clone(), winner.birth.input.clone())))
        );
    }
    assert_eq!(
        store.find_key(&tenant("acme"), "no such key").await,
        Ok(None)
    );
    assert_eq!(store.find_key(&tenant("other"), "key 0").await, Ok(None));
}

pub(crate) async fn what_a_run_holds_is_its_own_until_it_rests(store: Arc<dyn Store>) {
    let holding = |owner: &str, run: &str| {
        let mut driver = Driver::new(owner, run, None);
        driver.holds = Some("campaign 1".to_owned());
        driver
    };
    let mut first = holding("acme", "r1");
    let mut second = holding("acme", "r2");
    let mut elsewhere = holding("other", "r3");
    let batch = vec![first.submit(), second.submit(), elsewhere.submit()];
    let verdicts = store.commit(batch).await;
    assert_eq!(verdicts[0], Ok(()));
    assert_eq!(verdicts[1], Err(CommitError::KeyTaken(run_id("r1"))));
    assert_eq!(verdicts[2], Ok(()), "what is held is the tenant's own");

    // Still under way.
    let moved = first.finish("copy", at(10));
    assert_eq!(commit_one(&*store, moved).await, Ok(()));
    let third = holding("acme", "r4").submit();
    assert_eq!(
        commit_one(&*store, third).await,
        Err(CommitError::KeyTaken(run_id("r1")))
    );
    let cancel = Command::Cancel {
        reason: String::new(),
        by: String::new(),
    };
    let over = first.tell(&cancel, at(20));
    assert_eq!(commit_one(&*store, over).await, Ok(()));
    let fourth = holding("acme", "r5").submit();
    assert_eq!(commit_one(&*store, fourth).await, Ok(()));
}

pub(crate) async fn two_submits_of_one_batch_share_a_key(store: Arc<dyn Store>) {
    let mut first = Driver::new("acme", "r1", Some("k"));
    let mut second = Driver::new("acme", "r2", Some("k"));
    let mut elsewhere = Driver::new("other", "r3", Some("k"));
    let batch = vec![first.submit(), second.submit(), elsewhere.submit()];
    let verdicts = store.commit(batch).await;
    assert_eq!(verdicts[0], Ok(()));
    assert_eq!(verdicts[1], Err(CommitError::KeyTaken(run_id("r1"))));
    assert_eq!(verdicts[2], Ok(()), "keys are the tenant's own");
    let mut again = Driver::new("acme", "r1", Some("k"));
    let verdict = commit_one(&*store, again.submit()).await;
    assert!(
        matches!(verdict, Err(CommitError::Stale { expected: 0, .. })),
        "{verdict:?}"
    );
}

/// A caller who goes away at any moment leaves all of it or nothing, and whoever asks again finds out.
pub(crate) async fn a_dropped_commit_is_whole_or_nothing(store: Arc<dyn Store>) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for round in 0..40 {
        let mut driver = Driver::new("acme", &format!("r{round}"), Some(&format!("k{round}")));
        let submit = driver.submit();
        let mut polls = random.random_range(0..4);
        {
            let mut commit = store.commit(vec![submit.clone()]);
            poll_fn(|context| {
                if polls == 0 {
                    return Poll::Ready(());
                }
                polls -= 1;
                commit.as_mut().poll(context).map(drop)
            })
            .await;
        }
        let verdict = commit_one(&*store, submit).await;
        assert!(
            matches!(verdict, Ok(()) | Err(CommitError::Stale { .. })),
            "{verdict:?}"
        );
        assert_eq!(driver.stored(&*store).await, driver.run);
    }
}
