//! Ages of versioned reads, and answers that no write explains.

use proptest::prelude::*;
use standfast_checker::{
    Staleness, StalenessBounds, StalenessViolationKind as Kind, judge_staleness,
};
use standfast_history::{Operation, Outcome};

use crate::read;

const BOUNDS: StalenessBounds = StalenessBounds { fresh_within_us: 100, stale_within_us: 500 };

fn versioned(at_us: u64, version: i64) -> Operation {
    Operation {
        key: Some("offer-1".to_owned()),
        version: Some(version),
        ..read(at_us, 10, Outcome::Ok)
    }
}

fn write(at_us: u64, version: i64) -> Operation {
    Operation { write: true, ..versioned(at_us, version) }
}

fn unanswered_write(at_us: u64) -> Operation {
    Operation { outcome: Outcome::Info, version: None, ..write(at_us, 0) }
}

fn judge(history: &[Operation]) -> Staleness {
    judge_staleness(history, history, BOUNDS)
}

fn kinds(history: &[Operation]) -> Vec<Kind> {
    judge(history).violations.iter().map(|violation| violation.kind).collect()
}

#[test]
fn the_age_counts_from_the_acknowledgement_of_the_first_newer_write() {
    // Version 2 is acknowledged at 110, version 3 at 210; the read at 300 still sees version 1.
    let history = [write(100, 2), write(200, 3), versioned(300, 1)];
    let judged = judge(&history);
    assert_eq!(judged.ages_us, [190]);
    assert_eq!(judged.violations[0].kind, Kind::OldMarkedFresh);
    assert_eq!(judged.violations[0].age_us, 190);
}

#[test]
fn an_acknowledgement_out_of_order_still_counts_from_the_first() {
    let late = Operation { done_us: 400, ..write(100, 2) };
    let judged = judge(&[late, write(200, 3), versioned(300, 1)]);
    assert_eq!(judged.ages_us, [90], "version 3 was acknowledged at 210, before version 2");
}

#[test]
fn an_answer_marked_as_stale_may_be_older() {
    let marked = |at_us| Operation { stale: true, ..versioned(at_us, 1) };
    assert_eq!(kinds(&[write(100, 2), marked(300)]), []);
    assert_eq!(kinds(&[write(100, 2), marked(700)]), [Kind::OlderThanStaleBound]);
}

#[test]
fn a_read_beside_the_write_is_not_stale() {
    assert_eq!(judge(&[write(100, 2), versioned(105, 1)]).ages_us, [0]);
}

#[test]
fn a_version_that_nobody_wrote_is_wrong_unless_an_unanswered_write_explains_it() {
    let start = versioned(10, 1);
    assert_eq!(kinds(&[start.clone(), versioned(300, 5)]), [Kind::VersionNobodyWrote]);
    assert_eq!(kinds(&[start.clone(), unanswered_write(200), versioned(300, 5)]), []);
    // One write makes one version: the second strange one has no explanation left.
    let two = [start, unanswered_write(200), versioned(300, 5), versioned(310, 6)];
    assert_eq!(kinds(&two), [Kind::VersionNobodyWrote]);
}

#[test]
fn a_version_read_before_it_was_written_is_wrong() {
    assert_eq!(
        kinds(&[versioned(10, 1), versioned(50, 2), write(100, 2)]),
        [Kind::VersionFromTheFuture]
    );
}

#[test]
fn a_version_with_another_value_is_wrong() {
    let valued = |operation, value: &str| Operation { value: Some(value.to_owned()), ..operation };
    let history = |value| [valued(write(100, 2), "80"), valued(versioned(200, 2), value)];
    assert_eq!(kinds(&history("80")), []);
    assert_eq!(kinds(&history("79")), [Kind::ValueNobodyWrote]);
}

#[test]
fn reads_without_a_version_are_not_counted_as_good() {
    let judged = judge(&[read(10, 1, Outcome::Ok), read(20, 1, Outcome::Fail)]);
    assert_eq!((judged.judged, judged.unjudged), (0, 1));
}

proptest! {
    #[test]
    fn a_store_without_a_cache_is_never_stale(
        steps in prop::collection::vec(any::<bool>(), 1..80),
    ) {
        // Each operation ends before the next begins, and each read returns what is there.
        let mut version = 1;
        let history: Vec<Operation> = steps
            .into_iter()
            .enumerate()
            .map(|(index, is_write)| {
                version += i64::from(is_write);
                let at_us = index as u64 * 20;
                if is_write { write(at_us, version) } else { versioned(at_us, version) }
            })
            .collect();
        let judged = judge(&history);
        prop_assert!(judged.violations.is_empty(), "{:?}", judged.violations);
        prop_assert!(judged.ages_us.iter().all(|&age| age == 0));
    }

    #[test]
    fn a_frozen_copy_ages_with_the_clock(reads in prop::collection::vec(200..5_000_u64, 1..40)) {
        let mut history = vec![write(100, 2)];
        history.extend(reads.iter().map(|&at_us| versioned(at_us, 1)));
        let judged = judge(&history);
        let mut expected: Vec<u64> = reads.iter().map(|at_us| at_us - 110).collect();
        expected.sort_unstable();
        let too_old = expected.iter().filter(|&&age| age > BOUNDS.fresh_within_us).count();
        prop_assert_eq!(judged.ages_us, expected);
        prop_assert_eq!(judged.violations.len(), too_old);
    }
}
