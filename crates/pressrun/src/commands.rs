//! One module a command.

mod audit;
mod demo;
mod dev;
mod key;
mod list;
mod migrate;
mod poster;
mod run;
mod submit;

use service::trace::{Kind, Place, Span};

use crate::{
    Args, Failure,
    args::{Command, Output},
    brief,
    client::Client,
    live::Wanted,
    output,
};

/// Does what the command line asks.
///
/// # Errors
/// The failure says the exit code.
pub async fn run(args: Args) -> Result<(), Failure> {
    // What this command asks of the services is one trace; of its own services' work it is no part.
    let span = match args.command {
        Command::Demo(_) | Command::Dev(_) => Span::default(),
        _ => Span::start(Kind::Client, &Place::default(), || "pressrun"),
    };
    span.around(perform(args)).await
}

async fn perform(args: Args) -> Result<(), Failure> {
    let Args {
        output: format,
        orchestrator_url,
        gateway_url,
        api_key,
        command,
    } = args;
    let client = || Client::new(&orchestrator_url, &gateway_url, api_key.as_deref());
    match command {
        Command::Demo(options) => demo::demo(options, format).await,
        Command::Dev(options) => dev::dev(options, format).await,
        Command::Submit(options) => submit::submit(&client()?, options, format).await,
        Command::Watch { run, after, live } => {
            run::watch(&client()?, &run, Wanted { after, live }, format).await
        }
        Command::Show { run, save } => run::show(&client()?, &run, save.as_deref(), format).await,
        Command::Runs(options) => list::runs(&client()?, options, format).await,
        Command::Workers => list::workers(&client()?, format).await,
        Command::Cancel { run, reason } => run::cancel(&client()?, run, reason, format).await,
        Command::Regenerate {
            run,
            step,
            note,
            watch,
        } => run::regenerate(&client()?, run, step, note, watch, format).await,
        Command::Explain { run } => run::explain(&client()?, run, format).await,
        Command::Validate { brief: path } => {
            let read = brief::read(&path)?;
            match format {
                Output::Json => output::json(&wire::campaign::v1::CampaignBrief::from(read)),
                Output::Text => output::line(&format!("{} has no fault", path.display())),
            }
        }
        Command::Audit(options) => audit::audit(&options, format),
        Command::Migrate { database_url } => migrate::migrate(&database_url).await,
        Command::Key(key) => key::key(key).await,
    }
}
