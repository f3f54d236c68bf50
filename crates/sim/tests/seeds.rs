//! The simulation itself: it finds every planted bug, nothing where none is, and replays exactly.

use sim::Plant;

/// Seeds without a planted bug.
const WHOLE: u64 = 30;
/// Seeds within which a planted bug must be found.
const ENOUGH: u64 = 150;

fn run(seed: u64, plant: Option<Plant>) -> sim::Report {
    sim::run(seed, plant, false).expect("a runtime")
}

#[test]
fn without_a_planted_bug_nothing_is_found() {
    let mut claims = 0;
    for seed in 0..WHOLE {
        let report = run(seed, None);
        claims += report.claims;
        assert!(report.violation.is_none(), "{report}\n{}", report.weather);
        assert!(
            report.events > 0 && report.calls > 0,
            "seed {seed} did nothing"
        );
    }
    assert!(claims > 10 * WHOLE, "few jobs waited: {claims}");
}

#[test]
fn seeds_that_once_failed_are_whole() {
    for line in sim::SEEDS.lines().filter(|line| !line.starts_with('#')) {
        let seed = line
            .split_whitespace()
            .next()
            .and_then(|seed| seed.parse().ok());
        let report = run(seed.expect("a seed first on each line"), None);
        assert!(report.violation.is_none(), "{report}\n{}", report.weather);
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..5 {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
    assert_ne!(run(0, None).trace, run(1, None).trace);
}

fn found(plant: Plant) {
    let found = (0..ENOUGH).find(|seed| run(*seed, Some(plant)).violation.is_some());
    assert!(
        found.is_some(),
        "{} was not found in {ENOUGH} seeds",
        plant.as_str()
    );
}

#[test]
fn an_ack_before_the_commit_is_found() {
    found(Plant::AckBeforeCommit);
}

#[test]
fn a_missing_version_check_is_found() {
    found(Plant::NoVersionCheck);
}

#[test]
fn a_late_outcome_that_counts_is_found() {
    found(Plant::LateOutcomeApplied);
}

#[test]
fn a_re_drive_under_the_old_message_id_is_found() {
    found(Plant::RedriveUnderOldId);
}

#[test]
fn paces_that_are_not_asked_are_found() {
    found(Plant::PacesNotAsked);
}

#[test]
fn a_state_from_memory_is_found() {
    found(Plant::StateFromMemory);
}
