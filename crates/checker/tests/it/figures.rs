//! Shares, percentiles, intervals, gaps and detection.

use proptest::prelude::*;
use standfast_checker::{
    Answers, Availability, InjectedFault, Latencies, Proportion, Summary, Window, Windows,
    longest_gap, quantile_interval, share_of_source, share_of_status, time_to_detect,
};
use standfast_history::{ErrorKind, Event, Operation, Outcome};

use crate::read;

#[test]
fn availability_counts_intended_attempts_and_takes_no_unknown_for_a_success() {
    let unanswered = Operation { write: true, ..read(3, 1, Outcome::Info) };
    let operations =
        [read(0, 1, Outcome::Ok), read(1, 1, Outcome::Ok), read(2, 1, Outcome::Fail), unanswered];
    let availability = Availability::of(&operations);
    assert_eq!((availability.ok, availability.fail, availability.info), (2, 1, 1));
    assert_eq!(availability.proportion().share(), Some(0.5));
}

#[test]
fn nothing_counted_is_no_share_and_no_interval() {
    let nothing = Availability::default().proportion();
    assert_eq!(nothing.share(), None);
    assert_eq!(nothing.interval(), None);
    assert_eq!(Latencies::of(&[], Answers::All).quantile_us(0.5), None);
    assert_eq!(Summary::of([]), None);
    assert_eq!(Summary::of([1.0, f64::NAN]), None);
}

#[test]
fn an_operation_belongs_to_the_phase_in_which_it_was_intended() {
    let operations = [read(99, 500, Outcome::Ok), read(100, 1, Outcome::Ok)];
    let windows = Windows::from(Window { from_us: 0, to_us: 100 });
    let inside: Vec<u64> = windows.select(&operations).map(|op| op.intended_us).collect();
    assert_eq!(inside, [99], "its answer came in the next phase, its place is here");
}

#[test]
fn overlapping_windows_count_once() {
    let window = |from_us, to_us| Window { from_us, to_us };
    let windows = Windows::union([window(50, 80), window(0, 10), window(60, 90), window(5, 5)]);
    assert_eq!(windows.iter().collect::<Vec<_>>(), [window(0, 10), window(50, 90)]);
    assert_eq!(windows.length_us(), 50);
    assert!(windows.contains(0) && !windows.contains(10) && windows.contains(89));
}

#[test]
fn wilson_agrees_with_the_published_example() {
    // Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 and 0 of 20.
    let interval = Proportion { hits: 81, total: 263 }.interval().unwrap();
    assert!((interval.low - 0.2553).abs() < 5e-5, "{interval:?}");
    assert!((interval.high - 0.3662).abs() < 5e-5, "{interval:?}");
    let none = Proportion { hits: 0, total: 20 }.interval().unwrap();
    assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 5e-5, "{none:?}");
}

#[test]
fn few_trials_get_the_confidence_that_they_support() {
    let five = quantile_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.5).unwrap();
    assert_eq!((five.low, five.high), (1.0, 5.0));
    assert!((five.confidence - 0.9375).abs() < 1e-12, "1 - 2 * 0.5^5");
    // The classical table: n = 10 gives ranks 2 and 9 with 97.85 %.
    let ten: Vec<f64> = (1..=10).map(f64::from).collect();
    let interval = quantile_interval(&ten, 0.5).unwrap();
    assert_eq!((interval.low, interval.high), (2.0, 9.0));
    assert!((interval.confidence - 0.978_515_625).abs() < 1e-9);
    assert_eq!(quantile_interval(&[1.0], 0.5), None);
}

#[test]
fn the_interval_of_a_large_sample_does_not_underflow() {
    let values: Vec<f64> = (0..20_000).map(f64::from).collect();
    let interval = quantile_interval(&values, 0.95).unwrap();
    assert!(interval.low < 19_000.0 && 19_000.0 < interval.high, "{interval:?}");
    // Twice 1.96 standard deviations of the rank: sqrt(20000 * 0.95 * 0.05) is 30.8.
    assert!((110.0..135.0).contains(&(interval.high - interval.low)), "{interval:?}");
    assert!((0.95..0.97).contains(&interval.confidence), "{interval:?}");
}

#[test]
fn answers_choose_whose_latency_counts() {
    let operations = [read(0, 10, Outcome::Ok), read(1, 900, Outcome::Fail)];
    let max = |answers| Latencies::of(&operations, answers).max_us();
    assert_eq!(max(Answers::All), Some(900));
    assert_eq!(max(Answers::Ok), Some(10));
    assert_eq!(max(Answers::Failed), Some(900));
}

