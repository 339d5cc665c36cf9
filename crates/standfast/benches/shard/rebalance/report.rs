//! What came of it, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::ledger::Found;
use super::load::{Window, Write};
use super::{SETTLING, Step};
use crate::figures::verdict;
use crate::options::Options;
use crate::stand::SLOTS;

const PAUSE_MS_MAX: f64 = 200.0;
const IDEAL_SHARE: f64 = 0.2;
/// Of the ideal share.
const SHARE_DEVIATION_MAX: f64 = 0.02;

pub(super) struct Outcome<'a> {
    pub(super) options: &'a Options,
    pub(super) writes: &'a [Write],
    pub(super) steps: &'a [Step],
    pub(super) found: Found,
    pub(super) left_behind: Vec<String>,
}

/// Of durations, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Percentiles {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Percentiles {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: f64| {
            let place = (all.len() as f64 * share).ceil() as usize;
            all.get(place.saturating_sub(1)).map_or(f64::NAN, |one| one.as_secs_f64() * 1e3)
        };
        Self { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }

    fn json(self) -> Value {
        json!({ "p50_ms": self.p50, "p99_ms": self.p99, "max_ms": self.max })
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1}, p99 {:.1}, max {:.1} ms", self.p50, self.p99, self.max)
    }
}

impl Outcome<'_> {
    fn within(&self, window: Window) -> impl Iterator<Item = &Write> {
        self.writes.iter().filter(move |write| (window.begin..window.end).contains(&write.due))
    }

    /// The time in which nothing moves, in pieces as long as `step` took: what clients notice of
    /// the machine alone.
    fn quiet(&self, step: &Step) -> Vec<Percentiles> {
        let length = step.window.end - step.window.begin;
        let last = self.writes.iter().map(|write| write.due).max().unwrap_or_default();
        let mut ends: Vec<Duration> = self.steps.iter().map(|step| step.window.begin).collect();
        ends.push(last);
        let begins = self.steps.iter().map(|step| step.window.end);
        let mut pieces = Vec::new();
        for (begin, end) in std::iter::once(SETTLING).chain(begins).zip(ends) {
            let mut begin = begin;
            while begin + length <= end {
                let piece = Window { begin, end: begin + length };
                pieces.push(Percentiles::of(self.within(piece).map(|one| one.took).collect()));
                begin += length;
            }
        }
        pieces.sort_by(|one, other| one.p99.total_cmp(&other.p99));
        pieces
    }

    /// What writes of other slots took in each phase, all moves of the step together.
    fn by_phase(&self, step: &Step) -> BTreeMap<&'static str, Percentiles> {
        let mut took: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
        for (phase, window) in &step.coordinated.phases {
            let others = self.within(*window).filter(|write| !step.moved.contains(write.slot));
            took.entry(phase).or_default().extend(others.map(|write| write.took));
        }
        let with_writes = took.into_iter().filter(|(_, took)| !took.is_empty());
        with_writes.map(|(phase, took)| (phase, Percentiles::of(took))).collect()
    }

    /// Writes of slots that stay where they are.
    fn others(&self, step: &Step) -> Percentiles {
        let others = self.within(step.window).filter(|write| !step.moved.contains(write.slot));
        Percentiles::of(others.map(|write| write.took).collect())
    }

    /// The longest that clients waited for a write of each slot that moves.
    fn seen_pauses(&self, step: &Step) -> Percentiles {
        let mut longest: BTreeMap<u16, Duration> = BTreeMap::new();
        for write in self.within(step.window).filter(|write| step.moved.contains(write.slot)) {
            let one = longest.entry(write.slot).or_default();
            *one = write.took.max(*one);
        }
        Percentiles::of(longest.into_values().collect())
    }

    fn refused(&self, step: &Step) -> u64 {
        self.within(step.window).map(|write| u64::from(write.refused)).sum()
    }

    pub(super) fn json(&self) -> Value {
        let found = &self.found;
        let step = |step: &Step| {
            let done = &step.coordinated;
            json!({
                "step": step.name,
                "took_s": done.took.as_secs_f64(),
                "moves": done.moves,
                "kills": done.kills,
                "slots_moved": step.moved.len(),
                "slots": SLOTS,
                "rows_of_newcomer": step.rows.0,
                "rows_of_all": step.rows.1,
                "pause_by_coordinator": coordinators_pauses(step).json(),
                "longest_wait_by_moving_slot": self.seen_pauses(step).json(),
                "writes_of_other_slots": self.others(step).json(),
                "by_phase": self.by_phase(step).into_iter()
                    .map(|(phase, took)| (phase.to_owned(), took.json()))
                    .collect::<serde_json::Map<_, _>>(),
                "quiet_times_as_long": self.quiet(step).into_iter()
                    .map(Percentiles::json).collect::<Vec<_>>(),
                "refused_and_tried_again": self.refused(step),
            })
        };
        json!({
            "rows": self.options.all_rows,
            "writes_per_s": self.options.rate_per_s,
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "found": {
                "writes_acknowledged": found.acknowledged,
                "rows": found.rows,
                "lost": found.lost,
                "doubled": found.doubled,
                "risen": found.risen,
                "wrong": found.wrong,
                "written_where_no_row_was": found.missed,
                "unknown": found.unknown,
                "slots_with_the_right_checksum": found.slots_alike,
            },
            "left_behind": self.left_behind,
        })
    }
}

