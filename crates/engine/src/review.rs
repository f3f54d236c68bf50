//! Reviews: people decide on exactly the contents that they were shown. What a review asks about is bound by one
//! hash over the versions; another version voids what was decided and asks anew.

use std::{collections::BTreeSet, fmt::Write as _};

use model::{ContentHash, StepName, Timestamp};
use workflow::{OnDeadline, Path, People, Plan, Review as Planned, StepKind, plan};

use crate::{
    advance::{Scratch, unworkable},
    command::{Person, Refusal},
    event::Kind,
    items,
    run::{Phase, Run},
};

/// A review as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Over all that is asked about: a decision names it.
    pub subject: ContentHash,
    /// The versions that are asked about.
    pub of: Vec<(StepName, u32)>,
    /// Who may decide.
    pub role: String,
    /// How many must approve.
    pub approvals: u32,
    /// Since when it is asked.
    pub since: Timestamp,
    /// Until when; none for as long as it takes.
    pub deadline: Option<Timestamp>,
    /// What was decided on this subject, oldest first.
    pub decisions: Vec<Decision>,
    /// How it ended.
    pub end: Option<End>,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: String,
    /// What.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
    /// Blob of what they wrote.
    pub note: Option<ContentHash>,
}

/// A person's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on as it is.
    Approve,
    /// It may not.
    Reject,
    /// A step is to be done again first.
    SendBack,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::SendBack];

    /// The name used in stored records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::SendBack => "send_back",
        }
    }

    /// The verdict of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == name)
    }
}

/// How a review ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As many as must have approved.
    Approved,
    /// Somebody rejected.
    Rejected,
    /// Nobody decided in time, which counts as approved.
    ApprovedByDeadline,
    /// Nobody decided in time, which counts as rejected.
    RejectedByDeadline,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Approved,
        Self::Rejected,
        Self::ApprovedByDeadline,
        Self::RejectedByDeadline,
    ];

    /// The name used in stored records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::ApprovedByDeadline => "approved_by_deadline",
            Self::RejectedByDeadline => "rejected_by_deadline",
        }
    }

    /// The end of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == name)
    }

    /// Whether the run may go on.
    pub fn approved(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedByDeadline)
    }
}

/// What a person decides with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ballot<'a> {
    pub(crate) step: &'a StepName,
    pub(crate) subject: &'a ContentHash,
    pub(crate) verdict: Verdict,
    /// With [`Verdict::SendBack`]: the step that is to be done again.
    pub(crate) to: Option<&'a StepName>,
    pub(crate) note: Option<&'a ContentHash>,
    pub(crate) person: &'a Person,
}

impl Scratch<'_> {
    /// People are asked, unless there is nothing to show them.
    pub(crate) fn ask(&mut self, step: &plan::Step, own: &Planned) {
        if let Some(named) = people(&self.run, own) {
            let others: BTreeSet<_> = named.iter().filter(|name| **name != self.run.by).collect();
            if others.len() < own.approvals as usize {
                let (count, wanted) = (others.len(), own.approvals);
                let why = format!("{wanted} must approve, and `from` names {count} who may");
                self.emit(unworkable(&step.name, why));
                return;
            }
        }
        let kind = match subject(&self.run, &own.of) {
            Some((subject, of)) => Kind::ReviewAsked {
                step: step.name.clone(),
                subject,
                of,
                role: own.role.clone(),
                approvals: own.approvals,
                deadline: own
                    .deadline_ms
                    .map(|length| self.now().after(std::time::Duration::from_millis(length))),
            },
            None => Kind::StepSkipped {
                step: step.name.clone(),
                condition: "there is nothing to review".to_owned(),
            },
        };
        self.emit(kind);
    }

    /// A person decides.
    pub(crate) fn decided(&mut self, ballot: Ballot<'_>) -> Result<(), Refusal> {
        let Ballot { step, person, .. } = ballot;
        if self.run.status.at_rest() {
            return Err(Refusal::Ended);
        }
        let (planned, open) = open(self.plan, &self.run, step)?;
        if open.subject != *ballot.subject {
            return Err(Refusal::Outdated {
                step: step.clone(),
                subject: open.subject.clone(),
            });
        }
        may_decide(&self.run, planned, open, person)?;
        let approvals = open.approvals;
        let given = open
            .decisions
            .iter()
            .filter(|decision| decision.verdict == Verdict::Approve)
            .count();
        let back = match (ballot.verdict, ballot.to) {
            (Verdict::SendBack, Some(to)) => Some(self.back(step, to)?),
            (Verdict::SendBack, None) => return Err(Refusal::BackToWhich(step.clone())),
            _ => None,
        };
        self.emit(Kind::ReviewDecided {
            step: step.clone(),
            subject: ballot.subject.clone(),
            verdict: ballot.verdict,
            by: person.name.clone(),
            note: ballot.note.cloned(),
        });
        match (ballot.verdict, back) {
            (Verdict::Approve, _) if given + 1 >= approvals as usize => {
                self.end_review(step, End::Approved);
            }
            (Verdict::Reject, _) => self.end_review(step, End::Rejected),
            (Verdict::SendBack, Some((to, through))) => self.emit(Kind::Reopened {
                step: to,
                note: ballot.note.cloned(),
                by: person.name.clone(),
                through,
            }),
            _ => {}
        }
        Ok(())
    }

    /// Nobody decided in time.
    pub(crate) fn review_overdue(&mut self, step: &StepName) {
        let Ok((planned, _)) = open(self.plan, &self.run, step) else {
            return;
        };
        match &planned.on_deadline {
            OnDeadline::Approve => self.end_review(step, End::ApprovedByDeadline),
            OnDeadline::Reject => self.end_review(step, End::RejectedByDeadline),
            OnDeadline::Escalate(role) => self.emit(Kind::ReviewEscalated {
                step: step.clone(),
                role: role.clone(),
            }),
        }
    }

    fn end_review(&mut self, step: &StepName, end: End) {
        let state = self.run.steps.get(step);
        let Some(review) = state.and_then(|state| state.review.as_ref()) else {
            return;
        };
        self.emit(Kind::ReviewEnded {
            step: step.clone(),
            subject: review.subject.clone(),
            end,
        });
    }

    /// The step that is to be done again, and those between it and the review.
    fn back(&self, review: &StepName, to: &StepName) -> Result<(StepName, Vec<StepName>), Refusal> {
        self.can_be_made_again(to)?;
        let planned = to.planned();
        let before = ancestors(self.plan, review);
        if !before.iter().any(|name| name.as_str() == planned) {
            return Err(Refusal::NotBefore {
                step: to.clone(),
                review: review.clone(),
            });
        }
        let between = before.into_iter().filter(|name| {
            name.as_str() != planned
                && ancestors(self.plan, name)
                    .iter()
                    .any(|first| first.as_str() == planned)
        });
        Ok((to.clone(), between.collect()))
    }
}

