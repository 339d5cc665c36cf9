//! One trial: bring the system up, load it, break it, heal it, take it down.
//!
//! Whatever happens in between, the faults are healed and the instance is shut down before a trial
//! returns; should even this code be dropped, the guards of faults and instance do the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use standfast_history::{Event, Operation};
use standfast_loadgen::{Load, LoadOutcome};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::artifacts::ArtifactKeeper;
use super::final_reader::FinalReader;
use super::load::{deliveries, load_plans, tell_load};
use super::logs::keep_logs;
use super::machine_watch::MachineWatch;
use super::options::{ArmPlan, RunError, RunOptions};
use super::primary_watch::lookouts;
use super::progress::{Place, Progress, Step};
use super::samples::Samples;
use super::timeline::{Played, Player, planned};
use super::wake_on_event::Cues;
use super::writer::EventFile;
use crate::claim::{FaultRecord, TrialRecord};
use crate::instance::{Clock, Data, EventSink, Instance, Network, Ports, ProvisionOptions};
use crate::spec::{Experiment, NAME_LENGTH_MAX};

/// Between the end of the provisioning and the first request: the generator opens its connections.
const LOAD_LEAD: Duration = Duration::from_millis(100);

/// How often progress is told. People see no more, and it costs nothing beside the load.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrialPlan<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) options: &'a RunOptions,
    pub(crate) arm: &'a ArmPlan,
    pub(crate) place: Place,
    pub(crate) seed: u64,
}

/// How a trial ended.
#[derive(Debug)]
pub(crate) enum TrialEnd {
    Finished(Box<FinishedRecord>),
    /// By the user, with what clients had seen until then.
    Interrupted(Vec<Operation>),
    /// The system did not come up, or the load could not be started.
    Environment(String),
    /// The instance did not come down; there is no record.
    NotRestored(String),
}

/// A trial that ran to its end.
#[derive(Debug)]
pub(crate) struct FinishedRecord {
    pub(crate) record: TrialRecord,
    pub(crate) provisioned_in: Duration,
    /// Events that nobody took in time: a history that lacks some proves nothing.
    pub(crate) events_lost: u64,
    /// Why what was broken could not be healed. The record is evidence then, and no verdict rests
    /// on it.
    pub(crate) not_restored: Option<String>,
}

