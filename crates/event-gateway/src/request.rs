//! What a client asks for, checked.

use ::service::auth::bearer;
use axum::http::HeaderMap;
use model::{RunId, validate::Problem};
use tonic::Status;
use wire::{events::v1::SubscribeRequest, problem};

use crate::{filter::Filter, resume::Position};

/// A subscription within bounds. Whose events it shows is not in it: that says the caller's key.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Which runs.
    pub of: Of,
    /// What of them.
    pub filter: Filter,
}

/// Which runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Of {
    /// One.
    Run {
        /// Which.
        run: RunId,
        /// Events with a higher number.
        after: u64,
        /// The stream ends when the run is at rest.
        until_rest: bool,
        /// What agents write goes along.
        live: bool,
    },
    /// All of the tenant, from now on or from a position.
    Tenant(Option<Position>),
}

impl Wish {
    /// Checks a request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with every fault.
    pub fn new(request: SubscribeRequest) -> Result<Self, Status> {
        let SubscribeRequest {
            run_id,
            after,
            resume,
            filter,
            until_rest,
            live,
        } = request;
        let mut problems = Vec::new();
        let mut wrong = |path: &str, message: String| {
            problems.push(Problem {
                path: path.to_owned(),
                message,
            });
        };
        let of = if run_id.is_empty() {
            if after > 0 {
                wrong(
                    "after",
                    "needs a run_id; over many runs, send `resume`".to_owned(),
                );
            }
            if until_rest {
                wrong("until_rest", "needs a run_id".to_owned());
            }
            if live {
                wrong("live", "needs a run_id".to_owned());
            }
            match Some(resume)
                .filter(|token| !token.is_empty())
                .map(|token| Position::parse(&token))
            {
                None => Some(Of::Tenant(None)),
                Some(Ok(position)) => Some(Of::Tenant(Some(position))),
                Some(Err(error)) => {
                    wrong("resume", error.to_string());
                    None
                }
            }
        } else {
            if !resume.is_empty() {
                wrong(
                    "resume",
                    "is for streams over many runs; with a run_id, send `after`".to_owned(),
                );
            }
            match RunId::new(run_id) {
                Ok(run) => Some(Of::Run {
                    run,
                    after,
                    until_rest,
                    live,
                }),
                Err(error) => {
                    wrong("run_id", error.to_string());
                    None
                }
            }
        };
        let filter = Filter::new(filter.unwrap_or_default()).unwrap_or_else(|faults| {
            problems.extend(faults);
            Filter::default()
        });
        match of {
            Some(of) if problems.is_empty() => Ok(Self { of, filter }),
            _ => Err(problem::invalid(problems)),
        }
    }
}

/// The caller's own key, to ask the orchestrator with.
pub(crate) fn key(headers: &HeaderMap) -> Option<String> {
    bearer(headers).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::events::v1::Filter as WireFilter;

    use super::*;

    fn faults(request: SubscribeRequest) -> Vec<String> {
        let status = Wish::new(request).expect_err("refused");
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        problem::problems_of(&status)
            .into_iter()
            .map(|problem| problem.path)
            .collect()
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let long = "x".repeat(65);
        let filter = Some(WireFilter {
            workflow: long,
            states: vec![String::new(); 33],
            ..WireFilter::default()
        });
        let request = SubscribeRequest {
            after: 1,
            until_rest: true,
            live: true,
            resume: "?".into(),
            filter,
            ..Default::default()
        };
        assert_eq!(
            faults(request),
            [
                "after",
                "until_rest",
                "live",
                "resume",
                "filter.workflow",
                "filter.states"
            ]
        );
        let request = SubscribeRequest {
            run_id: "../x".into(),
            resume: "x".into(),
            ..Default::default()
        };
        assert_eq!(faults(request), ["resume", "run_id"]);
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_panics(run_id in "\\PC{0,80}", after: u64, resume in "\\PC{0,80}") {
            let request = SubscribeRequest { run_id, after, resume, ..SubscribeRequest::default() };
            if let Err(status) = Wish::new(request) {
                prop_assert_eq!(status.code(), tonic::Code::InvalidArgument);
            }
        }
    }
}
