//! The series of one engine of order-saga, from its start to its end, however it ends.

use anyhow::{Result, bail};
use standfast_lab::instance::Clock;

use crate::options::Options;
use crate::record::{Blow, Trials};
use crate::report::Line;
use crate::series::Series;
use crate::stand::Ours;
use crate::target::Kind;
use crate::{Wanted, unless_ended};

pub(crate) async fn run(
    kind: Kind,
    options: &Options,
    clock: &Clock,
    trials: &mut Trials,
) -> Result<()> {
    let count = |blow| match blow {
        Blow::Kill => options.kills,
        Blow::Freeze => options.freezes,
        Blow::SwitchoverFresh | Blow::SwitchoverKept => options.switchovers,
        Blow::Node => 0,
    };
    let wanted = Blow::OF_OURS.map(|blow| Wanted::of(kind.name(), blow, count(blow), trials));
    let wanted: Vec<Wanted> = wanted.into_iter().flatten().collect();
    if wanted.is_empty() {
        println!("{}: all its trials are there", kind.name());
        return Ok(());
    }
    println!(
        "{}: two servers, a watchdog with FAILOVERS_MAX={} instead of 3, and {} writers",
        kind.name(),
        options.failovers_max,
        options.clients
    );
    let stand = unless_ended(Ours::bring_up(kind, options, clock)).await?;
    let mut series = Series::of(&stand, kind.name().to_owned(), options.clients, clock);
    let measured = unless_ended(measure(&mut series, wanted, trials)).await;
    let measured = match measured {
        Ok(()) => {
            unless_ended(series.end()).await.map(|whole| println!("{}: {whole}", kind.name()))
        }
        Err(error) => Err(error),
    };
    stand.take_down().await?;
    measured
}

async fn measure(
    series: &mut Series<'_, Ours>,
    wanted: Vec<Wanted>,
    trials: &mut Trials,
) -> Result<()> {
    for Wanted { blow, numbers } in wanted {
        for number in numbers {
            let trial = series.trial(blow, number).await;
            println!("{}", Line(&trial));
            let problem = trial.problem.clone();
            trials.add(trial)?;
            if let Some(problem) = problem {
                bail!("trial {number} of {} has no end: {problem}", blow.name());
            }
        }
    }
    Ok(())
}
