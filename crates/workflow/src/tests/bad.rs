//! What is refused, and where it says so.

use proptest::prelude::*;

use model::{AgentKind, fact::FactTypes};

use crate::{Catalogue, Problem, Shape, builtin::catalogue, compile};

/// A definition around these steps.
fn with_steps(steps: &str) -> String {
    format!("workflow: test\nversion: 1\ninput: CampaignInput\nsteps:\n{steps}")
}

fn problems(source: &str) -> Vec<Problem> {
    match compile(source, catalogue()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// Each line: `line:column step message`, the message by a part of it.
#[track_caller]
fn expect(source: &str, wanted: &[(u32, u32, Option<&str>, &str)]) {
    let found = problems(source);
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), wanted.len(), "{source}\n{shown:#?}");
    for (problem, (line, column, step, part)) in found.iter().zip(wanted) {
        assert_eq!(
            (problem.line, problem.column),
            (*line, *column),
            "{problem}"
        );
        assert_eq!(problem.step.as_deref(), *step, "{problem}");
        assert!(
            problem.message.contains(part),
            "{problem} says nothing of {part:?}"
        );
    }
}

#[test]
fn five_faults_are_five_problems_each_at_its_line() {
    let source = r"workflow: campaign
version: 1
input: CampaignInput
steps:
  copy:
    agent: copi
    timeout: ten seconds
  short_copy:
    agent: short_copy
    needs: [cpoy]
    when: input.wants.short_copi
  visual_concept:
    agent: visual_concept
    with: [copy]
";
    expect(
        source,
        &[
            (
                6,
                12,
                Some("copy"),
                "unknown agent kind `copi`; known are audit_campaign, carousel, copy",
            ),
            (
                7,
                14,
                Some("copy"),
                "`timeout` must be a duration such as 500ms",
            ),
            (
                10,
                13,
                Some("short_copy"),
                "`needs` names the unknown step `cpoy`",
            ),
            (11, 11, Some("short_copy"), "there is no field `short_copi`"),
            (
                14,
                12,
                Some("visual_concept"),
                "`with` names `copy`, which is not among its needs",
            ),
        ],
    );
}

#[test]
fn limits_are_checked_all_at_once() {
    let source = r"workflow: test
version: 1
input: Work
steps:
  a: {agent: draft, rate: {key: linkedin}}
  b: {agent: draft, rate: {key: linkedin, per_second: 0}, spacing: 25h}
  c: {agent: draft, rate: {key: input.items, every: 0s}}
  d: {agent: draft, rate: {key: steps.a.done, per_second: 5}}
  e: {agent: draft, concurrency: {key: input.nothing, at_once: 0}}
  f: {loop: [g], passes: 2, spacing: 1s}
  g: {agent: draft, rate: {key: linkedin, per_second: 5, every: 1s}}
";
    let catalogue = Catalogue {
        roles: std::collections::BTreeSet::new(),
        agents: [(AgentKind::new("draft").expect("a kind"), FactTypes::new())].into(),
        inputs: [(
            "Work".to_owned(),
            Shape::object([("items", Shape::List), ("account", Shape::Text)]),
        )]
        .into(),
    };
    let found = compile(source, &catalogue).expect_err("faults");
    let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
    let wanted = [
        (5, "`rate` must have one of `per_second` and `every`"),
        (6, "`per_second` must be 1 to 1000"),
        (6, "`spacing` must be above 0 and at most 24h"),
        (7, "`every` must be above 0 and at most 24h"),
        (8, "`key` must be a text of at most 128 bytes, or a path"),
        (9, "`at_once` must be 1 to 1000"),
        (9, "`key`: there is no field `nothing`"),
        (10, "a loop has no jobs of its own, so no `spacing`"),
        (11, "`rate` must have one of `per_second` and `every`"),
    ];
    assert_eq!(found.len(), wanted.len(), "{shown:#?}");
    for (line, part) in wanted {
        let is_it = |problem: &&Problem| problem.line == line && problem.message.contains(part);
        assert!(
            found.iter().any(|problem| is_it(&problem)),
            "{line} {part}: {shown:#?}"
        );
    }
}

