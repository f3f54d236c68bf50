//! Lists, versions, keys, and the wall between tenants.

use std::sync::Arc;

use engine::Command;
use model::{ContentHash, RunId, RunStatus, StepName, Timestamp};
use store::{
    Store,
    port::{Blob, KeyOwner, ReviewRow, RunFilter, Transition},
};

use crate::fixture::{Driver, at, commit_all, commit_one, step, tenant};

pub(crate) async fn runs_are_listed_newest_first(store: Arc<dyn Store>) {
    for i in 0..6_i64 {
        let mut driver = Driver::new("acme", &format!("r{i}"), None);
        driver.birth.submitted = at(i / 2);
        let whole = driver.whole();
        let count = if i % 3 == 0 { whole.len() } else { 1 };
        commit_all(&*store, whole.into_iter().take(count).collect()).await;
    }
    let list = |filter: RunFilter| {
        let store = store.clone();
        async move {
            let rows = store.runs(&tenant("acme"), &filter).await.expect("reads");
            let names: Vec<_> = rows.iter().map(|row| row.run.to_string()).collect();
            names.join(" ")
        }
    };
    let some = |limit| RunFilter {
        limit,
        ..RunFilter::default()
    };
    assert_eq!(list(some(10)).await, "r5 r4 r3 r2 r1 r0");
    assert_eq!(list(some(2)).await, "r5 r4");
    let next = RunFilter {
        before: Some((at(2), crate::fixture::run_id("r4"))),
        ..some(3)
    };
    assert_eq!(list(next).await, "r3 r2 r1");
    let completed = RunFilter {
        status: Some(RunStatus::Completed),
        ..some(10)
    };
    assert_eq!(list(completed).await, "r3 r0");
    let campaign = RunFilter {
        campaign: Some(model::CampaignId::new("c-r2").expect("a token")),
        workflow: Some("campaign".to_owned()),
        ..some(10)
    };
    assert_eq!(list(campaign).await, "r2");
    let other = RunFilter {
        workflow: Some("article".to_owned()),
        ..some(10)
    };
    assert_eq!(list(other).await, "");
    let row = store
        .run(&tenant("acme"), &crate::fixture::run_id("r3"))
        .await;
    let row = row.expect("reads").expect("is there");
    assert_eq!(
        (row.standing.status, row.standing.percent),
        (RunStatus::Completed, 100)
    );
    assert_eq!((row.version, row.standing.wake_at), (11, None));
}

pub(crate) async fn versions_say_which_is_active(store: Arc<dyn Store>) {
    let mut driver = Driver::new("acme", "r1", None);
    commit_all(&*store, driver.whole()).await;
    let list = || async {
        let rows = store
            .versions(&driver.run.tenant, &driver.run.id, None)
            .await
            .expect("reads");
        let names: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{}{}{}",
                    row.step,
                    row.version,
                    if row.active { "*" } else { "" }
                )
            })
            .collect();
        names.join(" ")
    };
    assert_eq!(list().await, "audit1* copy1* short_copy1* visual_concept1*");
    let regenerate = Command::Regenerate {
        step: step("copy"),
        note: None,
        by: "mia".to_owned(),
    };
    let mut again = driver.clone();
    let on = vec![
        again.tell(&regenerate, at(10)),
        again.finish("copy", at(11)),
    ];
    commit_all(&*store, on).await;
    assert_eq!(
        list().await,
        "audit1* copy1* copy2 short_copy1* visual_concept1*"
    );
    commit_one(&*store, again.finish("audit", at(12)))
        .await
        .expect("commits");
    assert_eq!(
        list().await,
        "audit1 audit2* copy1 copy2* short_copy1* visual_concept1*"
    );

    let audits = store
        .versions(&driver.run.tenant, &driver.run.id, Some(&step("audit")))
        .await;
    let audits = audits.expect("reads");
    assert!(audits.len() == 2 && audits.iter().all(|row| row.report));
    assert_eq!(audits[0].provenance.model, "offline");
    assert_eq!(audits[0].provenance.usage.cost_microusd, 30);
    assert_eq!(audits[0].created, at(4));
}

fn owner(of: &str, role: &str, label: &str) -> KeyOwner {
    KeyOwner {
        tenant: tenant(of),
        role: role.to_owned(),
        label: label.to_owned(),
    }
}

pub(crate) async fn keys_name_their_tenant(store: Arc<dyn Store>) {
    let (mine, theirs) = (ContentHash::of(b"mine"), ContentHash::of(b"theirs"));
    assert_eq!(store.api_key(&mine).await, Ok(None));
    store
        .save_api_key(&tenant("acme"), &mine, "editor", "laptop")
        .await
        .expect("keeps");
    store
        .save_api_key(&tenant("acme"), &mine, "admin", "again")
        .await
        .expect("keeps");
    store
        .save_api_key(&tenant("other"), &theirs, "viewer", "")
        .await
        .expect("keeps");
    let found = store.api_key(&mine).await;
    assert_eq!(
        found,
        Ok(Some(owner("acme", "editor", "laptop"))),
        "the first stays"
    );
    let found = store.api_key(&theirs).await;
    assert_eq!(found, Ok(Some(owner("other", "viewer", ""))));
    store
        .save_api_key(&tenant("acme"), &theirs, "admin", "")
        .await
        .expect("keeps");
    assert_eq!(
        store.api_key(&theirs).await,
        Ok(None),
        "two tenants have it, so it opens nothing"
    );
}

