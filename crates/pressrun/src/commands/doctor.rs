//! `pressrun doctor`: looks at every part and says of each what was found and what to do. Spends nothing,
//! unless a model is to be called.

mod agents;
mod local;
mod services;

pub(super) use services::Addresses;

use serde::Serialize;

use crate::{
    Failure,
    args::{Doctor, Output},
    client::Client,
    output,
};

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Fault,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    /// What was looked at.
    check: String,
    level: Level,
    found: String,
    /// What to do about it; empty when nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    advice: String,
}

impl Finding {
    fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            level: Level::Ok,
            found: found.into(),
            advice: String::new(),
        }
    }

    fn warning(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Warning,
            advice: advice.into(),
            ..Self::ok(check, found)
        }
    }

    fn fault(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            level: Level::Fault,
            advice: advice.into(),
            ..Self::ok(check, found)
        }
    }

    fn line(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Fault => "FAULT",
        };
        let line = format!("{level:<8} {:<24} {}", self.check, self.found);
        match self.advice.as_str() {
            "" => line,
            advice => format!("{line}\n{:<34}→ {advice}", ""),
        }
    }
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Report<'a> {
    faults: usize,
    warnings: usize,
    findings: &'a [Finding],
}

/// Looks, tells, and fails when there is a fault.
pub(super) async fn doctor(
    client: &Client,
    addresses: Addresses<'_>,
    options: Doctor,
    format: Output,
) -> Result<(), Failure> {
    let mut findings = services::look(client, addresses).await;
    // Who does not answer need not be asked for its workers.
    if findings
        .iter()
        .all(|found| found.check != services::ORCHESTRATOR || found.level != Level::Fault)
    {
        findings.extend(agents::look(client).await);
    }
    if options.call_model {
        findings.push(agents::call_model(&options.model).await);
    }
    if let Some(dir) = &options.data_dir {
        findings.extend(local::look(dir));
    }
    let count = |level| findings.iter().filter(|found| found.level == level).count();
    let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
    match format {
        Output::Json => output::json(&Report {
            faults,
            warnings,
            findings: &findings,
        })?,
        Output::Text => {
            for found in &findings {
                // What other machines said is text of theirs: on one line, whatever it holds.
                let line = found.line();
                let clean: Vec<_> = line
                    .lines()
                    .map(|line| line.replace(char::is_control, " "))
                    .collect();
                output::line(&clean.join("\n"))?;
            }
        }
    }
    match faults {
        0 => Ok(()),
        1 => Err(Failure::Unwell("1 fault was found".to_owned())),
        many => Err(Failure::Unwell(format!("{many} faults were found"))),
    }
}

#[cfg(test)]
mod tests;
