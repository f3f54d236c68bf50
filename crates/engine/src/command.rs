//! What a run can be asked or told.

use model::{ContentHash, Failure, JobId, StepName, Timestamp, fact::Facts, usage::Usage};

/// A command to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin. Only the first command of a run.
    Submit {
        /// When the run is given up.
        deadline: Option<Timestamp>,
    },
    /// A worker reports the end of a job.
    Outcome {
        /// The job.
        job: JobId,
        /// The lease token that it was sent with.
        token: u64,
        /// How it ended.
        end: JobEnd,
        /// What it used.
        usage: Usage,
        /// How long the agent worked, milliseconds.
        duration_ms: u64,
        /// Draw for the wait before the next attempt.
        jitter: u64,
    },
    /// A stopping worker gives a job back that it has not finished.
    HandBack {
        /// The job.
        job: JobId,
        /// The lease token.
        token: u64,
    },
    /// No worker knows of the job any more.
    Redrive {
        /// The job.
        job: JobId,
        /// The lease token that fell silent.
        token: u64,
    },
    /// A timer may be due.
    Wake,
    /// Stop for ever.
    Cancel {
        /// Why.
        reason: String,
        /// Who asks.
        by: String,
    },
    /// Make a new version of a step's artifact.
    Regenerate {
        /// The step.
        step: StepName,
        /// Blob of the note for the agent.
        note: Option<ContentHash>,
        /// Who asks.
        by: String,
    },
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEnd {
    /// With a result, whose bytes are stored with the commit of this command.
    Done {
        /// Of the result's bytes.
        hash: ContentHash,
        /// The declared facts.
        facts: Facts,
    },
    /// Without.
    Failed(Failure),
}

/// The domain says no. Not an error: nothing broke, and nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run exists already.
    #[error("the run exists already")]
    Exists,
    /// This outcome was recorded before; a repeat changes nothing.
    #[error("the outcome of job {0} was recorded before")]
    Repeated(JobId),
    /// No such job was ever sent with this token.
    #[error("job {0} was never sent with this lease token")]
    UnknownJob(JobId),
    /// The job is no longer under way, so there is nothing to drive again.
    #[error("job {0} is not under way under this lease token")]
    NotUnderWay(JobId),
    /// Nothing is due.
    #[error("nothing is due")]
    NothingDue,
    /// The run is over or at rest already; cancelling it changes nothing.
    #[error("the run has ended already")]
    Ended,
    /// The run must be at rest first.
    #[error("the run is still under way; wait until it ends, or cancel it")]
    UnderWay,
    /// A cancelled run stays cancelled.
    #[error("the run was cancelled; submit a new one")]
    Cancelled,
    /// The plan has no such step.
    #[error("the run has no step `{0}`")]
    UnknownStep(StepName),
    /// Only steps that make an artifact can be regenerated.
    #[error("step `{0}` makes no artifact; regenerate the step that it judges")]
    NotAnAgent(StepName),
    /// The items of a step are regenerated one by one.
    #[error("step `{0}` has items; regenerate one of them, such as `{0}.0`")]
    HasItems(StepName),
    /// The step's own condition keeps it from running for this input.
    #[error("step `{0}` was not asked for by this run's input")]
    NotAskedFor(StepName),
    /// A bound of the engine is reached.
    #[error("step `{step}` has {max} revisions, the most there may be")]
    TooManyRevisions {
        /// The step.
        step: StepName,
        /// The bound.
        max: u32,
    },
}
