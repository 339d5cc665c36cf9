//! Who differs: why two sigma cannot tell among a few, and what can.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use standfast_tactics::outlier::{Among, Chart, Floor, History};

const FLOOR: Floor = Floor { absolute: 0.0, relative: 0.05 };
const NO_FLOOR: Floor = Floor { absolute: 0.0, relative: 0.0 };
const LEAVE_ONE_OUT: Among = Among::LeaveOneOut { sigmas: 2.0 };
const MEDIAN: Among = Among::Median { deviations: 3.5 };

/// The rule that everybody writes first: distance from the mean of all, in deviations of all.
fn two_sigma(answers: &[f64], is_sample: bool) -> Vec<usize> {
    let count = answers.len() as f64;
    let mean = answers.iter().sum::<f64>() / count;
    let squares: f64 = answers.iter().map(|answer| (answer - mean).powi(2)).sum();
    let deviation = (squares / if is_sample { count - 1.0 } else { count }).sqrt();
    // Among five the bound is 2.0 itself: what rounding adds to it is no outlier.
    let is_out = |answer: &f64| (answer - mean).abs() > 2.0 * deviation * (1.0 + 1e-9);
    (0..answers.len()).filter(|index| is_out(&answers[*index])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn two_sigma_cannot_fire_among_three_or_five(
        answers in prop_oneof![
            prop::collection::vec(-1e6..1e6_f64, 3),
            prop::collection::vec(-1e6..1e6_f64, 5),
            (0..1_000_000_u32).prop_map(|lie| vec![1.0, 1.0, 1.0, 1.0, 1.0 + f64::from(lie)]),
        ]
    ) {
        prop_assert!(two_sigma(&answers, false).is_empty());
        prop_assert!(two_sigma(&answers, true).is_empty());
    }

    #[test]
    fn nobody_is_an_outlier_among_equals(answer in -1e9..1e9_f64, count in 3..9_usize) {
        let answers = vec![answer; count];
        prop_assert!(LEAVE_ONE_OUT.find(&answers, FLOOR).is_empty());
        prop_assert!(MEDIAN.find(&answers, FLOOR).is_empty());
    }

    #[test]
    fn whatever_two_of_five_say_the_median_accuses_no_honest_one(
        honest in prop::collection::vec(98.0..102.0_f64, 3),
        lies in prop::collection::vec(prop_oneof![-1e6..1e6_f64, Just(f64::NAN)], 2),
    ) {
        let answers: Vec<f64> = honest.into_iter().chain(lies).collect();
        let found = MEDIAN.find(&answers, FLOOR);
        prop_assert!(found.iter().all(|index| *index >= 3), "{found:?} of {answers:?}");
    }
}

/// The shares of liars found and of honest ones accused, over votes with 1 % of noise.
fn rates(replicas: usize, find: impl Fn(&[f64]) -> Vec<usize>) -> (f64, f64) {
    const VOTES: u32 = 2000;
    let mut rng = StdRng::seed_from_u64(9);
    let mut noise = || {
        // Twelve uniform draws make a normal one, near enough for this.
        let sum: f64 = (0..12).map(|_| rng.random::<f64>()).sum();
        100.0 * (1.0 + 0.01 * (sum - 6.0))
    };
    let (mut caught, mut accused) = (0, 0);
    for _ in 0..VOTES {
        let mut answers: Vec<f64> = (0..replicas).map(|_| noise()).collect();
        accused += u32::from(!find(&answers).is_empty());
        answers[0] *= 1.3;
        let found = find(&answers);
        caught += u32::from(found.contains(&0));
        accused += u32::from(found.iter().any(|index| *index != 0));
    }
    (f64::from(caught) / f64::from(VOTES), f64::from(accused) / f64::from(VOTES))
}

#[test]
fn a_liar_by_30_percent_is_always_found_and_hardly_anybody_else() {
    for replicas in [3, 5, 7] {
        for among in [LEAVE_ONE_OUT, MEDIAN] {
            let (caught, accused) = rates(replicas, |answers| among.find(answers, FLOOR));
            assert!(caught >= 1.0, "{among:?} of {replicas}: {caught}");
            // The floor is four deviations of a difference: of 10,000 votes, one or two exceed it.
            assert!(accused < 0.002, "{among:?} of {replicas}: {accused}");
        }
    }
    for replicas in [3, 5] {
        let nothing = (0.0, 0.0);
        assert_eq!(rates(replicas, |answers| two_sigma(answers, true)), nothing);
    }
}

#[test]
fn without_a_floor_grains_of_noise_are_outliers() {
    let (_, accused) = rates(3, |answers| LEAVE_ONE_OUT.find(answers, NO_FLOOR));
    assert!(accused > 0.2, "{accused}");
}

#[test]
fn two_liars_hide_each_other_from_their_peers_but_not_from_the_median() {
    let answers = [100.0, 100.5, 99.5, 130.0, 131.0];
    assert!(LEAVE_ONE_OUT.find(&answers, FLOOR).is_empty());
    assert_eq!(MEDIAN.find(&answers, FLOOR), [3, 4]);
}

#[test]
fn what_is_no_number_is_out_and_two_numbers_cannot_judge_each_other() {
    for among in [LEAVE_ONE_OUT, MEDIAN] {
        assert_eq!(among.find(&[f64::NAN, 1.0, 50.0], FLOOR), [0]);
        assert_eq!(among.find(&[1.0, f64::INFINITY, 1.0, 1.0], FLOOR), [1]);
        assert!(among.find(&[], FLOOR).is_empty());
    }
}

#[test]
fn a_replica_is_held_against_its_own_past_from_thirty_samples_on() {
    let chart = Chart { floor: 0.0, ..Chart::default() };
    let mut history = History::new(chart);
    for sample in 0..30 {
        assert!(!history.record(f64::from(u8::from(sample % 10 == 0))), "{sample}");
    }
    let mut in_a_row = 1;
    while !history.record(1.0) {
        in_a_row += 1;
    }
    assert!(in_a_row <= 3, "one in ten is usual, {in_a_row} in a row are not");
    let limit = history.limit();
    for _ in 0..1000 {
        assert!(history.record(1.0), "a lasting fault does not become the norm");
    }
    assert_eq!(history.limit().to_bits(), limit.to_bits());
}

#[test]
fn a_spotless_past_does_not_condemn_the_first_slip() {
    let mut history = History::new(Chart::default());
    for _ in 0..1000 {
        history.record(0.0);
    }
    assert!(history.limit() < 1e-9, "any dissent is beyond two sigma of nothing");
    assert!(!history.record(1.0), "but not above the floor");
}
