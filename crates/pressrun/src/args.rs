//! The command line: parsing only.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use model::{brief::is_language_tag, library::Reference, platform::Platform};
use service::{auth::LOCAL_TENANT, env};

mod work;

pub use self::work::{Decision, Edit, Review, Start, Workflow};
pub use crate::setup::Secret;

/// Runs and watches AI content campaigns.
#[derive(Parser)]
#[command(name = "pressrun", version, after_help = EXIT_CODES)]
pub struct Args {
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Where the orchestrator's gRPC is.
    #[arg(long, global = true, env = env::ORCHESTRATOR_URL, value_name = "URL", default_value = "http://127.0.0.1:7400")]
    pub orchestrator_url: String,
    /// Where the event gateway is.
    #[arg(long, global = true, env = env::GATEWAY_URL, value_name = "URL", default_value = "http://127.0.0.1:3131")]
    pub gateway_url: String,
    /// The key to call them with; better given by its environment variable than here.
    #[arg(long, global = true, env = env::API_KEY, value_name = "KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// File with that key.
    #[arg(long, global = true, env = env::API_KEY_FILE, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0 done   1 something broke   2 wrong usage   3 the input has faults   4 the service says no
  5 a service does not answer   6 the run ended, but not completed   7 the text fails the audit
  8 doctor found a fault

Examples:
  pressrun demo
  pressrun dev
  pressrun submit brief.yaml --watch
  pressrun show 0199c3f2-7d1e-7cc0-9d0e-6a3c6f1b2a55 --output json";

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// The services' own messages as JSON, on standard output; all else goes to standard error.
    Json,
}

/// The workflow's mode.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// All agents at once, one audit at the end: fastest.
    Parallel,
    /// One agent after the other, each audited: later agents see earlier artifacts and findings.
    Sequential,
}

