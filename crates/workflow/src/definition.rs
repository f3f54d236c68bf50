//! A definition as written: every name still a text, everything with its place, defaults filled in.

use crate::{
    Shape,
    condition::Condition,
    path::Path,
    plan::{AtOnce, Concurrency, OnDeadline, OnFailure, People, Rate, Retry},
    problem::Placed,
};

/// Timeout of a step that names none.
const DEFAULT_TIMEOUT_MS: u64 = 120_000;

/// What is `None` though it must be there was faulty or absent, which is noted.
pub(crate) struct Definition {
    pub(crate) workflow: Option<Placed<String>>,
    pub(crate) mode: Option<Placed<String>>,
    pub(crate) version: Option<Placed<u32>>,
    pub(crate) input: Option<Placed<String>>,
    /// The input described in place.
    pub(crate) fields: Option<Shape>,
    pub(crate) milestones: Vec<Milestone>,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Milestone {
    pub(crate) state: Placed<String>,
    pub(crate) of: Vec<Placed<String>>,
}

pub(crate) struct Step {
    pub(crate) name: Placed<String>,
    pub(crate) work: Option<Work>,
    pub(crate) needs: Vec<Placed<String>>,
    pub(crate) when: Option<Placed<Condition>>,
    pub(crate) with: Vec<Placed<String>>,
    pub(crate) state: Option<Placed<String>>,
    pub(crate) result: Option<Placed<String>>,
    pub(crate) timeout_ms: Placed<u64>,
    pub(crate) retry: Placed<Retry>,
    pub(crate) on_failure: OnFailure,
    pub(crate) weight: Placed<u32>,
    pub(crate) for_each: Option<Placed<Path>>,
    pub(crate) max_parallel: Option<Placed<AtOnce>>,
    pub(crate) recover: Option<Recover>,
    pub(crate) rate: Option<Placed<Rate>>,
    pub(crate) concurrency: Option<Placed<Concurrency>>,
    pub(crate) spacing_ms: Option<Placed<u64>>,
}

pub(crate) struct Recover {
    pub(crate) fallback: Vec<Placed<String>>,
}

impl Step {
    /// A step that says nothing but its name.
    pub(crate) fn new(name: Placed<String>) -> Self {
        let place = name.place;
        Self {
            name,
            work: None,
            needs: Vec::new(),
            when: None,
            with: Vec::new(),
            state: None,
            result: None,
            timeout_ms: Placed {
                value: DEFAULT_TIMEOUT_MS,
                place,
            },
            retry: Placed {
                value: Retry::STANDARD,
                place,
            },
            on_failure: OnFailure::Fail,
            weight: Placed { value: 1, place },
            for_each: None,
            max_parallel: None,
            recover: None,
            rate: None,
            concurrency: None,
            spacing_ms: None,
        }
    }
}

pub(crate) enum Work {
    /// `agent: copy`.
    Agent(Placed<String>),
    /// `audit: campaign` with `of: […]`.
    Audit {
        auditor: Placed<String>,
        of: Vec<Placed<String>>,
    },
    /// `agent: {by: content_type, of: […]}`: each item names its own.
    Route {
        by: Placed<String>,
        of: Vec<Placed<String>>,
    },
    /// `loop: […]` with its ends.
    Loop(Repeat),
    /// `review: approver` with `of: […]`.
    Review(Review),
}

pub(crate) struct Review {
    pub(crate) role: Placed<String>,
    pub(crate) of: Vec<Placed<String>>,
    pub(crate) approvals: Option<Placed<u32>>,
    pub(crate) from: Option<Placed<People>>,
    pub(crate) deadline_ms: Option<Placed<u64>>,
    pub(crate) on_deadline: Option<Placed<OnDeadline>>,
}

pub(crate) struct Repeat {
    pub(crate) steps: Vec<Placed<String>>,
    pub(crate) until: Option<Placed<Condition>>,
    pub(crate) max_passes: Option<Placed<u32>>,
    pub(crate) plateau: Option<Plateau>,
    pub(crate) time_ms: Option<Placed<u64>>,
    pub(crate) cost_micros: Option<Placed<u64>>,
}

pub(crate) struct Plateau {
    pub(crate) of: Option<Placed<Path>>,
    pub(crate) passes: Option<Placed<u32>>,
    pub(crate) by: f64,
}

impl Work {
    /// The agent kinds that may do the work; none for a loop or a review.
    pub(crate) fn agents(&self) -> Vec<Placed<String>> {
        match self {
            Self::Agent(agent) => vec![agent.clone()],
            Self::Route { of, .. } => of.clone(),
            Self::Audit { auditor, .. } => vec![Placed {
                value: format!("audit_{}", auditor.value),
                place: auditor.place,
            }],
            Self::Loop(_) | Self::Review(_) => Vec::new(),
        }
    }

    /// The steps that a loop repeats; none for others.
    pub(crate) fn body(&self) -> &[Placed<String>] {
        match self {
            Self::Loop(repeat) => &repeat.steps,
            Self::Agent(_) | Self::Route { .. } | Self::Audit { .. } | Self::Review(_) => &[],
        }
    }

    /// The steps that an audit or a review judges; none for others.
    pub(crate) fn of(&self) -> &[Placed<String>] {
        match self {
            Self::Agent(_) | Self::Route { .. } | Self::Loop(_) => &[],
            Self::Audit { of, .. } | Self::Review(Review { of, .. }) => of,
        }
    }
}
