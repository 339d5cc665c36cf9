//! Plays the faults of an experiment, each on its own clock, so that a slow one delays no other.
//!
//! One that waits for an event is injected at once when that comes: nothing is asked or measured
//! before, since its moment may be over in milliseconds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::cancellation::Cancellation;
use super::progress::{FaultState, Place, Progress, ProgressSink};
use super::samples::Samples;
use super::wake_on_event::Turn;
use crate::claim::{FaultRecord, TriggerRecord};
use crate::fault::{FaultError, Hold};
use crate::instance::{Clock, Instance};
use crate::spec::{Length, TimedFault, Trigger};

/// What one fault needs to be played.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) instance: Arc<Instance>,
    pub(crate) clock: Clock,
    /// Start of the measured run.
    pub(crate) zero: Instant,
    pub(crate) samples: Samples,
    pub(crate) progress: ProgressSink,
    pub(crate) place: Place,
    pub(crate) cancellation: Cancellation,
    /// Of a fault that waits for an event.
    pub(crate) turn: Option<Turn>,
}

/// A fault that was played, and whether its target is what it was before.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) record: FaultRecord,
    /// Why the target was not restored.
    pub(crate) not_restored: Option<String>,
}

impl Player {
    /// Injects the fault at its time and heals it at its time, or when the run is interrupted:
    /// healed in the same way, so that the same is told of it. Dropped halfway, the fault is healed
    /// by its guard, silently.
    pub(crate) async fn play(mut self, timed: TimedFault) -> Played {
        let mut played = Played { record: planned(&timed), not_restored: None };
        if let Err(error) = self.inject_and_heal(&timed, &mut played.record).await {
            self.tell(&timed, FaultState::Failed(error.to_string()));
            played.record.error = Some(error.to_string());
            if let FaultError::NotRestored { .. } = error {
                played.not_restored = Some(error.to_string());
            }
        }
        played
    }

    async fn inject_and_heal(
        &mut self,
        timed: &TimedFault,
        record: &mut FaultRecord,
    ) -> Result<(), FaultError> {
        self.await_moment(timed, record).await?;
        if self.cancellation.is_cancelled() {
            return Ok(());
        }
        self.tell(timed, FaultState::Injecting);
        if timed.trigger.is_none() {
            // Metrics of the phase before end here and not at the next regular scrape.
            self.samples.take().await;
        }
        record.injecting_us = Some(self.clock.now_us());
        let hold = if timed.until.is_some() { Hold::UntilHealed } else { Hold::No };
        let injected = self.instance.inject(&timed.fault, hold).await?;
        record.injected_us = Some(injected.at_us);
        record.evidence = Some(injected.evidence.text.clone());
        self.tell(timed, FaultState::Injected);
        if let Some(end) = self.end(timed) {
            self.wait_until(end).await;
            self.samples.take().await;
            self.tell(timed, FaultState::Healing);
            record.healing_us = Some(self.clock.now_us());
        }
        // From here on the process may report what another fault waits for.
        self.turn = None;
        // Without an end this only waits: the system heals itself.
        let healed = self.instance.heal(injected).await?;
        record.hit = healed.hit;
        if healed.is_back && !record.is_momentary() {
            record.healed_us = Some(self.clock.now_us());
        }
        let had_its_time = !self.cancellation.is_cancelled();
        if had_its_time && record.hit.is_some_and(|hit| hit.is_nothing()) {
            let (kind, target) = (timed.fault.kind, &timed.fault.target);
            let why = match kind.is_of_application() {
                true => "no request met it while it lasted",
                false => "nothing was sent on its links, and nobody connected, while it lasted",
            };
            return Err(FaultError::no_effect(kind, target, why));
        }
        self.tell(timed, FaultState::Healed);
        Ok(())
    }

    /// Until the fault is to be injected, or the run is interrupted.
    async fn await_moment(
        &mut self,
        timed: &TimedFault,
        record: &mut FaultRecord,
    ) -> Result<(), FaultError> {
        let Some((trigger, turn)) = timed.trigger.as_ref().zip(self.turn.as_mut()) else {
            self.wait_until(self.zero + timed.at).await;
            return Ok(());
        };
        let came_us = tokio::select! {
            biased;
            came_us = turn.came() => came_us,
            () = self.cancellation.cancelled() => return Ok(()),
            () = sleep_until(self.zero + timed.at + trigger.within) => {
                turn.end().map_err(|overheard| never_came(timed.at, trigger, &overheard.told()))?
            }
        };
        let came_after = came_us.saturating_sub(self.clock.at_us(self.zero));
        record.at = Duration::from_micros(came_after);
        record.until = timed.until.map(|until| trigger.length.map_or(until, |l| record.at + l));
        record.trigger = Some(TriggerRecord { event: trigger.pattern.to_string(), came: true });
        Ok(())
    }

    /// When a fault that is in effect now is to be healed.
    fn end(&self, timed: &TimedFault) -> Option<Instant> {
        let length = timed.trigger.as_ref().and_then(|trigger| trigger.length);
        let counted = length.map(|length| Instant::now() + length);
        counted.or_else(|| timed.until.map(|until| self.zero + until))
    }

    /// Until then, or until the run is interrupted.
    async fn wait_until(&self, then: Instant) {
        tokio::select! {
            () = sleep_until(then) => {}
            () = self.cancellation.cancelled() => {}
        }
    }

    fn tell(&self, timed: &TimedFault, state: FaultState) {
        let (place, fault) = (self.place, timed.fault.clone());
        self.progress.tell(Progress::Fault { place, fault, state });
    }
}

fn never_came(from: Duration, trigger: &Trigger, seen: &str) -> FaultError {
    FaultError::NeverCame {
        event: trigger.pattern.to_string(),
        from: Length(from),
        until: Length(from + trigger.within),
        seen: seen.to_owned(),
    }
}

/// The record of a fault that has not begun.
pub(crate) fn planned(timed: &TimedFault) -> FaultRecord {
    FaultRecord {
        fault: timed.fault.clone(),
        at: timed.at,
        until: timed.until,
        injecting_us: None,
        injected_us: None,
        healing_us: None,
        healed_us: None,
        evidence: None,
        hit: None,
        error: None,
        trigger: timed
            .trigger
            .as_ref()
            .map(|trigger| TriggerRecord { event: trigger.pattern.to_string(), came: false }),
    }
}
