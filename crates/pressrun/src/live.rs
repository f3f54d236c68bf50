//! A run as it goes: a bar, a line for each event.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wire::{
    events::v1::{Event, SubscribeRequest, subscribe_response::What},
    run::v1::GetRequest,
};

use crate::{Failure, args::Output, client::Client, output};

/// How often a broken stream is resumed without anything new before we give up.
const MAX_RESUMES: u32 = 5;

/// Shows a run's events after a number until it is at rest. With JSON each event goes to standard output.
pub(crate) async fn watch(
    client: &Client,
    run: &str,
    after: u64,
    format: Output,
) -> Result<(), Failure> {
    let view = View::new(client, run, format).await?;
    let mut last = after;
    let mut resumes = 0;
    loop {
        let before = last;
        match follow(client, run, &mut last, &view).await {
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

async fn follow(client: &Client, run: &str, last: &mut u64, view: &View) -> Result<(), Failure> {
    let request = SubscribeRequest {
        run_id: run.to_owned(),
        after: *last,
        until_rest: true,
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
        Ok(Self { format, bar })
    }

    fn show(&self, event: &Event) -> Result<(), Failure> {
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
        let line = format!(
            "{:>4}  {:<22} {}{error}",
            event.sequence, event.state, event.message
        );
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
