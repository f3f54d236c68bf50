//! Random graphs: their order, and facts of the graph.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{
    Plan,
    builtin::{catalogue, find},
    compile, graph,
};

/// A definition's steps in the order in which they are written: name, and what it needs.
type Steps = Vec<(String, Vec<String>)>;

/// A graph without a circle, written down in a random order.
fn acyclic() -> impl Strategy<Value = Steps> {
    (1..24_usize)
        .prop_flat_map(|count| {
            let needs = prop::collection::vec(any::<u32>(), count);
            (needs, Just((0..count).collect::<Vec<_>>()).prop_shuffle())
        })
        .prop_map(|(needs, written)| {
            let name = |at: usize| format!("s{at}");
            written
                .into_iter()
                .map(|at| {
                    // Sparse: of the steps before it those with a set bit in both of two draws.
                    let bits = needs[at] & needs[at].rotate_left(11);
                    let before = (0..at).filter(|earlier| bits >> earlier & 1 == 1);
                    (name(at), before.map(name).collect())
                })
                .collect()
        })
}

fn source(steps: &Steps) -> String {
    let head = "workflow: test\nversion: 1\ninput: CampaignInput\nsteps:\n".to_owned();
    steps.iter().fold(head, |text, (name, needs)| {
        format!(
            "{text}  {name}: {{agent: copy, needs: [{}]}}\n",
            needs.join(", ")
        )
    })
}

fn compiled(steps: &Steps) -> Plan {
    compile(&source(steps), catalogue()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

proptest! {
    /// At each place stands that one of the steps whose needs are met which was written first.
    #[test]
    fn the_order_is_topological_and_stable(steps in acyclic()) {
        let plan = compiled(&steps);
        prop_assert_eq!(plan.steps.len(), steps.len());
        let mut ended: BTreeSet<&str> = BTreeSet::new();
        for step in &plan.steps {
            let first_ready = steps.iter().find(|(name, needs)| {
                !ended.contains(name.as_str()) && needs.iter().all(|need| ended.contains(need.as_str()))
            });
            prop_assert_eq!(first_ready.map(|(name, _)| name.as_str()), Some(step.name.as_str()));
            ended.insert(step.name.as_str());
        }
    }

    #[test]
    fn an_edge_back_makes_a_circle_that_is_named(mut steps in acyclic(), draw in any::<prop::sample::Index>()) {
        let plan = compiled(&steps);
        let (from, to) = (plan.steps[0].name.as_str(), draw.get(&plan.steps).name.as_str());
        // `to` comes to need `from`, if it does not yet, and `from` needs `to`.
        for (step, need) in [(to, from), (from, to)] {
            let written = steps.iter_mut().find(|(name, _)| name == step).expect("a step");
            if !written.1.iter().any(|has| has == need) {
                written.1.push(need.to_owned());
            }
        }
        let problems = compile(&source(&steps), catalogue()).expect_err("a circle");
        prop_assert!(problems.iter().all(|p| p.message.contains("in a circle: s")), "{:?}", problems);
    }

    #[test]
    fn the_stored_form_reads_back_with_the_same_hash(steps in acyclic()) {
        let plan = compiled(&steps);
        let read: Plan = serde_json::from_str(&plan.to_json()).expect("a plan");
        prop_assert_eq!(read.hash(), plan.hash());
        prop_assert_eq!(read, plan);
    }

    #[test]
    fn groups_hold_each_step_once_and_behind_its_needs(steps in acyclic()) {
        let plan = compiled(&steps);
        let groups = graph::groups(&plan);
        prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), steps.len());
        let level = |name| groups.iter().position(|group| group.contains(&name));
        for step in &plan.steps {
            let last = step.needs.iter().filter_map(level).max();
            prop_assert_eq!(level(&step.name), Some(last.map_or(0, |last| last + 1)));
        }
        // Every step weighs one here, so the heaviest way is as long as there are groups.
        prop_assert_eq!(graph::critical_path(&plan).len(), groups.len());
    }
}

#[test]
fn the_critical_path_follows_the_weights() {
    let source = "workflow: test\nversion: 1\ninput: CampaignInput\nsteps:
  a: {agent: copy}
  b: {agent: copy, needs: [a], weight: 2}
  c: {agent: copy, needs: [a], weight: 3}
  d: {agent: copy, needs: [b, c]}
  e: {agent: copy, weight: 4}";
    let plan = compile(source, catalogue()).expect("good");
    let names =
        |path: Vec<&model::StepName>| path.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(graph::critical_path(&plan)), ["a", "c", "d"]);
    let behind: Vec<u64> = graph::weight_behind(&plan).into_values().collect();
    assert_eq!(behind, [5, 3, 4, 1, 4]);
}

#[test]
fn campaign_fans_out_in_one_mode_and_goes_step_by_step_in_the_other() {
    let sizes = |mode| -> Vec<usize> {
        graph::groups(find("campaign", mode).expect("built in"))
            .iter()
            .map(Vec::len)
            .collect()
    };
    assert_eq!(sizes("parallel"), [3, 1]);
    assert_eq!(sizes("sequential"), [1; 6]);
}