impl Mode {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Parallel => "parallel",
            Self::Sequential => "sequential",
        }
    }
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Runs a campaign on parts inside this process: no server, no key, no model needed.
    #[command(
        after_help = "Examples:\n  pressrun demo\n  pressrun demo --brief brief.yaml --mode sequential\n  \
                            pressrun demo --once --output json --data-dir /tmp/pressrun"
    )]
    Demo(Demo),
    /// Runs all services in this process until Ctrl-C: no server, no key, no model needed.
    #[command(
        after_help = "It keeps its runs in one directory; killed at any moment, it goes on where it was.\n\nExamples:\n  \
                            pressrun dev\n  pressrun dev --sample\n  pressrun dev --data-dir /tmp/pressrun --port 8080\n  \
                            pressrun dev --model-url http://127.0.0.1:11434/v1 --model llama3.3"
    )]
    Dev(Dev),
    /// Submits a brief.
    #[command(after_help = "Examples:\n  pressrun submit brief.yaml --watch\n  \
                            pressrun submit brief.yaml --mode sequential --idempotency-key autumn-1\n  \
                            pressrun submit brief.yaml --brand tern --resource tern-test-report\n  \
                            pressrun submit --template product-launch --set product=\"Tern 3\" --set price=149")]
    Submit(Submit),
    /// Shows a run's events, those that were and those that come, until it is at rest.
    #[command(
        after_help = "Examples:\n  pressrun watch RUN --live\n  pressrun watch RUN --after 7 --output json"
    )]
    Watch {
        /// The run.
        run: String,
        /// Only events with a higher number.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// What agents write as well, while they write it.
        #[arg(long)]
        live: bool,
    },
    /// Shows what a run has given so far.
    #[command(
        after_help = "Examples:\n  pressrun show RUN --output json\n  pressrun show RUN --save campaign"
    )]
    Show {
        /// The run.
        run: String,
        /// Also writes the poster into this directory: poster.png and poster.svg.
        #[arg(long, value_name = "DIR")]
        save: Option<PathBuf>,
    },
    /// Lists runs, newest first.
    #[command(after_help = "Examples:\n  pressrun runs --status failed\n  \
                            pressrun runs --limit 500 --output json")]
    Runs(Runs),
    /// Lists the workers that are alive, with the agents that they host.
    #[command(after_help = "Example:\n  pressrun workers --output json")]
    Workers,
    /// Looks at every part of an installation, and says what is wrong and what to do.
    #[command(
        after_help = "Exit codes:\n  0 no fault   8 a fault\n\nExamples:\n  pressrun doctor\n  \
                            pressrun doctor --output json\n  pressrun doctor --data-dir ~/.local/share/pressrun/dev"
    )]
    Doctor(Doctor),
    /// Stops a run for ever; what is finished stays.
    #[command(after_help = "Example:\n  pressrun cancel RUN --reason \"the offer has changed\"")]
    Cancel {
        /// The run.
        run: String,
        /// Why; kept with the run.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Makes a new version of an artifact of a finished run, and audits it again.
    #[command(
        after_help = "Example:\n  pressrun regenerate RUN copy --note \"warmer, and shorter\" --watch"
    )]
    Regenerate {
        /// The run.
        run: String,
        /// copy, short_copy or visual_concept.
        step: String,
        /// What to do differently.
        #[arg(long, default_value = "")]
        note: String,
        /// Watch until the run is at rest again.
        #[arg(long)]
        watch: bool,
    },
    /// Tells what each step of a run waits for.
    #[command(after_help = "Example:\n  pressrun explain RUN")]
    Explain {
        /// The run.
        run: String,
    },
    /// Checks a brief: one that names nothing stored without any service, others by the orchestrator.
    #[command(
        after_help = "With --output json it prints the brief as a run would keep it.\n\nExamples:\n  \
                            pressrun validate brief.yaml\n  pressrun validate brief.yaml --brand tern\n  \
                            pressrun validate --template product-launch --set product=\"Tern 3\" --output json"
    )]
    Validate(Source),
    /// Keeps brands, to be used by many briefs.
    #[command(
        subcommand,
        after_help = "Examples:\n  pressrun brand put tern.yaml\n  \
                            pressrun brand list\n  pressrun brand show tern > tern.yaml\n  \
                            pressrun submit brief.yaml --brand tern"
    )]
    Brand(Keep),
    /// Keeps templates: briefs with gaps that each submit fills.
    #[command(
        subcommand,
        after_help = "Examples:\n  pressrun template put product-launch.yaml\n  \
                            pressrun template show product-launch\n  \
                            pressrun submit --template product-launch --set product=\"Tern 3\""
    )]
    Template(Keep),
    /// Keeps resources: texts that writers get as background.
    #[command(
        subcommand,
        after_help = "Examples:\n  pressrun resource put tern-test-report.md\n  \
                            pressrun submit brief.yaml --resource tern-test-report"
    )]
    Resource(Keep),
    /// Judges a text by the auditor's rules, without a run; without any service but for a stored brand.
    #[command(after_help = AUDIT_HELP)]
    Audit(Audit),
    /// Begins nothing new of a run until it is resumed; what is under way ends.
    #[command(after_help = "Example:\n  pressrun pause RUN --reason \"the offer may change\"")]
    Pause {
        /// The run.
        run: String,
        /// Why; kept with the run.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Goes on with a paused run; a step that it paused for is left as it failed.
    #[command(after_help = "Example:\n  pressrun resume RUN")]
    Resume {
        /// The run.
        run: String,
    },
    /// Does a step again that failed; of a step with items, those that failed.
    #[command(
        after_help = "Examples:\n  pressrun retry RUN copy\n  pressrun retry RUN publications.7"
    )]
    Retry {
        /// The run.
        run: String,
        /// The step, or one item of it.
        step: String,
    },
    /// Puts a version of your own in an artifact's place; whoever judges it does so anew.
    #[command(after_help = "Example:\n  pressrun edit RUN copy better.json --version 2")]
    Edit(Edit),
    /// What waits for people, and their decisions.
    #[command(
        subcommand,
        after_help = "Examples:\n  pressrun review list\n  pressrun review show RUN sign_off\n  \
                            pressrun review approve RUN sign_off --subject HASH\n  \
                            pressrun review send-back RUN sign_off --subject HASH --to draft --note \"shorter\""
    )]
    Review(Review),
    /// Definitions of workflows, and runs of your own.
    #[command(
        subcommand,
        after_help = "Examples:\n  pressrun workflow check content.yaml\n  pressrun workflow show publications\n  \
                            pressrun workflow put content.yaml\n  \
                            pressrun workflow start content --input input.json"
    )]
    Workflow(Workflow),
    /// Brings a Postgres database's schema up to date.
    #[command(
        after_help = "Examples:\n  PRESSRUN_DATABASE_URL=postgres://owner@db/pressrun pressrun migrate\n  \
                      pressrun migrate --dir /pressrun --tenant acme"
    )]
    Migrate(Migrate),
    /// Makes the secrets of a deployment and each service's files; what is there stays.
    #[command(
        after_help = "Examples:\n  pressrun init --dir /pressrun --postgres postgres:5432\n  \
                      pressrun init --dir /pressrun --subscriber acme\n  \
                      pressrun init --dir /pressrun --rotate signing"
    )]
    Init(Init),
    /// Asks a service's health address; exit code 0 when the answer is good, 5 when it is not.
    #[command(after_help = "Example:\n  pressrun health http://127.0.0.1:7400/health/ready")]
    Health {
        /// The address.
        url: String,
    },
    /// Makes keys.
    #[command(subcommand)]
    Key(Key),
}

