//! Examples, the caps, and the differential test against the `cel` crate.

use std::{cell::Cell, thread};

use model::StepName;
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::json;

use super::{Condition, EvalError, Scope, Type, Types, Value};
use crate::limits::{MAX_CONDITION_BYTES, MAX_CONDITION_DEPTH};

/// A scope over JSON: what the engine does over a run.
struct Json(serde_json::Value);

impl Json {
    fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<Value> {
        let mut at = &self.0;
        for key in path {
            at = at.get(key)?;
        }
        match at {
            serde_json::Value::Bool(value) => Some(Value::Bool(*value)),
            serde_json::Value::Number(value) => value.as_f64().map(Value::Number),
            serde_json::Value::String(value) => Some(Value::Text(value.clone())),
            serde_json::Value::Array(list) => Some(Value::List(list.len())),
            _ => None,
        }
    }
}

impl Scope for Json {
    fn input(&self, path: &[String]) -> Option<Value> {
        self.at(["input"].into_iter().chain(path.iter().map(String::as_str)))
    }

    fn fact(&self, step: &StepName, name: &str) -> Option<Value> {
        self.at(["steps", step.as_str(), name])
    }
}

/// What [`Json`] declares of itself.
impl Types for Json {
    fn input(&self, path: &[String]) -> Result<Option<Type>, String> {
        let value = Scope::input(self, path).ok_or("no such field")?;
        Ok(Some(value.kind()))
    }

    fn fact(&self, step: &StepName, name: &str) -> Result<Option<Type>, String> {
        let value = Scope::fact(self, step, name).ok_or("no such fact")?;
        Ok(Some(value.kind()))
    }
}

fn scope() -> Json {
    Json(json!({
        "input": {"n": 1.5, "flag": true, "t": "aü", "list": ["x", "y"], "deep": {"er": 2.0}},
        "steps": {"copy": {"done": true, "failed": false, "words": 120.0, "verdict": "pass"}},
    }))
}

fn parse(source: &str) -> Condition {
    Condition::parse(source).unwrap_or_else(|problem| panic!("{source}: {problem}"))
}

