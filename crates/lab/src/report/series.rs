//! The points of the charts: operations of all trials of an arm, summed up in buckets of time.
//!
//! A bucket keeps its maximum, so that no spike disappears however long the run was.

use std::collections::BTreeMap;

use serde::Serialize;
use standfast_checker::{Answers, Latencies};
use standfast_history::{ErrorKind, Operation, Outcome};

/// More points than this would be narrower than a pixel on most screens.
const BUCKETS_MAX: u64 = 240;

/// Bucket widths that read well on a time axis, in milliseconds.
const WIDTHS_MS: [u64; 12] =
    [20, 50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// The span of the charts, on the clock of the measured run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

impl Span {
    /// Width of a bucket for this span.
    pub(crate) fn bucket_ms(self) -> u64 {
        let length = self.to_ms.abs_diff(self.from_ms);
        let fits = |width: &&u64| length.div_ceil(**width) <= BUCKETS_MAX;
        WIDTHS_MS.iter().find(fits).copied().unwrap_or_else(|| length.div_ceil(BUCKETS_MAX))
    }
}

/// An operation and where it lies relative to the start of the measured run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) at_ms: f64,
    pub(crate) operation: &'a Operation,
}

/// Everything that the charts of one arm show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Series {
    /// Middle of each bucket, in seconds.
    pub(crate) time_s: Vec<f64>,
    pub(crate) p50: Vec<Option<f64>>,
    pub(crate) p95: Vec<Option<f64>>,
    pub(crate) p99: Vec<Option<f64>>,
    pub(crate) max: Vec<Option<f64>>,
    /// Share of successes, in percent.
    pub(crate) success: Vec<Option<f64>>,
    pub(crate) answers: Vec<AnswerSeries>,
}

/// How many answers of one kind there were per second, in the mean of the trials.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct AnswerSeries {
    pub(crate) label: String,
    pub(crate) kind: AnswerKind,
    pub(crate) per_s: Vec<f64>,
}

/// What a kind of answer means for the client. The order is that of the stack, from below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AnswerKind {
    Ok,
    Info,
    Fail,
}

/// Sums up `operations` of `trials` trials.
pub(crate) fn series(operations: &[Placed<'_>], span: Span, trials: u32) -> Series {
    let width_ms = span.bucket_ms();
    let count = (span.to_ms.abs_diff(span.from_ms)).div_ceil(width_ms) as usize;
    let mut buckets: Vec<Vec<&Operation>> = vec![Vec::new(); count];
    for placed in operations {
        let offset_ms = placed.at_ms - span.from_ms as f64;
        if offset_ms >= 0.0
            && let Some(bucket) = buckets.get_mut((offset_ms / width_ms as f64) as usize)
        {
            bucket.push(placed.operation);
        }
    }
    let middle =
        |index: usize| (span.from_ms as f64 + (index as f64 + 0.5) * width_ms as f64) / 1000.0;
    let latencies: Vec<Latencies> =
        buckets.iter().map(|bucket| Latencies::of(bucket.iter().copied(), Answers::All)).collect();
    let quantile = |q: f64| {
        latencies.iter().map(|l| l.quantile_us(q).map(|us| rounded(us as f64 / 1e3))).collect()
    };
    Series {
        time_s: (0..count).map(middle).collect(),
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
        max: quantile(1.0),
        success: buckets.iter().map(|bucket| success(bucket)).collect(),
        answers: answers(&buckets, width_ms as f64 / 1000.0 * f64::from(trials.max(1))),
    }
}

fn success(bucket: &[&Operation]) -> Option<f64> {
    let share = standfast_checker::Availability::of(bucket.iter().copied()).proportion().share();
    share.map(|share| rounded(share * 100.0))
}

fn answers(buckets: &[Vec<&Operation>], seconds: f64) -> Vec<AnswerSeries> {
    let mut counts: BTreeMap<(AnswerKind, String), Vec<f64>> = BTreeMap::new();
    for (index, bucket) in buckets.iter().enumerate() {
        for operation in bucket {
            let per_s =
                counts.entry(answer_of(operation)).or_insert_with(|| vec![0.0; buckets.len()]);
            per_s[index] += 1.0 / seconds;
        }
    }
    counts
        .into_iter()
        .map(|((kind, label), per_s)| AnswerSeries {
            label,
            kind,
            per_s: per_s.into_iter().map(rounded).collect(),
        })
        .collect()
}

fn answer_of(operation: &Operation) -> (AnswerKind, String) {
    let label = match (operation.outcome, operation.error) {
        (Outcome::Ok, _) => match &operation.source {
            Some(source) if operation.stale => format!("{source} (stale)"),
            Some(source) => source.clone(),
            None => "success".to_owned(),
        },
        (_, Some(ErrorKind::Connect)) => "no connection".to_owned(),
        (_, Some(ErrorKind::Timeout)) => "no answer in time".to_owned(),
        (_, Some(ErrorKind::Reset)) => "connection reset".to_owned(),
        (_, Some(ErrorKind::Protocol)) => "broken answer".to_owned(),
        (_, Some(ErrorKind::NotSent)) => "not sent".to_owned(),
        (_, None) => format!("status {}", operation.status),
    };
    let kind = match operation.outcome {
        Outcome::Ok => AnswerKind::Ok,
        Outcome::Fail => AnswerKind::Fail,
        Outcome::Info => AnswerKind::Info,
    };
    (kind, label)
}

/// Three digits after the point are below what the charts can show, and keep the page small.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
