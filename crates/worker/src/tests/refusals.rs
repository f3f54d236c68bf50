//! Messages for which no agent is ever called.

use std::time::Duration;

use bus::{
    Envelope, Subject,
    signature::{Seed, Signer},
};
use wire::job::v1::Job;

use super::rig::{NOW, Rig, job_id, kind};

/// Publishes what `spoil` makes of a good job, and shows that it is taken off the queue unworked, and
/// that the worker goes on.
async fn refused(spoil: impl FnOnce(&Rig) -> Envelope) {
    let mut rig = Rig::start([]).await;
    rig.agent.open(10);
    let envelope = spoil(&rig);
    rig.publish(envelope).await;
    rig.until_gone(1).await;
    assert!(
        rig.silent_for(Duration::from_secs(30)).await,
        "an outcome came"
    );
    assert_eq!(rig.agent.calls(), 0, "the agent was called");
    rig.send(&Rig::job(2, 1)).await;
    assert_eq!(rig.outcome().await.job, job_id(2));
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_job() {
    refused(|rig| rig.envelope(&Rig::job(1, 1))).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_somebody_else_signed() {
    refused(|rig| {
        let forger = Signer::new(&Seed::generate().expect("seed")).expect("signer");
        let mut batch = [rig.envelope(&Rig::job(1, 1))];
        forger.sign_batch(&mut batch);
        let [envelope] = batch;
        envelope
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_job_with_any_field_changed() {
    let changes: [fn(&mut Job); 8] = [
        |job| job.token += 1,
        |job| job.tenant = "other".to_owned(),
        |job| job.run_id = "r2".to_owned(),
        |job| job.step = "s".to_owned(),
        |job| job.attempt += 1,
        |job| job.timeout_ms += 1,
        |job| job.partition += 1,
        |job| job.input_json = r#"{"input":{"brief":{"evil":1}}}"#.to_owned(),
    ];
    for change in changes {
        refused(|rig| {
            let mut job = Rig::job(1, 1);
            let signed = rig.signed(&job);
            change(&mut job);
            Envelope {
                body: wire::json::to_json(&job).expect("json").into(),
                ..signed
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_job() {
    refused(|rig| {
        rig.signed(&Job {
            expires: Some(NOW.into()),
            ..Rig::job(1, 1)
        })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_signed_job_that_is_for_another_agent() {
    refused(|rig| {
        rig.signed(&Job {
            agent: "publish".to_owned(),
            ..Rig::job(1, 1)
        })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_signed_job_under_the_id_of_another() {
    refused(|rig| {
        let other = rig.signed(&Rig::job(3, 1));
        Envelope {
            subject: Subject::job(&kind(), &job_id(1)),
            ..other
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_signed_job_that_cannot_be_read() {
    let changes: [fn(&mut Job); 7] = [
        |job| job.tenant = "not a tenant".to_owned(),
        |job| job.run_id = String::new(),
        |job| job.step = "A.b".to_owned(),
        |job| job.expires = None,
        |job| job.timeout_ms = 0,
        |job| job.timeout_ms = u64::MAX,
        |job| job.partition = 64,
    ];
    for change in changes {
        refused(|rig| {
            let mut job = Rig::job(1, 1);
            change(&mut job);
            rig.signed(&job)
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_job() {
    for body in [
        &b""[..],
        b"\xff\xfe",
        b"[]",
        b"{\"token\":{}}",
        &b"[".repeat(10_000),
    ] {
        refused(|rig| Envelope {
            body: body.to_vec().into(),
            ..rig.signed(&Rig::job(1, 1))
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_cancelled_before_it_came() {
    let mut rig = Rig::start([]).await;
    rig.presence().await;
    rig.agent.open(1);
    rig.cancel(1).await;
    rig.present(|_| true).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_gone(1).await;
    assert!(rig.silent_for(Duration::from_secs(30)).await);
    assert_eq!(rig.agent.calls(), 0);
}
