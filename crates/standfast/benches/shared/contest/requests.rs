//! How many requests a closed loop gets through, and what each costs the contender.

use std::time::Duration;

use anyhow::{Result, ensure};
use standfast_loadgen::Scenario;
use standfast_loadgen::closed::{self, ClosedPlan};

use super::cost::cpu_us;
use crate::figures::{Figure, Figures};
use crate::stand::{Running, Stand};

pub(crate) const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// Far beyond any answer: a request that needs longer is an error, not a figure.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// One turn of a contender. With few connections the scheduler may keep all of a round trip on one
/// core for a while, or not: many short turns see both.
const TURN: Duration = Duration::from_millis(250);

pub(crate) async fn round(stand: &Stand, each: Duration, figures: &mut Figures) -> Result<()> {
    for connections in CONNECTIONS {
        let mut left = each;
        while !left.is_zero() {
            left = left.saturating_sub(TURN);
            for running in &stand.all {
                turn(running, connections, figures).await?;
            }
        }
    }
    Ok(())
}

async fn turn(running: &Running, connections: usize, figures: &mut Figures) -> Result<()> {
    let (scenario, target) = Scenario::from_url(&running.url())?;
    let plan =
        ClosedPlan { scenario, target, connections, duration: TURN, timeout: TIMEOUT, seed: 1 };
    let before = cpu_us(running)?;
    let outcome = closed::start(plan)?.finish().await;
    let spent = cpu_us(running)? - before;
    let (name, ok) = (running.contender.name(), outcome.ok);
    let failed = outcome.failed + outcome.info;
    ensure!(ok > 0 && failed == 0, "{name}: {ok} answers and {failed} failures");
    let rate = ok as f64 / outcome.elapsed.as_secs_f64();
    figures.take(Figure::Requests(connections), running.contender, rate);
    if running.child.is_some() {
        figures.take(Figure::RequestCpu(connections), running.contender, spent / ok as f64);
    }
    Ok(())
}
