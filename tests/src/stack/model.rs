//! The fake model as a process, told what to do over HTTP, its world log read from the file.

use std::path::PathBuf;

use rig::{Binary, Process, free_port};
use tempfile::TempDir;

use crate::fake_model::{Call, Drop, Rule};

/// A running fake model. Dropping it kills it.
pub struct Model {
    /// Its base URL, as a model provider.
    pub url: String,
    process: Process,
    world_log: PathBuf,
    _files: TempDir,
    http: reqwest::Client,
}

impl Model {
    /// Starts one that answers within these bounds, milliseconds.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(seed: u64, delay_ms: (u64, u64)) -> anyhow::Result<Self> {
        service::crypto::install_crypto();
        let files = TempDir::new()?;
        let world_log = files.path().join("world.log");
        let listen = format!("127.0.0.1:{}", free_port()?);
        let url = format!("http://{listen}");
        let process = Binary::new("fake-model")
            .arg("--listen")
            .arg(&listen)
            .arg("--world-log")
            .arg(&world_log)
            .arg("--seed")
            .arg(seed.to_string())
            .arg("--min-delay-ms")
            .arg(delay_ms.0.to_string())
            .arg("--max-delay-ms")
            .arg(delay_ms.1.to_string())
            .ready_at(format!("{url}/health/ready"))
            .start()
            .await?;
        Ok(Self {
            url,
            process,
            world_log,
            _files: files,
            // A kept connection would belong to the runtime that made it, and each test has its own.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()?,
        })
    }

    /// Has it answer otherwise.
    ///
    /// # Errors
    /// When it does not take the rule.
    pub async fn rule(&self, rule: &Rule) -> anyhow::Result<()> {
        let url = format!("{}/rules", self.url);
        let answer = self.http.post(url).json(rule).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    /// Takes back the rules for a brief, or all of them; what hung for it goes on.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn unrule(&self, brief: Option<&str>) -> anyhow::Result<()> {
        let which = Drop {
            brief: brief.map(str::to_owned),
        };
        let url = format!("{}/rules", self.url);
        let answer = self.http.delete(url).json(&which).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    /// The world log: every call that it accepted, and who went away meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn calls(&self) -> anyhow::Result<Vec<Call>> {
        let text = match std::fs::read_to_string(&self.world_log) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        // The last line may be half written at this moment.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    /// Whether it still runs; a test may not blame others for its end.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }
}
