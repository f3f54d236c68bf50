//! What a step does, on how much at once, and what it does when that fails.

use crate::{
    definition::{Plateau, Recover, Repeat, Work},
    path::Path,
    plan::AtOnce,
    problem::Placed,
    yaml::Node,
};

use super::{fields::Fields, review::review};

/// The kinds of work, each named by a field of its own.
const KINDS: [&str; 4] = ["agent", "audit", "loop", "review"];
/// Fields that only some kinds have.
const OF_KINDS: [&str; 11] = [
    "of",
    "until",
    "passes",
    "plateau",
    "time",
    "cost",
    "agent",
    "approvals",
    "from",
    "deadline",
    "on_deadline",
];

pub(super) fn work(fields: &mut Fields<'_>) -> Option<Work> {
    let kinds: Vec<_> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
    let place = fields.place();
    match kinds.as_slice() {
        ["agent"] => agent(fields),
        ["audit"] => {
            let auditor = fields.text("audit");
            let of = fields.names("of");
            Some(Work::Audit {
                auditor: auditor?,
                of,
            })
        }
        ["loop"] => Some(Work::Loop(repeat(fields))),
        ["review"] => review(fields).map(Work::Review),
        _ => {
            let fault = match kinds.as_slice() {
                [] => "none".to_owned(),
                some => some.join(" and "),
            };
            fields.note(
                place,
                format!("must have one of `agent`, `audit`, `loop` and `review`, has {fault}"),
            );
            for field in KINDS.into_iter().chain(OF_KINDS) {
                fields.take(field);
            }
            None
        }
    }
}

/// One agent, or one for each item by a field of it.
fn agent(fields: &mut Fields<'_>) -> Option<Work> {
    let node = fields.take("agent")?;
    if let Node::Text(value) = node.value {
        let place = node.place;
        return Some(Work::Agent(Placed { value, place }));
    }
    let mut own = fields.inner(node, "`agent`")?;
    let by = own.required_text("by");
    let of = own.names("of");
    own.close();
    Some(Work::Route { by: by?, of })
}

fn repeat(fields: &mut Fields<'_>) -> Repeat {
    Repeat {
        steps: fields.names("loop"),
        until: fields.condition("until"),
        max_passes: fields.required_whole("passes"),
        plateau: plateau(fields),
        time_ms: fields.duration("time"),
        cost_micros: cost(fields),
    }
}

fn plateau(fields: &mut Fields<'_>) -> Option<Plateau> {
    let node = fields.take("plateau")?;
    let mut own = fields.inner(node, "`plateau`")?;
    let of = own.required_path("of");
    let passes = own.required_whole("passes");
    let by = own.number("by").map_or(0.0, |by| by.value);
    own.close();
    Some(Plateau { of, passes, by })
}

/// US dollars.
fn cost(fields: &mut Fields<'_>) -> Option<Placed<u64>> {
    let Placed { value, place } = fields.number("cost")?;
    let micros = (value * 1e6).round();
    if !(1.0..=1e15).contains(&micros) {
        fields.note(place, "`cost` must be US dollars above 0, such as 0.5");
        return None;
    }
    Some(Placed {
        // In range and whole, so the cast is exact.
        value: micros as u64,
        place,
    })
}

pub(super) fn max_parallel(fields: &mut Fields<'_>) -> Option<Placed<AtOnce>> {
    let node = fields.take("max_parallel")?;
    let place = node.place;
    let value = match &node.value {
        Node::Number(number)
            if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number) =>
        {
            // In range and whole, so the cast is exact.
            Some(AtOnce::Number(*number as u32))
        }
        Node::Text(text) => Path::parse(text)
            .ok()
            .filter(|path| matches!(path, Path::Input(_)))
            .map(AtOnce::Input),
        _ => None,
    };
    if value.is_none() {
        fields.note(
            place,
            "`max_parallel` must be a whole number, or a path of the input such as input.max_parallel",
        );
    }
    value.map(|value| Placed { value, place })
}

/// `standard`, or a map with the agents that take over.
pub(super) fn recover(fields: &mut Fields<'_>) -> Option<Recover> {
    let node = fields.take("recover")?;
    match &node.value {
        Node::Text(name) if name == "standard" => Some(Recover {
            fallback: Vec::new(),
        }),
        Node::Map(_) => {
            let mut own = fields.inner(node, "`recover`")?;
            let fallback = own.names("fallback");
            own.close();
            Some(Recover { fallback })
        }
        _ => {
            fields.note(
                node.place,
                "`recover` must be standard, or a map such as {fallback: [other_agent]}",
            );
            None
        }
    }
}
