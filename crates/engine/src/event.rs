//! What has happened to a run. Events are numbered 1, 2, 3 … without a gap and never changed; they carry
//! facts and hashes, never content.

use model::{
    AgentKind, ContentHash, Failure, JobId, RunStatus, StepName, Timestamp, fact::Facts,
    usage::Usage,
};

use crate::{
    recovery::Strategy,
    review::{End, Verdict},
    schedule::Score,
};

/// One numbered event of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// 1, 2, 3 … within the run.
    pub sequence: u64,
    /// When; never before the event that precedes it.
    pub time: Timestamp,
    /// The lifecycle state that the run is in after it.
    pub state: String,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The run was accepted.
    Submitted {
        /// When the run is given up; none means never.
        deadline: Option<Timestamp>,
        /// Who submitted it.
        by: String,
    },
    /// A job went out for the step.
    StepStarted {
        /// The step.
        step: StepName,
        /// The agent kind that is to do it.
        agent: AgentKind,
        /// The job.
        job: JobId,
        /// Its lease token.
        token: u64,
        /// 1 for the first.
        attempt: u32,
        /// 1 for the first, + 1 with each reopening.
        revision: u32,
        /// What ranks it among the jobs of the run.
        score: Score,
    },
    /// The step works off a list: each item is a step of the run from here on, `<step>.0` and so on.
    FannedOut {
        /// The step.
        step: StepName,
        /// The items' keys, in the list's order.
        keys: Vec<String>,
    },
    /// All items of the step have ended.
    Gathered {
        /// The step.
        step: StepName,
        /// How many items have a result.
        done: u32,
        /// How many failed without one.
        failed: u32,
    },
    /// A loop's body has ended, and goes on for another pass.
    LoopRepeated {
        /// The loop.
        step: StepName,
        /// The pass that begins, 2 for the first repeat.
        pass: u32,
        /// The number that the loop watches for a plateau, as the ended pass left it.
        value: Option<f64>,
    },
    /// A loop ends.
    LoopEnded {
        /// The loop.
        step: StepName,
        /// How many passes there were.
        passes: u32,
        /// Why.
        reason: LoopEnd,
    },
    /// The step's condition was false, so it does not run.
    StepSkipped {
        /// The step.
        step: StepName,
        /// The condition as written.
        condition: String,
    },
    /// The step's result is there.
    StepFinished {
        /// The step.
        step: StepName,
        /// The agent kind that did it.
        agent: AgentKind,
        /// The job.
        job: JobId,
        /// Its lease token.
        token: u64,
        /// Which attempt it was.
        attempt: u32,
        /// Number of the stored version, 1, 2, 3 … within run and step.
        version: u32,
        /// Of the version's bytes.
        hash: ContentHash,
        /// The declared facts.
        facts: Facts,
        /// What the attempt used.
        usage: Usage,
        /// How long the agent worked, milliseconds.
        duration_ms: u64,
    },
    /// An attempt failed and another follows at `at`.
    StepRetrying {
        /// The step.
        step: StepName,
        /// The job that failed.
        job: JobId,
        /// Its lease token.
        token: u64,
        /// The attempt that failed.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// What the attempt used.
        usage: Usage,
        /// When the next attempt starts.
        at: Timestamp,
        /// What the next attempt does otherwise; none where the plan says no more than to try again.
        strategy: Option<Strategy>,
    },
    /// The step failed for good (in this revision).
    StepFailed {
        /// The step.
        step: StepName,
        /// The job and lease token whose outcome it was; none when it failed without an outcome.
        job: Option<(JobId, u64)>,
        /// The last attempt; 0 when there was none.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// What the last attempt used.
        usage: Usage,
    },
    /// A job that was lost goes out again, fenced by a new lease token.
    JobRedriven {
        /// The step.
        step: StepName,
        /// The job.
        job: JobId,
        /// The new lease token.
        token: u64,
        /// How many times the job was lost so far; a job that a worker handed back was not lost.
        lost: u32,
    },
    /// All steps of a milestone have ended.
    MilestoneReached {
        /// The milestone's state.
        milestone: String,
    },
    /// An outcome came whose lease had passed on: paid for, not applied.
    OutcomeLate {
        /// The job.
        job: JobId,
        /// The old lease token.
        token: u64,
        /// What it used.
        usage: Usage,
    },
    /// A run at rest goes on: the step makes a new version, and its audits judge it.
    Reopened {
        /// The step.
        step: StepName,
        /// Blob of the note that the person gave.
        note: Option<ContentHash>,
        /// Who asked.
        by: String,
        /// Steps that follow it and are done again with it, besides those that judge it.
        through: Vec<StepName>,
    },
    /// A person's own version took the place of an artifact; whoever judges it does so anew.
    StepEdited {
        /// The step.
        step: StepName,
        /// Number of the stored version.
        version: u32,
        /// Of the version's bytes.
        hash: ContentHash,
        /// Who made it.
        by: String,
    },
    /// People are asked to decide.
    ReviewAsked {
        /// The review's step.
        step: StepName,
        /// Over all that is asked about.
        subject: ContentHash,
        /// The versions that are asked about.
        of: Vec<(StepName, u32)>,
        /// The role that whoever decides must have.
        role: String,
        /// How many must approve.
        approvals: u32,
        /// Until when.
        deadline: Option<Timestamp>,
    },
    /// A person decided.
    ReviewDecided {
        /// The review's step.
        step: StepName,
        /// What was decided on.
        subject: ContentHash,
        /// What.
        verdict: Verdict,
        /// Who.
        by: String,
        /// Blob of what they wrote.
        note: Option<ContentHash>,
    },
    /// Nobody decided in time: whoever has this role may.
    ReviewEscalated {
        /// The review's step.
        step: StepName,
        /// The role.
        role: String,
    },
    /// A review has ended.
    ReviewEnded {
        /// The review's step.
        step: StepName,
        /// What was decided on.
        subject: ContentHash,
        /// How.
        end: End,
    },
    /// Nothing new begins until the run is resumed.
    Paused {
        /// Why.
        reason: String,
        /// Who asked; empty where a failure did.
        by: String,
        /// The step whose failure it was.
        step: Option<StepName>,
    },
    /// The run goes on.
    Resumed {
        /// Who asked.
        by: String,
    },
    /// Nothing is left to do.
    Ended {
        /// How it stands.
        status: RunStatus,
    },
    /// Stopped for ever.
    Cancelled {
        /// Why.
        reason: String,
        /// Who asked.
        by: String,
    },
}

