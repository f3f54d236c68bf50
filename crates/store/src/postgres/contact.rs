//! Whether the database answers, as its last use showed. Nothing is asked for it: an orchestrator reads its
//! timers every three seconds anyway.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Nothing heard for so long, while timers are read more often: it hangs.
const SILENT_AFTER: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(super) struct Contact(Mutex<Last>);

#[derive(Debug)]
struct Last {
    answered: Instant,
    /// What has failed since.
    failed: Option<String>,
}

impl Contact {
    /// It has just answered.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Last {
            answered: Instant::now(),
            failed: None,
        }))
    }

    pub(super) fn answered(&self) {
        *self.lock() = Last {
            answered: Instant::now(),
            failed: None,
        };
    }

    /// A refusal of a statement is an answer too, a refusal to serve is not.
    pub(super) fn failed(&self, error: &sqlx::Error) {
        let why = match error {
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                // Connection exceptions, no such login, no such database, too many clients, shut down.
                let closed = ["08", "28", "3D", "53", "57P"];
                if !closed.iter().any(|class| code.starts_with(class)) {
                    return self.answered();
                }
                format!("it refuses to serve ({code})")
            }
            sqlx::Error::Io(error) => format!("no connection ({})", error.kind()),
            sqlx::Error::Tls(_) => "no connection (TLS)".to_owned(),
            sqlx::Error::PoolTimedOut => "no session became free in time".to_owned(),
            _ => "a statement broke off".to_owned(),
        };
        self.lock().failed = Some(why);
    }

    /// Why it cannot be used now, without names or values of it.
    pub(super) fn trouble(&self) -> Option<String> {
        let last = self.lock();
        let silent = last.answered.elapsed();
        last.failed.clone().or_else(|| {
            (silent >= SILENT_AFTER).then(|| format!("no answer for {} s", silent.as_secs()))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_last_use_counts() {
        let contact = Contact::new();
        assert_eq!(contact.trouble(), None);
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        contact.failed(&sqlx::Error::Io(refused));
        assert_eq!(
            contact.trouble().as_deref(),
            Some("no connection (connection refused)")
        );
        contact.answered();
        assert_eq!(contact.trouble(), None);
        contact.lock().answered = Instant::now().checked_sub(SILENT_AFTER).expect("uptime");
        assert_eq!(contact.trouble().as_deref(), Some("no answer for 8 s"));
    }
}
