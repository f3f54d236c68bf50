//! Whatever the order, the repeats and the losses: the same rules hold.

use std::collections::BTreeSet;

use model::ErrorClass;
use proptest::prelude::*;

use super::*;
use crate::{command::Person, review::Verdict};

/// One move of an adversary; numbers pick among what is there.
#[derive(Debug, Clone)]
enum Move {
    Done(usize),
    Fail(usize, bool),
    Lose(usize),
    HandBack(usize),
    Replay(usize),
    Wake,
    Cancel,
    Regenerate(usize),
    Decide(usize, usize),
    Edit(usize),
    Retry(usize),
    Pause(bool),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => any::<usize>().prop_map(Move::Done),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(at, retryable)| Move::Fail(at, retryable)),
        2 => any::<usize>().prop_map(Move::Lose),
        1 => any::<usize>().prop_map(Move::HandBack),
        3 => any::<usize>().prop_map(Move::Replay),
        2 => Just(Move::Wake),
        1 => Just(Move::Cancel),
        2 => any::<usize>().prop_map(Move::Regenerate),
        3 => (any::<usize>(), any::<usize>()).prop_map(|(what, to)| Move::Decide(what, to)),
        1 => any::<usize>().prop_map(Move::Edit),
        1 => any::<usize>().prop_map(Move::Retry),
        2 => any::<bool>().prop_map(Move::Pause),
    ];
    prop::collection::vec(one, 1..60)
}

fn pick<T: Clone>(from: &[T], at: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[at % from.len()].clone())
}

fn check(bench: &Bench) {
    let Bench { plan, run, log, .. } = bench;
    assert!(
        log.iter()
            .enumerate()
            .all(|(at, event)| event.sequence == at as u64 + 1),
        "a gap in the numbers"
    );
    assert!(
        log.windows(2).all(|pair| pair[0].time <= pair[1].time),
        "time turned back"
    );
    let mut again = Run::new(run.tenant.clone(), run.id.clone(), run.input.clone(), plan);
    for event in log {
        apply(plan, &mut again, event);
    }
    assert_eq!(again, *run, "replaying the events gives another run");

    let under_way = outstanding(run);
    let nothing = under_way.jobs.is_empty()
        && under_way.timers.is_empty()
        && under_way.reviews.is_empty()
        && run.paused.is_none();
    assert_eq!(
        run.status.at_rest(),
        nothing,
        "a run at rest has work under way, or a running one is stuck"
    );
    for (job, token) in under_way.jobs.keys() {
        assert_eq!(run.issued.get(token), Some(job));
        assert!(!run.settled.contains(token), "a settled job is under way");
    }
    let tokens: Vec<_> = log
        .iter()
        .filter_map(|event| match &event.kind {
            Kind::StepStarted { token, .. } | Kind::JobRedriven { token, .. } => Some(*token),
            _ => None,
        })
        .collect();
    assert!(
        tokens.windows(2).all(|pair| pair[0] < pair[1]),
        "tokens do not grow"
    );
    let mut jobs = BTreeSet::new();
    for event in log {
        if let Kind::StepStarted { step, job, .. } = &event.kind {
            assert!(jobs.insert(job), "a job of {step} has the id of one before");
        }
    }
    let mut versions = BTreeSet::new();
    for event in log {
        if let Kind::StepFinished { step, version, .. } | Kind::StepEdited { step, version, .. } =
            &event.kind
        {
            assert!(
                versions.insert((step.clone(), *version)),
                "version {version} of {step} twice"
            );
        }
    }
    let paid: u64 = run.settled.len() as u64 * usage().input_tokens;
    assert_eq!(
        run.usage.input_tokens, paid,
        "every settled outcome is paid for once"
    );
}

/// The open review, with what is asked.
fn asked(run: &Run) -> Option<(StepName, ContentHash)> {
    let reviews = outstanding(run).reviews;
    reviews.into_keys().next()
}

fn decide_as(run: &Run, what: usize, to: Option<StepName>) -> Option<Command> {
    let (step, subject) = asked(run)?;
    let verdict = if to.is_some() {
        Verdict::SendBack
    } else {
        Verdict::ALL[what % 2]
    };
    Some(Command::Review {
        step,
        subject,
        verdict,
        to,
        note: None,
        person: Person {
            name: format!("person {}", what % 3),
            roles: ["approver".to_owned()].into(),
        },
    })
}

