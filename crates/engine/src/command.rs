//! What a run can be asked or told.

use std::collections::BTreeSet;

use model::{ContentHash, Failure, JobId, StepName, Timestamp, fact::Facts, usage::Usage};

use crate::review::Verdict;

/// A command to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begin. Only the first command of a run.
    Submit {
        /// When the run is given up.
        deadline: Option<Timestamp>,
        /// Who submits.
        by: String,
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
    /// Do a step again that failed; of a step with items, those that failed.
    Retry {
        /// The step.
        step: StepName,
        /// Who asks.
        by: String,
    },
    /// A person's own version takes the place of a step's artifact.
    Edit {
        /// The step.
        step: StepName,
        /// The version that it was made of: the active one.
        version: u32,
        /// Of its bytes, which are stored with the commit of this command.
        hash: ContentHash,
        /// Who made it.
        by: String,
    },
    /// Decide a review.
    Review {
        /// The review's step.
        step: StepName,
        /// The hash over all that was shown.
        subject: ContentHash,
        /// What.
        verdict: Verdict,
        /// With [`Verdict::SendBack`]: the step that is to be done again.
        to: Option<StepName>,
        /// Blob of what the person wrote.
        note: Option<ContentHash>,
        /// Who decides.
        person: Person,
    },
    /// Begin nothing new until it is resumed.
    Pause {
        /// Why.
        reason: String,
        /// Who asks.
        by: String,
    },
    /// Go on.
    Resume {
        /// Who asks.
        by: String,
    },
}

/// A person, as far as a run is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name in records.
    pub name: String,
    /// Every role that they may act in.
    pub roles: BTreeSet<String>,
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
    /// A rejected run stays rejected.
    #[error("the run was rejected in a review; submit a new one")]
    Rejected,
    /// Only what has failed can be tried again.
    #[error("step `{0}` has not failed")]
    NotFailed(StepName),
    /// The step has no artifact that could be changed.
    #[error("step `{0}` has no artifact now; wait until it is made")]
    NoArtifact(StepName),
    /// The artifact was changed meanwhile.
    #[error("version {version} of step `{step}` is the newest; look at it, then change that one")]
    NotNewest {
        /// The step.
        step: StepName,
        /// The active version.
        version: u32,
    },
    /// The step asks nobody now.
    #[error("step `{0}` is not in review")]
    NotInReview(StepName),
    /// What is asked about has changed since it was looked at.
    #[error("what step `{step}` asks about has changed; look at it anew, and decide on {subject}")]
    Outdated {
        /// The review's step.
        step: StepName,
        /// The hash that is asked about now.
        subject: ContentHash,
    },
    /// The person may not decide.
    #[error("deciding needs the role {0}")]
    NeedsRole(String),
    /// Nobody decides on what they asked for themselves.
    #[error("who submitted a run may not decide its reviews; somebody else must")]
    OwnRun,
    /// The review is left to others.
    #[error("the review is left to {}", .0.join(", "))]
    NotAmong(Vec<String>),
    /// A person decides once.
    #[error("you have decided this already")]
    DecidedAlready,
    /// It must be said which step is to be done again.
    #[error("say which step is to be done again before `{0}`")]
    BackToWhich(StepName),
    /// A review sends back to what came before it.
    #[error("step `{step}` does not come before `{review}`")]
    NotBefore {
        /// The step.
        step: StepName,
        /// The review.
        review: StepName,
    },
    /// The run is paused already.
    #[error("the run is paused already")]
    Paused,
    /// There is nothing to resume.
    #[error("the run is not paused")]
    NotPaused,
    /// A bound of the engine is reached.
    #[error("step `{step}` has {max} revisions, the most there may be")]
    TooManyRevisions {
        /// The step.
        step: StepName,
        /// The bound.
        max: u32,
    },
}