const AUDIT_HELP: &str = "\
Exit codes:
  0 the text passes, with warnings or without   3 the text or the brand has faults as a file   7 the text fails

With --brand alone, nothing is compared with a brief: numbers and links are not held against its facts. Rules that are
lists of words know English and German; docs/reference/audit-rules.md tells of each rule what it covers.

Examples:
  pressrun audit post.md --brand brand.yaml
  pressrun audit post.md --brand tern
  pressrun audit post.md --brand brand.yaml --platform linkedin --language de
  pressrun audit page.md --brief brief.yaml --output json
  pbpaste | pressrun audit - --platform x";

/// Options of `migrate`.
#[derive(clap::Args)]
pub struct Migrate {
    /// Postgres, as the owner of the schema.
    #[arg(long, env = env::DATABASE_URL, hide_env_values = true, required_unless_present_any = ["database_url_file", "dir"])]
    pub database_url: Option<String>,
    /// File with that address.
    #[arg(long, env = env::DATABASE_URL_FILE, value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    /// The directory that `pressrun init` filled: its owner's address is used, and the services' login and
    /// the first API key are made too.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["database_url", "database_url_file"])]
    pub dir: Option<PathBuf>,
    /// Whose the first API key is; its role is admin.
    #[arg(long, value_name = "TENANT", default_value = LOCAL_TENANT, requires = "dir")]
    pub tenant: String,
}

/// Options of `init`.
#[derive(clap::Args)]
pub struct Init {
    /// The directory; made if it is missing.
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where services reach Postgres.
    #[arg(long, value_name = "HOST:PORT", default_value = "postgres:5432")]
    pub postgres: String,
    /// A tenant whose events someone outside follows over NATS: gets a user that may do just that. Stays until
    /// its seed is removed.
    #[arg(long, value_name = "TENANT")]
    pub subscriber: Vec<String>,
    /// Makes this secret anew.
    #[arg(long, value_enum, value_name = "SECRET")]
    pub rotate: Vec<Secret>,
}

