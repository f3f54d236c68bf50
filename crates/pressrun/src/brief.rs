//! Reading a brief, a brand or a text from a file.

use std::{io::Read, path::Path};

use anyhow::Context;
use model::{
    brief::{Brand, CampaignBrief},
    library::Template,
    limits::MAX_REQUEST_BYTES,
    validate::Problem,
};
use serde::de::DeserializeOwned;

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

/// The brand that `dev` keeps at its first start: name and text.
pub(crate) const SAMPLE_BRAND: (&str, &str) = ("tern", include_str!("../samples/brand.yaml"));
/// The template that `dev` keeps at its first start.
pub(crate) const SAMPLE_TEMPLATE: (&str, &str) = (
    "product-launch",
    include_str!("../samples/product-launch.template.yaml"),
);
/// The resource that `dev` keeps at its first start.
pub(crate) const SAMPLE_RESOURCE: (&str, &str) = (
    "tern-test-report",
    include_str!("../samples/tern-test-report.md"),
);

/// Reads and checks a brief; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<CampaignBrief, Failure> {
    read_with(path, |_| {})
}

/// Reads a brief, changes it, and checks what it became; `-` is standard input.
pub(crate) fn read_with(
    path: &Path,
    change: impl FnOnce(&mut CampaignBrief),
) -> Result<CampaignBrief, Failure> {
    let what = path.display().to_string();
    let mut brief = from_yaml(&what, &read_text(path, MAX_REQUEST_BYTES)?)?;
    change(&mut brief);
    checked(&what, brief, CampaignBrief::problems)
}

/// Parses and checks a template.
pub(crate) fn parse_template(what: &str, text: &str) -> Result<Template, Failure> {
    checked(what, from_yaml(what, text)?, Template::problems)
}

/// Reads and checks a brand that stands by itself.
pub(crate) fn read_brand(path: &Path) -> Result<Brand, Failure> {
    let text = read_text(path, MAX_REQUEST_BYTES)?;
    parse_brand(&path.display().to_string(), &text)
}

/// Reads a text of at most `limit` bytes; `-` is standard input.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, Failure> {
    let mut text = String::new();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(
            std::fs::File::open(path)
                .with_context(|| format!("{} cannot be opened", path.display()))?,
        )
    };
    let limit = limit as u64;
    let read = source.take(limit + 1).read_to_string(&mut text);
    let fault = |message| invalid(&path.display().to_string(), "the file", message);
    match read {
        Err(error) => Err(fault(format!("cannot be read as text: {error}"))),
        Ok(size) if size as u64 > limit => Err(fault(format!("must be at most {limit} bytes"))),
        Ok(_) => Ok(text),
    }
}

/// Parses and checks a brief.
pub(crate) fn parse(what: &str, text: &str) -> Result<CampaignBrief, Failure> {
    checked(what, from_yaml(what, text)?, CampaignBrief::problems)
}

/// Parses and checks a brand.
pub(crate) fn parse_brand(what: &str, text: &str) -> Result<Brand, Failure> {
    checked(what, from_yaml(what, text)?, Brand::problems)
}

fn from_yaml<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_aliases: 0, max_depth: 32, max_nodes: 20_000, max_documents: 1 },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| invalid(what, "the file", error.to_string()))
}

fn checked<T>(what: &str, value: T, problems: fn(&T) -> Vec<Problem>) -> Result<T, Failure> {
    let problems = problems(&value);
    if problems.is_empty() {
        return Ok(value);
    }
    Err(Failure::Invalid {
        what: what.to_owned(),
        problems,
    })
}

/// A single fault.
pub(crate) fn invalid(what: &str, path: &str, message: String) -> Failure {
    Failure::Invalid {
        what: what.to_owned(),
        problems: vec![Problem {
            path: path.to_owned(),
            message,
        }],
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
    fn what_dev_keeps_has_no_fault() {
        let template = parse_template("sample", SAMPLE_TEMPLATE.1).unwrap();
        assert!(template.placeholders.len() > 3);
        assert!(SAMPLE_RESOURCE.1.len() > 100);
        assert!(parse_brand("sample", SAMPLE_BRAND.1).is_ok());
    }

    #[test]
    fn the_sample_brand_has_no_fault_and_faults_have_paths() {
        let sample = include_str!("../samples/brand.yaml");
        assert!(parse_brand("sample", sample).is_ok());
        let bad = sample.replace("name: Tern", "name: ''");
        let Err(Failure::Invalid { problems, .. }) = parse_brand("b", &bad) else {
            panic!("it was taken")
        };
        assert_eq!(problems[0].path, "brand.name");
    }

    #[test]
    fn a_text_over_its_bound_is_refused() {
        let dir = std::env::temp_dir().join(format!("pressrun-brief-{}", std::process::id()));
        std::fs::write(&dir, "ä".repeat(8)).unwrap();
        assert_eq!(read_text(&dir, 16).unwrap(), "ä".repeat(8));
        for limit in [15, 14] {
            assert!(matches!(
                read_text(&dir, limit),
                Err(Failure::Invalid { .. })
            ));
        }
        std::fs::remove_file(&dir).unwrap();
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
