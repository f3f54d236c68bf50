//! Messages to send, and waiting for what must come.

use std::{future::Future, time::Duration};

use bus::{
    Bus, BusError, Envelope, Nats, Subject,
    nats::Options,
    port::{Delivery, Pull},
};
use bytes::Bytes;
use model::{AgentKind, JobId, RunId, StepName, TenantId};
use tokio::time::timeout;

/// Nothing here takes longer unless it is broken; servers may be slow on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn connect(url: &str) -> Nats {
    Nats::connect(&options(url)).await.expect("a connection")
}

pub(crate) fn options(url: &str) -> Options {
    Options {
        url: url.to_owned(),
        nkey_seed: None,
        inbox_prefix: None,
        role: None,
        name: "conformance".to_owned(),
    }
}

pub(crate) fn kind(name: &str) -> AgentKind {
    AgentKind::new(name).expect("a kind")
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::new(name).expect("a run")
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a tenant")
}

pub(crate) fn job_id(number: u32) -> JobId {
    let step = StepName::new("copy").expect("a step");
    JobId::derive(&run("r"), &step, "", 0, 1, number)
}

pub(crate) fn job(kind_name: &str, number: u32) -> Envelope {
    let subject = Subject::job(&kind(kind_name), &job_id(number));
    message(subject, &format!("job-{kind_name}-{number}"))
}

pub(crate) fn outcome(partition: u32, number: u32) -> Envelope {
    let subject = Subject::outcome(partition, &job_id(number));
    message(subject, &format!("outcome-{partition}-{number}"))
}

pub(crate) fn event(tenant_name: &str, run_name: &str, number: u32) -> Envelope {
    let subject = Subject::events(&tenant(tenant_name), &run(run_name));
    message(subject, &format!("event-{tenant_name}-{run_name}-{number}"))
}

pub(crate) fn message(subject: Subject, id: &str) -> Envelope {
    Envelope {
        subject,
        id: id.to_owned(),
        kind: "pressrun.test.v1.Test".to_owned(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        signature: String::new(),
        body: Bytes::from(format!("{{\"id\":\"{id}\"}}")),
    }
}

pub(crate) async fn publish(bus: &dyn Bus, messages: Vec<Envelope>) {
    for answer in bus.publish(messages).await {
        answer.expect("taken");
    }
}

/// Publishes until the bus takes everything, as the orchestrator does while a server is away.
pub(crate) async fn publish_at_last(bus: &dyn Bus, messages: Vec<Envelope>) {
    within(async {
        let mut left = messages;
        while !left.is_empty() {
            let answers = bus.publish(left.clone()).await;
            left = left
                .into_iter()
                .zip(answers)
                .filter_map(|(message, answer)| match answer {
                    Ok(()) => None,
                    Err(BusError::Unavailable(_)) => Some(message),
                    Err(other) => panic!("{other}"),
                })
                .collect();
        }
    })
    .await;
}

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it takes too long")
}

/// The next messages of a queue, errors of a bus that is away skipped.
pub(crate) async fn next(pull: &mut Box<dyn Pull>, max: usize) -> Vec<Box<dyn Delivery>> {
    within(async {
        loop {
            match pull.next(max).await {
                Ok(batch) => return batch,
                Err(BusError::Unavailable(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await
}

/// The ids of the next `count` messages, each acked.
pub(crate) async fn take(pull: &mut Box<dyn Pull>, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        for delivery in next(pull, count - ids.len()).await {
            delivery.ack().await.expect("acked");
            ids.push(delivery.envelope().id.clone());
        }
    }
    ids
}

/// Waits until the bus holds a message of a subject, or none.
pub(crate) async fn until_holds(bus: &dyn Bus, subject: &Subject, held: bool) {
    within(async {
        while bus.holds(subject).await != Ok(held) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
