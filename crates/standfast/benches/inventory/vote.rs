//! What the voter adds: its answer beside the second-fastest of three direct calls.
//!
//! A voter is a hop more than those calls, so two more figures stand beside: what a hop takes that
//! asks nobody (`/health` of the voter), and one replica alone. All are asked by the same client,
//! one request at a time, in short turns.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::cpu::Spent;
use crate::figures::{Figures, verdict};
use crate::options::Options;
use crate::replicas::{Line, ask_all};
use crate::rig::{REPLICAS, Rig};

const PRODUCT: &str = "/inventory/PROD-001";

/// How long each contender runs in one turn.
const TURN: Duration = Duration::from_millis(100);

/// Of the voter's p50 to that of the second-fastest direct call.
const RATIO_MAX: f64 = 1.2;

struct Contenders {
    voter: Line,
    health: Line,
    alone: Line,
    replicas: [Line; 3],
}

pub(crate) async fn run(rig: &Rig, options: &Options, figures: &mut Figures) -> Result<()> {
    let voter = rig.address("voter")?;
    let mut replicas = Vec::new();
    for name in REPLICAS {
        replicas.push(rig.address(name)?);
    }
    let contenders = Contenders {
        voter: Line::open(voter, PRODUCT).await?,
        health: Line::open(voter, "/health").await?,
        alone: Line::open(replicas[0], PRODUCT).await?,
        replicas: [
            Line::open(replicas[0], PRODUCT).await?,
            Line::open(replicas[1], PRODUCT).await?,
            Line::open(replicas[2], PRODUCT).await?,
        ],
    };
    let (voter, replica) = (rig.pid("voter")?, rig.pid(REPLICAS[0])?);
    let (rounds, each) = (options.rounds, options.each());
    // On a thread of its own, so that no worker is between the client and its socket.
    let measured = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut figures = Figures::default();
            // The sockets belong to this runtime's poll from here on.
            let mut contenders = contenders.moved()?;
            for _ in 0..rounds {
                let begun = Instant::now();
                while begun.elapsed() < each * 4 {
                    turn(&mut contenders, [voter, replica], &mut figures).await?;
                }
            }
            anyhow::Ok(figures)
        })
    });
    *figures = measured.await??;
    Ok(())
}

impl Contenders {
    fn moved(self) -> Result<Self> {
        let [one, two, three] = self.replicas;
        Ok(Self {
            voter: self.voter.moved()?,
            health: self.health.moved()?,
            alone: self.alone.moved()?,
            replicas: [one.moved()?, two.moved()?, three.moved()?],
        })
    }
}

async fn turn(
    contenders: &mut Contenders,
    [voter, replica]: [u32; 2],
    figures: &mut Figures,
) -> Result<()> {
    let direct = p50(async || ask_all(&mut contenders.replicas).await).await?.0;
    let before = (Spent::by(voter)?, Spent::by(replica)?);
    let (voted, votes) = p50(async || contenders.voter.ask().await).await?;
    let after = (Spent::by(voter)?, Spent::by(replica)?);
    let hop = p50(async || contenders.health.ask().await).await?.0;
    let alone = p50(async || contenders.alone.ask().await).await?.0;
    figures.take("second of three direct calls, p50 µs", direct);
    figures.take("voter, p50 µs", voted);
    figures.take("voter / second of three", voted / direct);
    figures.take("a hop that asks nobody, p50 µs", hop);
    figures.take("one replica, p50 µs", alone);
    figures.take("voter beyond hop and calls, µs", voted - hop - direct);
    figures.take("voter's processor time per query, µs", after.0.since(&before.0) / votes);
    figures.take("a replica's processor time per query, µs", after.1.since(&before.1) / votes);
    Ok(())
}

/// The p50 of asking again and again for a turn, and how often that was.
async fn p50(mut ask: impl AsyncFnMut() -> Result<f64>) -> Result<(f64, f64)> {
    let (begun, mut trips) = (Instant::now(), Vec::new());
    while begun.elapsed() < TURN {
        trips.push(ask().await?);
    }
    let middle = trips.len() / 2;
    let (_, p50, _) = trips.select_nth_unstable_by(middle, f64::total_cmp);
    Ok((*p50, trips.len() as f64))
}

pub(crate) struct Report<'a>(pub(crate) &'a Figures);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\none client; median of all turns (first to last decile)")?;
        for name in [
            "one replica, p50 µs",
            "second of three direct calls, p50 µs",
            "a hop that asks nobody, p50 µs",
            "voter, p50 µs",
            "voter beyond hop and calls, µs",
            "voter's processor time per query, µs",
            "a replica's processor time per query, µs",
        ] {
            let spread = self.0.spread(name);
            let (low, middle, high) = (spread.low, spread.middle, spread.high);
            writeln!(f, "  {name:<42}{middle:>8.1}   ({low:.1} to {high:.1})")?;
        }
        let ratio = self.0.spread("voter / second of three");
        let verdict = verdict(ratio.middle <= RATIO_MAX);
        writeln!(
            f,
            "  voter / second of three, of the turn      {:>8.2}   ({:.2} to {:.2}; goal: <= \
             {RATIO_MAX}): {verdict}",
            ratio.middle, ratio.low, ratio.high
        )
    }
}
