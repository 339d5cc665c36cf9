//! The record of what became of every attempt, and the figures that can be watched meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use standfast_history::{ErrorKind, Operation, Outcome};

use super::Attempt;
use crate::http::Answer;
use crate::latency;
use crate::scenario::Requests;

/// A send that is later than this for a reason of the generator is missed.
pub(super) const MISSED_AFTER: Duration = Duration::from_millis(1);

/// The span of the figures that are called recent: short enough to follow, long enough for a p99.
const RECENT_SPAN: Duration = Duration::from_millis(500);

/// Recent figures that are older than this are no longer recent.
const RECENT_AGE_MAX: Duration = Duration::from_secs(2);

/// What is kept of each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Operations,
    Latencies,
}

/// What was kept.
#[derive(Debug)]
pub(crate) enum Kept {
    Operations(Vec<Operation>),
    Latencies(Histogram<u64>),
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ending {
    Answer(Answer),
    Error(ErrorKind),
}

/// Everything that is known when an attempt ends.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) attempt: Attempt,
    pub(super) sent: Option<Duration>,
    pub(super) done: Duration,
    pub(super) ending: Ending,
}

/// How far one plan is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub scenario: String,
    /// Attempts whose intended time has come.
    pub intended: u64,
    /// Attempts that have ended, in any way.
    pub done: u64,
    pub ok: u64,
    pub failed: u64,
    pub info: u64,
    /// Sends that were more than 1 ms late for a reason of the generator.
    pub missed: u64,
    /// Median latency of the last half second in which attempts ended; absent when long ago.
    pub recent_p50_us: Option<u64>,
    pub recent_p99_us: Option<u64>,
}

/// The figures that other threads may read while load runs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    intended: AtomicU64,
    missed: AtomicU64,
    ok: AtomicU64,
    failed: AtomicU64,
    info: AtomicU64,
    recent_at_ms: AtomicU64,
    recent_p50_us: AtomicU64,
    recent_p99_us: AtomicU64,
}

impl Counters {
    pub(super) fn progress(&self, scenario: &str, now: Duration) -> Progress {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (ok, failed, info) = (read(&self.ok), read(&self.failed), read(&self.info));
        let at = Duration::from_millis(read(&self.recent_at_ms));
        let is_recent = !at.is_zero() && now.saturating_sub(at) <= RECENT_AGE_MAX;
        Progress {
            scenario: scenario.to_owned(),
            intended: read(&self.intended),
            done: ok + failed + info,
            ok,
            failed,
            info,
            missed: read(&self.missed),
            recent_p50_us: is_recent.then(|| read(&self.recent_p50_us)),
            recent_p99_us: is_recent.then(|| read(&self.recent_p99_us)),
        }
    }
}

/// The final figures of one lane.
#[derive(Debug)]
pub(crate) struct Tallied {
    pub(crate) kept: Kept,
    pub(crate) intended: u64,
    pub(crate) missed: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) info: u64,
    pub(crate) lateness: Histogram<u64>,
}

/// The record of one lane while it runs.
#[derive(Debug)]
pub(super) struct Tally {
    counters: Arc<Counters>,
    kept: Kept,
    lateness: Histogram<u64>,
    recent: Histogram<u32>,
    recent_until: Duration,
}

impl Tally {
    pub(super) fn new(keep: Keep, expected: usize, counters: Arc<Counters>) -> Self {
        let kept = match keep {
            // Growing a long list copies it, which would make sends late.
            Keep::Operations => Kept::Operations(Vec::with_capacity(expected)),
            Keep::Latencies => Kept::Latencies(latency::empty()),
        };
        let recent = latency::empty_coarse();
        Self { counters, kept, lateness: latency::empty(), recent, recent_until: Duration::ZERO }
    }

    /// Notes that an attempt was taken up `lateness` after it was intended.
    pub(super) fn taken_up(&mut self, lateness: Duration) {
        add(&self.counters.intended);
        self.lateness.saturating_record(latency::micros(lateness));
        if lateness > MISSED_AFTER {
            add(&self.counters.missed);
        }
    }

    /// Records the end of an attempt.
    pub(super) fn ended(&mut self, requests: &Requests, ended: Ended) {
        let scenario = requests.scenario();
        let outcome = match &ended.ending {
            Ending::Answer(answer) => scenario.judge(answer.status),
            Ending::Error(_) if scenario.is_write() && ended.sent.is_some() => Outcome::Info,
            Ending::Error(_) => Outcome::Fail,
        };
        add(match outcome {
            Outcome::Ok => &self.counters.ok,
            Outcome::Fail => &self.counters.failed,
            Outcome::Info => &self.counters.info,
        });
        let latency_us = latency::micros(ended.done.saturating_sub(ended.attempt.intended));
        self.note_recent(ended.done, latency_us);
        match &mut self.kept {
            Kept::Operations(operations) => operations.push(operation(requests, ended, outcome)),
            Kept::Latencies(latencies) => latencies.saturating_record(latency_us),
        }
    }

    fn note_recent(&mut self, now: Duration, latency_us: u64) {
        if now >= self.recent_until {
            if !self.recent.is_empty() {
                let publish = |counter: &AtomicU64, value| counter.store(value, Ordering::Relaxed);
                publish(&self.counters.recent_p50_us, self.recent.value_at_quantile(0.5));
                publish(&self.counters.recent_p99_us, self.recent.value_at_quantile(0.99));
                let until_ms = self.recent_until.as_millis();
                let until_ms = u64::try_from(until_ms).expect("a run ends before the epoch does");
                publish(&self.counters.recent_at_ms, until_ms.max(1));
            }
            self.recent.reset();
            self.recent_until = now + RECENT_SPAN;
        }
        self.recent.saturating_record(latency_us);
    }

    /// The final figures. Operations come in the order of the schedule.
    pub(super) fn close(self) -> Tallied {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut kept = self.kept;
        if let Kept::Operations(operations) = &mut kept {
            operations.sort_unstable_by_key(|operation| operation.index);
        }
        Tallied {
            kept,
            intended: read(&self.counters.intended),
            missed: read(&self.counters.missed),
            ok: read(&self.counters.ok),
            failed: read(&self.counters.failed),
            info: read(&self.counters.info),
            lateness: self.lateness,
        }
    }
}

/// Only the generator's thread writes, so that no read-modify-write is needed.
fn add(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

fn operation(requests: &Requests, ended: Ended, outcome: Outcome) -> Operation {
    let Ended { attempt, sent, done, ending } = ended;
    let scenario = requests.scenario();
    let (answer, error) = match ending {
        Ending::Answer(answer) => (Some(answer), None),
        Ending::Error(kind) => (None, Some(kind)),
    };
    let observed = requests.observe(attempt.index, answer.as_ref());
    if let (Outcome::Ok, Some(id)) = (outcome, &observed.id) {
        requests.offer(id);
    }
    let answer = answer.unwrap_or_default();
    Operation {
        index: attempt.index,
        scenario: scenario.name().to_owned(),
        intended_us: latency::micros(attempt.intended),
        woken_us: attempt.woken.map(latency::micros),
        sent_us: sent.map(latency::micros),
        done_us: latency::micros(done),
        outcome,
        status: answer.status,
        error,
        source: answer.source,
        stale: answer.stale,
        age_ms: answer.age_ms,
        id: observed.id,
        key: observed.key,
        version: observed.version,
        value: observed.value,
        write: scenario.is_write(),
    }
}