#[test]
fn what_holds_and_what_does_not() {
    for (source, wanted) in [
        ("true", true),
        ("!true || true", true),
        ("true || false && false", true),
        ("(true || false) && false", false),
        ("steps.copy.done && !steps.copy.failed", true),
        ("steps.copy.verdict == 'pass'", true),
        ("steps.copy.verdict != \"pass\"", false),
        ("steps.copy.words >= 100 + 20", true),
        ("10 - 4 - 3 == 3", true),
        ("10 - (4 - 3) == 9", true),
        ("-input.n < 0", true),
        ("input.deep.er == 2e0", true),
        ("size(input.list) == 2 && size(input.t) == 2", true),
        ("size('') < 1", true),
        ("'a' < 'b' && 'Z' < 'a' && 'z' < 'ü'", true),
        ("1 < 2 == true", true),
        (r#"'it\'s' == "it's" && '\\' != '\n'"#, true),
        ("\ttrue\n&& true ", true),
    ] {
        let condition = parse(source);
        assert_eq!(condition.check(&scope()), [], "{source}");
        assert_eq!(condition.eval(&scope()), Ok(wanted), "{source}");
    }
}

#[test]
fn a_fault_of_the_syntax_names_its_column() {
    for (source, column, part) in [
        ("", 1, "the condition ends where a value"),
        ("true &&", 8, "the condition ends"),
        ("true & true", 6, "`&&`"),
        ("'ü' == 'ü' = true", 12, "`==`"),
        ("(true", 6, "`)` is expected"),
        ("true)", 5, "`)` stands where an operator or the end"),
        ("size(input.a, 2)", 13, "`,` stands"),
        ("foo.bar", 1, "unknown name `foo`"),
        ("has(input.a)", 1, "unknown name `has`"),
        ("input", 1, "input.<path>"),
        ("input.a.", 9, "a name is expected"),
        ("input.in", 7, "a name is expected"),
        ("input.a[0]", 8, "`[`"),
        ("steps.copy", 1, "steps.<step>.<fact>"),
        ("steps.copy.a.b", 1, "steps.<step>.<fact>"),
        ("steps.Copy.done", 1, "StepName"),
        ("1x == 1", 2, "`x` stands"),
        ("1. == 1", 2, "`.` stands"),
        ("1e999 > 1", 1, "too large"),
        ("'a", 1, "no closing"),
        ("'a\n'", 1, "ends on the line"),
        (r"'\q'", 1, "after `\\`"),
        ("null == 1", 1, "unknown name `null`"),
        ("tru\0e", 4, "means nothing"),
    ] {
        let problem = Condition::parse(source).expect_err(source);
        assert_eq!(problem.column, column, "{source}: {problem}");
        assert!(problem.message.contains(part), "{source}: {problem}");
    }
}

#[test]
fn a_fault_of_paths_or_types_is_found_before_the_run_and_all_at_once() {
    let columns = |source: &str| -> Vec<usize> {
        parse(source)
            .check(&scope())
            .iter()
            .map(|problem| problem.column)
            .collect()
    };
    assert_eq!(columns("1 + 1"), [3]);
    assert_eq!(columns("input.list == input.list"), [12]);
    assert_eq!(columns("input.n && true"), [9]);
    assert_eq!(columns("!input.n"), [2]);
    assert_eq!(columns("-input.t < 1"), [2]);
    assert_eq!(columns("'a' + 'b' == 'ab'"), [5]);
    assert_eq!(columns("true < false"), [6]);
    assert_eq!(columns("input.n == 'a'"), [9]);
    assert_eq!(columns("size(1) > 0"), [6]);
    assert_eq!(
        columns("input.nope || steps.copy.nope || size(input.flag) > 1"),
        [1, 15, 39]
    );
}

#[test]
fn the_answer_is_known_as_early_as_possible_and_from_left_to_right() {
    for (source, wanted) in [
        ("true || steps.gone.fact", Ok(true)),
        ("false && steps.gone.fact", Ok(false)),
        (
            "steps.gone.fact || true",
            Err("`steps.gone.fact` is not there"),
        ),
        ("input.a.b > 1", Err("`input.a.b` is not there")),
        ("input.n", Err("`when` does not take a number")),
        (
            "input.n < input.t",
            Err("`<` does not take a number and a text"),
        ),
        ("size(input.n) > 1", Err("`size` does not take a number")),
    ] {
        let found = parse(source)
            .eval(&scope())
            .map_err(|error: EvalError| error.to_string());
        assert_eq!(found, wanted.map_err(str::to_owned), "{source}");
    }
}

#[test]
fn length_and_depth_are_capped() {
    let longest = format!("true{}", " ".repeat(MAX_CONDITION_BYTES - 4));
    assert!(Condition::parse(&longest).is_ok());
    assert!(Condition::parse(&format!("{longest} ")).is_err());

    for (open, close) in [("(", ")"), ("!", ""), ("-", ""), ("size(", ")")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(
            Condition::parse(&nested(MAX_CONDITION_DEPTH)).is_ok(),
            "{open}"
        );
        let problem = Condition::parse(&nested(MAX_CONDITION_DEPTH + 1)).expect_err(open);
        assert!(
            problem.message.contains("nests at most 8 deep"),
            "{problem}"
        );
    }

    // The longest chain: neither parsing nor evaluating it may be short of stack.
    let chain = format!("1{}==1", "+1".repeat(250));
    let condition = parse(&chain);
    assert_eq!(condition.eval(&scope()), Ok(false));
    assert_eq!(condition.clone(), condition);
}

#[test]
fn it_is_stored_as_its_source() {
    let condition = parse("steps.copy.done  && true");
    let stored = serde_json::to_string(&condition).expect("json");
    assert_eq!(stored, "\"steps.copy.done  && true\"");
    let read: Condition = serde_json::from_str(&stored).expect("a condition");
    assert_eq!(read, condition);
    assert!(serde_json::from_str::<Condition>("\"true &&\"").is_err());
}

proptest! {
    #[test]
    fn random_text_never_panics(source in "\\PC{0,600}|[ -~\\n]{0,80}") {
        let _parsed = Condition::parse(&source);
    }

    #[test]
    fn random_tokens_never_panic_and_what_checks_evaluates(
        tokens in prop::collection::vec(select(vec![
            "(", ")", "!", "-", "+", "&&", "||", "==", "<", "size(", "true", "1", "'a'", ".",
            "input", "input.n", "input.t", "input.list", "steps.copy.done", "steps.copy.words", " ",
        ]), 0..40),
    ) {
        if let Ok(condition) = Condition::parse(&tokens.concat())
            && condition.check(&scope()).is_empty()
        {
            prop_assert!(condition.eval(&scope()).is_ok(), "{condition}");
        }
    }
}

/// Numbers, in double literals: `cel` keeps integers apart from doubles.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["0.0", "1.0", "1.5", "2.5e1", "120.0"]).prop_map(str::to_owned),
        select(vec!["input.n", "input.deep.er", "steps.copy.words"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} + {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}-{b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.prop_map(|a| format!("-({a})")),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let literals = vec![
        "''",
        "'a'",
        "\"a\"",
        "'ü'",
        r"'it\'s'",
        r#""\\ \n""#,
        "'pass'",
    ];
    let paths = vec!["input.t", "steps.copy.verdict"];
    prop_oneof![select(literals), select(paths)].prop_map(str::to_owned)
}

fn truth() -> impl Strategy<Value = String> {
    let comparison = || select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        select(vec![
            "true",
            "false",
            "input.flag",
            "steps.copy.done",
            "steps.copy.failed"
        ])
        .prop_map(str::to_owned),
        (number(), comparison(), number()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text(), comparison(), text()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (
            select(vec!["input.list", "input.t"]),
            comparison(),
            select(vec!["0.0", "1.0", "2.0"])
        )
            .prop_map(|(of, op, n)| format!("size({of}) {op} {n}")),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
            3 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} || {b}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} == {b}")),
            2 => inner.clone().prop_map(|a| format!("({a})")),
            2 => inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let number = || (-8_i32..8).prop_map(|n| f64::from(n) / 2.0);
    let flag = any::<bool>;
    (
        (
            number(),
            flag(),
            "[aü]{0,2}",
            prop::collection::vec("x", 0..3),
            number(),
        ),
        (flag(), flag(), number(), select(vec!["pass", "fail"])),
    )
        .prop_map(|((n, on, t, list, er), (done, failed, words, verdict))| {
            json!({
                "input": {"n": n, "flag": on, "t": t, "list": list, "deep": {"er": er}},
                "steps": {"copy": {
                    "done": done, "failed": failed, "words": words, "verdict": verdict,
                }},
            })
        })
}

/// Ours and the `cel` crate agree on whatever ours takes, unparenthesised mixtures included.
///
/// Within the subset that both mean the same by: double literals, doubles bound, no arithmetic on
/// `size`. The thread has stack to spare, as that crate aborts the process when it runs out.
#[test]
fn ours_agrees_with_cel() {
    let stack = thread::Builder::new().stack_size(64 * 1024 * 1024);
    let compare = || {
        let taken = Cell::new(0);
        let config = Config {
            cases: 1_500,
            failure_persistence: None,
            ..Config::default()
        };
        let result = TestRunner::new(config).run(&(truth(), values()), |(source, values)| {
            let scope = Json(values);
            let Ok(condition) = Condition::parse(&source) else {
                return Ok(());
            };
            if !condition.check(&scope).is_empty() {
                return Ok(());
            }
            let mut context = cel::Context::default();
            for root in ["input", "steps"] {
                context
                    .add_variable(root, scope.0[root].clone())
                    .expect("plain data");
            }
            let program = cel::Program::compile(&source).expect("CEL takes what ours takes");
            let theirs = program
                .execute(&context)
                .expect("CEL has an answer where ours has");
            let ours = condition.eval(&scope).expect("checked");
            prop_assert_eq!(theirs, cel::Value::Bool(ours), "{}", source);
            taken.set(taken.get() + 1);
            Ok(())
        });
        (result, taken.get())
    };
    let (result, taken) = stack
        .spawn(compare)
        .expect("a thread")
        .join()
        .expect("no panic");
    result.expect("both agree");
    assert!(taken > 500, "only {taken} conditions were compared");
}
