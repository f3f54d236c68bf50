//! Briefs to begin with: those that come with `pressrun`.

use std::sync::LazyLock;

use model::brief::CampaignBrief;

const TEXTS: [(&str, &str); 3] = [
    (
        "tern-trail-shoe",
        include_str!("../../../pressrun/samples/tern-trail-shoe.yaml"),
    ),
    (
        "ledgerly-month-end",
        include_str!("../../../pressrun/samples/ledgerly-month-end.yaml"),
    ),
    (
        "brotzeit-baeckerei",
        include_str!("../../../pressrun/samples/brotzeit-baeckerei.yaml"),
    ),
];

/// By name, in the order in which they are offered.
pub(super) static SAMPLES: LazyLock<Vec<(&'static str, CampaignBrief)>> = LazyLock::new(|| {
    TEXTS
        .into_iter()
        .filter_map(|(name, text)| Some((name, serde_saphyr::from_str(text).ok()?)))
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_there_and_without_fault() {
        assert_eq!(SAMPLES.len(), TEXTS.len());
        for (name, brief) in SAMPLES.iter() {
            assert_eq!(brief.problems(), [], "{name}");
        }
        assert!(SAMPLES.iter().any(|(_, brief)| brief.language == "de"));
    }
}
