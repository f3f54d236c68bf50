//! What people do with definitions, reviews and artifacts.

use std::path::PathBuf;

use model::library::Reference;

/// What to do with definitions.
#[derive(clap::Subcommand)]
pub enum Workflow {
    /// Checks a definition against the agents and inputs that Pressrun brings along; without any service. Every
    /// fault at once, with its line; exit code 3.
    Check {
        /// The definition, YAML; `-` is standard input.
        file: PathBuf,
        /// Also against the agents that are alive: asks the orchestrator.
        #[arg(long)]
        live: bool,
    },
    /// Shows a workflow's steps in their order: a built-in one, or else a kept one.
    Show {
        /// Its name.
        name: String,
        /// The mode of a built-in one; without, the default one.
        #[arg(long, default_value = "")]
        mode: String,
        /// The version of a kept one; without, the newest.
        #[arg(long, default_value_t = 0)]
        version: u32,
    },
    /// Keeps a definition as the newest version of its name, after checking it.
    Put {
        /// The definition, YAML; `-` is standard input.
        file: PathBuf,
        /// The name that the definition has; the file's own when left out.
        #[arg(long)]
        name: Option<String>,
        /// Only while this is the newest version; 0 while the name is not in use.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u32>,
    },
    /// Prints a kept definition as it was written.
    Source {
        /// `name` for the newest version, or `name@version`.
        reference: Reference,
    },
    /// Lists the definitions that are kept, by name.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Goes on where another list ended: the cursor that it named.
        #[arg(long, default_value = "")]
        cursor: String,
    },
    /// Takes a definition out of use; runs keep the plan that they were started with.
    Rm {
        /// Which.
        name: String,
    },
    /// Starts a run of a kept definition.
    Start(Start),
}

/// Options of `workflow start`.
#[derive(clap::Args)]
pub struct Start {
    /// The definition: `name` for the newest version, or `name@version`.
    pub workflow: Reference,
    /// The input, a JSON object; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// A short name for people.
    #[arg(long, default_value = "")]
    pub title: String,
    /// 1 (last) to 5 (first).
    #[arg(long, default_value_t = 3)]
    pub priority: u32,
    /// Seconds until what has not ended is given up.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Two starts under one key are one run.
    #[arg(long, value_name = "KEY", default_value = "")]
    pub idempotency_key: String,
    /// Queue instead of refusing when an agent has no live worker.
    #[arg(long)]
    pub wait_for_workers: bool,
    /// Watch until the run is at rest.
    #[arg(long)]
    pub watch: bool,
}

/// What to do with reviews.
#[derive(clap::Subcommand)]
pub enum Review {
    /// Lists what waits for people, the longest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Goes on where another list ended: the cursor that it named.
        #[arg(long, default_value = "")]
        cursor: String,
    },
    /// Shows what a review asks about, and what was decided.
    Show {
        /// The run.
        run: String,
        /// The review's step.
        step: String,
    },
    /// Approves exactly what `show` showed.
    Approve(Decision),
    /// Rejects it: the run goes no further, or on without it, as its definition says.
    Reject(Decision),
    /// Has a step done again, and all that follows it.
    SendBack {
        /// On what.
        #[command(flatten)]
        decision: Decision,
        /// The step that is to be done again.
        #[arg(long)]
        to: String,
    },
}

/// A decision.
#[derive(clap::Args)]
pub struct Decision {
    /// The run.
    pub run: String,
    /// The review's step.
    pub step: String,
    /// The hash that `show` showed: a decision counts for these versions alone.
    #[arg(long, value_name = "HASH")]
    pub subject: String,
    /// Why, or what to do otherwise; kept with the decision.
    #[arg(long, default_value = "")]
    pub note: String,
}

/// Options of `edit`.
#[derive(clap::Args)]
pub struct Edit {
    /// The run.
    pub run: String,
    /// The step that made the artifact.
    pub step: String,
    /// The whole artifact as JSON, with other words in it; `-` is standard input.
    pub file: PathBuf,
    /// The version that it was made of: the active one.
    #[arg(long)]
    pub version: u32,
}