#[test]
fn a_source_is_a_share_of_successes_and_a_status_of_all_attempts() {
    let cached = Operation { source: Some("cache".to_owned()), ..read(0, 1, Outcome::Ok) };
    let silent =
        Operation { status: 0, error: Some(ErrorKind::Timeout), ..read(2, 1, Outcome::Fail) };
    let operations = [cached, read(1, 1, Outcome::Ok), silent, read(3, 1, Outcome::Fail)];
    assert_eq!(share_of_source(&operations, "cache"), Proportion { hits: 1, total: 2 });
    assert_eq!(share_of_status(&operations, 503..=503), Proportion { hits: 1, total: 4 });
    assert_eq!(share_of_status(&operations, 504..=599), Proportion { hits: 0, total: 4 });
    assert_eq!(share_of_status(&operations, 500..=599), Proportion { hits: 1, total: 4 });
}

#[test]
fn the_longest_gap_is_a_silence_and_not_a_count_of_failures() {
    // Sent throughout, but frozen: what was asked for at 20 and 30 is answered at 500.
    let operations =
        [read(10, 5, Outcome::Ok), read(20, 480, Outcome::Ok), read(30, 470, Outcome::Ok)];
    let window = Window { from_us: 0, to_us: 600 };
    assert_eq!(longest_gap(&operations, window), Some(485));
    let failed = [read(10, 5, Outcome::Fail)];
    assert_eq!(longest_gap(&failed, window), Some(600), "nobody got anything");
    assert_eq!(longest_gap(&[], window), None, "nobody asked");
}

#[test]
fn detection_names_the_target_and_comes_after_the_injection() {
    let detected = |at_us, target: &str| Event::new(at_us, "offers", "detected").about(target);
    let fault =
        InjectedFault { target: "replica", injecting_us: 100, injected_us: 150, until_us: 900 };
    let events = [detected(50, "replica"), detected(160, "cache"), detected(190, "replica")];
    assert_eq!(time_to_detect(&events, &fault), Some(40));
    let quick = [detected(120, "replica")];
    assert_eq!(time_to_detect(&quick, &fault), Some(0), "quicker than the verification");
    assert_eq!(time_to_detect(&[detected(900, "replica")], &fault), None, "after the heal");
}

proptest! {
    #[test]
    fn percentiles_are_nearest_rank(
        latencies in prop::collection::vec(0..1_000_000_u64, 1..300),
        percent in 1..=100_u64,
    ) {
        let operations: Vec<Operation> =
            latencies.iter().map(|&latency| read(0, latency, Outcome::Ok)).collect();
        let measured = Latencies::of(&operations, Answers::All)
            .quantile_us(percent as f64 / 100.0)
            .unwrap();
        let n = latencies.len() as u64;
        let not_above = latencies.iter().filter(|&&latency| latency <= measured).count() as u64;
        let below = latencies.iter().filter(|&&latency| latency < measured).count() as u64;
        prop_assert!(not_above * 100 >= percent * n, "enough do not exceed it");
        prop_assert!(below * 100 < percent * n, "and it is the smallest such value");
    }

    #[test]
    fn the_histogram_agrees_with_the_exact_percentile(
        latencies in prop::collection::vec(1..60_000_000_u64, 1..300),
    ) {
        let operations: Vec<Operation> =
            latencies.iter().map(|&latency| read(0, latency, Outcome::Ok)).collect();
        let exact = Latencies::of(&operations, Answers::All);
        let histogram = exact.histogram();
        for quantile in [0.5, 0.95, 1.0] {
            let truth = exact.quantile_us(quantile).unwrap() as f64;
            let read = histogram.value_at_quantile(quantile) as f64;
            prop_assert!((read - truth).abs() <= truth * 0.001 + 1.0, "{read} for {truth}");
        }
    }

    #[test]
    fn a_share_lies_inside_its_interval(total in 1..100_000_u64, part in 0.0..=1.0_f64) {
        let proportion = Proportion { hits: (total as f64 * part) as u64, total };
        let (share, interval) = (proportion.share().unwrap(), proportion.interval().unwrap());
        prop_assert!(interval.low <= share && share <= interval.high);
        prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
    }

    #[test]
    fn a_summary_stays_inside_its_values(values in prop::collection::vec(-1e6..1e6_f64, 1..60)) {
        let summary = Summary::of(values.iter().copied()).unwrap();
        prop_assert_eq!(summary.n, values.len() as u64);
        prop_assert!(summary.min <= summary.median && summary.median <= summary.p95);
        prop_assert!(summary.p95 <= summary.max);
        if let Some(interval) = summary.interval {
            prop_assert!(interval.low <= summary.median && summary.median <= interval.high);
        }
    }
}
