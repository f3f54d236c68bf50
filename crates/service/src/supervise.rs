//! Tasks that are watched: none is detached, and none dies unnoticed. When one ends too early, all stop.

use std::{collections::BTreeSet, collections::HashMap, time::Duration};

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// What a task may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a service went down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A task failed.
    #[error("task `{task}` failed: {source}")]
    Failed {
        /// Its name.
        task: &'static str,
        /// Why.
        source: BoxError,
    },
    /// A task panicked.
    #[error("task `{task}` panicked: {message}")]
    Panicked {
        /// Its name.
        task: &'static str,
        /// What it said.
        message: String,
    },
    /// A task ended although nobody asked it to.
    #[error("task `{0}` ended before the service was stopped")]
    Ended(&'static str),
    /// Tasks were cut off at the end of the drain.
    #[error("cut off after the drain of {} s: {}", drain.as_secs_f64(), tasks.join(", "))]
    Stuck {
        /// Their names.
        tasks: Vec<&'static str>,
        /// How long they had.
        drain: Duration,
    },
}

/// The tasks of a service. Each runs until the stop and then ends by itself.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<Result<(), BoxError>>,
    names: HashMap<Id, &'static str>,
    stop: CancellationToken,
}

impl Tasks {
    /// No tasks yet; they stop when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            set: JoinSet::new(),
            names: HashMap::new(),
            stop,
        }
    }

    /// The token that asks every task to end.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task. It must end soon after the stop, and not before.
    pub fn spawn<E: Into<BoxError>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let handle = self
            .set
            .spawn(async move { task.await.map_err(Into::into) });
        self.names.insert(handle.id(), name);
    }

    /// Waits until the stop, or until a task ends too early, which stops the others. Then gives all at most
    /// `drain` to end, and cuts off those that have not.
    ///
    /// # Errors
    /// The first that went wrong; later ones are logged.
    pub async fn run(mut self, drain: Duration) -> Result<(), Error> {
        let mut first = Ok(());
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                ended = self.set.join_next_with_id() => match ended {
                    Some(ended) => {
                        first = self.verdict(ended);
                        if first.is_err() {
                            break;
                        }
                    }
                    None => break,
                },
            }
        }
        stop.cancel();
        let cut = tokio::time::sleep(drain);
        tokio::pin!(cut);
        loop {
            tokio::select! {
                biased;
                ended = self.set.join_next_with_id() => match ended {
                    Some(ended) => first = sooner(first, self.verdict(ended)),
                    None => return first,
                },
                () = &mut cut => {
                    let tasks: BTreeSet<_> = self.names.into_values().collect();
                    let tasks = tasks.into_iter().collect();
                    // Dropping the set aborts what is left.
                    return sooner(first, Err(Error::Stuck { tasks, drain }));
                }
            }
        }
    }

    fn verdict(
        &mut self,
        ended: Result<(Id, Result<(), BoxError>), JoinError>,
    ) -> Result<(), Error> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let task = self.names.remove(&id).unwrap_or("unnamed");
        match ended {
            Ok((_, Ok(()))) if self.stop.is_cancelled() => Ok(()),
            Ok((_, Ok(()))) => Err(Error::Ended(task)),
            Ok((_, Err(source))) => Err(Error::Failed { task, source }),
            Err(error) => Err(Error::Panicked {
                task,
                message: panic_message(error),
            }),
        }
    }
}

/// The first error stands; a second is logged, as nobody else will see it.
fn sooner(first: Result<(), Error>, next: Result<(), Error>) -> Result<(), Error> {
    if let (Err(_), Err(later)) = (&first, &next) {
        tracing::error!(error = %later, "another task went wrong while stopping");
    }
    first.and(next)
}

fn panic_message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic
                .downcast_ref::<&str>()
                .map_or_else(|| "without a message".to_owned(), |text| (*text).to_owned()),
        },
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, io};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn tasks() -> Tasks {
        Tasks::new(CancellationToken::new())
    }

    /// A task that ends at the stop, as all should.
    fn obedient(tasks: &mut Tasks) {
        let stop = tasks.stop().clone();
        tasks.spawn("obedient", async move {
            stop.cancelled().await;
            Ok::<_, Infallible>(())
        });
    }

    #[tokio::test]
    async fn all_end_at_the_stop() {
        let mut tasks = tasks();
        obedient(&mut tasks);
        obedient(&mut tasks);
        tasks.stop().cancel();
        tasks.run(LONG).await.expect("nothing went wrong");
    }

    #[tokio::test]
    async fn a_failure_stops_the_others_and_is_named() {
        let mut tasks = tasks();
        let stop = tasks.stop().clone();
        obedient(&mut tasks);
        tasks.spawn("intake", async { Err(io::Error::other("no bus")) });
        let error = tasks.run(LONG).await.expect_err("a task failed");
        assert_eq!(error.to_string(), "task `intake` failed: no bus");
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_is_named() {
        let mut tasks = tasks();
        obedient(&mut tasks);
        tasks.spawn("intake", async {
            if std::hint::black_box(true) {
                panic!("at the {}", "disco");
            }
            Ok::<_, Infallible>(())
        });
        let error = tasks.run(LONG).await.expect_err("a task panicked");
        assert_eq!(error.to_string(), "task `intake` panicked: at the disco");
    }

    #[tokio::test]
    async fn to_end_too_early_is_a_failure() {
        let mut tasks = tasks();
        obedient(&mut tasks);
        tasks.spawn("intake", async { Ok::<_, Infallible>(()) });
        let error = tasks.run(LONG).await.expect_err("a task ended");
        assert!(matches!(error, Error::Ended("intake")), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_end_is_cut_off_and_named() {
        let mut tasks = tasks();
        obedient(&mut tasks);
        tasks.spawn("deaf", std::future::pending::<Result<(), Infallible>>());
        tasks.stop().cancel();
        let error = tasks.run(LONG).await.expect_err("cut off");
        assert_eq!(error.to_string(), "cut off after the drain of 3600 s: deaf");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_error_is_told() {
        let mut tasks = tasks();
        tasks.spawn("deaf", std::future::pending::<Result<(), Infallible>>());
        tasks.spawn("intake", async { Err(io::Error::other("no bus")) });
        let error = tasks.run(LONG).await.expect_err("both went wrong");
        assert!(
            matches!(error, Error::Failed { task: "intake", .. }),
            "{error}"
        );
    }
}
