//! The series with orders instead of rows: all of order-saga as it is shipped, clients that post
//! orders at its door, and each of its databases hit in turn.
//!
//! What rows in one database cannot show, this does: that an order is there once in three of them,
//! and what clients of the shop notice of a failover behind three services and a saga.

pub(crate) mod books;
mod clients;
mod connection;
mod door;
mod end;
mod kept;
mod promises;
mod sagas;
mod series;
mod turns;

use anyhow::{Result, bail, ensure};
use standfast_lab::instance::Clock;

use crate::options::Options;
use crate::record::{Blow, Trials};
use crate::report::Line;
use crate::stand::Shop;
use crate::target::Kind;
use crate::{Wanted, unless_ended};

pub(crate) use end::End;
use series::Series;
use turns::{Turn, in_turn};

/// What a cluster is called in the figures.
fn stand_name(kind: Kind) -> String {
    format!("order-saga {}", kind.name())
}

/// Measures what is wanted and not there yet; answers what all books say at the end.
pub(crate) async fn run(
    options: &Options,
    clock: &Clock,
    trials: &mut Trials,
) -> Result<Option<End>> {
    let turns = wanted(options, trials);
    if turns.is_empty() {
        println!("order-saga: all its trials are there");
        return Ok(None);
    }
    println!(
        "order-saga: all of it, its watchdogs with FAILOVERS_MAX={} instead of 3, and {} clients",
        options.failovers_max, options.clients
    );
    let shop = unless_ended(Shop::bring_up(options, clock)).await?;
    let measured = unless_ended(measure(&shop, options, clock, turns, trials)).await;
    shop.take_down().await?;
    let end = measured?;
    println!("order-saga: {end}");
    ensure!(end.is_right(), "the books are wrong");
    Ok(Some(end))
}

/// The trials that are missing, each engine in its turn.
fn wanted(options: &Options, trials: &Trials) -> Vec<Turn> {
    let counts = [
        (Blow::Kill, options.kills),
        (Blow::Freeze, options.freezes),
        (Blow::SwitchoverKept, options.switchovers),
    ];
    let of_each = options.engines.iter().flat_map(|kind| {
        counts.into_iter().filter_map(|(blow, count)| {
            Some((*kind, Wanted::of(&stand_name(*kind), blow, count, trials)?))
        })
    });
    let of_each = of_each.flat_map(|(kind, Wanted { blow, numbers })| {
        numbers.map(move |number| Turn { kind, blow, number })
    });
    in_turn(of_each.collect())
}

async fn measure(
    shop: &Shop,
    options: &Options,
    clock: &Clock,
    turns: Vec<Turn>,
    trials: &mut Trials,
) -> Result<End> {
    let mut series = Series::begin(shop, options.clients, clock).await?;
    for turn in turns {
        let trial = series.trial(turn).await;
        println!("{}", Line(&trial));
        let problem = trial.problem.clone();
        trials.add(trial)?;
        if let Some(problem) = problem {
            bail!("{turn} has no end: {problem}; {}", series.end().await?);
        }
    }
    series.end().await
}