pub(crate) async fn plans_and_blobs_are_kept_once(store: Arc<dyn Store>) {
    let (acme, other) = (tenant("acme"), tenant("other"));
    let driver = Driver::new("acme", "r1", None);
    let (hash, plan) = (driver.plan.hash(), driver.plan.to_json());
    assert_eq!(store.plan(&acme, &hash).await, Ok(None));
    for _ in 0..2 {
        store.save_plan(&acme, &hash, &plan).await.expect("keeps");
    }
    assert_eq!(store.plan(&acme, &hash).await, Ok(Some(plan)));
    assert_eq!(store.plan(&other, &hash).await, Ok(None));

    let blobs: Vec<Blob> = ["b", "a", "b"]
        .map(|text| Blob {
            hash: ContentHash::of(text.as_bytes()),
            content: text.to_owned(),
        })
        .into();
    let hashes: Vec<_> = blobs.iter().map(|blob| blob.hash.clone()).collect();
    store.save_blobs(&acme, blobs.clone()).await.expect("keeps");
    store.save_blobs(&acme, blobs).await.expect("keeps");
    let found = store.blobs(&acme, &hashes).await.expect("reads");
    assert_eq!(found.len(), 2);
    assert_eq!(store.blobs(&other, &hashes).await, Ok(Vec::new()));
    let bad = Blob {
        hash: ContentHash::of(b"\0"),
        content: "\0".to_owned(),
    };
    assert!(store.save_blobs(&acme, vec![bad]).await.is_err());
}

/// The same ids under two tenants are two runs, and each sees its own.
pub(crate) async fn tenants_do_not_see_each_other(store: Arc<dyn Store>) {
    let mut acme = Driver::new("acme", "same", Some("k"));
    let mut other = Driver::new("other", "same", Some("k"));
    other.birth.title = "theirs".to_owned();
    let batch = vec![acme.submit(), other.submit()];
    assert!(store.commit(batch).await.iter().all(Result::is_ok));
    let mine = acme.finish("copy", at(1));
    let content = mine.versions[0].content.clone();
    commit_one(&*store, mine).await.expect("commits");
    assert_eq!(acme.stored(&*store).await, acme.run);
    assert_eq!(other.stored(&*store).await, other.run);
    let wanted = [(step("copy"), 1)];
    let found = store.results(&acme.run.tenant, &acme.run.id, &wanted).await;
    assert_eq!(found, Ok(vec![(step("copy"), 1, content)]));
    let found = store
        .results(&other.run.tenant, &other.run.id, &wanted)
        .await;
    assert_eq!(found, Ok(Vec::new()));
    let some = RunFilter {
        limit: 10,
        ..RunFilter::default()
    };
    let rows = store.runs(&other.run.tenant, &some).await.expect("reads");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].birth.title, "theirs");
    let none = tenant("third");
    assert_eq!(store.runs(&none, &some).await, Ok(Vec::new()));
    assert_eq!(store.run(&none, &acme.run.id).await, Ok(None));
    assert_eq!(store.load(&none, &acme.run.id).await, Ok(None));
    assert_eq!(
        store.versions(&none, &acme.run.id, None).await,
        Ok(Vec::new())
    );
    let found = store.events(&none, &acme.run.id, 0, 10).await;
    assert_eq!(found, Ok(None));
}

/// A transition that asks `asked`, and asks `answered` no more.
fn asking(driver: &mut Driver, name: &str, asked: &[(&str, i64)], answered: &[&str]) -> Transition {
    let subject = ContentHash::of(b"all that is asked about");
    let mut transition = if name.is_empty() {
        driver.submit()
    } else {
        driver.finish(name, at(9))
    };
    transition.asked = asked
        .iter()
        .map(|(name, since)| ReviewRow {
            step: step(name),
            subject: subject.clone(),
            role: "approver".to_owned(),
            since: at(*since),
            deadline: Some(at(99)),
        })
        .collect();
    let answered = answered.iter().map(|name| (step(name), subject.clone()));
    transition.answered = answered.collect();
    transition
}

pub(crate) async fn open_reviews_wait_the_longest_first(store: Arc<dyn Store>) {
    let mut one = Driver::new("acme", "r1", None);
    let mut two = Driver::new("acme", "r2", None);
    let mut other = Driver::new("other", "r3", None);
    let transitions = vec![
        asking(&mut one, "", &[("copy", 7), ("sign_off", 3)], &[]),
        asking(&mut two, "", &[("sign_off", 5)], &[]),
        asking(&mut other, "", &[("sign_off", 1)], &[]),
    ];
    commit_all(&*store, transitions).await;
    let list = |after: Option<(Timestamp, RunId, StepName)>, limit| {
        let store = store.clone();
        async move {
            let rows = store.reviews(&tenant("acme"), after.as_ref(), limit).await;
            let rows = rows.expect("reads");
            let shown = rows
                .iter()
                .map(|open| format!("{}:{}", open.run, open.row.step));
            (shown.collect::<Vec<_>>().join(" "), rows)
        }
    };
    let (shown, rows) = list(None, 10).await;
    assert_eq!(shown, "r1:sign_off r2:sign_off r1:copy");
    assert_eq!(rows[1].title, two.birth.title);
    assert_eq!(rows[1].row.deadline, Some(at(99)));
    let after = (at(3), crate::fixture::run_id("r1"), step("sign_off"));
    assert_eq!(list(Some(after), 1).await.0, "r2:sign_off");

    // Answered and asked anew in one transition, as by an escalation.
    let escalated = asking(&mut one, "copy", &[("sign_off", 8)], &["sign_off", "copy"]);
    commit_one(&*store, escalated).await.expect("commits");
    assert_eq!(list(None, 10).await.0, "r2:sign_off r1:sign_off");
}
