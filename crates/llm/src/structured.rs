//! Answers that are JSON of a wanted schema: looked at in full before anyone acts on them, with one
//! repair.

use model::{ErrorClass, Failure, limits::MAX_JSON_DEPTH, usage::Usage};
use serde_json::Value;

use crate::{
    limits::{MAX_ANSWER_BYTES, MAX_FAULT_BYTES, MAX_FAULTS, MAX_REPAIR_BYTES},
    provider::{Completion, Finish, Provider, Repair, Request, Sink},
};

/// An answer of the wanted schema.
#[derive(Clone, PartialEq)]
pub struct Checked {
    /// The JSON as the model wrote it, without fences.
    pub text: String,
    /// The same, parsed.
    pub value: Value,
    /// What all calls used together.
    pub usage: Usage,
    /// The model as the provider names it.
    pub model: String,
    /// Whether the first answer was faulty.
    pub repaired: bool,
}

/// What is wrong with an answer: for the model in the repair call, and for people in the failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The class of the failure when the repair leaves it: `Schema`, or `TooLong`.
    pub class: ErrorClass,
    /// Where and what, without the answer's content.
    pub message: String,
}

impl Fault {
    /// A fault of the answer's shape.
    pub fn schema(message: impl Into<String>) -> Self {
        Self {
            class: ErrorClass::Schema,
            message: message.into(),
        }
    }

    /// A fault of length alone.
    pub fn too_long(message: impl Into<String>) -> Self {
        Self {
            class: ErrorClass::TooLong,
            message: message.into(),
        }
    }
}

/// Asks until the answer is of `request.schema`: at most twice.
///
/// # Errors
/// As [`complete_checked_by`].
pub async fn complete_checked(
    provider: &dyn Provider,
    request: &Request,
) -> Result<Checked, Failure> {
    complete_checked_by(provider, request, None, &|_| Vec::new()).await
}

/// The same, with rules of the domain that a schema cannot say. `check` sees only answers of the
/// schema, `sink` every answer while it is written.
///
/// # Errors
/// With what all calls used together. The provider's own; `Schema` for an answer that is cut off, or still faulty after the repair
/// (`TooLong` when length is all that is wrong with it); `Policy` when the model refuses; `Internal`
/// for a schema that is none.
pub async fn complete_checked_by(
    provider: &dyn Provider,
    request: &Request,
    sink: Option<&dyn Sink>,
    check: &(dyn Fn(&Value) -> Vec<Fault> + Sync),
) -> Result<Checked, Failure> {
    let validator = jsonschema::validator_for(&request.schema).map_err(|error| {
        Failure::new(
            ErrorClass::Internal,
            format!("the schema `{}` is none: {error}", request.schema_name),
        )
    })?;
    let look = |completion: &Completion| -> Result<Result<(String, Value), Vec<Fault>>, Failure> {
        finished(completion).map_err(|failure| failure.used(completion.usage))?;
        Ok(read(&completion.text).and_then(|(text, value)| {
            let mut faults: Vec<_> = validator
                .iter_errors(&value)
                .take(MAX_FAULTS)
                .map(|e| Fault::schema(format!("at `{}`: {}", e.instance_path(), e.masked())))
                .collect();
            if faults.is_empty() {
                faults = check(&value);
            }
            if faults.is_empty() {
                Ok((text.to_owned(), value))
            } else {
                Err(faults)
            }
        }))
    };

    let ask = async |request: &Request| match sink {
        None => provider.complete(request).await,
        Some(sink) => {
            sink.begin();
            provider.stream(request, sink).await
        }
    };
    let first = ask(request).await?;
    let faults = match look(&first)? {
        Ok((text, value)) => {
            return Ok(Checked {
                text,
                value,
                usage: first.usage,
                model: first.model,
                repaired: false,
            });
        }
        Err(faults) => faults,
    };
    tracing::info!(
        task = request.task,
        model = first.model,
        faults = faults.len(),
        "the answer is faulty; asking once more"
    );
    let mut again = request.clone();
    again.repair = Some(Repair {
        answer: cut(&first.text, MAX_REPAIR_BYTES).to_owned(),
        faults: messages(&faults),
    });
    let with_first = |failure: Failure| {
        let all = first.usage.plus(failure.usage);
        failure.used(all)
    };
    let second = ask(&again).await.map_err(with_first)?;
    match look(&second).map_err(with_first)? {
        Ok((text, value)) => Ok(Checked {
            text,
            value,
            usage: first.usage.plus(second.usage),
            model: second.model,
            repaired: true,
        }),
        Err(faults) => Err(still_faulty(&faults).used(first.usage.plus(second.usage))),
    }
}