/// What to do with brands, templates or resources.
#[derive(Subcommand)]
pub enum Keep {
    /// Keeps a file's content as the newest version of a name.
    #[command(after_help = "Examples:\n  pressrun brand put tern.yaml\n  \
                            pressrun brand put draft.yaml --name tern --if-version 3\n  \
                            pressrun resource put report.md --title \"The test of the Alpine Institute\"")]
    Put {
        /// A brand or a template: YAML or JSON; a resource: Markdown (.md) or plain text. `-` is standard input.
        file: PathBuf,
        /// Under which name; the file's own when left out.
        #[arg(long)]
        name: Option<String>,
        /// Only while this is the newest version; 0 while the name is not in use.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u32>,
        /// What writers see a resource called; its name when left out.
        #[arg(long)]
        title: Option<String>,
    },
    /// Prints what is kept, in the form that `put` takes.
    #[command(
        after_help = "Examples:\n  pressrun brand show tern\n  pressrun brand show tern@2 --output json"
    )]
    Show {
        /// `name` for the newest version, or `name@version`.
        reference: Reference,
    },
    /// Lists what is kept, by name.
    #[command(after_help = "Example:\n  pressrun brand list --output json")]
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Goes on where another list ended: the cursor that it named.
        #[arg(long, default_value = "")]
        cursor: String,
    },
    /// Lists the versions of a name, newest first.
    #[command(after_help = "Example:\n  pressrun brand versions tern")]
    Versions {
        /// Which.
        name: String,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Goes on where another list ended: the cursor that it named.
        #[arg(long, default_value = "")]
        cursor: String,
    },
    /// Takes a name out of use; runs keep what they were made of.
    #[command(after_help = "Example:\n  pressrun brand rm tern")]
    Rm {
        /// Which.
        name: String,
        /// Only while this is the newest version.
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u32>,
    },
}

/// Which brief.
#[derive(clap::Args)]
pub struct Source {
    /// The brief: YAML or JSON; `-` is standard input.
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    pub brief: Option<PathBuf>,
    /// A stored template in place of a brief: `name` or `name@version`.
    #[arg(long, value_name = "NAME")]
    pub template: Option<Reference>,
    /// The value of one of the template's placeholders.
    #[arg(long, value_name = "KEY=VALUE", requires = "template", value_parser = value)]
    pub set: Vec<(String, String)>,
    /// A stored brand, in place of the brief's or the template's own.
    #[arg(long, value_name = "NAME")]
    pub brand: Option<Reference>,
    /// A stored resource, beside the brief's or the template's own; may be given many times.
    #[arg(long = "resource", value_name = "NAME")]
    pub resources: Vec<Reference>,
}

fn value(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// Which key.
#[derive(Subcommand)]
pub enum Key {
    /// A key that signs jobs: written to a file, its public half printed for the workers.
    #[command(after_help = "Example:\n  pressrun key signing orchestrator.key > orchestrator.pub")]
    Signing {
        /// The file; must not exist.
        file: PathBuf,
    },
    /// Prints the API key of `--api-key-file`, for a program that takes no file.
    Show,
    /// An API key of a tenant: printed once, kept only as its hash.
    #[command(
        after_help = "Example:\n  pressrun key api --tenant acme --role editor --label marketing"
    )]
    Api {
        /// Postgres, as the role of the services.
        #[arg(long, env = env::DATABASE_URL, hide_env_values = true)]
        database_url: Option<String>,
        /// File with that address.
        #[arg(long, env = env::DATABASE_URL_FILE, value_name = "FILE")]
        database_url_file: Option<PathBuf>,
        /// Whose.
        #[arg(long)]
        tenant: String,
        /// viewer, editor, approver, publisher, operator or admin.
        #[arg(long)]
        role: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
    },
}

/// Options of `demo`.
#[derive(clap::Args)]
pub struct Demo {
    /// Do it once for a data directory: a run that is finished is shown again, not repeated.
    #[arg(long)]
    pub once: bool,
    /// Start anew, even when the last run was interrupted.
    #[arg(long, conflicts_with = "once")]
    pub fresh: bool,
    /// Where the store and the signing key are kept.
    #[arg(long, env = env::DATA_DIR, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Another brief than the sample.
    #[arg(long, value_name = "FILE")]
    pub brief: Option<PathBuf>,
    /// The workflow's mode.
    #[arg(long, value_enum, default_value_t = Mode::Parallel)]
    pub mode: Mode,
    /// Show what agents write while they write it.
    #[arg(long)]
    pub live: bool,
    /// The model; the built-in offline writer when no address is given.
    #[command(flatten)]
    pub settings: agent_worker::Settings,
}

