//! SIGTERM and SIGINT ask the process to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A task that cancels `stop` at the first SIGTERM or SIGINT. From the call on these signals no longer
/// end the process by themselves. Inside a tokio runtime only.
///
/// # Errors
/// When the signals cannot be caught.
pub fn stop_on_signal(
    stop: CancellationToken,
) -> io::Result<impl Future<Output = io::Result<()>> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        stop.cancel();
        Ok(())
    })
}