fn finished(completion: &Completion) -> Result<(), Failure> {
    match completion.finish {
        Finish::Stop | Finish::Other => Ok(()),
        Finish::Length => Err(Failure::new(
            ErrorClass::Schema,
            "the answer was cut off at the most tokens allowed; allow more or ask for less",
        )),
        Finish::Refused => Err(Failure::new(
            ErrorClass::Policy,
            "the model refused to write this; change the brief",
        )),
    }
}

fn still_faulty(faults: &[Fault]) -> Failure {
    let class = if faults.iter().all(|f| f.class == ErrorClass::TooLong) {
        ErrorClass::TooLong
    } else {
        ErrorClass::Schema
    };
    Failure::new(
        class,
        format!(
            "the answer is faulty, and so was its repair: {}",
            messages(faults).join("; ")
        ),
    )
}

fn messages(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .take(MAX_FAULTS)
        .map(|fault| cut(&fault.message, MAX_FAULT_BYTES).to_owned())
        .collect()
}

fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// The JSON in an answer, within the bounds on size, nesting and characters.
fn read(answer: &str) -> Result<(&str, Value), Vec<Fault>> {
    let fault = |message: &str| Err(vec![Fault::schema(message)]);
    if answer.len() > MAX_ANSWER_BYTES {
        return fault("the answer is larger than 1 MiB");
    }
    let text = without_fence(answer);
    if text.is_empty() {
        return fault("the answer is empty");
    }
    if too_deep(text) {
        return fault("the answer is nested deeper than 64 levels");
    }
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        // Its own message may quote the answer.
        Err(error) => {
            return fault(&format!(
                "the answer is not JSON: {:?} error at line {}, column {}",
                error.classify(),
                error.line(),
                error.column()
            ));
        }
    };
    match hidden(&value) {
        Some(c) => fault(&format!(
            "a text holds the hidden character U+{:04X}",
            u32::from(c)
        )),
        None => Ok((text, value)),
    }
}

/// Without the Markdown fence that models like to put around JSON.
fn without_fence(answer: &str) -> &str {
    let text = answer.trim_start_matches('\u{feff}').trim();
    let Some(inner) = text.strip_prefix("```") else {
        return text;
    };
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    match inner.split_once('\n') {
        Some((tag, rest)) if tag.trim().chars().all(|c| c.is_ascii_alphanumeric()) => rest.trim(),
        _ => inner.trim(),
    }
}

/// Counts before parsing, so that no parser ever sees hostile nesting.
fn too_deep(json: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The first character that a reader would not see but that changes what is shown or how it is read.
fn hidden(value: &Value) -> Option<char> {
    match value {
        Value::String(text) => text.chars().find(|c| is_hidden(*c)),
        Value::Array(items) => items.iter().find_map(hidden),
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            key.chars()
                .find(|c| is_hidden(*c))
                .or_else(|| hidden(value))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Control characters but tab and line ends, and the bidirectional embeddings, overrides and
/// isolates. (The marks LRM, RLM and ALM are ordinary in right-to-left text.)
pub(crate) fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// `text` without the characters for which an answer is refused.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

#[cfg(test)]
mod tests;
