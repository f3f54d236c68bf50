//! Limits are of jobs, and their keys are there.

use crate::{
    Catalogue,
    condition::Type,
    definition::{Definition, Step, Work},
    limits::MAX_SPACING_MS,
    path::Path,
    plan::Key,
    problem::{Place, Problems},
};

/// Only steps with jobs have limits; a key's path leads to one value of the input.
pub(super) fn check(definition: &Definition, catalogue: &Catalogue, problems: &mut Problems) {
    for step in &definition.steps {
        let mut note = |place: Place, message: String| {
            problems.note(place, Some(&step.name.value), message);
        };
        for (field, place) in fields(step) {
            if matches!(step.work, Some(Work::Loop(_))) {
                note(
                    place,
                    format!(
                        "a loop has no jobs of its own, so no `{field}`; give it to a step of its body"
                    ),
                );
            }
        }
        if let Some(spacing) = &step.spacing_ms
            && !(1..=MAX_SPACING_MS).contains(&spacing.value)
        {
            let hours = MAX_SPACING_MS / 3_600_000;
            note(
                spacing.place,
                format!("`spacing` must be above 0 and at most {hours}h"),
            );
        }
        let input = definition.input.as_ref();
        let Some(shape) = input.and_then(|input| catalogue.inputs.get(&input.value)) else {
            continue;
        };
        let rate = step.rate.as_ref().map(|rate| (rate.place, &rate.value.key));
        let shared = step.concurrency.as_ref();
        let shared = shared.map(|shared| (shared.place, &shared.value.key));
        for (place, key) in rate.into_iter().chain(shared) {
            let Key::Input(Path::Input(path)) = key else {
                continue;
            };
            match shape.find(path) {
                Ok(Type::List) => note(place, format!("`key`: `{key}` is a list; name one value")),
                Ok(_) => {}
                Err(why) => note(place, format!("`key`: {why}")),
            }
        }
    }
}

fn fields(step: &Step) -> impl Iterator<Item = (&'static str, Place)> {
    [
        ("rate", step.rate.as_ref().map(|rate| rate.place)),
        (
            "concurrency",
            step.concurrency.as_ref().map(|shared| shared.place),
        ),
        (
            "spacing",
            step.spacing_ms.as_ref().map(|spacing| spacing.place),
        ),
    ]
    .into_iter()
    .filter_map(|(field, place)| Some((field, place?)))
}
