//! A definition as written: every name still a text, everything with its place, defaults filled in.

use crate::{
    condition::Condition,
    plan::{OnFailure, Retry},
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
}

impl Work {
    /// The agent kind that does the work.
    pub(crate) fn agent(&self) -> Placed<String> {
        match self {
            Self::Agent(agent) => agent.clone(),
            Self::Audit { auditor, .. } => Placed {
                value: format!("audit_{}", auditor.value),
                place: auditor.place,
            },
        }
    }

    /// The steps that an audit judges; none for an agent.
    pub(crate) fn of(&self) -> &[Placed<String>] {
        match self {
            Self::Agent(_) => &[],
            Self::Audit { of, .. } => of,
        }
    }
}
