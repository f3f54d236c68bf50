//! Names of environment variables: the only place where they are spelled.

/// Which log lines are shown, as `tracing-subscriber` filters; default `info`.
pub const LOG: &str = "PRESSRUN_LOG";
/// `text` (default) or `json`.
pub const LOG_FORMAT: &str = "PRESSRUN_LOG_FORMAT";
/// Address and port to listen on.
pub const LISTEN: &str = "PRESSRUN_LISTEN";
/// Where Postgres is.
pub const DATABASE_URL: &str = "PRESSRUN_DATABASE_URL";
/// File with the address of [`DATABASE_URL`].
pub const DATABASE_URL_FILE: &str = "PRESSRUN_DATABASE_URL_FILE";
/// Where NATS is.
pub const NATS_URL: &str = "PRESSRUN_NATS_URL";
/// File with the NATS user's credentials.
pub const NATS_CREDENTIALS: &str = "PRESSRUN_NATS_CREDENTIALS";
/// Where the orchestrator's gRPC is.
pub const ORCHESTRATOR_URL: &str = "PRESSRUN_ORCHESTRATOR_URL";
/// Where the event gateway is.
pub const GATEWAY_URL: &str = "PRESSRUN_GATEWAY_URL";
/// What console sessions are sealed with, alike for all replicas of the gateway; the newest first, by comma.
pub const SESSION_SECRETS: &str = "PRESSRUN_SESSION_SECRETS";
/// File with them.
pub const SESSION_SECRETS_FILE: &str = "PRESSRUN_SESSION_SECRETS_FILE";
/// The caller's API key.
pub const API_KEY: &str = "PRESSRUN_API_KEY";
/// File with the caller's API key.
pub const API_KEY_FILE: &str = "PRESSRUN_API_KEY_FILE";
/// File with the key that signs jobs; the orchestrator's alone.
pub const SIGNING_KEY: &str = "PRESSRUN_SIGNING_KEY";
/// The public keys whose signatures workers accept, by comma.
pub const VERIFY_KEYS: &str = "PRESSRUN_VERIFY_KEYS";
/// File with the keys of [`VERIFY_KEYS`].
pub const VERIFY_KEYS_FILE: &str = "PRESSRUN_VERIFY_KEYS_FILE";
/// How far this process may be trusted to be alone: see [`crate::mode`].
pub const MODE: &str = "PRESSRUN_MODE";
/// This process's name among its like; made up when absent.
pub const INSTANCE: &str = "PRESSRUN_INSTANCE";
/// Jobs that a worker does at once.
pub const SLOTS: &str = "PRESSRUN_SLOTS";
/// Where `pressrun dev` and `demo` keep their files.
pub const DATA_DIR: &str = "PRESSRUN_DATA_DIR";
/// Whose wire format the model's server speaks: `openai`, `anthropic` or `gemini`.
pub const MODEL_PROVIDER: &str = "PRESSRUN_MODEL_PROVIDER";
/// Base URL of the model provider; the built-in writer when absent and no provider is named.
pub const MODEL_URL: &str = "PRESSRUN_MODEL_URL";
/// The model's name at the provider.
pub const MODEL: &str = "PRESSRUN_MODEL";
/// The provider's API key.
pub const MODEL_KEY: &str = "PRESSRUN_MODEL_KEY";
/// File with the provider's API key.
pub const MODEL_KEY_FILE: &str = "PRESSRUN_MODEL_KEY_FILE";
/// Whether the text that agents write is told while they write it; default `true`.
pub const LIVE_TEXT: &str = "PRESSRUN_LIVE_TEXT";
/// Where spans go: an OTLP receiver's gRPC, such as `http://collector:4317`. None are made when it is absent.
/// The standard variables of OpenTelemetry keep their names.
pub const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The same for spans alone; wins.
pub const OTLP_TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// Must be `grpc` or absent.
pub const OTLP_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
/// The same for spans alone; wins.
pub const OTLP_TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
/// `true` turns spans off.
pub const OTEL_SDK_DISABLED: &str = "OTEL_SDK_DISABLED";
/// `none` turns spans off.
pub const OTEL_TRACES_EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// The process's name in traces; the program's own when absent.
pub const OTEL_SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// Which traces are kept, as the SDK knows them; `parentbased_always_on` when absent.
pub const OTEL_TRACES_SAMPLER: &str = "OTEL_TRACES_SAMPLER";