/// Options of `audit`.
#[derive(clap::Args)]
pub struct Audit {
    /// The text: Markdown, or a post when a platform is named; `-` is standard input. At most 256 KiB.
    pub file: PathBuf,
    /// The brand whose rules it keeps to: YAML or JSON, as `brand` in a brief; or, where there is no such file, the
    /// name of a stored one.
    #[arg(long, value_name = "FILE|NAME")]
    pub brand: Option<PathBuf>,
    /// The brief that it serves: the brand, and what may be asserted.
    #[arg(long, value_name = "FILE", conflicts_with = "brand")]
    pub brief: Option<PathBuf>,
    /// Judge it as a post: x, linkedin, facebook, instagram, bluesky or mastodon.
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub platform: Option<Platform>,
    /// The language that it should be in, a BCP 47 tag; the brief's, or else English.
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub language: Option<String>,
}

fn language(tag: &str) -> Result<String, &'static str> {
    is_language_tag(tag)
        .then(|| tag.to_owned())
        .ok_or("must be a BCP 47 tag such as `en` or `de-CH`")
}

fn platform(name: &str) -> Result<Platform, String> {
    Platform::parse(name)
        .ok_or_else(|| format!("unknown platform; known are {}", Platform::names()))
}

/// Options of `dev`.
#[derive(clap::Args)]
pub struct Dev {
    /// Where the store and the signing key are kept.
    #[arg(long, env = env::DATA_DIR, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Port of the console, the JSON API and the streams; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 3131)]
    pub port: u16,
    /// Port of the orchestrator's gRPC; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 7400)]
    pub grpc_port: u16,
    /// Also submits the sample brief, once for a data directory, and says where its page is.
    #[arg(long)]
    pub sample: bool,
    /// The model; the built-in offline writer when no address is given.
    #[command(flatten)]
    pub settings: agent_worker::Settings,
}

/// Options of `doctor`.
#[derive(clap::Args)]
pub struct Doctor {
    /// Also ask the model that is set here for one word; costs a few tokens.
    #[arg(long)]
    pub call_model: bool,
    /// Also look at the directory of `demo` or `dev` on this machine.
    #[arg(long, env = env::DATA_DIR, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The model, as the agent-workers have it.
    #[command(flatten)]
    pub model: llm::Settings,
}

/// Options of `runs`.
#[derive(clap::Args)]
pub struct Runs {
    /// Only of this workflow.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub workflow: String,
    /// Only running, completed, partially_completed, failed, cancelled or rejected ones.
    #[arg(long, value_name = "STATUS", default_value = "")]
    pub status: String,
    /// Only of this campaign.
    #[arg(long, value_name = "ID", default_value = "")]
    pub campaign: String,
    /// How many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Goes on where another list ended: the cursor that it named.
    #[arg(long, default_value = "")]
    pub cursor: String,
}

/// Options of `submit`.
#[derive(clap::Args)]
pub struct Submit {
    /// What to submit.
    #[command(flatten)]
    pub source: Source,
    /// The workflow's mode.
    #[arg(long, value_enum, default_value_t = Mode::Parallel)]
    pub mode: Mode,
    /// 1 (last) to 5 (first).
    #[arg(long, default_value_t = 3)]
    pub priority: u8,
    /// Seconds until what has not ended is given up.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Two submits under one key are one run.
    #[arg(long, value_name = "KEY", default_value = "")]
    pub idempotency_key: String,
    /// Queue instead of refusing when an agent has no live worker.
    #[arg(long)]
    pub wait_for_workers: bool,
    /// Watch until the run is at rest, then show its result.
    #[arg(long)]
    pub watch: bool,
    /// Check only; start nothing.
    #[arg(long)]
    pub dry_run: bool,
}
