//! A run's steps as a graph: what needs what, coloured by how each stands. The table beside it says the
//! same in words.

use std::collections::BTreeMap;

use maud::{Markup, html};
use wire::run::v1::Step;

use super::text;
use crate::limits::DRAWN_STEPS;

const WIDTH: usize = 148;
const HEIGHT: usize = 46;
const GAP_X: usize = 44;
const GAP_Y: usize = 16;
const EDGE: usize = 3;

/// Where a step is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    x: usize,
    y: usize,
}

/// The graph; nothing for a run with more steps than anyone could read.
pub(super) fn draw(steps: &[Step]) -> Markup {
    if steps.is_empty() || steps.len() > DRAWN_STEPS {
        return html! {};
    }
    let columns = columns(steps);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(1);
    let height = rows * (HEIGHT + GAP_Y) - GAP_Y + 2 * EDGE;
    let width = columns.len() * (WIDTH + GAP_X) - GAP_X + 2 * EDGE;
    let mut places = BTreeMap::new();
    for (c, column) in columns.iter().enumerate() {
        let used = column.len() * (HEIGHT + GAP_Y) - GAP_Y;
        let top = (height - used) / 2;
        for (r, step) in column.iter().enumerate() {
            let place = Place {
                x: EDGE + c * (WIDTH + GAP_X),
                y: top + r * (HEIGHT + GAP_Y),
            };
            places.insert(step.name.as_str(), place);
        }
    }
    let told: Vec<_> = steps
        .iter()
        .map(|step| format!("{}: {}", text::words(&step.name), step.phase))
        .collect();
    html! {
        div.graph tabindex="0" role="group" aria-label="Steps of the run, as a graph" {
            svg viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img"
                aria-label=(told.join("; ")) {
                @for step in steps {
                    @for need in &step.needs {
                        @if let (Some(from), Some(to)) = (places.get(need.as_str()), places.get(step.name.as_str())) {
                            (edge(*from, *to, &step.phase))
                        }
                    }
                }
                @for step in steps {
                    @if let Some(place) = places.get(step.name.as_str()) { (node(step, *place)) }
                }
            }
        }
    }
}

fn node(step: &Step, Place { x, y }: Place) -> Markup {
    let note = match (step.phase.as_str(), step.attempt, step.version) {
        ("done", _, version) if version > 1 => format!("done, version {version}"),
        (phase, attempt, _) if attempt > 1 => format!("{phase}, attempt {attempt}"),
        (phase, _, _) => phase.to_owned(),
    };
    html! {
        g.node.{ "p-" (text::class(&step.phase)) } {
            rect x=(x) y=(y) width=(WIDTH) height=(HEIGHT) rx="9" {}
            circle cx=(x + 16) cy=(y + HEIGHT / 2) r="5" {}
            text.name x=(x + 30) y=(y + 20) { (short(&text::words(&step.name))) }
            text.note x=(x + 30) y=(y + 35) { (note) }
        }
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= 17 {
        return name.to_owned();
    }
    name.chars().take(16).chain(['…']).collect()
}

fn edge(from: Place, to: Place, phase: &str) -> Markup {
    let (x1, y1) = (from.x + WIDTH, from.y + HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + HEIGHT / 2);
    let middle = (x1 + x2) / 2;
    html! {
        path.edge.reached[phase != "waiting"] d=(format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}")) {}
    }
}

/// The steps by how many lie before them at most. A circle, which no definition has, would end.
fn columns(steps: &[Step]) -> Vec<Vec<&Step>> {
    let mut depth: BTreeMap<&str, usize> =
        steps.iter().map(|step| (step.name.as_str(), 0)).collect();
    for _ in 0..steps.len() {
        for step in steps {
            let before = step
                .needs
                .iter()
                .filter_map(|need| depth.get(need.as_str()));
            let deepest = before
                .max()
                .map_or(0, |depth| depth + 1)
                .min(steps.len() - 1);
            depth.insert(&step.name, deepest);
        }
    }
    let last = depth.values().max().copied().unwrap_or(0);
    (0..=last)
        .map(|column| {
            let here = steps
                .iter()
                .filter(|step| depth.get(step.name.as_str()) == Some(&column));
            here.collect::<Vec<_>>()
        })
        .filter(|column| !column.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, needs: &[&str], phase: &str) -> Step {
        Step {
            name: name.to_owned(),
            phase: phase.to_owned(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
            ..Step::default()
        }
    }

    #[test]
    fn what_is_needed_stands_left_of_what_needs_it() {
        let steps = [
            step("audit", &["a", "b"], "waiting"),
            step("a", &[], "done"),
            step("b", &["a"], "running"),
        ];
        let names: Vec<Vec<&str>> = columns(&steps)
            .iter()
            .map(|column| column.iter().map(|step| step.name.as_str()).collect())
            .collect();
        assert_eq!(names, [vec!["a"], vec!["b"], vec!["audit"]]);
        let drawn = draw(&steps).into_string();
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert_eq!(drawn.matches("class=\"edge").count(), 3);
        assert!(drawn.contains("p-running"), "{drawn}");
    }

    #[test]
    fn a_circle_ends_and_hostile_names_stay_text() {
        let steps = [
            step("a\"><script>", &["b"], "x\" onload=\""),
            step("b", &["a\"><script>"], "done"),
        ];
        let drawn = draw(&steps).into_string();
        assert!(
            !drawn.contains("<script") && !drawn.contains("onload=\""),
            "{drawn}"
        );
    }
}