impl TrialPlan<'_> {
    pub(crate) async fn run(self) -> Result<TrialEnd, RunError> {
        let origin = Instant::now();
        let clock = Clock::new();
        clock.start(origin);
        let (sink, stream) = EventSink::channel(clock.clone());
        let file = EventFile::open(&self.options.folder, self.place)?;
        let events = tokio::spawn(collect(stream, file));
        let ended = self.with_instance(origin, &sink).await;
        let events_lost = sink.dropped();
        drop(sink);
        let events = events.await.expect("collecting events cannot panic")?;
        Ok(match ended {
            Ok(mut finished) => {
                finished.record.events = events;
                finished.events_lost = events_lost;
                TrialEnd::Finished(Box::new(finished))
            }
            Err(end) => end,
        })
    }

    async fn with_instance(
        self,
        origin: Instant,
        sink: &EventSink,
    ) -> Result<FinishedRecord, TrialEnd> {
        self.tell(Step::Provisioning);
        let provision = Instance::provision(&self.experiment.system, self.provisioning(sink));
        let instance = tokio::select! {
            instance = provision => instance,
            () = self.options.cancellation.cancelled() => {
                return Err(TrialEnd::Interrupted(Vec::new()));
            }
        };
        let instance = instance.map_err(|error| TrialEnd::Environment(error.to_string()))?;
        let provisioned_in = origin.elapsed();
        let instance = Arc::new(instance);
        let first = self.reader(&instance, sink.clock()).before_load().await;
        let mut attempted = self.attempt(&instance, origin).await;
        // Whatever is still broken, by an error or an interruption, is healed before anything else.
        let healed = instance.heal_all().await;
        if let Ok(attempt) = &mut attempted {
            let last = self.reader(&instance, sink.clock()).at_end().await;
            attempt.record.finals = [first, last].concat();
            self.artifacts(&instance).keep(&self.options.folder, self.place).await;
        }
        self.tell(Step::Stopping);
        if let Err(error) = keep_logs(instance.folder(), &self.options.folder, self.place) {
            tracing::warn!(%error, "cannot keep the logs of a trial");
        }
        let instance = Arc::into_inner(instance).expect("all who shared the instance have ended");
        let data = if self.options.keep { Data::KeepStopped } else { Data::Delete };
        let stopped = instance.shutdown(data).await;
        let not_restored = match (healed, stopped) {
            (Err(errors), _) => errors.first().map(ToString::to_string),
            (Ok(()), Err(error)) => Some(error.to_string()),
            (Ok(()), Ok(())) => None,
        };
        match (attempted, not_restored) {
            (Ok(attempt), not_restored) => Ok(FinishedRecord {
                record: attempt.record,
                provisioned_in,
                events_lost: 0,
                not_restored: attempt.not_restored.or(not_restored),
            }),
            // That something is left broken weighs more than why the trial was cut short.
            (Err(_), Some(reason)) => Err(TrialEnd::NotRestored(reason)),
            (Err(end), None) => Err(end),
        }
    }

    fn reader<'a>(&'a self, instance: &'a Instance, clock: &'a Clock) -> FinalReader<'a> {
        let readings = &self.experiment.readings;
        FinalReader { readings, instance, clock, cancellation: &self.options.cancellation }
    }

    fn artifacts<'a>(&'a self, instance: &'a Instance) -> ArtifactKeeper<'a> {
        let Self { experiment, options, .. } = self;
        let (home, spawner) = (&options.home, &options.spawner);
        ArtifactKeeper { artifacts: &experiment.artifacts, instance, home, spawner }
    }

    fn provisioning(&self, sink: &EventSink) -> ProvisionOptions {
        let options = self.options;
        // Names of experiments are names of files; those of instances are narrower.
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let (arm, trial) = (self.place.arm.name(), self.place.trial);
        let (before, after) = (format!("run-{}-", std::process::id()), format!("-{arm}-{trial}"));
        let room = NAME_LENGTH_MAX.saturating_sub(before.len() + after.len());
        let experiment: String = self.experiment.name.chars().map(plain).take(room).collect();
        ProvisionOptions {
            name: format!("{before}{experiment}{after}"),
            home: options.home.clone(),
            ports: Ports::Automatic,
            without: self.arm.without.clone(),
            environment: self.experiment.environment.clone(),
            external: options.external.clone(),
            // All other links are direct in both arms: figures that no network fault touches stay
            // free of the extra hop.
            network: Network::Edges(self.experiment.edges.clone()),
            own_hosts: self.experiment.needs_hosts(),
            seed: self.seed,
            ephemeral: !options.keep,
            serve_binary: options.serve_binary.clone(),
            spawner: options.spawner.clone(),
            events: sink.clone(),
        }
    }

    /// Load and faults on a running instance. When it returns, nobody else shares the instance.
    async fn attempt(
        &self,
        instance: &Arc<Instance>,
        origin: Instant,
    ) -> Result<Attempt, TrialEnd> {
        let clock = instance.events().clock().clone();
        let warm_start = Instant::now() + LOAD_LEAD;
        let zero = warm_start + self.experiment.warm_up;
        let end = zero + self.experiment.duration;
        let start = warm_start.duration_since(origin);
        let plans = load_plans(self.experiment, instance, start, self.seed);
        let load = plans.and_then(|plans| {
            standfast_loadgen::start(plans, origin).map_err(|error| error.to_string())
        });
        let load = load.map_err(TrialEnd::Environment)?;
        // What runs elsewhere by itself would be taken for other programs.
        let is_watched = self.options.watches_machine && self.options.external.is_empty();
        let machine = is_watched.then(|| MachineWatch::start(clock.clone()));
        let samples = Samples::new(Arc::clone(instance), clock.clone(), &self.experiment.claims);
        let mut background = JoinSet::new();
        background.spawn(samples.clone().keep_taking());
        for lookout in lookouts(instance, &self.experiment.claims).map_err(TrialEnd::Environment)? {
            background.spawn(lookout.keep_looking());
        }
        let mut faults = self.start_faults(instance, &clock, zero, &samples);
        let span = Span { zero, end };
        let played = self.watch(&load, span, &mut faults).await;
        self.tell(Step::Draining);
        if played.is_err() {
            load.stop();
        }
        samples.take().await;
        // After an interruption they heal what they broke, and end.
        while faults.join_next().await.is_some() {}
        background.shutdown().await;
        let loads = load.finish().await;
        let played = match played {
            Ok(played) => played,
            Err(TrialEnd::Interrupted(_)) => {
                let seen = loads.into_iter().flat_map(|load| load.operations).collect();
                return Err(TrialEnd::Interrupted(seen));
            }
            Err(end) => return Err(end),
        };
        let not_restored = played.iter().find_map(|played| played.not_restored.clone());
        let mut record = self.record(&clock, span, played, loads, samples);
        if let Some(machine) = machine {
            record.machine = machine.finish().await;
        }
        Ok(Attempt { record, not_restored })
    }

    fn start_faults(
        &self,
        instance: &Arc<Instance>,
        clock: &Clock,
        zero: Instant,
        samples: &Samples,
    ) -> JoinSet<(usize, Played)> {
        let mut faults = JoinSet::new();
        let cues = Cues::new(&self.experiment.timeline, clock.at_us(zero));
        for (index, timed) in self.experiment.timeline.iter().cloned().enumerate() {
            let player = Player {
                instance: Arc::clone(instance),
                clock: clock.clone(),
                zero,
                samples: samples.clone(),
                progress: self.options.progress.clone(),
                place: self.place,
                cancellation: self.options.cancellation.clone(),
                turn: timed.trigger.is_some().then(|| cues.turn(index)),
            };
            faults.spawn(async move { (index, player.play(timed).await) });
        }
        instance.events().listen(cues.listener());
        faults
    }

    /// Tells progress until the run and every fault of it is over.
    async fn watch(
        &self,
        load: &Load,
        span: Span,
        faults: &mut JoinSet<(usize, Played)>,
    ) -> Result<Vec<Played>, TrialEnd> {
        self.tell(Step::WarmUp);
        let mut played = BTreeMap::new();
        let mut next = Instant::now() + PROGRESS_EVERY;
        let mut measuring = false;
        while Instant::now() < span.end || !faults.is_empty() {
            tokio::select! {
                () = self.options.cancellation.cancelled() => {
                    return Err(TrialEnd::Interrupted(Vec::new()));
                }
                Some(done) = faults.join_next() => {
                    let (index, done) = done.expect("playing a fault cannot panic");
                    played.insert(index, done);
                }
                () = sleep_until(next) => {
                    if !measuring && span.zero <= next {
                        measuring = true;
                        self.tell(Step::Measuring);
                    }
                    tell_load(&self.options.progress, self.place, load, span.zero);
                    next += PROGRESS_EVERY;
                }
            }
        }
        Ok(played.into_values().collect())
    }

    fn record(
        &self,
        clock: &Clock,
        span: Span,
        played: Vec<Played>,
        loads: Vec<LoadOutcome>,
        samples: Samples,
    ) -> TrialRecord {
        let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let faults: Vec<FaultRecord> = match played.len() == self.experiment.timeline.len() {
            true => played.into_iter().map(|played| played.record).collect(),
            false => self.experiment.timeline.iter().map(planned).collect(),
        };
        TrialRecord {
            zero_us: clock.at_us(span.zero),
            end_us: clock.at_us(span.end),
            settle_us: us(self.experiment.settle),
            deliveries: deliveries(&loads),
            operations: loads.into_iter().flat_map(|load| load.operations).collect(),
            events: Vec::new(),
            faults,
            lacks_tactic: !self.arm.without.is_empty(),
            samples: samples.finish(),
            machine: Vec::new(),
            finals: Vec::new(),
        }
    }

    fn tell(&self, step: Step) {
        self.options.progress.tell(Progress::Trial { place: self.place, step });
    }
}

/// What a trial has before its instance is taken down.
struct Attempt {
    record: TrialRecord,
    not_restored: Option<String>,
}

/// The measured run.
#[derive(Clone, Copy, Debug)]
struct Span {
    zero: Instant,
    end: Instant,
}

/// Writes events down as they come, until nobody can send any more.
async fn collect(
    mut stream: mpsc::Receiver<Event>,
    mut file: EventFile,
) -> Result<Vec<Event>, RunError> {
    let mut events = Vec::new();
    while let Some(event) = stream.recv().await {
        file.add(&event)?;
        events.push(event);
    }
    Ok(events)
}
