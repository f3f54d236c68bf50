//! What is told of a model call, whatever the provider: a span in the words of OpenTelemetry's GenAI conventions,
//! and metrics. Never a prompt, an answer or a fault of an answer.

use std::time::Instant;

use model::{Failure, usage::Usage};
use service::{
    metric::{self, label},
    trace::{Kind, Place, Span, attribute},
};

use crate::provider::{Completion, Finish, Request};

/// Makes the call, and tells of it. A call that is dropped before its end counts as `abandoned`.
pub(crate) async fn observed(
    provider: &'static str,
    model: &str,
    request: &Request,
    call: impl Future<Output = Result<Completion, Failure>>,
) -> Result<Completion, Failure> {
    let telling = Telling::begin(provider, model, request);
    let result = telling.span.around(call).await;
    telling.end(&result);
    result
}

/// A call under way.
struct Telling<'a> {
    provider: &'static str,
    model: &'a str,
    begun: Instant,
    span: Span,
    /// How it ended; none while it goes on.
    result: Option<&'static str>,
}

impl<'a> Telling<'a> {
    fn begin(provider: &'static str, model: &'a str, request: &Request) -> Self {
        let span = Span::start(Kind::Client, &Place::current(), || format!("chat {model}"));
        span.record(|| {
            [
                attribute::GEN_AI_OPERATION.string("chat"),
                attribute::GEN_AI_PROVIDER.string(provider),
                attribute::GEN_AI_REQUEST_MODEL.string(model.to_owned()),
                attribute::GEN_AI_MAX_TOKENS.i64(request.max_output_tokens.into()),
                attribute::GEN_AI_OUTPUT.string("json"),
                attribute::REPAIR.bool(request.repair.is_some()),
            ]
        });
        if let Some(temperature) = request.temperature {
            span.record(|| [attribute::GEN_AI_TEMPERATURE.f64(temperature.into())]);
        }
        Self {
            provider,
            model,
            begun: Instant::now(),
            span,
            result: None,
        }
    }

    fn end(mut self, result: &Result<Completion, Failure>) {
        let (usage, name) = match result {
            Ok(completion) => {
                self.span.record(|| {
                    [
                        attribute::GEN_AI_RESPONSE_MODEL.string(completion.model.clone()),
                        attribute::GEN_AI_FINISH.list(&[reason(completion.finish)]),
                    ]
                });
                (completion.usage, "answered")
            }
            Err(failure) => {
                self.span.fail(failure.class.as_str());
                (failure.usage, failure.class.as_str())
            }
        };
        self.used(usage);
        self.result = Some(name);
    }

    fn used(&self, usage: Usage) {
        self.span.record(|| {
            [
                attribute::GEN_AI_INPUT_TOKENS.i64(usage.input_tokens.cast_signed()),
                attribute::GEN_AI_OUTPUT_TOKENS.i64(usage.output_tokens.cast_signed()),
                attribute::COST.i64(usage.cost_microusd.cast_signed()),
            ]
        });
        for (direction, tokens) in [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
        ] {
            metrics::counter!(metric::MODEL_TOKENS,
                label::MODEL => self.model.to_owned(), label::DIRECTION => direction)
            .increment(tokens);
        }
        metrics::counter!(metric::MODEL_COST, label::MODEL => self.model.to_owned())
            .increment(usage.cost_microusd);
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        let result = self.result.unwrap_or_else(|| {
            self.span.fail("abandoned");
            "abandoned"
        });
        metrics::counter!(metric::MODEL_CALLS, label::PROVIDER => self.provider,
            label::MODEL => self.model.to_owned(), label::RESULT => result)
        .increment(1);
        metrics::histogram!(metric::MODEL_SECONDS, label::PROVIDER => self.provider,
            label::MODEL => self.model.to_owned())
        .record(self.begun.elapsed().as_secs_f64());
    }
}

/// As the conventions name it.
fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Refused => "content_filter",
        Finish::Other => "other",
    }
}
