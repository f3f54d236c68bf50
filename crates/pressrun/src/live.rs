//! A run as it goes: a bar, a line for each event.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wire::{
    events::v1::{Delta, Event, SubscribeRequest, subscribe_response::What},
    run::v1::GetRequest,
};

use crate::{Failure, args::Output, client::Client, output, prose::Prose};

/// How often a broken stream is resumed without anything new before we give up.
const MAX_RESUMES: u32 = 5;

/// What of a run is shown.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Events with a higher number.
    pub(crate) after: u64,
    /// What agents write as well.
    pub(crate) live: bool,
}

/// Shows a run's events until it is at rest. With JSON each goes to standard output.
pub(crate) async fn watch(
    client: &Client,
    run: &str,
    Wanted { after, live }: Wanted,
    format: Output,
) -> Result<(), Failure> {
    let mut view = View::new(client, run, format).await?;
    let mut last = after;
    let mut resumes = 0;
    loop {
        let before = last;
        match follow(client, run, live, &mut last, &mut view).await {
            Ok(()) => {
                view.end();
                return Ok(());
            }
            Err(error @ (Failure::Unavailable(_) | Failure::Broken(_))) => {
                resumes = if last > before { 0 } else { resumes + 1 };
                if resumes > MAX_RESUMES {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(200) * 2_u32.pow(resumes)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn follow(
    client: &Client,
    run: &str,
    live: bool,
    last: &mut u64,
    view: &mut View,
) -> Result<(), Failure> {
    let request = SubscribeRequest {
        run_id: run.to_owned(),
        after: *last,
        until_rest: true,
        live,
        ..SubscribeRequest::default()
    };
    let mut stream = client.events().subscribe(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        match message.what {
            Some(What::Event(event)) => {
                *last = event.sequence;
                view.show(&event)?;
            }
            Some(What::Lagged(lagged)) => {
                *last = lagged.after;
                return Err(Failure::Unavailable("the stream was cut".to_owned()));
            }
            Some(What::Delta(delta)) => view.write(&delta)?,
            Some(What::Closing(closing)) => {
                *last = closing.after;
                return Err(Failure::Unavailable("the gateway stops".to_owned()));
            }
            Some(What::Heartbeat(_)) | None => {}
        }
    }
    Ok(())
}

struct View {
    format: Output,
    bar: ProgressBar,
    prose: Prose,
}

impl View {
    async fn new(client: &Client, run: &str, format: Output) -> Result<Self, Failure> {
        let known = client
            .runs()
            .get(GetRequest {
                run_id: run.to_owned(),
            })
            .await?
            .into_inner();
        let bar = ProgressBar::with_draw_target(
            Some(known.steps.len() as u64),
            ProgressDrawTarget::stderr(),
        );
        let style =
            ProgressStyle::with_template("{spinner} {bar:24} {pos}/{len} steps  {msg}  {elapsed}")
                .map_err(anyhow::Error::from)?;
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(100));
        Ok(Self {
            format,
            bar,
            prose: Prose::default(),
        })
    }

    /// What an agent is writing.
    fn write(&mut self, delta: &Delta) -> Result<(), Failure> {
        if self.format == Output::Json {
            return output::json(delta);
        }
        let lines = self.prose.take(delta);
        lines.into_iter().try_for_each(|line| self.line(line))
    }

    fn show(&mut self, event: &Event) -> Result<(), Failure> {
        self.bar.set_message(event.state.replace('_', " "));
        match event.r#type.as_str() {
            "step_finished" | "step_failed" | "step_skipped" => self.bar.inc(1),
            "reopened" => self.bar.set_position(self.bar.position().saturating_sub(2)),
            _ => {}
        }
        if self.format == Output::Json {
            return output::json(event);
        }
        let error = event
            .metadata
            .get("error")
            .map(|error| format!(" ({error})"))
            .unwrap_or_default();
        if let Some(line) = self.prose.end() {
            self.line(line)?;
        }
        self.line(format!(
            "{:>4}  {:<22} {}{error}",
            event.sequence, event.state, event.message
        ))
    }

    fn line(&self, line: String) -> Result<(), Failure> {
        if self.bar.is_hidden() {
            return output::talk(&line);
        }
        self.bar.println(line);
        Ok(())
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
