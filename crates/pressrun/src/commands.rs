//! One module a command.

mod audit;
mod demo;
mod dev;
mod doctor;
mod health;
mod init;
mod keep;
mod key;
mod list;
mod migrate;
mod poster;
mod review;
mod run;
mod submit;
mod validate;
mod workflow;

use model::library::Kind;
use service::{
    secret,
    trace::{self, Place, Span},
};

use crate::{Args, Failure, args::Command, client::Client, live::Wanted};

/// Does what the command line asks.
///
/// # Errors
/// The failure says the exit code.
pub async fn run(args: Args) -> Result<(), Failure> {
    // What this command asks of the services is one trace; of its own services' work it is no part,
    // and a probe that comes every few seconds is none.
    let span = match args.command {
        Command::Demo(_) | Command::Dev(_) | Command::Health { .. } => Span::default(),
        _ => Span::start(trace::Kind::Client, &Place::default(), || "pressrun"),
    };
    span.around(perform(args)).await
}

async fn perform(args: Args) -> Result<(), Failure> {
    let Args {
        output: format,
        orchestrator_url,
        gateway_url,
        api_key,
        api_key_file,
        command,
    } = args;
    let api_key = secret::optional("the API key", api_key, api_key_file.as_deref())
        .map_err(anyhow::Error::from)?;
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
        Command::Doctor(options) => {
            let at = doctor::Addresses {
                orchestrator: &orchestrator_url,
                gateway: &gateway_url,
                keyed: api_key.is_some(),
            };
            doctor::doctor(&client()?, at, options, format).await
        }
        Command::Workers => list::workers(&client()?, format).await,
        Command::Cancel { run, reason } => run::cancel(&client()?, run, reason, format).await,
        Command::Regenerate {
            run,
            step,
            note,
            watch,
        } => run::regenerate(&client()?, run, step, note, watch, format).await,
        Command::Explain { run } => run::explain(&client()?, run, format).await,
        Command::Validate(source) => validate::validate(client, source, format).await,
        Command::Brand(what) => keep::keep(&client()?, Kind::Brand, what, format).await,
        Command::Template(what) => keep::keep(&client()?, Kind::Template, what, format).await,
        Command::Resource(what) => keep::keep(&client()?, Kind::Resource, what, format).await,
        Command::Audit(options) => audit::audit(client, &options, format).await,
        Command::Pause { run, reason } => run::pause(&client()?, run, reason, format).await,
        Command::Resume { run } => run::resume(&client()?, run, format).await,
        Command::Retry { run, step } => run::retry(&client()?, run, step, format).await,
        Command::Edit(options) => review::edit(&client()?, options, format).await,
        Command::Review(what) => review::review(&client()?, what, format).await,
        Command::Workflow(what) => workflow::workflow(client, what, format).await,
        Command::Migrate(options) => migrate::migrate(options).await,
        Command::Init(options) => init::init(&options),
        Command::Health { url } => health::health(&url).await,
        Command::Key(key) => key::key(key, api_key.as_deref()).await,
    }
}