#[test]
fn limits_are_compiled_and_stored_as_written() {
    let source = r"workflow: test
version: 1
input: Work
steps:
  a: {agent: draft, rate: {key: input.account, per_second: 3}, spacing: 30s}
  b: {agent: draft, rate: {key: linkedin, every: 30s}, concurrency: {key: input.account, at_once: 2}}
  c: {agent: draft, rate: {key: linkedin, per_second: 100}}
";
    let catalogue = Catalogue {
        roles: std::collections::BTreeSet::new(),
        agents: [(AgentKind::new("draft").expect("a kind"), FactTypes::new())].into(),
        inputs: [("Work".to_owned(), Shape::object([("account", Shape::Text)]))].into(),
    };
    let plan = compile(source, &catalogue).expect("compiles");
    let rate = |at: usize| {
        plan.steps[at]
            .rate
            .as_ref()
            .map(|rate| (rate.every_us, rate.burst))
    };
    assert_eq!(
        [rate(0), rate(1), rate(2)],
        [
            Some((333_334, 1)),
            Some((30_000_000, 1)),
            Some((10_000, 10))
        ]
    );
    assert_eq!(plan.steps[0].spacing_ms, Some(30_000));
    let stored = plan.to_json();
    assert!(
        stored.contains(r#""concurrency":{"key":"input.account","at_once":2}"#),
        "{stored}"
    );
    let read: crate::Plan = serde_json::from_str(&stored).expect("reads");
    assert_eq!(read, plan);
}

#[test]
fn lists_loops_and_those_who_take_over_are_checked() {
    let source = r"workflow: test
version: 1
input: Work
steps:
  outline: {agent: outline}
  a: {agent: draft, for_each: input.items.first, max_parallel: 0}
  b: {agent: draft, for_each: input.title}
  c: {agent: {by: colour, of: [draft, draft]}, for_each: input.items}
  d: {agent: draft, for_each: steps.outline.sections}
  e: {agent: draft, for_each: steps.outline.score, needs: [outline], max_parallel: input.title}
  f: {agent: {by: kind, of: []}}
  g: {agent: draft, max_parallel: 2, recover: {fallback: [nobody, draft]}}
  h: {agent: draft, needs: [i], for_each: items}
  i: {agent: draft, when: 'steps.c.score > 1.0', needs: [c]}
  j: {loop: [g, j, unknown], passes: 0, until: 'steps.a.done', when: 'true'}
  k: {loop: [g, i], passes: 2, plateau: {of: steps.g.sections, passes: 1}}
  l: {agent: draft, needs: [g]}
  m: {loop: [], passes: 1, plateau: {of: steps.outline.score, passes: 1}, cost: 0}
  n: {audit: quality, of: [outline], needs: [outline], for_each: input.items}
";
    let problems = crate::compile(source, &lists()).expect_err("faults");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Agents with facts, and an input with lists.
fn lists() -> crate::Catalogue {
    use crate::Shape;
    use model::{AgentKind, fact::FactType};
    let facts = [("score", FactType::Number), ("sections", FactType::Keys)]
        .map(|(name, kind)| (name.to_owned(), kind));
    let agents = ["outline", "draft", "audit_quality"]
        .map(|kind| (AgentKind::new(kind).expect("a token"), facts.clone().into()));
    let item = [("id", Shape::Text), ("kind", Shape::Text)];
    let work = Shape::object([("items", Shape::each(item)), ("title", Shape::Text)]);
    crate::Catalogue {
        agents: agents.into(),
        inputs: [("Work".to_owned(), work)].into(),
        roles: ["approver", "admin"].map(str::to_owned).into(),
    }
}

#[test]
fn faults_of_a_review_come_together() {
    let source = "workflow: w
version: 1
input: Work
steps:
  a: { agent: copy }
  b: { review: boss, of: [a], needs: [a], approvals: 3, from: [x, y] }
  c: { review: approver, of: [b], needs: [b], deadline: 9000h, from: input.title }
  d: { review: approver, needs: [a], on_deadline: approve, approvals: 0 }
  e: { review: approver, of: [a], needs: [a], deadline: 1h, on_deadline: { escalate: king }, when: 'steps.b.score > 1' }
";
    let found = compile(source, &lists()).expect_err("faults");
    let shown: Vec<_> = found
        .iter()
        .map(|problem| format!("{} {}", problem.line, problem.message))
        .collect();
    for wanted in [
        "6 unknown role `boss`",
        "6 `from` names 2 people, but 3 must approve",
        "7 `of` names `b`, which is a review",
        "7 `deadline` must be above 0 and at most 365 days",
        "7 `from`: `input.title` must be a list of names",
        "8 a review must name in `of` what it judges",
        "8 `on_deadline` needs `deadline`",
        "8 `approvals` must be 1 to 32",
        "9 unknown role `king`",
        "9 `when`: ",
    ] {
        assert!(
            shown.iter().any(|problem| problem.starts_with(wanted)),
            "{wanted}: {shown:#?}"
        );
    }
}

#[test]
fn faults_of_the_shape_come_together_with_the_others() {
    expect(
        &with_steps(
            "  a: {agent: copy, neds: [b], weight: -1, on_failure: maybe}
  b: {agent: copy, audit: campaign}
  c: 3
  d: {agent: copy, of: [a], state: yes, result: true, needs: a, with: [[a]]}
  e: {agent: copy, retry: {attempts: 0, bse: 1s}, timeout: 90, weight: 1.5}
  f: {needs: [c]}
",
        ),
        &[
            (5, 20, Some("a"), "unknown field `neds`; a step has agent"),
            (5, 39, Some("a"), "`weight` must be a whole number"),
            (5, 55, Some("a"), "fail, continue or pause, not `maybe`"),
            (
                6,
                3,
                Some("b"),
                "one of `agent`, `audit`, `loop` and `review`, has agent and audit",
            ),
            (7, 3, Some("c"), "a step must be a map, here a number"),
            (8, 20, Some("d"), "unknown field `of`"),
            (
                8,
                49,
                Some("d"),
                "`result` must be a text, here true or false",
            ),
            (
                8,
                62,
                Some("d"),
                "`needs` must be a list of steps, here a text",
            ),
            (8, 72, Some("d"), "`with` must be a text, here a list"),
            (9, 27, Some("e"), "`attempts` must be 1 to 20"),
            (
                9,
                41,
                Some("e"),
                "unknown field `bse`; `retry` has attempts, base, cap",
            ),
            (9, 60, Some("e"), "`timeout` must be a duration"),
            (9, 72, Some("e"), "`weight` must be a whole number"),
            (10, 3, Some("f"), "has none"),
        ],
    );
}

#[test]
fn the_head_is_checked_too() {
    expect(
        "workflow: Über\nmode: 'a b'\nversion: 0\ninput: Campaign\nextra: 1
milestones: {failed: [], ready: [b]}\nsteps: {a: {agent: copy}}",
        &[
            (1, 11, None, "`workflow` must be 1 to 64 characters"),
            (2, 7, None, "`mode` must be"),
            (3, 10, None, "`version` must be 1 or more"),
            (
                4,
                8,
                None,
                "unknown input `Campaign`; known are CampaignInput",
            ),
            (5, 1, None, "unknown field `extra`"),
            (
                6,
                14,
                None,
                "milestone `failed` must name at least one step",
            ),
            (6, 14, None, "the state `failed` is the run's own"),
            (6, 34, None, "milestone `ready` names the unknown step `b`"),
        ],
    );
    expect(
        "steps: {}",
        &[
            (1, 1, None, "must have the field `input`"),
            (1, 1, None, "must have the field `version`"),
            (1, 1, None, "must have the field `workflow`"),
            (1, 8, None, "at least one step"),
        ],
    );
}

#[test]
fn a_circle_is_named_once_and_what_stands_behind_it_is_not_blamed() {
    expect(
        &with_steps(
            "  z: {agent: copy, needs: [b]}
  a: {agent: copy, needs: [b]}
  b: {agent: copy, needs: [c]}
  c: {agent: copy, needs: [a]}
  d: {agent: copy, needs: [d]}
",
        ),
        &[
            (6, 3, Some("a"), "in a circle: a -> b -> c -> a"),
            (9, 3, Some("d"), "in a circle: d -> d"),
        ],
    );
}

#[test]
fn conditions_read_only_what_is_there_by_then() {
    expect(
        &with_steps(
            "  a: {agent: copy, when: 'steps.a.done'}
  b: {agent: copy, when: 'steps.a.words > 3'}
  c: {agent: copy, needs: [a], when: 'steps.a.words > 3 && steps.a.score > 1 && steps.x.done'}
  d: {agent: copy, needs: [c], when: 'steps.a.words == input.options.mode'}
  e: {agent: copy, when: 'input.wants.copy &'}
  f: {agent: copy, needs: [d], when: 'steps.a.failed || input.brief || input.wants.copy.x'}
",
        ),
        &[
            (5, 26, Some("a"), "`a` may not have ended by then"),
            (
                6,
                26,
                Some("b"),
                "`a` may not have ended by then; add it to `needs`",
            ),
            (
                7,
                38,
                Some("c"),
                "character 22 of the condition: `steps.a.score`: the step has no fact",
            ),
            (
                7,
                38,
                Some("c"),
                "character 43 of the condition: `steps.x.done`: there is no step `x`",
            ),
            (8, 38, Some("d"), "`==` compares two numbers"),
            (9, 26, Some("e"), "character 18 of the condition"),
            (
                10,
                38,
                Some("f"),
                "`input.brief`: is an object; read one of its fields",
            ),
            (10, 38, Some("f"), "there is no field `x`"),
        ],
    );
}

#[test]
fn a_fault_is_not_reported_again_through_what_depends_on_it() {
    expect(
        "workflow: test\nversion: 1\ninput: Nothing\nsteps:
  a: {agent: nobody}
  b: {agent: copy, needs: [a], when: 'steps.a.words > 1 && input.x'}",
        &[
            (3, 8, None, "unknown input"),
            (5, 14, Some("a"), "unknown agent kind"),
        ],
    );
}

#[test]
fn results_states_names_and_bounds() {
    expect(
        &with_steps(
            "  a: {agent: copy, result: out, state: completed}
  b: {agent: copy, result: out, state: 'Not a token'}
  c: {audit: campaign, of: [a], needs: [a], result: out}
  d: {audit: campaign, of: [a], needs: [a, a], result: report, timeout: 25h}
  e: {audit: campaign, of: [c], needs: [c], result: report, weight: 0}
  F: {agent: copy, timeout: 0s}
  g: {audit: campaign, retry: {attempts: 21, base: 2s, cap: 1s}}
  h: {audit: nothing, of: [a], needs: [a], retry: sometimes}
",
        ),
        &[
            (5, 40, Some("a"), "the state `completed` is the run's own"),
            (6, 28, Some("b"), "the result `out` is taken by step `a`"),
            (6, 40, Some("b"), "a state must be 1 to 64"),
            (7, 53, Some("c"), "only audits may share one"),
            (8, 44, Some("d"), "`needs` names `a` twice"),
            (8, 73, Some("d"), "at most 24h"),
            (9, 29, Some("e"), "is an audit and has no artifact"),
            (9, 69, Some("e"), "`weight` must be 1 to 1000"),
            (10, 3, Some("F"), "a step's name must be"),
            (10, 29, Some("F"), "above 0"),
            (11, 14, Some("g"), "must name in `of` what it judges"),
            (11, 31, Some("g"), "`attempts` must be 1 to 20"),
            (11, 31, Some("g"), "`base` must be at most `cap`"),
            (12, 14, Some("h"), "unknown agent kind `audit_nothing`"),
            (
                12,
                51,
                Some("h"),
                "`retry` must be standard, none, or a map",
            ),
        ],
    );
}

#[test]
fn what_is_no_yaml_is_one_problem_at_its_line() {
    for (source, line, part) in [
        ("", 1, "a definition must be a map, here nothing"),
        ("workflow: [", 1, "unclosed bracket"),
        ("workflow: a\nsteps:\n\ta: 1", 3, "tabs"),
        (
            "workflow: a\nworkflow: b",
            2,
            "`workflow` stands here for the second time",
        ),
        (
            "steps:\n  a: {}\n  a: {}",
            3,
            "`a` stands here for the second time",
        ),
        ("workflow: &x a\nmode: *x", 1, "without anchors"),
        ("a: 1\n---\nb: 2", 2, "one YAML document"),
        ("a: \"x\0y\"", 1, "no YAML"),
    ] {
        let found = problems(source);
        let [problem] = found.as_slice() else {
            panic!("{source}: {found:?}")
        };
        assert_eq!(problem.line, line, "{problem}");
        assert!(problem.message.contains(part), "{problem}");
    }
    for huge in [
        "[".repeat(100_000),
        format!("{}{}", "[".repeat(40), "]".repeat(40)),
        format!("a: [{}]", "1,".repeat(30_000)),
        " ".repeat(crate::limits::MAX_SOURCE_BYTES + 1),
    ] {
        assert_eq!(problems(&huge).len(), 1);
    }
}

#[test]
fn steps_and_problems_are_bounded() {
    let steps = |count: usize| -> String {
        (0..count)
            .map(|at| format!("  s{at}: {{agent: copy}}\n"))
            .collect()
    };
    assert_eq!(problems(&with_steps(&steps(256))), []);
    let found = problems(&with_steps(&steps(257)));
    let [problem] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (problem.line, problem.step.as_deref()),
        (261, None),
        "{problem}"
    );

    let faulty = steps(256).replace("agent", "agnt");
    assert_eq!(
        problems(&with_steps(&faulty)).len(),
        crate::limits::MAX_PROBLEMS
    );
}

proptest! {
    #[test]
    fn random_text_never_panics(source in "\\PC{0,400}|[a-z:\\[\\]{},'\" \\n-]{0,200}") {
        let _compiled = compile(&source, catalogue());
    }

    /// A good definition with a piece cut out and another put in.
    #[test]
    fn damaged_definitions_never_panic(
        at in 0.0..1.0_f64,
        cut in 0..60_usize,
        put in "[a-z:\\[\\]{}'|&*!\\n -]{0,12}",
    ) {
        let good: Vec<char> = include_str!("../../definitions/campaign.sequential.yaml").chars().collect();
        let from = (good.len() as f64 * at) as usize;
        let to = (from + cut).min(good.len());
        let damaged: String =
            good[..from].iter().copied().chain(put.chars()).chain(good[to..].iter().copied()).collect();
        if let Err(problems) = compile(&damaged, catalogue()) {
            prop_assert!(!problems.is_empty());
            let lines = damaged.lines().count() as u32 + 1;
            prop_assert!(problems.iter().all(|p| (1..=lines).contains(&p.line)), "{:?}", problems);
        }
    }
}
