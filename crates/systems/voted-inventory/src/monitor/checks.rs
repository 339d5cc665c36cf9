//! What the monitor does all the time: checks, the error queue, the scales, the database.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use standfast_tactics::deadline::Deadline;
use standfast_tactics::detect::{Echo, EchoResult, Standing, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::super::log::{Item, LogReader, LogSettings, Refusal, Survey, Topic, ensure_topics};
use super::case::Check;
use super::record::Failure;
use super::store::{Held, Store, StoreError};
use super::watching::Monitor;
use super::wire::State;
use crate::service::peer::{Call, CallError, Peer, PeerLimits};

/// Checks that hang are given up before there are many of them.
const LIMITS: PeerLimits = PeerLimits { calls_max: 8, response_length_max: 64 * 1024 };

/// What is away is tried again this often.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Failures that are read back after a restart.
const FAILURES_READ_MAX: usize = 1000;

/// What a replica says of its health.
#[derive(Deserialize)]
struct Health {
    applied_offset: i64,
    caught_up: bool,
}

/// Starts all of it, for as long as the set lives.
pub(super) fn start(monitor: &Arc<Monitor>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for replica in 0..monitor.settings.replicas.len() {
        tasks.spawn(check(Arc::clone(monitor), replica));
    }
    tasks.spawn(weigh(Arc::clone(monitor)));
    tasks.spawn(sample(Arc::clone(monitor)));
    if let Some(log) = monitor.settings.log.clone() {
        tasks.spawn(inspect(Arc::clone(monitor), log));
    }
    if monitor.settings.postgres.is_some() {
        tasks.spawn(write(Arc::clone(monitor)));
    }
    tasks
}

/// Checks one replica, for ever.
async fn check(monitor: Arc<Monitor>, replica: usize) {
    let settings = &monitor.settings;
    let peer = Arc::new(Peer::new(settings.replicas[replica].1.clone(), LIMITS));
    let standing = match monitor.book().replicas[replica].case.state {
        State::On => Standing::Up,
        State::Off => Standing::Down,
    };
    let echo = Echo::try_new(settings.echo, standing, Instant::now());
    let echo = echo.expect("settings were checked");
    let send = || {
        let (monitor, peer) = (Arc::clone(&monitor), Arc::clone(&peer));
        async move {
            let check = ask(&peer, monitor.settings.echo.timeout).await;
            monitor.checked(replica, check);
            match check {
                Check::Well { .. } => EchoResult::Well,
                Check::CatchingUp { .. } | Check::Refused | Check::Overdue => EchoResult::Bad,
            }
        }
    };
    let report = |change: standfast_tactics::detect::Change| {
        match change.to {
            Standing::Down => monitor.checks_changed(replica, true),
            Standing::Up => monitor.checks_changed(replica, false),
            Standing::Suspect => {}
        }
        monitor.weigh();
    };
    watch(echo, send, report).await;
}

async fn ask(peer: &Peer, time_max: Duration) -> Check {
    let start = Instant::now();
    // A little less than the echo waits, or it would not learn why there is no answer.
    let time_max = time_max - time_max / 50;
    let call = Call::get("/health");
    match peer.call(&call, Deadline::after(start, time_max)).await {
        Ok(response) if response.status == StatusCode::OK => {
            match serde_json::from_slice(&response.body) {
                Ok(Health { applied_offset, caught_up: true }) => {
                    Check::Well { applied_offset, took: start.elapsed() }
                }
                Ok(Health { applied_offset, .. }) => Check::CatchingUp { applied_offset },
                Err(_) => Check::Refused,
            }
        }
        Err(CallError::Timeout | CallError::Busy) => Check::Overdue,
        Ok(_)
        | Err(
            CallError::Connect(_)
            | CallError::Broken(_)
            | CallError::Body(_)
            | CallError::Request(_),
        ) => Check::Refused,
    }
}

async fn weigh(monitor: Arc<Monitor>) {
    let mut ticks = interval(monitor.settings.weigh_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        monitor.weigh();
    }
}

async fn sample(monitor: Arc<Monitor>) {
    loop {
        tokio::time::sleep(monitor.settings.sample_every).await;
        monitor.sample();
    }
}

/// Reads the error queue, from its present end on: what is old has been dealt with.
async fn inspect(monitor: Arc<Monitor>, log: LogSettings) {
    loop {
        let mut reader = match errors(&log).await {
            Ok(reader) => reader,
            Err(error) => {
                tracing::debug!(%error, "the error queue cannot be read yet");
                tokio::time::sleep(TRY_AGAIN).await;
                continue;
            }
        };
        loop {
            match reader.next().await {
                Ok(Item::Record(record)) => {
                    match serde_json::from_slice::<Refusal>(&record.payload) {
                        Ok(refusal) => monitor.refused(&refusal.source, refusal.offset),
                        Err(error) => {
                            let offset = record.offset;
                            tracing::warn!(%error, offset, "no refusal, in the error queue");
                        }
                    }
                }
                Ok(Item::End) => {}
                Err(error) => {
                    tracing::warn!(%error, "the error queue is read anew from its end");
                    break;
                }
            }
        }
    }
}

async fn errors(log: &LogSettings) -> Result<LogReader, super::super::log::LogError> {
    ensure_topics(log).await?;
    let end = Survey::try_new(log)?.bounds(Topic::Errors).await?.end;
    LogReader::start(log, Topic::Errors, end)
}

/// Reads what was held before, if the database answers by `time_max`.
pub(super) async fn restore(monitor: &Monitor, time_max: Duration) {
    let Some(config) = &monitor.settings.postgres else { return };
    let read = async { held(&Store::open(config).await?).await };
    match timeout(time_max, read).await {
        Ok(Ok((held, failures))) => monitor.restore(held, failures),
        Ok(Err(error)) => tracing::warn!(%error, "nothing is known of the time before"),
        Err(_) => tracing::warn!("PostgreSQL is too slow: nothing is known of the time before"),
    }
}

/// What the database holds of the time before.
async fn held(store: &Store) -> Result<(Vec<Held>, Vec<Failure>), StoreError> {
    Ok((store.states().await?, store.failures(FAILURES_READ_MAX).await?))
}

/// Writes the journal, for ever.
async fn write(monitor: Arc<Monitor>) {
    let Some(config) = monitor.settings.postgres.clone() else { return };
    loop {
        let error = match Store::open(&config).await {
            Ok(store) => {
                if std::mem::take(&mut monitor.book().is_database_away) {
                    tracing::info!("PostgreSQL is back, the journal is written");
                }
                write_until_it_fails(&monitor, &store).await
            }
            Err(error) => error,
        };
        if !std::mem::replace(&mut monitor.book().is_database_away, true) {
            tracing::warn!(%error, "PostgreSQL is away, the journal waits");
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

async fn write_until_it_fails(monitor: &Monitor, store: &Store) -> StoreError {
    if !monitor.book().is_restored {
        match held(store).await {
            Ok((states, failures)) => monitor.catch_up(states, failures),
            Err(error) => return error,
        }
    }
    loop {
        let first = monitor.book().journal.first();
        let Some((entry, mark)) = first else {
            monitor.unwritten.notified().await;
            continue;
        };
        if let Err(error) = store.write(&entry).await {
            return error;
        }
        monitor.book().journal.is_written(mark);
    }
}
