use std::collections::BTreeMap;

use opentelemetry_sdk::error::OTelSdkError;

use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Option<Settings>, Error> {
    let vars: BTreeMap<_, _> = vars.iter().copied().collect();
    Settings::read(|name| vars.get(name).map(|value| (*value).to_owned()))
}

#[test]
fn without_a_receiver_there_are_no_spans() {
    let at = (env::OTLP_ENDPOINT, "http://127.0.0.1:4317");
    for vars in [
        &[][..],
        &[(env::OTLP_ENDPOINT, " ")],
        &[(env::OTLP_PROTOCOL, "http/json")],
        &[at, (env::OTEL_SDK_DISABLED, "TRUE")],
        &[at, (env::OTEL_TRACES_EXPORTER, "none")],
    ] {
        assert_eq!(read(vars).expect("no fault"), None, "{vars:?}");
    }
}

#[test]
fn a_receiver_is_named_for_all_or_for_spans_alone() {
    let settings = |named, tls| Some(Settings { named, tls });
    for (vars, expected) in [
        (
            &[(env::OTLP_ENDPOINT, "http://127.0.0.1:4317")][..],
            settings(false, false),
        ),
        (
            &[
                (env::OTLP_TRACES_ENDPOINT, "https://collector:4317"),
                (env::OTLP_PROTOCOL, "grpc"),
                (env::OTEL_TRACES_SAMPLER, "parentbased_traceidratio"),
                (env::OTEL_SERVICE_NAME, "mine"),
            ],
            settings(true, true),
        ),
    ] {
        assert_eq!(read(vars).expect("no fault"), expected, "{vars:?}");
    }
}

#[test]
fn what_is_wrong_names_its_variable() {
    let at = (env::OTLP_ENDPOINT, "http://127.0.0.1:4318");
    let protocol = read(&[at, (env::OTLP_PROTOCOL, "http/protobuf")]).expect_err("not spoken");
    assert_eq!(
        protocol.to_string(),
        "OTEL_EXPORTER_OTLP_PROTOCOL=`http/protobuf` is not spoken; use `grpc` (port 4317 of most receivers)"
    );
    let sampler = read(&[at, (env::OTEL_TRACES_SAMPLER, "xray")]).expect_err("unknown");
    assert!(
        sampler
            .to_string()
            .starts_with("OTEL_TRACES_SAMPLER=`xray` is unknown; use one of always_on"),
        "{sampler}"
    );
}

/// Takes or refuses, as told.
#[derive(Debug)]
struct Receiver(AtomicBool);

impl SpanExporter for Receiver {
    async fn export(&self, _batch: Vec<SpanData>) -> OTelSdkResult {
        if self.0.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(OTelSdkError::InternalFailure("nobody answers".to_owned()))
        }
    }
}

#[tokio::test]
async fn a_dead_receiver_is_told_once_and_once_more_when_it_is_back() {
    let told = Told::new(Receiver(AtomicBool::new(false)));
    let log = crate::telemetry::captured(async {
        for _ in 0..3 {
            told.export(Vec::new()).await.expect_err("it is dead");
        }
        told.inner.0.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            told.export(Vec::new()).await.expect("it is back");
        }
    })
    .await;
    assert_eq!(log.matches("are lost").count(), 1, "{log}");
    assert_eq!(log.matches("again").count(), 1, "{log}");
}
