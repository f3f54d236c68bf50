//! What is told of a text while it is written.

use std::time::Duration;

use bus::{Bus, Subject, port::Listen};
use model::{RunId, TenantId};
use wire::events::v1::Delta;

use super::rig::{Act, Rig};
use crate::limits::{LIVE_EVERY, MAX_LIVE_BYTES};

async fn viewer(rig: &Rig) -> Box<dyn Listen> {
    let (tenant, run) = (TenantId::new("acme"), RunId::new("r1"));
    let subject = Subject::live(&tenant.expect("tenant"), &run.expect("run"));
    rig.bus.listen(&subject).await.expect("listening")
}

/// Everything that was told until the outcome came.
async fn told(rig: &mut Rig, viewer: &mut Box<dyn Listen>) -> Vec<Delta> {
    rig.send(&Rig::job(1, 1)).await;
    rig.outcome().await;
    let mut all = Vec::new();
    // It was all sent before the outcome: nothing more comes.
    while let Ok(Some((_, body))) = tokio::time::timeout(Duration::ZERO, viewer.next()).await {
        all.push(wire::json::from_json(&body, 1 << 20).expect("live text"));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_quick_pieces_is_told_together_and_whole() {
    let words = ["Good ", "morning, ", "reader. "].repeat(40);
    let pause = LIVE_EVERY / 5;
    let mut rig = Rig::start([(1, Act::Write(words.clone(), pause))]).await;
    let mut viewer = viewer(&rig).await;
    let deltas = told(&mut rig, &mut viewer).await;
    assert!((2..=26).contains(&deltas.len()), "{}", deltas.len());
    let mut text = String::new();
    for delta in &deltas {
        assert_eq!(
            (delta.run_id.as_str(), delta.step.as_str(), delta.draft),
            ("r1", "copy", 1)
        );
        for piece in &delta.pieces {
            assert_eq!(
                (piece.path.as_str(), piece.at),
                ("/body", text.len() as u64)
            );
            text.push_str(&piece.text);
        }
    }
    assert_eq!(text, words.concat());
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_cut_and_the_hole_shows() {
    let page = "x".repeat(MAX_LIVE_BYTES / 3).leak();
    let pages: Vec<&'static str> = vec![page; 9];
    let mut rig = Rig::start([(1, Act::Write(pages, Duration::ZERO))]).await;
    let mut viewer = viewer(&rig).await;
    let deltas = told(&mut rig, &mut viewer).await;
    let told: usize = deltas
        .iter()
        .flat_map(|delta| &delta.pieces)
        .map(|piece| piece.text.len())
        .sum();
    assert!(told < 9 * page.len());
    for delta in &deltas {
        let size: usize = delta.pieces.iter().map(|piece| piece.text.len()).sum();
        assert!(size <= MAX_LIVE_BYTES);
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_live_text_tells_nothing() {
    let act = Act::Write(vec!["quiet"], LIVE_EVERY);
    let mut rig = Rig::start_with([(1, act)], false).await;
    let mut viewer = viewer(&rig).await;
    assert!(told(&mut rig, &mut viewer).await.is_empty());
}