/// Each slot of a move has that of its move.
fn coordinators_pauses(step: &Step) -> Percentiles {
    let slots = |(pause, slots): &(Duration, usize)| std::iter::repeat_n(*pause, *slots);
    Percentiles::of(step.coordinated.pauses.iter().flat_map(slots).collect())
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps {
            let (done, share) = (&step.coordinated, step.moved.len() as f64 / f64::from(SLOTS));
            let (took, moves, kills) = (done.took.as_secs_f64(), done.moves, done.kills);
            writeln!(f, "{}: {took:.1} s, {moves} moves, {kills} kills", step.name)?;
            let rows = step.rows.0 as f64 / step.rows.1 as f64;
            let is_ideal = [share, rows]
                .iter()
                .all(|share| (share / IDEAL_SHARE - 1.0).abs() <= SHARE_DEVIATION_MAX);
            let verdict_of_share = verdict(is_ideal);
            writeln!(
                f,
                "  share of slots {:.2} %, of rows {:.2} % (goal: 20 % +- 2 % of it): \
                 {verdict_of_share}",
                share * 100.0,
                rows * 100.0
            )?;
            let seen = self.seen_pauses(step);
            if !done.pauses.is_empty() {
                let pauses = coordinators_pauses(step);
                let verdict = verdict(pauses.p99 <= PAUSE_MS_MAX);
                writeln!(
                    f,
                    "  pause per slot: {pauses} (goal: p99 <= {PAUSE_MS_MAX} ms): {verdict}"
                )?;
            }
            writeln!(f, "  longest wait of clients per moving slot: {seen}")?;
            let (others, quiet) = (self.others(step), self.quiet(step));
            writeln!(f, "  writes of other slots: {others}")?;
            if let (Some(best), Some(worst)) = (quiet.first(), quiet.last()) {
                let (count, middle) = (quiet.len(), quiet[quiet.len() / 2]);
                writeln!(
                    f,
                    "  in {count} quiet times as long: p99 {:.1} to {:.1} ms, median {:.1}: {}",
                    best.p99,
                    worst.p99,
                    middle.p99,
                    verdict(others.p99 <= worst.p99)
                )?;
            }
            for (phase, took) in self.by_phase(step) {
                writeln!(f, "    {phase}: {took}")?;
            }
            writeln!(f, "  refused and tried again: {}", self.refused(step))?;
        }
        let found = &self.found;
        let is_whole = found.lost + found.doubled + found.risen + found.wrong + found.missed == 0
            && self.left_behind.is_empty()
            && found.slots_alike == u64::from(SLOTS);
        writeln!(
            f,
            "{} writes acknowledged, {} without answer; {} rows: {} lost, {} doubled, {} risen, {} \
             wrong, {} written where no row was; checksums of {} of {SLOTS} slots as they should \
             be; left behind: {:?}: {}",
            found.acknowledged,
            found.unknown,
            found.rows,
            found.lost,
            found.doubled,
            found.risen,
            found.wrong,
            found.missed,
            found.slots_alike,
            self.left_behind,
            verdict(is_whole)
        )?;
        match &found.first_error {
            Some(error) => writeln!(f, "the first error: {error}"),
            None => Ok(()),
        }
    }
}
