//! What a lookup costs, how evenly keys lie, and how many of them move.

use std::fmt;
use std::hint::black_box;

use crate::contender::{Contender, Kind};
use crate::options::Options;
use crate::processor::spent_ns;

const KEYS: u64 = 1_000_000;

/// Of each round: the kernel accounts a thread's time in steps of up to 4 ms.
const SPENT_MIN_NS: f64 = 80e6;

/// Of lookups, millions per second of processor time.
const LOOKUPS_MIN: f64 = 24.0;
/// Of the keys of the fullest shard over the average.
const FULLEST_MAX: f64 = 1.05;
/// Of the keys that move, over 1/17 of all.
const MOVED_MAX: f64 = 1.02;

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    /// Millions per second of processor time, of each round.
    lookups: Vec<f64>,
    fullest: f64,
    /// The share of all keys.
    moved: f64,
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Row>, String> {
    let mut contenders = Vec::new();
    for kind in Kind::ALL {
        let [before, after] = kind.before_and_after();
        let (fullest, moved) = spread(before.as_ref(), after.as_ref());
        contenders.push((Row { kind, lookups: Vec::new(), fullest, moved }, before));
    }
    // Numbers all over, as a service sees them; the ids 0, 1, 2… are used for the spread.
    let keys: Vec<u64> = (0..KEYS).map(|id| id.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    for _ in 0..options.rounds {
        for (row, contender) in &mut contenders {
            let (begun, mut spent, mut passes) = (spent_ns()?, 0.0, 0.0);
            while spent < SPENT_MIN_NS {
                black_box(contender.place_all(black_box(&keys)));
                spent = spent_ns()? - begun;
                passes += 1.0;
            }
            row.lookups.push(passes * KEYS as f64 * 1000.0 / spent);
        }
    }
    Ok(contenders.into_iter().map(|(row, _)| row).collect())
}

fn spread(before: &dyn Contender, after: &dyn Contender) -> (f64, f64) {
    let (mut counts, mut moved) = ([0_u64; 18], 0_u64);
    for key in 0..KEYS {
        let shard = before.place(key);
        counts[usize::from(shard)] += 1;
        moved += u64::from(after.place(key) != shard);
    }
    let fullest = counts.into_iter().max().unwrap_or(0);
    (fullest as f64 * 16.0 / KEYS as f64, moved as f64 / KEYS as f64)
}

/// The middle of the sorted figures; of an even number, the lower of the two.
pub(crate) fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

pub(crate) fn quantile(figures: &[f64], share: f64) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let last = figures.len().saturating_sub(1);
    figures.get((last as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

impl Row {
    fn moved_over_ideal(&self) -> f64 {
        self.moved * 17.0
    }

    fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Slots | Kind::Ring | Kind::RingMany | Kind::Rendezvous)
    }
}

pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n16 shards, a million keys; points are per shard")?;
        writeln!(
            f,
            "  {:<36}{:>12}{:>10}{:>16}{:>9}{:>11}",
            "", "M lookups/s", "ns", "fullest / mean", "moved", "/ (1/17)"
        )?;
        for row in self.0 {
            let lookups = median(&row.lookups);
            writeln!(
                f,
                "  {:<36}{lookups:>12.1}{:>10.1}{:>16.3}{:>8.2}%{:>11.3}",
                row.kind.name(),
                1000.0 / lookups,
                row.fullest,
                row.moved * 100.0,
                row.moved_over_ideal(),
            )?;
        }
        let verdict = |is_met| if is_met { "met" } else { "MISSED" };
        for row in self.0.iter().filter(|row| row.is_ours()) {
            let is_fast = median(&row.lookups) >= LOOKUPS_MIN && row.fullest <= FULLEST_MAX;
            writeln!(
                f,
                "  {}: >= {LOOKUPS_MIN} M/s at fullest / mean <= {FULLEST_MAX} {}; \
                 moved <= {MOVED_MAX} x 1/17 {}",
                row.kind.name(),
                verdict(is_fast),
                verdict(row.moved_over_ideal() <= MOVED_MAX),
            )?;
        }
        Ok(())
    }
}

pub(crate) fn json(rows: &[Row]) -> serde_json::Value {
    let one = |row: &Row| {
        let figures = serde_json::json!({
            "million_lookups_per_processor_second": median(&row.lookups),
            "fullest_over_mean": row.fullest,
            "moved_share": row.moved,
        });
        (row.kind.name().to_owned(), figures)
    };
    serde_json::Value::Object(rows.iter().map(one).collect())
}
