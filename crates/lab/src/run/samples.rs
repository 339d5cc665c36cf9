//! Scrapes the metrics that claims name, regularly and at the borders of phases.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::claim::MetricSample;
use crate::instance::{Clock, Instance};
use crate::spec::{Claim, Measure};

/// Fine enough for the maximum of a gauge, and cheap beside the load.
const SCRAPE_EVERY: Duration = Duration::from_millis(250);

/// Samples of one trial. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    instance: Arc<Instance>,
    clock: Clock,
    services: Vec<String>,
    taken: Arc<Mutex<Vec<MetricSample>>>,
}

impl Samples {
    /// Samples of every service that a metric of `claims` names; often there is none.
    pub(crate) fn new(instance: Arc<Instance>, clock: Clock, claims: &[Claim]) -> Self {
        let services: BTreeSet<&str> =
            claims.iter().flat_map(|claim| services_of(&claim.measure)).collect();
        let services = services.into_iter().map(str::to_owned).collect();
        Self { instance, clock, services, taken: Arc::default() }
    }

    /// Scrapes every service once. One that does not answer has no sample of this moment.
    pub(crate) async fn take(&self) {
        for service in &self.services {
            let Ok(metrics) = self.instance.scrape(service).await else { continue };
            let at_us = self.clock.now_us();
            let samples = metrics.iter().map(|(name, value)| MetricSample {
                at_us,
                service: service.clone(),
                name: name.to_owned(),
                value,
            });
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).extend(samples);
        }
    }

    /// Scrapes until it is dropped.
    pub(crate) async fn keep_taking(self) {
        if self.services.is_empty() {
            return;
        }
        let mut ticks = interval_at(Instant::now(), SCRAPE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.take().await;
        }
    }

    /// What was taken, in the order of time.
    pub(crate) fn finish(self) -> Vec<MetricSample> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut samples = std::mem::take(&mut *taken);
        samples.sort_by_key(|sample| sample.at_us);
        samples
    }
}

fn services_of(measure: &Measure) -> Vec<&str> {
    match measure {
        Measure::Metric { service, .. } => vec![service],
        Measure::Ratio { of, over, .. } => {
            [services_of(&of.measure), services_of(&over.measure)].concat()
        }
        Measure::Availability { .. }
        | Measure::Latency { .. }
        | Measure::Source { .. }
        | Measure::Status { .. }
        | Measure::Ttd { .. }
        | Measure::Ttr { .. }
        | Measure::Outage { .. }
        | Measure::StaleAgeMax { .. }
        | Measure::Staleness { .. }
        | Measure::WrongAnswers { .. }
        | Measure::Ledger(_)
        | Measure::Consistency(_)
        | Measure::TwoPrimaries
        | Measure::Missed { .. } => Vec::new(),
    }
}
