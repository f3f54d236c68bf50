use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::json;

use super::*;

/// Answers from a script, and keeps what it was asked.
struct Script {
    answers: Mutex<Vec<(String, Finish)>>,
    asked: Mutex<Vec<Request>>,
}

impl Script {
    fn new(answers: &[(&str, Finish)]) -> Self {
        let answers = answers.iter().rev();
        Self {
            answers: Mutex::new(answers.map(|(t, f)| ((*t).to_owned(), *f)).collect()),
            asked: Mutex::default(),
        }
    }
}

#[async_trait]
impl Provider for Script {
    fn model(&self) -> &str {
        "script"
    }

    async fn complete(&self, request: &Request) -> Result<Completion, Failure> {
        self.asked.lock().unwrap().push(request.clone());
        let (text, finish) = self.answers.lock().unwrap().pop().unwrap();
        Ok(Completion {
            text,
            finish,
            usage: Usage {
                input_tokens: 10,
                output_tokens: 1,
                cost_microusd: 5,
            },
            model: "script-1".into(),
        })
    }
}

fn request() -> Request {
    Request {
        task: "copy".into(),
        input: Value::Null,
        system: String::new(),
        prompt: String::new(),
        schema: json!({
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": false,
        }),
        schema_name: "a".into(),
        max_output_tokens: 10,
        temperature: None,
        repair: None,
    }
}

const GOOD: &str = r#"{"a": "b"}"#;

#[tokio::test]
async fn a_good_answer_is_taken_as_it_is_or_out_of_its_fence() {
    for answer in [
        GOOD.to_owned(),
        format!("\u{feff}\n {GOOD}\n"),
        format!("```json\n{GOOD}\n```"),
        format!("```\n{GOOD}\n```\n"),
        format!("```{GOOD}```"),
    ] {
        let script = Script::new(&[(&answer, Finish::Stop)]);
        let got = complete_checked(&script, &request()).await.unwrap();
        assert_eq!(got.text, GOOD, "{answer}");
        assert!(!got.repaired);
        assert_eq!(got.usage.cost_microusd, 5);
    }
}

#[tokio::test]
async fn one_repair_with_the_faults_and_the_sum_of_both() {
    let script = Script::new(&[(r#"{"b": 1}"#, Finish::Stop), (GOOD, Finish::Stop)]);
    let got = complete_checked(&script, &request()).await.unwrap();
    assert!(got.repaired);
    assert_eq!(got.usage.input_tokens, 20);
    let asked = script.asked.lock().unwrap();
    let repair = asked[1].repair.as_ref().unwrap();
    assert_eq!(repair.answer, r#"{"b": 1}"#);
    assert!(
        repair
            .faults
            .iter()
            .any(|f| f.contains("\"a\" is a required"))
    );
}

#[tokio::test]
async fn hostile_answers_are_faults_and_the_second_one_is_the_end() {
    let deep = "[".repeat(10_000);
    let deep_objects = "{\"a\":".repeat(10_000);
    let balanced = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(2 * MAX_ANSWER_BYTES));
    for bad in [
        "",
        "   ",
        "```json\n```",
        "```",
        "I am afraid I cannot do that.",
        "{\"a\": \"b\"",
        "{\"a\": 1}",
        "null",
        "{\"a\": \"b\\u0000c\"}",
        "{\"a\": \"b\\u202ec\"}",
        "{\"a\": \"b\u{2067}c\"}",
        "{\"a\": \"\\ud800\"}",
        &deep,
        &deep_objects,
        &balanced,
        &huge,
    ] {
        let shown: String = bad.chars().take(40).collect();
        let script = Script::new(&[(bad, Finish::Stop), (bad, Finish::Other)]);
        let failure = complete_checked(&script, &request()).await.err().unwrap();
        assert_eq!(failure.class, ErrorClass::Schema, "{shown}");
        let asked = script.asked.lock().unwrap();
        assert_eq!(asked.len(), 2, "{shown}");
        let repair = asked[1].repair.as_ref().unwrap();
        assert!(repair.answer.len() <= MAX_REPAIR_BYTES && repair.faults.len() <= MAX_FAULTS);
    }
}

#[tokio::test]
async fn finish_is_looked_at_first_and_not_repaired() {
    for (finish, wanted) in [
        (Finish::Length, ErrorClass::Schema),
        (Finish::Refused, ErrorClass::Policy),
    ] {
        let script = Script::new(&[(GOOD, finish)]);
        let failure = complete_checked(&script, &request()).await.err().unwrap();
        assert_eq!(failure.class, wanted);
    }
}

#[tokio::test]
async fn rules_of_the_domain_are_repaired_too_and_name_the_class() {
    let long = |value: &Value| match value["a"].as_str() {
        Some("b") => vec![Fault::too_long("`a` is 1 too long")],
        _ => Vec::new(),
    };
    let script = Script::new(&[(GOOD, Finish::Stop), (r#"{"a": ""}"#, Finish::Stop)]);
    let got = complete_checked_by(&script, &request(), None, &long)
        .await
        .unwrap();
    assert!(got.repaired);
    let script = Script::new(&[(GOOD, Finish::Stop), (GOOD, Finish::Stop)]);
    let failure = complete_checked_by(&script, &request(), None, &long)
        .await
        .err()
        .unwrap();
    assert_eq!(failure.class, ErrorClass::TooLong);
}

#[tokio::test]
async fn a_schema_that_is_none_is_our_defect() {
    let script = Script::new(&[]);
    let mut bad = request();
    bad.schema = json!({"type": "nonsense"});
    let failure = complete_checked(&script, &bad).await.err().unwrap();
    assert_eq!(failure.class, ErrorClass::Internal);
}

#[test]
fn hidden_characters_go() {
    assert_eq!(visible("a\u{202e}b\0c\td\u{200f}"), "abc\td\u{200f}");
}

/// What a viewer sees: `|` where an answer begins.
#[derive(Default)]
struct Seer(Mutex<String>);

impl Sink for Seer {
    fn begin(&self) {
        self.0.lock().unwrap().push('|');
    }

    fn text(&self, piece: &str) {
        self.0.lock().unwrap().push_str(piece);
    }
}

#[tokio::test]
async fn a_viewer_sees_every_answer_and_where_it_begins() {
    let script = Script::new(&[("{}", Finish::Stop), (GOOD, Finish::Stop)]);
    let seer = Seer::default();
    let got = complete_checked_by(&script, &request(), Some(&seer), &|_| Vec::new()).await;
    assert!(got.unwrap().repaired);
    assert_eq!(*seer.0.lock().unwrap(), format!("|{{}}|{GOOD}"));
}

#[tokio::test]
async fn a_failure_costs_what_its_calls_cost() {
    for (answers, cost) in [
        (&[("", Finish::Refused)][..], 5),
        (&[(GOOD, Finish::Length)], 5),
        (&[("{}", Finish::Stop), ("{}", Finish::Stop)], 10),
        (&[("{}", Finish::Stop), ("", Finish::Refused)], 10),
    ] {
        let failure = complete_checked(&Script::new(answers), &request()).await;
        assert_eq!(
            failure.err().unwrap().usage.cost_microusd,
            cost,
            "{answers:?}"
        );
    }
}
