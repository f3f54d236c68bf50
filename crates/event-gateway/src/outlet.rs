//! A client's end of a stream: a bounded queue, and how long its owner may leave it full.

use std::time::Duration;

use tokio::sync::mpsc::{self, error::SendTimeoutError};

/// Events on their way to one client; whoever waits here waits for this client alone.
#[derive(Debug)]
pub struct Outlet<T> {
    queue: mpsc::Sender<T>,
    patience: Duration,
}

/// Why a client got no event.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The client went away.
    Gone,
    /// It took nothing for longer than it may.
    Lagged,
}

impl<T> Outlet<T> {
    /// An outlet with room for so many, and what the client takes them from. A burst of live events may fill
    /// it for `patience`.
    pub fn new(room: usize, patience: Duration) -> (Self, mpsc::Receiver<T>) {
        let (queue, client) = mpsc::channel(room);
        (Self { queue, patience }, client)
    }

    /// Sends what happened just now. Nobody reads it all back for a client that takes nothing.
    ///
    /// # Errors
    /// [`Unsent`]; then the client was not sent it.
    pub async fn live(&self, item: T) -> Result<(), Unsent> {
        let sent = self.queue.send_timeout(item, self.patience).await;
        sent.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => Unsent::Lagged,
            SendTimeoutError::Closed(_) => Unsent::Gone,
        })
    }

    /// Sends what happened before: history is as fast as the client.
    ///
    /// # Errors
    /// [`Unsent::Gone`].
    pub async fn past(&self, item: T) -> Result<(), Unsent> {
        self.queue.send(item).await.map_err(|_| Unsent::Gone)
    }

    /// Waits until the client goes away.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}
