//! What was done, in words: seeds, trials, faults fired, and what was not tested.

use std::fmt::{self, Write};

use super::{share, trial};

/// What these trials leave untested.
const NOT_TESTED: [&str; 8] = [
    "two faults at once, and a fault while the last one is being recovered from",
    "audits that are interrupted: they take milliseconds, so a kill of the audit worker seldom meets one",
    "crash points at chosen lines: moments are drawn by events seen, so rare windows are left to the simulator",
    "NATS that loses only its tail or only its consumers, a full disk, clusters of several servers",
    "Postgres stopped, failed over or restored (the store's own suite stops it)",
    "networks that are cut, slow or one-sided; clocks that jump",
    "models other than the fake one; publishing to channels, which does not exist yet",
    "more than one machine, and versions side by side",
];

/// All that was done.
#[derive(Debug, Default)]
pub struct Report {
    /// Trials in which everything held.
    pub trials: Vec<trial::Outcome>,
    /// The shared work.
    pub share: Option<share::Outcome>,
    /// What did not hold.
    pub failures: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs: usize = self.trials.iter().map(|trial| trial.runs).sum();
        // The sum of nothing would be -0.
        let seconds = self
            .trials
            .iter()
            .fold(0.0, |sum, trial| sum + trial.seconds);
        writeln!(
            f,
            "{} trials held, {} failed; {} faults fired into {runs} runs, {seconds:.0} s of work.\n",
            self.trials.len(),
            self.failures.len(),
            self.trials.len(),
        )?;
        f.write_str(
            "In each trial that held, every run ended with 3 artifacts, 1 report and one version of each; a \
             subscriber that stayed and one that came and went had events 1..n, equal to the store's.\n\n",
        )?;
        f.write_str(
            "| seed | fault | runs | at event | events | driven again | late | model calls | of them repeated | \
             cut off | seconds |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
        )?;
        for trial in &self.trials {
            writeln!(
                f,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} |",
                trial.seed,
                trial.fault,
                trial.runs,
                trial.at_event,
                trial.events,
                trial.redriven,
                trial.late,
                trial.calls,
                trial.repeated_calls,
                trial.cut_off,
                trial.seconds
            )?;
        }
        if let Some(share) = &self.share {
            writeln!(
                f,
                "\nTwo orchestrators and three agent workers, {} runs, {} model calls, none twice, {} jobs driven \
                 again, {:.1} s: commits {}, jobs {}.",
                share.runs,
                share.calls,
                share.redriven,
                share.seconds,
                parts(&share.commits)?,
                parts(&share.jobs)?
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "\nFAILED: {failure}")?;
        }
        f.write_str("\nNot tested here:\n")?;
        for line in NOT_TESTED {
            writeln!(f, "- {line};")?;
        }
        Ok(())
    }
}

fn parts(counts: &[f64]) -> Result<String, fmt::Error> {
    let all: f64 = counts.iter().sum();
    let mut text = String::new();
    for (number, count) in counts.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        write!(text, "{comma}{count} ({:.0} %)", count / all * 100.0)?;
    }
    Ok(text)
}
