//! Names of attributes: the only place where they are spelled. Those of OpenTelemetry's conventions keep their
//! names (general 1.37, GenAI); our own begin with `pressrun.`.

use opentelemetry::{Array, KeyValue, StringValue, Value};

/// The name of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(&'static str);

impl Name {
    /// As it is exported.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// With a text.
    pub fn string(self, text: impl Into<StringValue>) -> KeyValue {
        KeyValue::new(self.0, Value::String(text.into()))
    }

    /// With a number.
    pub fn i64(self, number: i64) -> KeyValue {
        KeyValue::new(self.0, number)
    }

    /// With a number that may have a fraction.
    pub fn f64(self, number: f64) -> KeyValue {
        KeyValue::new(self.0, number)
    }

    /// With yes or no.
    pub fn bool(self, yes: bool) -> KeyValue {
        KeyValue::new(self.0, yes)
    }

    /// With a list of words.
    pub fn list(self, words: &[&'static str]) -> KeyValue {
        let words = words.iter().copied().map(StringValue::from).collect();
        KeyValue::new(self.0, Value::Array(Array::String(words)))
    }
}

/// Whose.
pub const TENANT: Name = Name("pressrun.tenant");
/// Which run.
pub const RUN: Name = Name("pressrun.run");
/// The run's workflow.
pub const WORKFLOW: Name = Name("pressrun.workflow");
/// The run's status after a commit.
pub const STATUS: Name = Name("pressrun.status");
/// Which step.
pub const STEP: Name = Name("pressrun.step");
/// Which job.
pub const JOB: Name = Name("pressrun.job");
/// The job's lease: grows with each time that it is sent.
pub const LEASE: Name = Name("pressrun.lease");
/// 1 for the first try.
pub const ATTEMPT: Name = Name("pressrun.attempt");
/// 1 for the first making.
pub const REVISION: Name = Name("pressrun.revision");
/// How it ended, as the metrics name it.
pub const RESULT: Name = Name("pressrun.result");
/// What it cost, millionths of a US dollar.
pub const COST: Name = Name("pressrun.cost_microusd");
/// The commands of a commit.
pub const COMMANDS: Name = Name("pressrun.commands");
/// The number of a commit's last event.
pub const SEQUENCE: Name = Name("pressrun.sequence");
/// Events of a commit.
pub const EVENTS: Name = Name("pressrun.events");
/// Transitions that went into the same transaction.
pub const BATCH: Name = Name("pressrun.batch");
/// Whether a model call asks for the repair of an answer.
pub const REPAIR: Name = Name("pressrun.repair");

/// The class of an error.
pub const ERROR_TYPE: Name = Name("error.type");

/// `grpc`.
pub const RPC_SYSTEM: Name = Name("rpc.system");
/// A gRPC service.
pub const RPC_SERVICE: Name = Name("rpc.service");
/// A gRPC method.
pub const RPC_METHOD: Name = Name("rpc.method");
/// The status of a gRPC call.
pub const RPC_STATUS: Name = Name("rpc.grpc.status_code");
/// `GET`, `POST` …
pub const HTTP_METHOD: Name = Name("http.request.method");
/// The route, with names in place of values.
pub const HTTP_ROUTE: Name = Name("http.route");
/// The status of an HTTP answer.
pub const HTTP_STATUS: Name = Name("http.response.status_code");

/// `nats`.
pub const MESSAGING_SYSTEM: Name = Name("messaging.system");
/// `send` or `process`.
pub const MESSAGING_OPERATION: Name = Name("messaging.operation.type");
/// A stream.
pub const MESSAGING_DESTINATION: Name = Name("messaging.destination.name");
/// Messages sent at once.
pub const MESSAGING_COUNT: Name = Name("messaging.batch.message_count");

/// `chat` for a model call, `invoke_agent` for a job.
pub const GEN_AI_OPERATION: Name = Name("gen_ai.operation.name");
/// The agent's kind.
pub const GEN_AI_AGENT: Name = Name("gen_ai.agent.name");
/// Whose model.
pub const GEN_AI_PROVIDER: Name = Name("gen_ai.provider.name");
/// The model that was asked for.
pub const GEN_AI_REQUEST_MODEL: Name = Name("gen_ai.request.model");
/// Most tokens that the model may write.
pub const GEN_AI_MAX_TOKENS: Name = Name("gen_ai.request.max_tokens");
/// The temperature that was asked for.
pub const GEN_AI_TEMPERATURE: Name = Name("gen_ai.request.temperature");
/// `json`.
pub const GEN_AI_OUTPUT: Name = Name("gen_ai.output.type");
/// The model that answered, by its own word.
pub const GEN_AI_RESPONSE_MODEL: Name = Name("gen_ai.response.model");
/// Why it stopped.
pub const GEN_AI_FINISH: Name = Name("gen_ai.response.finish_reasons");
/// Tokens read.
pub const GEN_AI_INPUT_TOKENS: Name = Name("gen_ai.usage.input_tokens");
/// Tokens written.
pub const GEN_AI_OUTPUT_TOKENS: Name = Name("gen_ai.usage.output_tokens");