/// A list within a loop, another list after it, and agents that take over.
fn everything() -> Bench {
    Bench::written(
        r"
workflow: everything
version: 1
input: Work
steps:
  outline: { agent: outline, recover: { fallback: [other] } }
  drafts:
    for_each: steps.outline.sections
    agent: draft
    max_parallel: 2
    on_failure: continue
    recover: standard
  judge: { audit: quality, of: [drafts], needs: [drafts], on_failure: continue }
  improve:
    loop: [drafts, judge]
    needs: [outline]
    until: 'steps.judge.score >= 0.95'
    plateau: { of: steps.judge.score, passes: 2 }
    passes: 5
  items:
    for_each: input.items
    agent: { by: kind, of: [short, draft] }
    needs: [improve]
    on_failure: continue
  sign_off: { review: approver, of: [outline, drafts], needs: [improve, items], approvals: 2, deadline: 1h, on_deadline: approve }
  polish: { agent: polish, needs: [sign_off], on_failure: pause }
",
        serde_json::json!({ "items": [
            { "id": "a", "kind": "draft" }, { "id": "b", "kind": "none" }, { "id": "a", "kind": "short" },
        ]}),
    )
}

/// Little but a review, so that most moves meet it.
fn reviewed() -> Bench {
    Bench::written(
        r"
workflow: reviewed
version: 1
input: Work
steps:
  outline: { agent: outline }
  drafts: { agent: draft, for_each: steps.outline.sections, needs: [outline], on_failure: pause }
  judge: { audit: quality, of: [drafts], needs: [drafts], on_failure: continue }
  first: { review: approver, of: [outline], needs: [outline], on_failure: continue }
  sign_off: { review: approver, of: [drafts], needs: [judge], deadline: 1h, on_failure: continue }
",
        serde_json::json!({}),
    )
}

fn play(bench: &mut Bench, sent: &mut Vec<(JobId, u64)>, action: Move) {
    let jobs: Vec<_> = outstanding(&bench.run).jobs.into_keys().collect();
    sent.extend(
        jobs.iter()
            .filter(|job| !sent.contains(job))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let command = match action {
        Move::Done(at) => pick(&jobs, at).map(|(job, token)| outcome(&job, token, "x")),
        Move::Fail(at, retryable) => pick(&jobs, at).map(|(job, token)| {
            failure(
                &job,
                token,
                if retryable {
                    ErrorClass::Timeout
                } else {
                    ErrorClass::Policy
                },
            )
        }),
        Move::Lose(at) => pick(&jobs, at).map(|(job, token)| Command::Redrive { job, token }),
        Move::HandBack(at) => pick(&jobs, at).map(|(job, token)| Command::HandBack { job, token }),
        Move::Replay(at) => pick(sent, at).map(|(job, token)| outcome(&job, token, "replayed")),
        Move::Wake => {
            bench.now = outstanding(&bench.run)
                .wake_at()
                .unwrap_or(bench.now)
                .max(bench.now);
            Some(Command::Wake)
        }
        Move::Cancel => Some(Command::Cancel {
            reason: "r".into(),
            by: "b".into(),
        }),
        Move::Regenerate(at) => {
            let steps: Vec<_> = bench.run.steps.keys().cloned().collect();
            pick(&steps, at).map(|step| Command::Regenerate {
                step,
                note: None,
                by: "b".into(),
            })
        }
        Move::Decide(what, to) => {
            let steps: Vec<_> = bench.run.steps.keys().cloned().collect();
            let to = pick(&steps, to).filter(|_| what % 3 == 0);
            decide_as(&bench.run, what, to)
        }
        Move::Edit(at) => {
            let steps: Vec<_> = bench.run.steps.iter().collect();
            pick(&steps, at).map(|(step, state)| Command::Edit {
                step: step.clone(),
                version: state.result.as_ref().map_or(1, |result| result.version),
                hash: ContentHash::of(b"edited"),
                by: "b".into(),
            })
        }
        Move::Retry(at) => {
            let steps: Vec<_> = bench.run.steps.keys().cloned().collect();
            let by = "b".to_owned();
            pick(&steps, at).map(|step| Command::Retry { step, by })
        }
        Move::Pause(true) => Some(Command::Pause {
            reason: "r".into(),
            by: "b".into(),
        }),
        Move::Pause(false) => Some(Command::Resume { by: "b".into() }),
    };
    if let Some(command) = command {
        let before = bench.run.clone();
        if bench.tell(&command).is_err() {
            assert_eq!(bench.run, before, "a refusal changes nothing");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_order_no_repeat_and_no_loss_breaks_a_run(which in 0..4, moves in moves()) {
        let mut bench = match which {
            0 => Bench::submitted("parallel"),
            1 => Bench::submitted("sequential"),
            2 => reviewed(),
            _ => everything(),
        };
        let mut sent = Vec::new();
        for action in moves {
            play(&mut bench, &mut sent, action);
            check(&bench);
        }
        // Left alone with honest workers, every run comes to rest.
        for _ in 0..400 {
            if bench.run.status.at_rest() {
                break;
            }
            play(&mut bench, &mut sent, Move::Pause(false));
            play(&mut bench, &mut sent, Move::Done(0));
            play(&mut bench, &mut sent, Move::Wake);
            play(&mut bench, &mut sent, Move::Decide(1, 0));
        }
        prop_assert!(bench.run.status.at_rest());
        check(&bench);
    }
}