/// The open review of a step.
fn open<'a>(
    plan: &'a Plan,
    run: &'a Run,
    step: &StepName,
) -> Result<(&'a Planned, &'a Review), Refusal> {
    let planned = plan.step(step);
    let state = run.steps.get(step);
    let (Some(planned), Some(state)) = (planned, state) else {
        return Err(Refusal::UnknownStep(step.clone()));
    };
    match (&planned.kind, &state.phase, &state.review) {
        (StepKind::Review(planned), Phase::Reviewing, Some(review)) => Ok((planned, review)),
        _ => Err(Refusal::NotInReview(step.clone())),
    }
}

fn may_decide(
    run: &Run,
    planned: &Planned,
    review: &Review,
    person: &Person,
) -> Result<(), Refusal> {
    if !person.roles.contains(&review.role) {
        return Err(Refusal::NeedsRole(review.role.clone()));
    }
    if !run.by.is_empty() && person.name == run.by {
        return Err(Refusal::OwnRun);
    }
    // Whoever it was escalated to may be somebody else.
    if review.role == planned.role
        && let Some(named) = people(run, planned)
        && !named.contains(&person.name)
    {
        return Err(Refusal::NotAmong(named));
    }
    if review
        .decisions
        .iter()
        .any(|decision| decision.by == person.name)
    {
        return Err(Refusal::DecidedAlready);
    }
    Ok(())
}

/// Whom the review is left to; none for everyone with its role.
pub fn people(run: &Run, planned: &Planned) -> Option<Vec<String>> {
    match planned.from.as_ref()? {
        People::Named(names) => Some(names.clone()),
        People::Input(Path::Input(path)) => {
            let names = items::at(run, path).and_then(|names| names.as_array());
            let names = names.into_iter().flatten();
            // Where the input names nobody, nobody may.
            Some(
                names
                    .filter_map(|name| name.as_str())
                    .map(str::to_owned)
                    .collect(),
            )
        }
        People::Input(Path::Fact(..)) => None,
    }
}

/// One hash over the versions of these steps, and the versions; none where there is none. A version of an earlier pass
/// counts where no later one was made: whatever carries the step's result carries it.
pub(crate) fn subject(run: &Run, of: &[StepName]) -> Option<(ContentHash, Vec<(StepName, u32)>)> {
    let mut text = String::new();
    let mut versions = Vec::new();
    for step in of {
        for (name, result) in run.results(step) {
            // Writing to a text cannot fail.
            let _ok = writeln!(text, "{name} {} {}", result.version, result.hash);
            versions.push((name, result.version));
        }
    }
    (!versions.is_empty()).then(|| (ContentHash::of(text.as_bytes()), versions))
}

/// The steps and items that a review can be sent back to, in the plan's order.
pub fn back(plan: &Plan, run: &Run, review: &StepName) -> Vec<StepName> {
    let before = ancestors(plan, review);
    run.in_order(plan)
        .filter(|(planned, _, state)| {
            before.contains(&planned.name)
                && matches!(planned.kind, StepKind::Agent { .. })
                && state.items == 0
                && state.result.is_some()
        })
        .map(|(_, name, _)| name)
        .collect()
}

/// Every step that must have ended before this one, near or far.
pub(crate) fn ancestors(plan: &Plan, step: &StepName) -> BTreeSet<StepName> {
    let mut found = BTreeSet::new();
    let mut open = vec![step.clone()];
    while let Some(name) = open.pop() {
        let Some(planned) = plan.step(&name) else {
            continue;
        };
        for need in planned.needs.iter().chain(planned.kind.of()) {
            if found.insert(need.clone()) {
                open.push(need.clone());
            }
        }
    }
    found
}
