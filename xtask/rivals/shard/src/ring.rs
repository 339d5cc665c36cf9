//! A ring is one draw of chance: its figures over many choices of the shards' numbers.

use std::collections::BTreeSet;
use std::fmt;

use standfast_tactics::shard::{ConsistentHash, Key, Placement, Shards};

use crate::figures::{median, quantile};

const POINTS: [u32; 6] = [40, 160, 1024, 4096, 8192, 16_384];

/// Exact shares by lengths of arcs, one of each choice.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    points: u32,
    fullest: Vec<f64>,
    newcomer: Vec<f64>,
}

pub(crate) fn choices(count: u32) -> Vec<Ring> {
    POINTS.into_iter().map(|points| of(points, count)).collect()
}

fn of(points: u32, count: u32) -> Ring {
    let mut ring = Ring { points, fullest: Vec::new(), newcomer: Vec::new() };
    let mut drawn = (0..).map(|number| (Key::Number(number).hashed() >> 48) as u16);
    for _ in 0..count {
        let mut ids = BTreeSet::new();
        while ids.len() < 17 {
            ids.extend(drawn.next());
        }
        let newcomer = *ids.first().expect("there are 17");
        let shares = |ids: &mut dyn Iterator<Item = u16>| {
            let shards = Shards::try_new(ids).expect("a set");
            let ring = ConsistentHash::try_new(&shards, points).expect("a sensible number");
            (ring.shards().to_vec(), ring.shares())
        };
        let (_, before) = shares(&mut ids.iter().copied().filter(|id| *id != newcomer));
        ring.fullest.push(before.into_iter().fold(0.0, f64::max) * 16.0);
        let (shards, after) = shares(&mut ids.iter().copied());
        let index = shards.iter().position(|shard| shard.0 == newcomer).expect("it is there");
        ring.newcomer.push(after[index] * 17.0);
    }
    ring
}

pub(crate) struct Table<'a>(pub(crate) &'a [Ring]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choices = self.0.first().map_or(0, |ring| ring.fullest.len());
        writeln!(f, "\nrings over {choices} choices of the shards' numbers: median, 99th of 100")?;
        writeln!(f, "  {:>8}{:>22}{:>24}", "points", "fullest / mean", "17th's share / (1/17)")?;
        for Ring { points, fullest, newcomer } in self.0 {
            writeln!(
                f,
                "  {points:>8}{:>14.3}{:>8.3}{:>16.3}{:>8.3}",
                median(fullest),
                quantile(fullest, 0.99),
                median(newcomer),
                quantile(newcomer, 0.99),
            )?;
        }
        Ok(())
    }
}

pub(crate) fn json(rings: &[Ring]) -> serde_json::Value {
    let one = |ring: &Ring| {
        let figures = serde_json::json!({
            "fullest_over_mean": [median(&ring.fullest), quantile(&ring.fullest, 0.99)],
            "newcomer_over_ideal": [median(&ring.newcomer), quantile(&ring.newcomer, 0.99)],
        });
        (ring.points.to_string(), figures)
    };
    serde_json::Value::Object(rings.iter().map(one).collect())
}
