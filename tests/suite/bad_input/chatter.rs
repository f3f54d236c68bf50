//! Noise on the bus: what listeners hear and cannot read.

use bus::{Bus, Envelope, Subject};
use model::{RunId, TenantId};
use system_tests::{
    brief,
    follow::{Follower, Habit},
};

use super::assert_unharmed;
use crate::shared;

#[tokio::test]
async fn noise_on_the_bus_changes_nothing() -> anyhow::Result<()> {
    let stack = shared().await?;
    let bus = stack.bus().await?;
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let noise = [
        Vec::new(),
        b"not JSON".to_vec(),
        b"{\"worker\":\"\0\"}".to_vec(),
        vec![b'"', 0xff, b'"'],
        deep.into_bytes(),
    ];
    let subjects = [
        Subject::worker_presence(),
        Subject::orchestrator_presence(),
        Subject::cancelled(),
        Subject::heads(),
    ];
    for body in &noise {
        for subject in &subjects {
            bus.broadcast(subject, body.clone().into()).await?;
        }
    }
    let events = Subject::events(&TenantId::new("local")?, &RunId::new("noise")?);
    let messages = noise.iter().enumerate().map(|(number, body)| Envelope {
        subject: events.clone(),
        id: format!("noise.{number}"),
        kind: "noise".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: body.clone().into(),
    });
    for taken in bus.publish(messages.collect()).await {
        taken?;
    }

    // Everyone still works: a run goes through, and its stream is whole.
    let clients = stack.clients()?;
    let run_id = clients
        .submit(&brief::request("after the noise", "parallel"))
        .await?
        .run_id;
    let mut follower = Follower::new(
        clients.events.clone().expect("a gateway"),
        &run_id,
        Habit::Stays,
    );
    follower.to_rest().await?;
    assert_eq!(follower.events, clients.stored_events(&run_id).await?);
    assert_eq!(clients.result(&run_id).await?.status, "success");
    assert_unharmed(stack);
    Ok(())
}
