//! Data on standard output, talk on standard error.

use std::io::Write;

use serde::Serialize;

use crate::Failure;

/// Prints a message as its JSON, on one line.
pub(crate) fn json<T: Serialize>(message: &T) -> Result<(), Failure> {
    let text = wire::json::to_json(message).map_err(anyhow::Error::from)?;
    line(&text)
}

/// Prints a line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// Tells the person something.
pub(crate) fn talk(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stderr().lock(), "{text}")?)
}
