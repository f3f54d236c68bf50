//! Steps that work off a list: an item is a step of the run, named `<step>.<index>`. Items begin in the
//! list's order, so many at once as the plan says; one that waits for its next attempt keeps its place.

use model::{AgentKind, StepName, fact::Fact};
use serde_json::Value;
use workflow::{AtOnce, ForEach, Path, limits::MAX_PARALLEL, plan};

use crate::{
    advance::{Scratch, unworkable},
    event::Kind,
    limits::{MAX_ITEMS, MAX_KEY_BYTES},
    run::{Phase, Run},
};

impl Scratch<'_> {
    /// Makes an item of each entry of the step's list.
    pub(crate) fn fan_out(&mut self, step: &plan::Step, each: &ForEach) {
        let others = self.run.steps.values().filter(|state| state.key.is_some());
        let own = self.run.items(&step.name).count();
        let room = MAX_ITEMS.saturating_sub(others.count() - own);
        let kind = match keys(&self.run, &each.over) {
            Ok(keys) if keys.len() > room => {
                let (over, count) = (&each.over, keys.len());
                let why = format!(
                    "`{over}` has {count} entries; a run takes at most {MAX_ITEMS} in all its lists"
                );
                unworkable(&step.name, why)
            }
            Ok(keys) => Kind::FannedOut {
                step: step.name.clone(),
                keys,
            },
            Err(why) => unworkable(&step.name, why),
        };
        self.emit(kind);
    }

    /// Ends the steps whose items have all ended.
    pub(crate) fn gather_items(&mut self) {
        for step in &self.plan.steps {
            let fanned = self.run.steps.get(&step.name);
            if fanned.is_some_and(|state| state.phase == Phase::Fanned) {
                self.gather(&step.name);
            }
        }
    }

    /// Begins items while there are places, and ends the steps whose items have all ended.
    pub(crate) fn go_on_with_items(&mut self) {
        for step in &self.plan.steps {
            let Some(each) = &step.for_each else { continue };
            let fanned = self.run.steps.get(&step.name);
            if fanned.is_none_or(|state| state.phase != Phase::Fanned) {
                continue;
            }
            for name in next(&self.run, &step.name, at_once(&self.run, each)) {
                self.start(&name);
            }
            self.gather(&step.name);
        }
    }

    fn gather(&mut self, step: &StepName) {
        let (mut done, mut failed) = (0, 0);
        for (_, item) in self.run.items(step) {
            match item.phase {
                Phase::Failed => failed += 1,
                Phase::Done => done += 1,
                Phase::Skipped => {}
                _ => return,
            }
        }
        self.emit(Kind::Gathered {
            step: step.clone(),
            done,
            failed,
        });
    }
}

/// Who does a step or an item first.
pub(crate) fn agent<'a>(
    run: &Run,
    step: &'a plan::Step,
    name: &StepName,
) -> Result<&'a AgentKind, String> {
    let routed = step
        .for_each
        .as_ref()
        .and_then(|each| Some((each, each.agent_by.as_ref()?)));
    let Some((each, field)) = routed else {
        let planned = step.kind.agent();
        return planned.ok_or_else(|| "the step has no agent".to_owned());
    };
    let named = name
        .index()
        .and_then(|index| item(run, &each.over, index))
        .and_then(|item| item.get(field)?.as_str());
    let known = each
        .agents
        .iter()
        .find(|agent| Some(agent.as_str()) == named);
    known.ok_or_else(|| {
        let known: Vec<_> = each.agents.iter().map(AgentKind::as_str).collect();
        format!("the item's `{field}` must be one of {}", known.join(", "))
    })
}

/// The items that may begin now, in order.
fn next(run: &Run, step: &StepName, at_once: u32) -> Vec<StepName> {
    let under_way = run
        .items(step)
        .filter(|(_, item)| matches!(item.phase, Phase::Running { .. } | Phase::Backoff { .. }))
        .count();
    let free = usize::try_from(at_once).unwrap_or(usize::MAX);
    run.items(step)
        .filter(|(_, item)| item.phase == Phase::Waiting)
        .map(|(name, _)| name)
        .take(free.saturating_sub(under_way))
        .collect()
}

/// How many items may be under way.
pub(crate) fn at_once(run: &Run, each: &ForEach) -> u32 {
    let number = match &each.max_parallel {
        AtOnce::Number(number) => *number,
        AtOnce::Input(Path::Input(path)) => at(run, path)
            .and_then(Value::as_u64)
            .map_or(1, |number| u32::try_from(number).unwrap_or(u32::MAX)),
        AtOnce::Input(Path::Fact(..)) => 1,
    };
    number.clamp(1, MAX_PARALLEL)
}

pub(crate) fn at<'a>(run: &'a Run, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(&*run.input, |at, name| at.get(name))
}

/// An entry of a list of the input; a list of keys has none.
pub fn item<'a>(run: &'a Run, over: &Path, index: u32) -> Option<&'a Value> {
    match over {
        Path::Input(path) => at(run, path)?.get(usize::try_from(index).ok()?),
        Path::Fact(..) => None,
    }
}

/// The keys of a list: of a text the text, of an object its `id`, else its number.
pub(crate) fn keys(run: &Run, over: &Path) -> Result<Vec<String>, String> {
    let keys: Vec<String> = match over {
        Path::Input(path) => match at(run, path) {
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(index, entry)| {
                    let key = entry.as_str().or_else(|| entry.get("id")?.as_str());
                    key.map_or_else(|| index.to_string(), str::to_owned)
                })
                .collect(),
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return Err(format!("`{over}` is no list")),
        },
        Path::Fact(step, name) => {
            let result = run.steps.get(step).and_then(|step| step.result.as_ref());
            match result.and_then(|result| result.facts.get(name)) {
                Some(Fact::Keys(keys)) => keys.clone(),
                None => Vec::new(),
                Some(_) => return Err(format!("`{over}` is no list of keys")),
            }
        }
    };
    Ok(keys.into_iter().map(cut).collect())
}

fn cut(mut key: String) -> String {
    key.truncate(key.floor_char_boundary(MAX_KEY_BYTES));
    key
}
