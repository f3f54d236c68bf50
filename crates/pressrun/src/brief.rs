//! Reading a brief from a file.

use std::{io::Read, path::Path};

use anyhow::Context;
use model::{brief::CampaignBrief, limits::MAX_REQUEST_BYTES, validate::Problem};

use crate::Failure;

/// The brief that `demo` takes when it is given none.
pub(crate) const SAMPLE: &str = SAMPLES[0].1;
/// The briefs that come with the program: file name and text.
pub(crate) const SAMPLES: [(&str, &str); 3] = [
    (
        "tern-trail-shoe.yaml",
        include_str!("../samples/tern-trail-shoe.yaml"),
    ),
    (
        "ledgerly-month-end.yaml",
        include_str!("../samples/ledgerly-month-end.yaml"),
    ),
    (
        "brotzeit-baeckerei.yaml",
        include_str!("../samples/brotzeit-baeckerei.yaml"),
    ),
];

/// Reads and checks a brief; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<CampaignBrief, Failure> {
    let mut text = String::new();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(
            std::fs::File::open(path)
                .with_context(|| format!("{} cannot be opened", path.display()))?,
        )
    };
    let limit = MAX_REQUEST_BYTES as u64;
    let read = source.take(limit + 1).read_to_string(&mut text);
    let what = path.display().to_string();
    let fault = |message: String| Failure::Invalid {
        what: what.clone(),
        problems: vec![Problem {
            path: "the file".to_owned(),
            message,
        }],
    };
    read.map_err(|error| fault(format!("cannot be read as text: {error}")))?;
    if text.len() as u64 > limit {
        return Err(fault(format!("must be at most {limit} bytes")));
    }
    parse(&what, &text)
}

/// Parses and checks a brief.
pub(crate) fn parse(what: &str, text: &str) -> Result<CampaignBrief, Failure> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_aliases: 0, max_depth: 32, max_nodes: 20_000, max_documents: 1 },
    };
    let invalid = |problems| Failure::Invalid {
        what: what.to_owned(),
        problems,
    };
    let brief: CampaignBrief =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            invalid(vec![Problem {
                path: "the file".to_owned(),
                message: error.to_string(),
            }])
        })?;
    let problems = brief.problems();
    if problems.is_empty() {
        Ok(brief)
    } else {
        Err(invalid(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_have_no_fault() {
        for (name, text) in SAMPLES {
            assert!(parse(name, text).is_ok(), "{name}");
        }
    }

    #[test]
    fn faults_are_told_all_at_once() {
        let text = SAMPLE
            .replace("platforms: [linkedin,", "platforms: [myspace,")
            .replace("language: en", "language: '!'");
        let Err(Failure::Invalid { problems, .. }) = parse("b", &text) else {
            panic!("two faults were taken")
        };
        let paths: Vec<_> = problems
            .iter()
            .map(|problem| problem.path.as_str())
            .collect();
        assert_eq!(paths, ["platforms[0]", "language"]);
    }

    #[test]
    fn a_misspelt_field_is_named_with_its_line() {
        let text = SAMPLE.replace("objective:", "objectiv:");
        let Err(Failure::Invalid { problems, .. }) = parse("b", &text) else {
            panic!("it was taken")
        };
        assert!(
            problems[0].message.contains("objectiv"),
            "{}",
            problems[0].message
        );
    }
}
