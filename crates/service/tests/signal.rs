//! A signal stops a real process. Alone in its binary: the signal goes to the whole process.

use service::{signal::stop_on_signal, supervise::Tasks};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn sigterm_stops_all_tasks() {
    let mut tasks = Tasks::new(CancellationToken::new());
    let stop = tasks.stop().clone();
    tasks.spawn(
        "signals",
        stop_on_signal(stop.clone()).expect("signals can be caught"),
    );
    let me = std::process::id().to_string();
    let sent = Command::new("kill")
        .args(["-TERM", &me])
        .status()
        .await
        .expect("kill runs");
    assert!(sent.success());
    tasks
        .run(service::limits::DRAIN)
        .await
        .expect("a stop is no failure");
    assert!(stop.is_cancelled());
}
