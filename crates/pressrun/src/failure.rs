//! How a command fails, and the exit code that says so.

use std::{io::Write, process::ExitCode};

use model::validate::Problem;
use tonic::{Code, Status};
use wire::problem;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The input has faults; exit code 3.
    Invalid {
        /// What was read.
        what: String,
        /// The faults.
        problems: Vec<Problem>,
    },
    /// The service says no; exit code 4.
    Refused(String, Vec<Problem>),
    /// No answer from a service; exit code 5.
    Unavailable(String),
    /// The run ended otherwise than completed; exit code 6.
    NotCompleted(String),
    /// The audit's verdict is `fail`; exit code 7.
    NotPassed(String),
    /// `doctor` found a fault; exit code 8.
    Unwell(String),
    /// Something broke here; exit code 1.
    Broken(anyhow::Error),
}

impl Failure {
    /// Tells it on standard error; the code to exit with.
    pub fn report(self) -> ExitCode {
        let (code, message, problems) = match self {
            Self::Invalid { what, problems } => (
                3,
                format!("{what} has {} to mend:", count(problems.len())),
                problems,
            ),
            Self::Refused(message, problems) => (4, message, problems),
            Self::Unavailable(message) => (5, message, Vec::new()),
            Self::NotCompleted(message) => (6, message, Vec::new()),
            Self::NotPassed(message) => (7, message, Vec::new()),
            Self::Unwell(message) => (8, message, Vec::new()),
            Self::Broken(error) => (1, format!("{error:#}"), Vec::new()),
        };
        let mut err = std::io::stderr().lock();
        let told = writeln!(err, "pressrun: {message}").and_then(|()| {
            problems
                .iter()
                .try_for_each(|problem| writeln!(err, "  {}: {}", problem.path, problem.message))
        });
        // Without a standard error there is nobody to tell.
        drop(told);
        ExitCode::from(code)
    }
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "1 fault".to_owned()
    } else {
        format!("{problems} faults")
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let problems = problem::problems_of(&status);
        let message = status.message().to_owned();
        match status.code() {
            Code::InvalidArgument if !problems.is_empty() => Self::Invalid {
                what: "the request".to_owned(),
                problems,
            },
            Code::Unavailable | Code::DeadlineExceeded => Self::Unavailable(format!(
                "the service does not answer: {message}; is it running? see --help for its address"
            )),
            Code::Unknown | Code::Internal | Code::DataLoss => {
                Self::Broken(anyhow::anyhow!(message))
            }
            _ => Self::Refused(message, problems),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.into())
    }
}