/// Why a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopEnd {
    /// Its condition held.
    Condition,
    /// The watched number no longer rose.
    Plateau,
    /// It had as many passes as it may.
    Passes,
    /// Its time was over.
    Time,
    /// Its money was spent.
    Cost,
    /// No step of its body had anything to do.
    Idle,
}

impl LoopEnd {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Condition,
        Self::Plateau,
        Self::Passes,
        Self::Time,
        Self::Cost,
        Self::Idle,
    ];

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The name used in stored records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Plateau => "plateau",
            Self::Passes => "passes",
            Self::Time => "time",
            Self::Cost => "cost",
            Self::Idle => "idle",
        }
    }
}

impl Kind {
    /// The event type's name, as stored and as in the CloudEvents type `pressrun.run.v1.<name>`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::StepStarted { .. } => "step_started",
            Self::FannedOut { .. } => "fanned_out",
            Self::Gathered { .. } => "gathered",
            Self::LoopRepeated { .. } => "loop_repeated",
            Self::LoopEnded { .. } => "loop_ended",
            Self::StepSkipped { .. } => "step_skipped",
            Self::StepFinished { .. } => "step_finished",
            Self::StepRetrying { .. } => "step_retrying",
            Self::StepFailed { .. } => "step_failed",
            Self::JobRedriven { .. } => "job_redriven",
            Self::MilestoneReached { .. } => "milestone_reached",
            Self::OutcomeLate { .. } => "outcome_late",
            Self::Reopened { .. } => "reopened",
            Self::StepEdited { .. } => "step_edited",
            Self::ReviewAsked { .. } => "review_asked",
            Self::ReviewDecided { .. } => "review_decided",
            Self::ReviewEscalated { .. } => "review_escalated",
            Self::ReviewEnded { .. } => "review_ended",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Ended { .. } => "ended",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// The step that it is about.
    pub fn step(&self) -> Option<&StepName> {
        match self {
            Self::StepStarted { step, .. }
            | Self::FannedOut { step, .. }
            | Self::Gathered { step, .. }
            | Self::LoopRepeated { step, .. }
            | Self::LoopEnded { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepFinished { step, .. }
            | Self::StepRetrying { step, .. }
            | Self::StepFailed { step, .. }
            | Self::JobRedriven { step, .. }
            | Self::StepEdited { step, .. }
            | Self::ReviewAsked { step, .. }
            | Self::ReviewDecided { step, .. }
            | Self::ReviewEscalated { step, .. }
            | Self::ReviewEnded { step, .. }
            | Self::Reopened { step, .. } => Some(step),
            Self::Submitted { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. }
            | Self::MilestoneReached { .. }
            | Self::OutcomeLate { .. }
            | Self::Ended { .. }
            | Self::Cancelled { .. } => None,
        }
    }
}
