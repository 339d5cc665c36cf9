//! One blow at a cluster, and how it and its clients got over it.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use standfast_engines::wait_until;
use standfast_lab::instance::Clock;

use crate::ledger::Ledger;
use crate::outage;
use crate::record::{Blow, Trial};
use crate::stand::{Rest, Stand};
use crate::target::Target;
use crate::weather::Weather;
use crate::writable::{Prober, Seen};

/// Between blows, so that each hits a cluster that works.
const QUIET: Duration = Duration::from_secs(1);
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(60);

/// Writes that begin again are the end of an outage, whatever was said a moment before.
const SWITCH_TOLD_LATE_US: u64 = 500_000;

/// Who looks on while a cluster is hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) ledger: &'a Ledger,
    pub(crate) prober: &'a Prober,
    pub(crate) weather: &'a Weather,
    /// So much is to be acknowledged between two blows.
    pub(crate) acknowledged_between: usize,
}

/// Who was primary before a blow, and after it: an error when the cluster does not come to rest.
#[derive(Debug)]
pub(crate) struct Struck {
    pub(crate) before: Rest,
    pub(crate) after: Result<Rest>,
}

/// Deals a blow to a cluster at rest, waits until it is at rest again, and fills in what was seen
/// of it. What was acknowledged is the caller's to compare.
pub(crate) async fn strike<S: Stand>(
    stand: &S,
    watch: &Watch<'_>,
    blow: Blow,
    trial: &mut Trial,
) -> Result<Struck> {
    let before = at_rest(stand, watch).await?;
    let count_before = watch.ledger.count();
    let dealt = stand.deal(blow, before.primary).await?;
    let at_us = dealt.at_us;
    trial.dealt_ms = ms(at_us);
    let since = |time_us: u64| ms(time_us.saturating_sub(at_us));
    let switched = stand.switched(at_us).await;
    trial.told = stand.told(at_us);
    trial.steps_ms =
        stand.steps(at_us).into_iter().map(|(step, at_us)| (step, since(at_us))).collect();
    if let Some(ended_us) = watch.prober.ended(before.primary, at_us) {
        trial.steps_ms.insert("sessions ended".to_owned(), since(ended_us));
    }
    let switched_us = switched?;
    trial.switched_ms = Some(since(switched_us));
    all_are_served(watch.ledger, switched_us).await?;
    if let Some(held) = dealt.held {
        trial.steps_ms.insert("released".to_owned(), since(watch.clock.now_us()));
        stand.thaw(held).await?;
    }
    let after = stand.at_rest().await;
    let end_us = watch.clock.now_us();
    trial.told = stand.told(at_us);
    for (step, at_us) in stand.steps(at_us) {
        trial.steps_ms.entry(step).or_insert(since(at_us));
    }
    measure(watch, trial, &(at_us..switched_us + SWITCH_TOLD_LATE_US), end_us);
    trial.acknowledged = watch.ledger.count() - count_before;
    if let Ok(after) = &after {
        trial.epoch = after.epoch;
        // Who was never anything but primary has not come back as a replica.
        if after.primary != before.primary {
            let back_us = stand.back(before.primary, at_us).await?;
            trial.back_ms = back_us.map(since);
        }
    }
    Ok(Struck { before, after })
}

/// Waits for rest, with clients that get through.
async fn at_rest<S: Stand>(stand: &S, watch: &Watch<'_>) -> Result<Rest> {
    stand.at_rest().await?;
    let goal = watch.ledger.count() + watch.acknowledged_between;
    let begun_us = watch.clock.now_us();
    let quiet_us = u64::try_from(QUIET.as_micros())?;
    let is_busy = || async {
        let is_over = watch.clock.now_us() >= begun_us + quiet_us;
        (is_over && watch.ledger.count() >= goal).then_some(())
    };
    wait_until(ACKNOWLEDGED_WITHIN, is_busy).await.context("clients get nothing through")?;
    stand.at_rest().await
}

/// Waits until every client got something through.
async fn all_are_served(ledger: &Ledger, since_us: u64) -> Result<()> {
    let all = || async {
        let times = ledger.times(since_us);
        times.iter().all(|times| times.last() > Some(&since_us)).then_some(())
    };
    let served = wait_until(ACKNOWLEDGED_WITHIN, all).await;
    served.context("some clients get nothing through any more")
}

fn measure(watch: &Watch<'_>, trial: &mut Trial, window: &Range<u64>, end_us: u64) {
    let at_us = window.start;
    let times = watch.ledger.times(at_us);
    let length = |gap: outage::Gap| ms(gap.length_us());
    let gap = outage::of_all(&times, window);
    trial.outage_ms = gap.map(length);
    trial.client_outage_ms = outage::of_worst_client(&times, window).map(length);
    if let Some(gap) = gap {
        let later = gap.to_us..end_us.max(gap.to_us + 1);
        trial.later_gap_ms = outage::of_all(&times, &later).map(length);
        let outage = gap.from_us..gap.to_us + 1;
        trial.stalled_ms = ms(watch.weather.stalled_us(&outage));
    }
    trial.failed = watch.ledger.failures(&(at_us..end_us));
}

/// Adds which writes two servers took at once.
pub(crate) fn note_taken(trial: &mut Trial, target: &Target, seen: &Seen) {
    trial.taken_by_both += seen.at_once.len();
    trial.probes_taken += seen.taken;
    let at = seen.at_once.iter().map(|(server, taken)| {
        (target.nodes[*server].name.clone(), ms(taken.to_us) - trial.dealt_ms)
    });
    trial.taken_by_both_at.extend(at);
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}
