//! Log lines as JSON: one flat object, so that `run`, `step` and `attempt` of whatever is under way are fields of
//! each line about it, beside `trace_id` and `span_id` while spans are made.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use crate::trace::Place;

/// One object a line. A field of the line wins over one of the work around it, the inner work over the outer.
pub(super) struct Flat;

impl<S> FormatEvent<S, JsonFields> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Fields::default();
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|s| s.from_root())
        {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str(fields).ok());
            if let Some(Value::Object(fields)) = fields {
                line.0.extend(fields);
            }
        }
        event.record(&mut line);
        if let Some((trace, span)) = Place::current().ids() {
            line.put("trace_id", trace);
            line.put("span_id", span);
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        line.put("timestamp", time);
        line.put("level", event.metadata().level().as_str());
        line.put("target", event.metadata().target());
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Instrument, info, info_span};
    use tracing_subscriber::{fmt, layer::SubscriberExt as _, registry};

    use super::*;
    use crate::{telemetry::captured_by, trace::Span};

    async fn line(work: impl Future<Output = ()>) -> Map<String, Value> {
        let text = captured_by(work, |writer| {
            let layer = fmt::layer().json().event_format(Flat).with_writer(writer);
            registry().with(layer)
        })
        .await;
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).expect("one object")
    }

    #[tokio::test]
    async fn what_is_under_way_is_on_each_line() {
        // Made while the line's subscriber listens: before, they would be nobody's.
        let mut line = line(async {
            let call = info_span!("call", path = "/x", attempt = 9);
            let job = info_span!(parent: &call, "job", run = %"r1", step = "copy", attempt = 2);
            async { info!(class = %"timeout", retry = true, "the job \"failed\"\n") }
                .instrument(job)
                .instrument(call)
                .await;
        })
        .await;
        assert!(line.remove("timestamp").is_some());
        let expected = serde_json::json!({
            "level": "INFO",
            "target": module_path!(),
            "message": "the job \"failed\"\n",
            "class": "timeout",
            "retry": true,
            "run": "r1",
            "step": "copy",
            "attempt": 2,
            "path": "/x",
        });
        assert_eq!(Value::Object(line), expected);
    }

    #[tokio::test]
    async fn a_line_within_a_span_tells_its_trace() {
        crate::trace::tests::kept();
        let span = Span::start(crate::trace::Kind::Internal, &Place::default(), || "work");
        let line = line(span.around(async { info!("here") })).await;
        let ids = span.place().ids().expect("it is traced");
        assert_eq!(line["trace_id"], Value::String(ids.0));
        assert_eq!(line["span_id"], Value::String(ids.1));
    }
}
