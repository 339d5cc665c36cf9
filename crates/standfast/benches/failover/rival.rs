//! The series of Patroni, under its own settings and the tightest legal ones, synchronous and not.
//! A cluster that does not heal is left, and another one made: that is counted, and not the end.

use std::ffi::OsString;

use anyhow::Result;
use standfast_engines::process::{Guardian, Spawner};
use standfast_lab::instance::Clock;

use crate::options::Options;
use crate::record::{Blow, Trials};
use crate::report::Line;
use crate::series::Series;
use crate::stand::{Patroni, Programs, Variant};
use crate::{Wanted, unless_ended};

pub(crate) async fn run(options: &Options, clock: &Clock, trials: &mut Trials) -> Result<()> {
    let programs = Programs::find()?;
    let guardian = Guardian::Program {
        program: options.binary.clone(),
        arguments: vec![OsString::from("guard")],
    };
    let spawner = Spawner::start(guardian)?;
    for variant in Variant::ALL {
        let name = variant.to_string();
        while let Some(wanted) = next(&name, options, trials) {
            println!("{name}: another cluster, with etcd and HAProxy; {} writers", options.clients);
            let bring = Patroni::bring_up(variant, &programs, &spawner, clock);
            let stand = unless_ended(bring).await?;
            let mut series = Series::of(&stand, name.clone(), options.clients, clock);
            let measured = unless_ended(measure(&mut series, wanted, options, trials)).await;
            drop(series);
            stand.take_down().await?;
            measured?;
        }
    }
    Ok(())
}

fn next(name: &str, options: &Options, trials: &Trials) -> Option<Wanted> {
    let mut blows = Blow::OF_RIVALS.into_iter();
    blows.find_map(|blow| Wanted::of(name, blow, options.patroni, trials))
}

/// Until all is measured, or the cluster does not heal.
async fn measure(
    series: &mut Series<'_, Patroni>,
    first: Wanted,
    options: &Options,
    trials: &mut Trials,
) -> Result<()> {
    let name = series.name.clone();
    let mut wanted = Some(first);
    while let Some(Wanted { blow, numbers }) = wanted {
        for number in numbers {
            let trial = series.trial(blow, number).await;
            println!("{}", Line(&trial));
            let (is_healed, is_measured) = (trial.problem.is_none(), trial.outage_ms.is_some());
            trials.add(trial)?;
            anyhow::ensure!(is_healed || is_measured, "{name} does not work at all");
            if !is_healed {
                return Ok(());
            }
        }
        wanted = next(&name, options, trials);
    }
    Ok(())
}
