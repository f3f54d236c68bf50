//! Whether another of our services answers, learnt from a call that stands there: its `grpc.health.v1`
//! tells when the connection breaks, so nothing is asked again and again.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::limits::{READY_LOOK, UPSTREAM_ANSWER, UPSTREAM_PROBE};

/// Another service, as it was last found; a clone is the same.
#[derive(Debug, Clone)]
pub struct Upstream {
    channel: Channel,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Upstream {
    /// The service at an address such as `http://orchestrator:7400`; not reached before [`Upstream::follow`].
    ///
    /// # Errors
    /// When it is no address.
    pub fn at(address: &str) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(address.to_owned())?
            .connect_timeout(UPSTREAM_ANSWER)
            .http2_keep_alive_interval(UPSTREAM_PROBE)
            .keep_alive_timeout(UPSTREAM_ANSWER);
        Ok(Self {
            channel: endpoint.connect_lazy(),
            trouble: Arc::new(Mutex::new(Some("not reached yet".to_owned()))),
        })
    }

    /// Why it does not answer; none while it does, also when it says that it is not ready itself.
    pub fn trouble(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Keeps a call standing until `stop`.
    ///
    /// # Errors
    /// Never: a service that is away is tried again.
    pub async fn follow(self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = self.stand() => {}
            }
            // A call that broke off says little: servers end connections that have grown old. The next tells.
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = sleep(READY_LOOK) => {}
            }
        }
    }

    /// Back when the call has ended or could not be made.
    async fn stand(&self) {
        let mut client = HealthClient::new(self.channel.clone());
        let asked = client.watch(HealthCheckRequest::default());
        let answer = match timeout(UPSTREAM_ANSWER, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Status::deadline_exceeded("")),
        };
        match answer {
            Ok(answer) => {
                self.tell(None);
                let mut said = answer.into_inner();
                while let Ok(Some(_)) = said.message().await {}
            }
            Err(status) => self.tell(silent(&status, UPSTREAM_ANSWER)),
        }
    }

    fn tell(&self, trouble: Option<String>) {
        let before = std::mem::replace(&mut *self.lock(), trouble.clone());
        if before != trouble {
            match trouble {
                Some(why) => tracing::warn!(why, "the service that this one needs is not reached"),
                None => tracing::info!("the service that this one needs is reached"),
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal is an answer too.
fn silent(status: &Status, waited: Duration) -> Option<String> {
    match status.code() {
        Code::DeadlineExceeded => Some(format!("no answer within {} s", waited.as_secs())),
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled => {
            Some("no connection".to_owned())
        }
        _ => None,
    }
}
