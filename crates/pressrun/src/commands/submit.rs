//! `pressrun submit`.

use wire::campaign::v1::{Options, SubmitRequest};

use super::{run, validate::Made};
use crate::{
    Failure,
    args::{Output, Submit},
    client::Client,
    live::{self, Wanted},
    output,
};

pub(super) async fn submit(
    client: &Client,
    options: Submit,
    format: Output,
) -> Result<(), Failure> {
    let request = SubmitRequest {
        options: Some(Options {
            mode: options.mode.as_str().to_owned(),
            priority: options.priority.into(),
            timeout_seconds: options.timeout,
            idempotency_key: options.idempotency_key,
            wait_for_workers: options.wait_for_workers,
            ..Options::default()
        }),
        validate_only: options.dry_run,
        ..Made::of(options.source)?.request()
    };
    let answer = client.campaigns().submit(request).await?.into_inner();
    if options.dry_run {
        return output::line(
            "it would be taken: the brief has no fault, and every agent has a live worker",
        );
    }
    if options.watch {
        let wanted = Wanted {
            after: 0,
            live: false,
        };
        live::watch(client, &answer.run_id, wanted, Output::Text).await?;
        let result = run::result(client, &answer.run_id).await?;
        run::print(&result, format)?;
        return run::completed(&result);
    }
    match format {
        Output::Json => output::json(&answer),
        Output::Text => {
            if answer.existing {
                output::talk("the run was there already, under this key")?;
            }
            output::line(&answer.run_id)
        }
    }
}
